/** The lines of a loss plot, and how high a loss stands in it. Pure. */
import type { LossCurve } from "../../model/loss-curve";
import {
  excessAt,
  heightOf,
  LINEAR_SHARE,
  type LogAxis,
  type LossAxis,
  POSITIONS,
  positionOf,
} from "../../model/scales";

/** The height of the drawing, in its own units: it is stretched to the room that there is. */
export const PLOT_HEIGHT = 56;
const H = PLOT_HEIGHT;
/** From the top to the first loss, and from there to the last. */
const [TOP, RANGE] = [4, H - 8];
/** Heights a little over 1 are drawn at the very edge. */
const MOST = 1.05;

/** Where losses stand: the worst at the top, or at the bottom where more is better. */
export interface LossHeights {
  /** From the top of the drawing; null if the loss is off the scale. */
  of(loss: number): number | null;
  /** Where a line runs that is off the scale. */
  readonly edge: number;
  /** Where the axis stops to be linear, and the end of the compressed part. */
  readonly bend: number;
  readonly end: number;
  /** The side of the best losses: 0 or `PLOT_HEIGHT`. */
  readonly good: number;
  /** The excess over the best loss at a height. */
  excess(top: number): number;
  /** The loss at an excess. */
  loss(excess: number): number;
}

export function lossHeights(axis: LossAxis, higherIsBetter: boolean): LossHeights {
  const sign = higherIsBetter ? -1 : 1;
  const place = (height: number) => TOP + RANGE * (higherIsBetter ? height : 1 - height);
  return {
    of(loss) {
      const height = heightOf(axis, sign * loss);
      return height <= MOST ? place(Math.max(0, height)) : null;
    },
    edge: higherIsBetter ? H - 1 : 1,
    bend: place(LINEAR_SHARE),
    end: higherIsBetter ? H : 0,
    good: higherIsBetter ? 0 : H,
    excess(top) {
      const height = (top - TOP) / RANGE;
      return excessAt(axis, Math.min(1, Math.max(0, higherIsBetter ? height : 1 - height)));
    },
    loss: (excess) => sign * (axis.base + excess * axis.unit),
  };
}

/** A step curve, and a mark where it first leaves the scale. No more points than the eye can part. */
export function stepPath(
  { thresholds }: LossCurve,
  scale: LogAxis,
  losses: Float64Array,
  heights: LossHeights,
): { line: string; over: string } {
  const { edge } = heights;
  const tip = edge < H / 2 ? -6 : 6;
  let over = "";
  let x = 0;
  let out = false;
  let line = `M0 ${round(heights.of(losses[0]!) ?? edge)}`;
  for (let k = 1; k <= thresholds.length; k++) {
    const next = k < thresholds.length ? round(positionOf(scale, thresholds[k]!)) : POSITIONS;
    if (k < thresholds.length && next - x < 0.5) continue;
    // A loss that is no number is off the scale too.
    const there = heights.of(losses[k - 1]!);
    if (there === null && !out) over += `M${round(x) - 9} ${edge - tip}l9 ${tip}l9 ${-tip}z`;
    out = there === null;
    line += `V${round(there ?? edge)}H${next}`;
    x = next;
  }
  return { line, over };
}

/** The path of boxes from a height to the side of the best losses, over the thresholds at which `so` is true. */
export function allowedBoxes(
  { thresholds }: LossCurve,
  scale: LogAxis,
  so: readonly boolean[],
  height: number,
  good: number,
): string {
  let d = "";
  const x = (k: number) => (k < thresholds.length ? round(positionOf(scale, thresholds[k]!)) : POSITIONS);
  for (let k = 0; k < so.length; k++) {
    if (!so[k]) continue;
    const start = k;
    while (so[k + 1]) k++;
    d += `M${x(start)} ${height}H${x(k + 1)}V${good}H${x(start)}z`;
  }
  return d;
}

export const round = (value: number): number => Math.round(10 * value) / 10;
