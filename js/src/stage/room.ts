/** The room that a face has, and what names need of it. */
import { nameOf, runsOf } from "../labels";
import type { Room } from "../layout";
import { measureName } from "../typeset";
import type { Moment } from "./face";

export type RoomMeter = (moment: Moment, height: number | undefined) => Room;

export const nameLimit = (width: number) => Math.max(24, Math.min(150, 0.2 * width));

/** Measures when something it depends on is another; else gives the same object. */
export function createRoomMeter(ctx: CanvasRenderingContext2D): RoomMeter {
  let last: { room: Room; of: readonly unknown[] } | null = null;
  return ({ known: { net }, names, font, width, reading: { orientation } }, height) => {
    const of = [net, names, font, width, orientation, height];
    if (last?.of.every((value, k) => value === of[k])) return last.room;
    const widest = (first: number, end: number) => {
      let most = 0;
      for (let n = first; n < end; n++) {
        most = Math.max(most, measureName(ctx, font, runsOf(nameOf(net, names, n))));
      }
      return Math.min(nameLimit(width), Math.ceil(most));
    };
    const room: Room = {
      width,
      ...(height !== undefined && { height }),
      orientation,
      inNames: widest(0, net.width[0]!),
      outNames: widest(net.nodeOffset[net.depth]!, net.nodeCount),
    };
    last = { room, of };
    return room;
  };
}
