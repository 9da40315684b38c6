/**
 * Loss along a threshold, and what follows from it, by the rules of `kanwidget/evaluate/tradeoff.py`. Pure.
 *
 * With a kernel Python measures the curves; pages without one compute them here, on the rows they carry.
 */
import { countUpTo } from "../util/bisect";
import { type Cells, finish, predicting, type Rows } from "./forward";
import type { Loss } from "./losses";
import { countOn, type Edits } from "./mask";
import type { Network, TargetKind } from "./network";
import { type LossScale, lossScale } from "./scales";
import { type StepTable, stepTableOf } from "./threshold-steps";

/** A step function: between two thresholds the loss does not change. All arrays are (points,). */
export interface LossCurve {
  /** 0, and thresholds at which edges go, rising. */
  readonly thresholds: Float64Array;
  readonly activeEdges: Float64Array;
  /** Loss if removed edges give 0, or if they give their mean output. */
  readonly lossZeroed: Float64Array;
  readonly lossKept: Float64Array;
  /** The loss is a metric such as accuracy, of which more is better. */
  readonly higherIsBetter?: boolean;
}

/** The most points that are computed here; the first and the last are always among them. */
export const MOST_POINTS = 200;

/** Reads rows of thresholds, edges left, and losses: `(4, points)` as it comes over the wire. */
export function lossCurveFrom(data: Float64Array, higherIsBetter = false): LossCurve {
  const n = data.length / 4;
  const [thresholds, activeEdges, lossZeroed, lossKept] = [0, 1, 2, 3].map((k) =>
    data.subarray(k * n, (k + 1) * n),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  return { thresholds, activeEdges, lossZeroed, lossKept, higherIsBetter };
}

function lossesOf(tradeoff: LossCurve, keepMean: boolean): Float64Array {
  return keepMean ? tradeoff.lossKept : tradeoff.lossZeroed;
}

/** The same losses such that less is better. */
export function costsOf(tradeoff: LossCurve, keepMean: boolean): Float64Array {
  const losses = lossesOf(tradeoff, keepMean);
  return tradeoff.higherIsBetter ? losses.map((loss) => -loss) : losses;
}

/**
 * The threshold that leaves the fewest edges, `mostEdges` of them or fewer, while the loss is within the tolerance of
 * the best one along the threshold. Null when there is none. Losses on the way may be worse: what counts is the network that is left.
 */
export function thresholdFor(
  tradeoff: LossCurve,
  tolerance = 0.05,
  keepMean = true,
  mostEdges = Number.POSITIVE_INFINITY,
): number | null {
  const within = withinTolerance(tradeoff, tolerance, keepMean);
  const k = within.findLastIndex((good, point) => good && tradeoff.activeEdges[point]! <= mostEdges);
  return k < 0 ? null : tradeoff.thresholds[k]!;
}

/** What a tolerance is a share of, such that less is better; null when no loss is finite. */
export function scaleOf(tradeoff: LossCurve, keepMean: boolean): LossScale | null {
  return lossScale(costsOf(tradeoff, keepMean));
}

/** For each point whether its loss is within the tolerance; one that is not finite is not. */
export function withinTolerance(tradeoff: LossCurve, tolerance: number, keepMean: boolean): boolean[] {
  if (!(tolerance >= 0)) throw new Error(`tolerance must be a number of at least 0, got ${tolerance}`);
  const limit = costLimit(tradeoff, tolerance, keepMean);
  return Array.from(costsOf(tradeoff, keepMean), (cost) => Number.isFinite(cost) && cost <= limit);
}

/** The loss up to which a tolerance goes, or down to which if higher is better. */
export function toleratedLoss(tradeoff: LossCurve, tolerance: number, keepMean = true): number {
  const limit = costLimit(tradeoff, tolerance, keepMean);
  return tradeoff.higherIsBetter ? -limit : limit;
}

function costLimit(tradeoff: LossCurve, tolerance: number, keepMean: boolean): number {
  const scale = scaleOf(tradeoff, keepMean);
  return scale ? scale.base + tolerance * scale.unit : Number.NaN;
}

/** Shares of the first loss by which a loss has clearly turned up, or hardly; the latter may round. */
const [CLEARLY_WORSE, HARDLY_WORSE] = [0.2, 0.1 + 1e-9];

/** A curve has a knee if it is deeper below its chord than this; else it counts as straight. */
const MIN_KNEE_DEPTH = 0.02;

/**
 * The last threshold before the loss turns up (down, if higher is better): of the points that are hardly above the lowest, the one farthest
 * below the chord to where it clearly is. 0 if the first steps cost as much as the others.
 */
export function knee(tradeoff: LossCurve, keepMean = true): number {
  const { thresholds, activeEdges } = tradeoff;
  const loss = costsOf(tradeoff, keepMean);
  const strange = loss.findIndex((value) => !Number.isFinite(value));
  const count = strange < 0 ? loss.length : strange;
  if (count === 0) return 0;
  const scale = Math.abs(loss[0]!) || largest(loss.subarray(0, count)) || 1;
  const known = loss.slice(0, count + 1);
  known.fill(loss[0]! + scale, count);
  let low = Infinity;
  const above = known.map((value) => {
    low = Math.min(low, value);
    return value - low;
  });
  const clear = above.findIndex((rise) => rise > CLEARLY_WORSE * scale);
  const end = clear < 0 ? known.length - 1 : clear;
  const rises = known.map((value) => value - loss[0]!).subarray(0, end + 1);
  // Up, also where it is no more than the first.
  if (clear >= 0) rises[end] = Math.max(rises[end]!, CLEARLY_WORSE * scale);
  const range = largest(rises) - smallest(rises);
  const removed = (k: number) => activeEdges[0]! - activeEdges[k]!;
  if (removed(end) === 0 || range === 0) return 0;
  let [best, depth] = [0, MIN_KNEE_DEPTH];
  for (const [k, rise] of rises.entries()) {
    if (above[k]! > HARDLY_WORSE * scale) continue;
    const below = ((rises[end]! * removed(k)) / removed(end) - rise) / range;
    if (below > depth) [best, depth] = [k, below];
  }
  return thresholds[best]!;
}

/** The last point at or below a threshold: what holds there. */
export function pointAt(tradeoff: LossCurve, threshold: number): number {
  return Math.max(0, countUpTo(tradeoff.thresholds, threshold) - 1);
}

export function lossAt(tradeoff: LossCurve, threshold: number, keepMean = true): number {
  return lossesOf(tradeoff, keepMean)[pointAt(tradeoff, threshold)] ?? Number.NaN;
}

/** What a curve knows of the loss where so many edges are left: one number, or the two on either side. */
export interface PredictedLoss {
  readonly from: number;
  readonly to: number;
  /** Measured just there, not between two points. */
  readonly exact: boolean;
}

export function predictLoss(
  tradeoff: LossCurve,
  threshold: number,
  left: number,
  keepMean: boolean,
): PredictedLoss {
  const loss = lossesOf(tradeoff, keepMean);
  const point = pointAt(tradeoff, threshold);
  const from = loss[point] ?? Number.NaN;
  const exact = tradeoff.activeEdges[point] === left;
  return { from, to: exact ? from : (loss[point + 1] ?? from), exact };
}

/** So close that "about" is true of both. */
export function isNarrow({ from, to }: PredictedLoss): boolean {
  return from === to || Math.abs(to - from) <= 0.02 * Math.max(Math.abs(from), Math.abs(to));
}

/** Whether a curve was computed for these steps; a curve of an earlier state may be wrong now. */
export function isCurveOf(tradeoff: LossCurve, { levels }: StepTable): boolean {
  const left = (threshold: number) => levels.length - countUpTo(levels, threshold);
  return tradeoff.thresholds.every((at, k) => left(at) === tradeoff.activeEdges[k]);
}

/** What a loss is measured with. */
export interface Measure {
  /** (count, n_in) */
  readonly rows: Rows;
  /** (count, n_out), or (count,) class numbers for cross entropy. */
  readonly labels: Rows;
  readonly loss: Loss;
}

/** Computes the curves of one threshold, all else as it is. */
export function lossCurveOf(
  net: Network,
  cells: Cells,
  measure: Measure,
  edits: Edits,
  axis: TargetKind,
  most = MOST_POINTS,
): LossCurve {
  return finish(computeLossCurve(net, cells, measure, edits, axis, most));
}

/** The same as a generator that pauses after each point or earlier, so that it can run in the background. */
export function* computeLossCurve(
  net: Network,
  cells: Cells,
  { rows, labels, loss }: Measure,
  edits: Edits,
  axis: TargetKind,
  most = MOST_POINTS,
): Generator<void, LossCurve> {
  const { goesAt, on: mask, steps } = stepTableOf(net, edits, axis);
  const thresholds = Float64Array.from([0, ...thinned(steps, most - 1)]);
  const activeEdges = new Float64Array(thresholds.length);
  const lossZeroed = new Float64Array(thresholds.length);
  const lossKept = new Float64Array(thresholds.length);
  for (const [k, threshold] of thresholds.entries()) {
    for (let e = 0; e < mask.length; e++) if (goesAt[e]! <= threshold) mask[e] = 0;
    activeEdges[k] = countOn(mask);
    lossZeroed[k] = loss(yield* predicting(net, cells, mask, false, rows), labels);
    lossKept[k] = loss(yield* predicting(net, cells, mask, true, rows), labels);
    yield;
  }
  return { thresholds, activeEdges, lossZeroed, lossKept };
}

/** At most so many of the values, evenly by rank, with the last one. */
function thinned(values: Float64Array, most: number): Float64Array {
  if (values.length <= most) return values;
  return Float64Array.from(
    { length: most },
    (_, k) => values[Math.ceil(((k + 1) * values.length) / most) - 1]!,
  );
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => (value > most ? value : most), Number.NEGATIVE_INFINITY);
}

function smallest(values: Float64Array): number {
  return values.reduce((least, value) => (value < least ? value : least), Number.POSITIVE_INFINITY);
}
