/** Where names of curves stand beside them: on no curve, on no other name, and not under the sample's dot. Pure. */
import { type Area, areasOverlap } from "../../util/rect";

export type Point = readonly [x: number, y: number];

/** A curve in pixels, and the size of its name if it has one. Points that are not finite part it. */
export interface Line {
  readonly points: readonly Point[];
  readonly name?: { readonly width: number; readonly height: number };
}

/** From a name to its own curve. */
const GAP = 2.5;
/** A name is this much farther from every other curve, or it would seem to belong to that one. */
const APART = 3;
/** Farther than this is not any better. */
const FAR = 16;
const STEP = 2;
/** Points of a curve at which a name is tried. */
const TRIED = 80;
/** Sides of a point on which a name may stand: shares of its width and height, to the left and up. */
const SIDES: readonly Point[] = [
  [-0.5, -1],
  [-0.5, 0],
  [0, -1],
  [-1, -1],
  [0, 0],
  [-1, 0],
  [0, -0.5],
  [-1, -0.5],
];

/** The place of each line's name; null where there is none, or where it has none. */
export function placeLabels(
  lines: readonly Line[],
  frame: Area,
  dot: { readonly at: Point; readonly r: number } | null = null,
): (Area | null)[] {
  const curves = lines.map(({ points }) => dense(points));
  const taken: Area[] = [];
  return lines.map(({ name }, own) => {
    if (!name) return null;
    let best: { area: Area; room: number } | null = null;
    const others = curves.flatMap((curve, k) => (k === own ? [] : curve));
    const mine = curves[own]!;
    const stride = Math.max(1, Math.ceil(mine.length / TRIED));
    for (let k = 0; k < mine.length; k += stride) {
      const [x, y] = mine[k]!;
      for (const [sideX, sideY] of SIDES) {
        const area = {
          x: x + sideX * name.width + GAP * Math.sign(2 * sideX + 1),
          y: y + sideY * name.height + GAP * Math.sign(2 * sideY + 1),
          ...name,
        };
        if (!within(area, frame) || taken.some((other) => areasOverlap(other, area))) continue;
        if (dot && distance(area, dot.at) < dot.r + GAP) continue;
        const near = clearance(area, mine, GAP - 0.5);
        const room = near > 0 ? clearance(area, others, near + APART) : 0;
        if (room > 0 && room > (best?.room ?? 0)) best = { area, room };
      }
    }
    if (best) taken.push(best.area);
    return best?.area ?? null;
  });
}

/** Whether a dot lies on one of these places, or touches it. */
export const covers = (areas: readonly (Area | null)[], at: Point, r: number): boolean =>
  areas.some((area) => area !== null && distance(area, at) < r + 1);

/** The distance to the nearest of the points, at most `FAR`; 0 when it is less than `least`. */
function clearance(area: Area, points: readonly Point[], least: number): number {
  let room = FAR;
  for (const point of points) {
    room = Math.min(room, distance(area, point));
    if (room < least) return 0;
  }
  return room;
}

function distance({ x, y, width, height }: Area, [px, py]: Point): number {
  return Math.hypot(Math.max(x - px, 0, px - x - width), Math.max(y - py, 0, py - y - height));
}

const within = (a: Area, frame: Area) =>
  a.x >= frame.x &&
  a.y >= frame.y &&
  a.x + a.width <= frame.x + frame.width &&
  a.y + a.height <= frame.y + frame.height;

/** Points so close to each other that nothing passes between them. */
function dense(points: readonly Point[]): Point[] {
  const all: Point[] = [];
  let before: Point | null = null;
  for (const point of points) {
    const known = Number.isFinite(point[0] + point[1]);
    if (known && before) {
      const [dx, dy] = [point[0] - before[0], point[1] - before[1]];
      const steps = Math.ceil(Math.hypot(dx, dy) / STEP);
      for (let k = 1; k < steps; k++) all.push([before[0] + (dx * k) / steps, before[1] + (dy * k) / steps]);
    }
    if (known) all.push(point);
    before = known ? point : null;
  }
  return all;
}
