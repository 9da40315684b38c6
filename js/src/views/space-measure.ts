/** The room that a face has, and what names need of it. */

import { measureName } from "../canvas/text";
import { nameOf, textRuns } from "../text/node-names";
import type { FrameInput } from "./contract";
import type { Room } from "./network/layout";

export type SpaceMeasure = (moment: FrameInput, height: number | undefined) => Room;

/** What the widest names of inputs and outputs get, of what they need. */
export type Shares = (
  room: Omit<Room, "inNames" | "outNames">,
  depth: number,
  needed: [number, number],
) => [number, number];

/** Measures when something it depends on is another; else gives the same object. */
export function createSpaceMeasure(ctx: CanvasRenderingContext2D, share: Shares): SpaceMeasure {
  let last: { room: Room; of: readonly unknown[] } | null = null;
  return ({ known: { net }, names, font, width, reading: { orientation } }, height) => {
    const of = [net, names, font, width, orientation, height];
    if (last?.of.every((value, k) => value === of[k])) return last.room;
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
    const room: Room = { ...given, inNames, outNames };
    last = { room, of };
    return room;
  };
}
