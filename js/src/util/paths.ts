/** Lines in the plane: the one form that every edge's line has, points on it, squares beside it. Pure. */
import { type Box, overlap } from "./rect";

/** Two cubic Beziers of four points each, joined by a straight piece: the box covers it, without a box it is a point. */
export type Path = readonly number[];

export type Ends = readonly [x0: number, y0: number, x1: number, y1: number];

/** How far a line turns to its box at a node: many from one node part at once. */
const FAN = 0.3;

/** A line that crosses its box level, and leaves and arrives on the way to it. */
export function boxedPath([x0, y0, x1, y1]: Ends, box: Box): Path {
  const y = box.y + box.side / 2;
  const [a, b] = [box.x, box.x + box.side];
  const [c, d] = [(x0 + a) / 2, (b + x1) / 2];
  const [start, end] = [y0 + FAN * (y - y0), y1 + FAN * (y - y1)];
  return [x0, y0, c, start, c, y, a, y, b, y, d, y, d, end, x1, y1];
}

/** Straight to its box and on: where all boxes are close together. */
export function bentPath([x0, y0, x1, y1]: Ends, box: Box): Path {
  const y = box.y + box.side / 2;
  const [a, b] = [box.x, box.x + box.side];
  return [x0, y0, x0, y0, a, y, a, y, b, y, b, y, x1, y1, x1, y1];
}

/** A straight line: edges that are off have no curve that could be mistaken for one that is on. */
export function directPath([x0, y0, x1, y1]: Ends): Path {
  const at = (t: number) => [x0 + (x1 - x0) * t, y0 + (y1 - y0) * t];
  return [...at(0), ...at(1 / 6), ...at(1 / 3), ...at(0.5), ...at(0.5), ...at(2 / 3), ...at(5 / 6), x1, y1];
}

export function isStraight(p: Path): boolean {
  const level = (k: number, t: number) => Math.abs(p[0]! + (p[14]! - p[0]!) * t - p[k]!) < 0.01;
  const upright = (k: number, t: number) => Math.abs(p[1]! + (p[15]! - p[1]!) * t - p[k + 1]!) < 0.01;
  return level(2, 1 / 6) && upright(2, 1 / 6) && level(6, 0.5) && upright(6, 0.5);
}

/** One cubic as two, parted at `t` (de Casteljau). */
export function split(cubic: readonly number[], t: number): [number[], number[]] {
  const [x0, y0, x1, y1, x2, y2, x3, y3] = cubic as number[];
  const mix = (a: number, b: number) => a + (b - a) * t;
  const [ax, ay] = [mix(x0!, x1!), mix(y0!, y1!)];
  const [bx, by] = [mix(x1!, x2!), mix(y1!, y2!)];
  const [cx, cy] = [mix(x2!, x3!), mix(y2!, y3!)];
  const [dx, dy] = [mix(ax, bx), mix(ay, by)];
  const [ex, ey] = [mix(bx, cx), mix(by, cy)];
  const [x, y] = [mix(dx, ex), mix(dy, ey)];
  return [
    [x0!, y0!, ax, ay, dx, dy, x, y],
    [x, y, ex, ey, cx, cy, x3!, y3!],
  ];
}

/** The point of a path at `t` in 0..1. */
export function pointAt(path: Path, t: number): [x: number, y: number] {
  const k = t < 0.5 ? 0 : 8;
  const u = 2 * t - (t < 0.5 ? 0 : 1);
  const v = 1 - u;
  const [a, b, c, d] = [v * v * v, 3 * v * v * u, 3 * v * u * u, u * u * u];
  return [
    a * path[k]! + b * path[k + 2]! + c * path[k + 4]! + d * path[k + 6]!,
    a * path[k + 1]! + b * path[k + 3]! + c * path[k + 5]! + d * path[k + 7]!,
  ];
}

/** A square on the line that overlaps no other, as near to the middle as possible; the middle when all is full. */
export function freeSquare(path: Path, side: number, obstacles: readonly Box[]): Box {
  const around = (t: number): Box => {
    const [x, y] = pointAt(path, t);
    return { x: Math.round(x - side / 2), y: Math.round(y - side / 2), side };
  };
  for (let step = 0; step <= 14; step++) {
    const t = 0.5 + (step % 2 ? -1 : 1) * Math.ceil(step / 2) * 0.05;
    const square = around(t);
    if (!obstacles.some((other) => overlap(square, other))) return square;
  }
  return around(0.5);
}
