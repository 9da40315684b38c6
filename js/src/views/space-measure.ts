/** The space that a renderer has, and how much of it the names need. */

import { measureName } from "../canvas/text";
import { nameOf, textRuns } from "../text/node-names";
import { createMemo } from "../util/memo";
import type { Orientation } from "../wire/traits";
import type { FrameInput } from "./contract";
import type { Space } from "./network/layout";

export type SpaceMeasure = (moment: FrameInput, height: number | undefined) => Space;

/** What the widest names of inputs and outputs get, of what they need. */
export type Shares = (
  space: Omit<Space, "inNames" | "outNames">,
  depth: number,
  needed: [number, number],
) => [number, number];

/** Measures again when one of its inputs has changed; otherwise returns the same object. */
export function createSpaceMeasure(ctx: CanvasRenderingContext2D, share: Shares): SpaceMeasure {
  const memo = createMemo<Space>();
  return ({ known: { net }, names, font, width, reading }, height) => {
    const orientation: Orientation = reading.orientation === "up" ? "up" : "right";
    return memo([net.topology, names, font, width, orientation, height], () => {
      const widest = (first: number, end: number) => {
        let most = 0;
        for (let n = first; n < end; n++) {
          most = Math.max(most, measureName(ctx, font, textRuns(nameOf(net, names, n))));
        }
        return Math.ceil(most);
      };
      const given = { width, ...(height !== undefined && { height }), orientation };
      const [inNames, outNames] = share(given, net.depth, [
        widest(0, net.width[0]!),
        widest(net.nodeOffset[net.depth]!, net.nodeCount),
      ]);
      return { ...given, inNames, outNames };
    });
  };
}
