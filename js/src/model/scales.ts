/** Scales: a slider's positions, the loss above it, the numbers on a chart. Pure. */
import { SMALLEST_THRESHOLD } from "./mask";

export const POSITIONS = 1000;

/** A slider's axis: position 0 is threshold 0, the rest is logarithmic. */
export interface LogAxis {
  /** Threshold at position 1: half the smallest positive score, at least `SPAN` times `high`. */
  readonly low: number;
  /** Threshold at the last position: a tenth above the largest score. */
  readonly high: number;
}

/** Shares of the largest score below this are rounding: all of them are at position 1, and leave room for the others. */
const SPAN = 1e-16;

/** The axis over these scores, or null when none is positive, so that there is nothing to threshold. */
export function logAxisOf(scores: Iterable<number>): LogAxis | null {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const score of scores) {
    if (!(score > 0) || score === Number.POSITIVE_INFINITY) continue;
    low = Math.min(low, score);
    high = Math.max(high, score);
  }
  if (!(high > 0)) return null;
  const top = Math.min(1.1 * high, Number.MAX_VALUE);
  return {
    low: Math.max(low / 2, SPAN * top, SMALLEST_THRESHOLD),
    high: Math.max(top, 4 * SMALLEST_THRESHOLD),
  };
}

const decades = ({ low, high }: LogAxis) => Math.log(high) - Math.log(low);

export function thresholdAt(axis: LogAxis, position: number): number {
  if (position <= 0) return 0;
  if (position >= POSITIONS) return axis.high;
  return axis.low * Math.exp((decades(axis) * (position - 1)) / (POSITIONS - 1));
}

/** Where a threshold or a score stands on the axis; not rounded. */
export function positionOf(axis: LogAxis, threshold: number): number {
  if (!(threshold > 0)) return 0;
  const fraction = (Math.log(threshold) - Math.log(axis.low)) / decades(axis);
  return 1 + Math.min(1, Math.max(0, fraction)) * (POSITIONS - 1);
}

/** The number with the fewest digits in `[low, high)`, as near as that allows to the middle of the two logarithms. */
export function roundBetween(low: number, high: number): number {
  const middle = Math.sqrt(low) * Math.sqrt(high);
  for (let digits = 1; digits < 17; digits++) {
    const round = Number(middle.toPrecision(digits));
    if (round >= low && round < high) return round;
  }
  return low;
}

/** What a tolerance is a share of. */
export interface LossScale {
  /** The best of the losses along a threshold. */
  readonly base: number;
  /** The size that a tolerance of 1 means. */
  readonly unit: number;
}

/** The scale of losses of which less is better; a best loss of 0 has no size, then it is that of the worst. Null when none is finite. */
export function lossScale(losses: ArrayLike<number>): LossScale | null {
  const [base, worst] = extent(losses);
  return Number.isFinite(base) ? { base, unit: Math.abs(base) || worst || 1 } : null;
}

/** A loss axis: linear for the losses that one may want, and compressed for those that are much worse. */
export interface LossAxis extends LossScale {
  /** Excess over the base at the bottom, where the compressed part begins, and at the top, in units. */
  readonly low: number;
  readonly linear: number;
  readonly high: number;
}

/** The share of the height that is linear: from the best loss to so many times the tolerance, or this excess. */
export const LINEAR_SHARE = 0.7;
const LINEAR_TOLERANCES = 3;
const LEAST_LINEAR = 0.015;
const MOST = 30;

/** The axis for two curves of losses of which less is better, the first of them on show; null when none of its losses is finite. */
export function lossAxis(
  shown: ArrayLike<number>,
  other: ArrayLike<number>,
  tolerance: number,
): LossAxis | null {
  const scale = lossScale(shown);
  if (!scale) return null;
  const { base, unit } = scale;
  const linear = Math.max(LINEAR_TOLERANCES * tolerance, LEAST_LINEAR);
  const ends = [shown, other].flatMap((losses) => extent(losses)).filter(Number.isFinite);
  const excesses = ends.map((loss) => (loss - base) / unit);
  return {
    ...scale,
    low: Math.max(-linear / LINEAR_TOLERANCES, Math.min(0, ...excesses)),
    linear,
    high: Math.max(2 * linear, Math.min(MOST, Math.max(...excesses))),
  };
}

/** 0 at the bottom, 1 at the top; below 0, above 1 or not a number: off the scale. */
export function heightOf({ base, unit, low, linear, high }: LossAxis, loss: number): number {
  const excess = (loss - base) / unit;
  if (excess <= linear) return (LINEAR_SHARE * (excess - low)) / (linear - low);
  return LINEAR_SHARE + ((1 - LINEAR_SHARE) * Math.log(excess / linear)) / Math.log(high / linear);
}

/** The excess over the base, in units, at a height. */
export function excessAt({ low, linear, high }: LossAxis, height: number): number {
  if (height <= LINEAR_SHARE) return low + (height / LINEAR_SHARE) * (linear - low);
  return linear * (high / linear) ** ((height - LINEAR_SHARE) / (1 - LINEAR_SHARE));
}

/** Steps that a person would choose for a tolerance. */
export const TOLERANCES = [
  0, 0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3,
  0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7, 10, 20,
];

export function nearest(steps: readonly number[], value: number): number {
  return steps.reduce(
    (best, step, k) => (Math.abs(step - value) < Math.abs(steps[best]! - value) ? k : best),
    0,
  );
}

/** Smallest and largest of the finite values; [Infinity, -Infinity] when there are none. */
export function extent(values: ArrayLike<number>): [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < values.length; k++) {
    const value = values[k]!;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** Round numbers from `low` to `high`: at least `count` of them, and as few as that allows. */
export function ticks(low: number, high: number, count: number): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return Number.isFinite(low) ? [low] : [];
  const power = 10 ** Math.floor(Math.log10(span));
  for (const times of [5, 2, 1, 0.5, 0.2, 0.1]) {
    const step = times * power;
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    if (last - first + 1 >= count)
      return Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step);
  }
  return [low, high];
}
