/** Where the points of the scatter are, and which is next to where. Pure. */
import { formatTicks } from "../text/format";
import { hasNetwork, type RunData } from "./run-data";

export interface Tick {
  readonly at: number;
  readonly text: string;
}

export interface ScatterLayout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** By place; NaN for what has no network. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  /** The front as the corners of its steps. */
  readonly steps: readonly (readonly [x: number, y: number])[];
}

const MARGIN = { left: 58, right: 14, top: 26, bottom: 40 };
/** Pixels between two ticks, at the least. */
const [APART_X, APART_Y] = [56, 34];
/** Losses over this many powers of ten have ticks at powers only. */
const FEW_DECADES = 2.5;

export function layoutScatter(data: RunData, width: number, height: number): ScatterLayout {
  const { left, top } = MARGIN;
  const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];
  let [fewest, most] = [Number.POSITIVE_INFINITY, 0];
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let place = 0; place < data.count; place++) {
    if (!hasNetwork(data, place)) continue;
    fewest = Math.min(fewest, data.edges[place]!);
    most = Math.max(most, data.edges[place]!);
    lowest = Math.min(lowest, data.test[place]!);
    highest = Math.max(highest, data.test[place]!);
  }
  if (most === 0 && !Number.isFinite(lowest)) [fewest, lowest, highest] = [0, 0.1, 1];
  // A loss of one's own may be negative: then there is no logarithm.
  const log = lowest > 0;
  const scale = log ? Math.log10 : (value: number) => value;
  const pad = 0.06 * (scale(highest) - scale(lowest)) || (log ? 0.3 : Math.abs(lowest) || 1);
  const [y0, y1] = [scale(lowest) - pad, scale(highest) + pad];
  const xPad = Math.max(0.5, 0.03 * (most - fewest));
  const [x0, x1] = [Math.max(-0.5, fewest - xPad), Math.max(most, fewest + 1) + xPad];
  const xOf = (edges: number) => left + ((edges - x0) / (x1 - x0)) * (right - left);
  const yOf = (loss: number) => bottom - ((scale(loss) - y0) / (y1 - y0)) * (bottom - top);
  const place = (of: (place: number) => number) =>
    Float32Array.from({ length: data.count }, (_, k) => (hasNetwork(data, k) ? of(k) : Number.NaN));
  const x = place((k) => xOf(data.edges[k]!));
  const y = place((k) => yOf(data.test[k]!));
  return {
    ...{ width, height, left, right, top, bottom, x, y },
    xTicks: wholeTicks(x0, x1, Math.max(2, (right - left) / APART_X)).map((value) => ({
      at: xOf(value),
      text: `${value}`,
    })),
    yTicks: (log ? logTicks : plainTicks)(y0, y1, Math.max(2, (bottom - top) / APART_Y)).map(
      ({ value, text }) => ({
        at: yOf(value),
        text,
      }),
    ),
    steps: stepsOf(data.front, x, y, right),
  };
}

function stepsOf(front: readonly number[], x: Float32Array, y: Float32Array, right: number) {
  const steps: [number, number][] = [];
  for (const place of front) {
    const before = steps.at(-1);
    if (before) steps.push([x[place]!, before[1]]);
    steps.push([x[place]!, y[place]!]);
  }
  const last = steps.at(-1);
  if (last) steps.push([right, last[1]]);
  return steps;
}

function wholeTicks(from: number, to: number, count: number): number[] {
  const step = Math.max(1, Math.round(niceStep((to - from) / count)));
  const ticks: number[] = [];
  for (let value = Math.ceil(from / step) * step; value <= to; value += step) ticks.push(value);
  return ticks;
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10);
}

function plainTicks(from: number, to: number, count: number) {
  const step = niceStep((to - from) / count);
  const first = Math.ceil(from / step);
  const values = Array.from(
    { length: Math.max(0, Math.floor(to / step) - first + 1) },
    (_, k) => (first + k) * step,
  );
  const texts = values.length ? formatTicks(values) : [];
  return values.map((value, k) => ({ value, text: texts[k]! }));
}

function logTicks(from: number, to: number, count: number) {
  const decades = to - from;
  const at = (mantissas: readonly number[], every: number) => {
    const values: number[] = [];
    for (let power = Math.floor(from); power <= to; power++) {
      if (power % every) continue;
      for (const mantissa of mantissas) {
        const value = mantissa * 10 ** power;
        if (Math.log10(value) >= from && Math.log10(value) <= to) values.push(value);
      }
    }
    return values.map((value) => ({ value, text: powerText(value) }));
  };
  if (decades > FEW_DECADES) return at([1], Math.max(1, Math.ceil(decades / count)));
  for (const mantissas of [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 3, 5], [1, 3], [1]]) {
    const ticks = at(mantissas, 1);
    if (ticks.length <= count && ticks.length > 1) return ticks;
  }
  // Within a small part of one power of ten: as if there were no logarithm.
  return plainTicks(10 ** from, 10 ** to, count);
}

function powerText(value: number): string {
  if (value >= 1e-3 && value < 1e4) return `${Number(value.toPrecision(3))}`;
  return value.toExponential(0).replace("e+", "e").replace("-", "−");
}

/** Finds the point next to a place among many, by squares of the plane. */
export interface PointIndex {
  /** The place of the nearest point that is shown, no further than this; -1 if there is none. */
  nearest(x: number, y: number, within: number): number;
}

const SQUARE = 16;

export function createPointIndex(layout: ScatterLayout, shown: Uint32Array): PointIndex {
  const across = Math.ceil(layout.width / SQUARE) + 1;
  const down = Math.ceil(layout.height / SQUARE) + 1;
  const squareOf = (place: number) =>
    Math.floor(layout.y[place]! / SQUARE) * across + Math.floor(layout.x[place]! / SQUARE);
  const drawn = shown.filter((place) => !Number.isNaN(layout.x[place]!));
  const start = new Uint32Array(across * down + 1);
  for (const place of drawn) start[squareOf(place) + 1]!++;
  for (let k = 0; k < across * down; k++) start[k + 1]! += start[k]!;
  const next = start.slice();
  const places = new Uint32Array(drawn.length);
  for (const place of drawn) places[next[squareOf(place)]!++] = place;
  return {
    nearest(x, y, within) {
      let found = -1;
      let distance = within * within;
      const clamp = (value: number, most: number) =>
        Math.min(most - 1, Math.max(0, Math.floor(value / SQUARE)));
      for (let row = clamp(y - within, down); row <= clamp(y + within, down); row++) {
        for (let column = clamp(x - within, across); column <= clamp(x + within, across); column++) {
          const square = row * across + column;
          for (let k = start[square]!; k < start[square + 1]!; k++) {
            const place = places[k]!;
            const away = (layout.x[place]! - x) ** 2 + (layout.y[place]! - y) ** 2;
            if (away <= distance) [found, distance] = [place, away];
          }
        }
      }
      return found;
    },
  };
}

export type Step = "left" | "right" | "up" | "down" | "first" | "last";

/** The point that an arrow key leads to, from one that is shown; -1 if there is none at all. */
export function stepFrom(data: RunData, shown: Uint32Array, from: number, step: Step): number {
  const drawn = shown.filter((place) => hasNetwork(data, place));
  if (drawn.length === 0) return -1;
  const front = data.front.filter((place) => drawn.includes(place));
  if (step === "first" || from < 0 || !hasNetwork(data, from)) return front[0] ?? drawn[0]!;
  if (step === "last") return front.at(-1) ?? drawn.at(-1)!;
  const [edges, loss] = [data.edges[from]!, data.test[from]!];
  const best = (among: Iterable<number>, badness: (place: number) => number): number => {
    let found = from;
    let least = Number.POSITIVE_INFINITY;
    for (const place of among) {
      const bad = badness(place);
      if (bad < least) [found, least] = [place, bad];
    }
    return found;
  };
  if (step === "left" || step === "right") {
    const sign = step === "left" ? -1 : 1;
    const beyond = drawn.filter((place) => sign * (data.edges[place]! - edges) > 0);
    const near = best(beyond, (place) => Math.abs(data.edges[place]! - edges));
    const column = beyond.filter((place) => data.edges[place] === data.edges[near]);
    return best(column, (place) => Math.abs(data.test[place]! - loss));
  }
  const sign = step === "up" ? 1 : -1;
  // Equal losses are in the order of their places, so that each can be reached.
  const later = (place: number) => sign * (data.test[place]! - loss || place - from) > 0;
  const column = drawn.filter((place) => data.edges[place] === edges && later(place));
  const near = best(column, (place) => Math.abs(data.test[place]! - loss));
  const ties = column.filter((place) => data.test[place] === data.test[near]);
  return best(ties, (place) => sign * place);
}
