/** Squares and rectangles in the plane. Pure. */

/** A square. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle. */
export interface Area extends Size {
  readonly x: number;
  readonly y: number;
}

/** Also a `Box`: its square is the part at the top left. */
export interface Rect extends Box, Area {}

export function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.side && b.x < a.x + a.side && a.y < b.y + b.side && b.y < a.y + a.side;
}

export const areasOverlap = (a: Area, b: Area): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

export const inside = ({ x, y, side }: Box, px: number, py: number) =>
  px >= x && px <= x + side && py >= y && py <= y + side;

export const centreOf = ({ x, y, side }: Box): [x: number, y: number] => [x + side / 2, y + side / 2];
