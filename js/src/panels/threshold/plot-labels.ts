/** Where the texts of a loss plot stand: on no curve and on no other text, as far as there is room. Pure. */
import { type Area, areasOverlap, type Size } from "../../util/rect";

/** From one place that is tried to the next. */
const STEP = 6;
/** What a line needs beside it. */
const ROOM = 1.5;
/** From a mark's middle to its number. */
const BESIDE = 7;

/** The strokes of a step curve that is written as `M0 5V7H12..`, in units of so many pixels along and down. */
export function strokesOf(d: string, wide: number, high = 1): Area[] {
  let [x, y] = [0, 0];
  const strokes: Area[] = [];
  for (const [, command, first, second] of d.matchAll(/([MHV])(-?[\d.]+)(?: (-?[\d.]+))?/g)) {
    const [fromX, fromY] = [x, y];
    if (command === "V") y = Number(first) * high;
    else x = Number(first) * wide;
    if (command === "M") y = Number(second) * high;
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
 * The area of a label of this size at the line `limit`, in a plot, as far to the right as it covers nothing; where all
 * of the line is covered, as near to it as there is a free place.
 */
export function limitPlace(size: Size, plot: Size, limit: number, covered: readonly Area[]): Area {
  const lowest = Math.floor(plot.height - size.height);
  const over = limit - size.height;
  const under = limit + ROOM;
  const last: Area = { x: plot.width - size.width, y: Math.max(0, Math.min(lowest, over)), ...size };
  const free = (tops: readonly number[]): Area | null => {
    for (let x = last.x; x >= 0; x -= STEP) {
      for (const y of tops) if (isFree({ x, y, ...size }, covered)) return { x, y, ...size };
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

/** The area of the names of the curves: as far to the left as they cover nothing, at the top, or from the bottom up; null if there is none. */
export function namesPlace(
  size: Size,
  plot: Size,
  fromBottom: boolean,
  covered: readonly Area[],
): Area | null {
  const lowest = Math.floor(plot.height - size.height);
  for (let x = 0; x + size.width <= plot.width; x += 2 * STEP) {
    for (let k = 0; k <= lowest; k += 2) {
      const area = { x, y: fromBottom ? lowest - k : k, ...size };
      if (isFree(area, covered)) return area;
    }
  }
  return null;
}

/** The area of the number of a mark: on no other text, on as few curves as can be, and near the mark; null if there is none. */
export function valuePlace(
  size: Size,
  plot: Size,
  mark: { readonly x: number; readonly y: number },
  curves: readonly Area[],
  texts: readonly Area[],
): Area | null {
  const { width, height } = size;
  const at = (x: number, y: number): Area => ({ x, y, ...size });
  const beside: Area[] = [];
  for (const away of [0, 8, 16, 26]) {
    for (const side of [-0.5, 0.1, -1.1]) {
      for (const y of [mark.y - BESIDE - height - away, mark.y + BESIDE + away])
        beside.push(at(mark.x + side * width, y));
    }
    beside.push(at(mark.x + BESIDE + 1 + away, mark.y - height / 2));
    beside.push(at(mark.x - BESIDE - 1 - away - width, mark.y - height / 2));
  }
  const found = leastCovered(beside, plot, curves, texts);
  if (found) return found;
  const anywhere: Area[] = [];
  for (let x = 0; x + width <= plot.width; x += STEP) {
    for (let y = 0; y + height <= plot.height; y += 2) anywhere.push(at(x, y));
  }
  const distance = ({ x, y }: Area) => Math.hypot(x + width / 2 - mark.x, y + height / 2 - mark.y);
  anywhere.sort((a, b) => distance(a) - distance(b));
  return leastCovered(anywhere, plot, curves, texts);
}

/** The first of the places in a plot that covers no text, and the fewest strokes. */
function leastCovered(
  places: readonly Area[],
  plot: Size,
  curves: readonly Area[],
  texts: readonly Area[],
): Area | null {
  let best: Area | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const area of places) {
    const isInside =
      area.x >= 0 && area.x + area.width <= plot.width && area.y >= 0 && area.y + area.height <= plot.height;
    if (!isInside || !isFree(area, texts)) continue;
    const count = curves.filter((other) => areasOverlap(other, area)).length;
    if (count < least) [best, least] = [area, count];
    if (least === 0) break;
  }
  return best;
}

const isFree = (area: Area, covered: readonly Area[]) => !covered.some((other) => areasOverlap(other, area));
