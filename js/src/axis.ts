/** The slider's axis: positions 0..1000 to thresholds. Position 0 is threshold 0, the rest is logarithmic. Pure. */

export const POSITIONS = 1000;

export interface LogAxis {
  /** Threshold at position 1: half the smallest positive score. */
  readonly low: number;
  /** Threshold at the last position: a tenth above the largest score. */
  readonly high: number;
}

/** The axis over these scores, or null when none is positive, so that there is nothing to threshold. */
export function axisOf(scores: Iterable<number>): LogAxis | null {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const score of scores) {
    if (!(score > 0) || score === Number.POSITIVE_INFINITY) continue;
    low = Math.min(low, score);
    high = Math.max(high, score);
  }
  return high > 0 ? { low: low / 2, high: 1.1 * high } : null;
}

export function thresholdAt(axis: LogAxis, position: number): number {
  if (position <= 0) return 0;
  return axis.low * (axis.high / axis.low) ** ((Math.min(position, POSITIONS) - 1) / (POSITIONS - 1));
}

/** Where a threshold or a score stands on the axis; not rounded. */
export function positionOf(axis: LogAxis, threshold: number): number {
  if (!(threshold > 0)) return 0;
  const fraction = Math.log(threshold / axis.low) / Math.log(axis.high / axis.low);
  return 1 + Math.min(1, Math.max(0, fraction)) * (POSITIONS - 1);
}
