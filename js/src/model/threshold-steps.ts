/**
 * The levels of a threshold: scores at which something goes. Pure.
 *
 * Between two levels every threshold does the same, so that the view writes the roundest number there.
 */
import { countUpTo } from "../util/bisect";
import { type Edits, maskOf, SMALLEST_THRESHOLD } from "./mask";
import { isHidden, type Network, type TargetKind } from "./network";
import { type LogAxis, logAxisOf, roundBetween } from "./scales";

/** The smallest threshold that removes what has this score. */
export const levelOf = (score: number) =>
  Number.isNaN(score) ? Number.POSITIVE_INFINITY : Math.max(score, SMALLEST_THRESHOLD);

export interface ThresholdLevels {
  readonly scale: LogAxis;
  /** All distinct levels of the baseline, rising. */
  readonly all: Float64Array;
}

/** Null when there is nothing that a threshold could remove by its score. */
export function levelsOf(net: Network, axis: TargetKind): ThresholdLevels | null {
  const scores =
    axis === "edge"
      ? net.scores.filter((_, e) => net.baseline[e])
      : net.nodeScores.filter((_, n) => isHidden(net, n) && net.reachable[n]);
  const scale = logAxisOf(scores);
  return scale && { scale, all: distinct(scores.map(levelOf).sort()) };
}

/** The finite ones of rising values, each once. */
function distinct(rising: Float64Array): Float64Array {
  return rising.filter((value, k) => Number.isFinite(value) && value !== rising[k - 1]);
}

/** The threshold that removes what has one of the levels up to and with `level`, and nothing else; 0 removes nothing. */
export function thresholdOver({ scale, all }: ThresholdLevels, level: number): number {
  const count = countUpTo(all, level);
  if (count === 0) return 0;
  if (count === all.length) return scale.high;
  // A score of 0 is removed at the low end of the axis, unless that would remove another one too.
  const low = all[count - 1]!;
  return roundBetween(scale.low < all[count]! ? Math.max(low, scale.low) : low, all[count]!);
}

/** What else decides what goes along an axis: all of the edits but its own threshold. */
export interface StepTable {
  /** Level at which each edge goes, infinite if it never does, (E,). */
  readonly goesAt: Float64Array;
  /** Edges that are on with this threshold at 0, (E,). */
  readonly on: Uint8Array;
  /** Levels at which those go, rising, and the distinct ones among them that are finite. */
  readonly levels: Float64Array;
  readonly steps: Float64Array;
}

export function stepTableOf(net: Network, edits: Edits, axis: TargetKind): StepTable {
  const on = maskOf(net, { ...edits, [axis === "node" ? "nodeThreshold" : "edgeThreshold"]: 0 });
  const goesAt = axis === "edge" ? net.scores.map(levelOf) : nodeLevels(net, edits);
  for (const e of edits.keptEdges) goesAt[e] = Number.POSITIVE_INFINITY;
  const levels = goesAt.filter((_, e) => on[e]).sort();
  return { goesAt, on, levels, steps: distinct(levels) };
}

function nodeLevels(net: Network, edits: Edits): Float64Array {
  const nodes = net.nodeScores.map((score, n) =>
    isHidden(net, n) && net.reachable[n] && !edits.keptNodes.has(n)
      ? levelOf(score)
      : Number.POSITIVE_INFINITY,
  );
  return net.scores.map((_, e) => Math.min(nodes[net.source[e]!]!, nodes[net.target[e]!]!));
}

/** Whether two edits have the same table: they may differ in the axis' own threshold. */
export function sameStepTable(a: Edits, b: Edits, axis: TargetKind): boolean {
  const other = axis === "node" ? "edgeThreshold" : "nodeThreshold";
  const sets = ["removedEdges", "keptEdges", "removedNodes", "keptNodes"] as const;
  return a[other] === b[other] && sets.every((name) => sameSet(a[name], b[name]));
}

function sameSet(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const value of a) if (!b.has(value)) return false;
  return true;
}

export interface ThresholdChange {
  readonly level: number;
  /** Edges that go together, and the nodes whose scores are that level. */
  readonly edges: readonly number[];
  readonly nodes: readonly number[];
  readonly left: number;
}

/** What a slightly larger threshold removes next; null if nothing is left that a threshold can remove. */
export function nextThresholdChange(
  net: Network,
  table: StepTable,
  axis: TargetKind,
  threshold: number,
): ThresholdChange | null {
  const { goesAt, on, steps } = table;
  const level = steps[countUpTo(steps, threshold)];
  if (level === undefined) return null;
  const edges: number[] = [];
  let left = 0;
  for (let e = 0; e < goesAt.length; e++) {
    if (!on[e]) continue;
    if (goesAt[e] === level) edges.push(e);
    else if (goesAt[e]! > level) left++;
  }
  const nodes: number[] = [];
  if (axis === "node") {
    const ends = new Set(edges.flatMap((e) => [net.source[e]!, net.target[e]!]));
    for (const n of ends) if (isHidden(net, n) && levelOf(net.nodeScores[n]!) === level) nodes.push(n);
    nodes.sort((a, b) => a - b);
  }
  return { level, edges, nodes, left };
}

/** The threshold so many steps further up, or down. */
export function stepped(
  levels: ThresholdLevels,
  { steps }: StepTable,
  threshold: number,
  by: number,
): number {
  const count = countUpTo(steps, threshold);
  const to = Math.max(0, Math.min(steps.length, count + by));
  return to === 0 ? 0 : thresholdOver(levels, steps[to - 1]!);
}
