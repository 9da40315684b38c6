/**
 * How important each edge is among those of its network: the one scale of line widths, inks and colours. Pure.
 *
 * An importance is 0 for a score of 0 and 1 for the largest: linear in the score up to the knee, and logarithmic far
 * above it. `figure/importance.py` computes the same.
 */
import type { Network } from "./network";

export interface ImportanceScale {
  readonly knee: number;
  readonly high: number;
}

/** As in pykan's `plot`: the larger, the darker weak edges are. */
export const DEFAULT_BETA = 3;
/** As a share of the largest score: with a knee near 0 all other scores would look alike. */
const LEAST_KNEE = 1e-6;

/** Beyond these all edges look alike. */
const [LEAST_BETA, MOST_BETA] = [0.003, 3000];

/** So many edges are compared with each other alone. */
const FEW = 50;

/** In a small network a reader looks at each edge, in a large one at the strong: the knee is a higher quantile. */
const quantileOf = (count: number) => Math.min(0.8, Math.max(0.2, 0.2 + 0.3 * Math.log10(count / 100)));

/** The edges, (E,), among which those that are on are important: where few are left themselves, else the baseline. */
export function comparedEdges({ baseline }: Pick<Network, "baseline">, mask: Uint8Array): Uint8Array {
  let on = 0;
  for (let e = 0; e < mask.length && on <= FEW; e++) on += mask[e]!;
  return on > 0 && on <= FEW ? mask : baseline;
}

export function importanceScale(
  { scores, baseline }: Pick<Network, "scores" | "baseline">,
  beta = DEFAULT_BETA,
  compared = baseline,
): ImportanceScale {
  const known = scores.filter((score, e) => compared[e] && score > 0 && score < Number.POSITIVE_INFINITY);
  known.sort();
  const high = known.at(-1) ?? 0;
  const darkness = Math.min(MOST_BETA, Math.max(LEAST_BETA, beta || DEFAULT_BETA));
  const knee = known[Math.floor(quantileOf(known.length) * known.length)] ?? 0;
  return { knee: Math.max((knee * DEFAULT_BETA) / darkness, LEAST_KNEE * high), high };
}

/** From 0 to 1. */
export function importanceOf({ knee, high }: ImportanceScale, score: number): number {
  if (!(score > 0) || !(high > 0)) return 0;
  return Math.min(1, Math.log1p(score / knee) / Math.log1p(high / knee));
}

/** The score that has an importance. */
export function scoreAt({ knee, high }: ImportanceScale, importance: number): number {
  return high > 0 ? knee * Math.expm1(importance * Math.log1p(high / knee)) : 0;
}
