/** Which way the graph lies, where nobody has said: the way in which its curves are larger. */
import type { Network } from "../model/network";
import type { FrameInput } from "../views/contract";
import { layout, nameWidths } from "../views/network/layout";
import { createSpaceMeasure } from "../views/space-measure";
import type { Snapshot } from "../wire/snapshot";
import type { Orientation } from "../wire/traits";

/** From left to right is read more easily: upright must be so much larger. */
const CLEARLY_LARGER = 1.15;

interface Choice {
  readonly topology: Network["topology"];
  readonly width: number;
  readonly height: number | undefined;
  readonly names: FrameInput["names"];
  readonly orientation: Orientation;
}

/** Returns a function that puts the choice into what a frame shows. It stays while edges come and go: nothing turns under the hand. */
export function createOrientationChoice(ctx: CanvasRenderingContext2D) {
  const measure = createSpaceMeasure(ctx, (room, depth, needed) => nameWidths(depth, room, ...needed));
  let choice: Choice | null = null;
  let turned: { of: Snapshot; orientation: Orientation; reading: Snapshot } | null = null;

  function choose(input: FrameInput, height: number | undefined): Orientation {
    const { known, width, names } = input;
    const { topology } = known.net;
    // On paper it lies as on the screen.
    if (choice?.topology === topology && height === undefined) return choice.orientation;
    const same = choice?.topology === topology && choice.width === width && choice.height === height;
    if (choice && same && choice.names === names) return choice.orientation;
    const [right, up] = (["right", "up"] as const).map((orientation) => {
      const room = measure(withOrientation(input, orientation), height);
      const { places } = layout(known.net, known.layoutMask, room, known.symbolic);
      const sides = [...places.values()].flatMap(({ box }) => box?.side ?? []);
      // Many small curves count as much as a few large ones.
      return sides.reduce((sum, side) => sum + side, 0);
    });
    const orientation = up! > CLEARLY_LARGER * right! ? "up" : "right";
    choice = { topology, width, height, names, orientation };
    return orientation;
  }

  /** The same object for the same reading. */
  function withOrientation(input: FrameInput, orientation: Orientation): FrameInput {
    const { reading } = input;
    if (reading.orientation === orientation) return input;
    if (turned?.of !== reading || turned.orientation !== orientation)
      turned = { of: reading, orientation, reading: { ...reading, orientation } };
    return { ...input, reading: turned.reading };
  }

  return (input: FrameInput, height: number | undefined): FrameInput =>
    input.reading.orientation === "auto" ? withOrientation(input, choose(input, height)) : input;
}
