/** Where a card goes: beside its target, covering as little as possible of what is around it. Pure. */
import type { Box, Size } from "../util/rect";

const AWAY = 10;

/** Top left corner for a card of `size` beside `target`, inside of `room`. */
export function findFreeSpot(
  size: Size,
  target: Box,
  obstacles: readonly Box[],
  room: Size,
): [x: number, y: number] {
  const { width, height } = size;
  const middleX = target.x + (target.side - width) / 2;
  const middleY = target.y + (target.side - height) / 2;
  const [right, below] = [target.x + target.side + AWAY, target.y + target.side + AWAY];
  const [left, above] = [target.x - AWAY - width, target.y - AWAY - height];
  const wishes = [
    [right, middleY],
    [left, middleY],
    [middleX, below],
    [middleX, above],
    [right, below],
    [left, below],
    [right, above],
    [left, above],
  ] as const;
  let best: [number, number] = [0, 0];
  let least = Number.POSITIVE_INFINITY;
  for (const [wishX, wishY] of wishes) {
    const x = Math.max(4, Math.min(wishX, room.width - width - 4));
    const y = Math.max(4, Math.min(wishY, room.height - height - 4));
    const covers = (box: Box) =>
      Math.max(0, Math.min(x + width, box.x + box.side) - Math.max(x, box.x)) *
      Math.max(0, Math.min(y + height, box.y + box.side) - Math.max(y, box.y));
    // To hide the target itself is worst of all.
    const cost = obstacles.reduce((sum, box) => sum + covers(box), 0) + 10 * covers(target);
    if (cost < least) {
      least = cost;
      best = [x, y];
    }
  }
  return best;
}
