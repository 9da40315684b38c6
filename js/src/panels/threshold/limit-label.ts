/** Where the label of the tolerated loss stands: at its line, as far to the right as it covers no curve. Pure. */
import { type Area, areasOverlap } from "../../canvas/text";

/** From one place that is tried to the next. */
const STEP = 6;
/** What a line needs beside it. */
const ROOM = 1.5;

/** The strokes of a step curve that is written as `M0 5V7H12..`, `wide` pixels for each of its units along. */
export function strokesOf(d: string, wide: number): Area[] {
  let [x, y] = [0, 0];
  const strokes: Area[] = [];
  for (const [, command, first, second] of d.matchAll(/([MHV])(-?[\d.]+)(?: (-?[\d.]+))?/g)) {
    const [fromX, fromY] = [x, y];
    if (command === "V") y = Number(first);
    else x = Number(first) * wide;
    if (command === "M") y = Number(second);
    else {
      const [left, top] = [Math.min(fromX, x), Math.min(fromY, y)];
      strokes.push({
        x: left - ROOM,
        y: top - ROOM,
        width: Math.abs(x - fromX) + 2 * ROOM,
        height: Math.abs(y - fromY) + 2 * ROOM,
      });
    }
  }
  return strokes;
}

/**
 * The area of a label of this size at the line `limit`, in a plot; where all of that is covered, as near to the line
 * as there is a free place.
 */
export function limitPlace(
  size: { readonly width: number; readonly height: number },
  plot: { readonly width: number; readonly height: number },
  limit: number,
  covered: readonly Area[],
): Area {
  const lowest = Math.floor(plot.height - size.height);
  const over = limit - size.height;
  const under = limit + ROOM;
  const last: Area = { x: plot.width - size.width, y: Math.max(0, over), ...size };
  const free = (tops: readonly number[]): Area | null => {
    for (let x = last.x; x >= 0; x -= STEP) {
      for (const y of tops) {
        const area = { x, y, ...size };
        if (!covered.some((other) => areasOverlap(other, area))) return area;
      }
    }
    return null;
  };
  const beside = free([over, under].filter((y) => y >= 0 && y <= lowest));
  if (beside) return beside;
  const away = Array.from({ length: Math.max(0, lowest + 1) }, (_, y) => y);
  away.sort((a, b) => Math.abs(a - over) - Math.abs(b - over));
  for (const y of away) {
    const place = free([y]);
    if (place) return place;
  }
  return last;
}
