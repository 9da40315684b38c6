/** Squares and rectangles in the plane. Pure. */

/** A square. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** Also a `Box`: its square is the part at the top left. */
export interface Rect extends Box {
  readonly width: number;
  readonly height: number;
}

export function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.side && b.x < a.x + a.side && a.y < b.y + b.side && b.y < a.y + a.side;
}

export const inside = ({ x, y, side }: Box, px: number, py: number) =>
  px >= x && px <= x + side && py >= y && py <= y + side;

export const centreOf = ({ x, y, side }: Box): [x: number, y: number] => [x + side / 2, y + side / 2];
