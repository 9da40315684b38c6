/** The sentences of the view: states, scores, what a threshold removes. Fixed words are in `labels`. Pure. */

import {
  isNarrow,
  type LossCurve,
  type PredictedLoss,
  predictLoss,
  scaleOf,
  toleratedLoss,
} from "../model/loss-curve";
import { countOn, isBelowNodeThreshold, nodesOn, type Reason, reasonOff } from "../model/mask";
import {
  type EdgeIndex,
  edgeIndex,
  isHidden,
  type Network,
  type Target,
  type TargetKind,
} from "../model/network";
import type { ThresholdChange } from "../model/threshold-steps";
import type { ViewState } from "../state/view-state";
import { cutToLength } from "../util/graphemes";
import type { Metric, Snapshot } from "../wire/snapshot";
import type { NamingRun, TrainingRun } from "../wire/traits";
import {
  formatChange,
  formatCount,
  formatFigures,
  formatItems,
  formatRatio,
  formatShort,
  withMinus,
} from "./format";
import { functionLabel } from "./function-names";
import { FORMULA, SCORES, TRAIN } from "./labels";
import { isolated, type NodeNames, nameOf, plainText, subscripted } from "./node-names";
import type { Naming } from "./session-messages";

/** A threshold as its field shows it. */
export const thresholdWords = (threshold: number): string => (threshold > 0 ? formatShort(threshold) : "off");

export const refusal = (text: string): string =>
  `“${cutToLength(text.trim(), 40)}” is no threshold: type a number such as 0.012 or 1e-3, or “off”`;

/** How far the loss may be from the best along a threshold. */
export interface Limit {
  /** Null as long as it is not known. */
  readonly curve: LossCurve | null;
  readonly tolerance: number;
  readonly keepMean: boolean;
  readonly higherIsBetter: boolean;
}

/** "+5%", or "−5%" where higher is better; a best loss of 0 has no percents: then the loss that is allowed. */
export function limitWords(limit: Limit): string {
  const { tolerance, higherIsBetter } = limit;
  const loss = allowedLoss(limit);
  return loss ?? formatChange(higherIsBetter ? -tolerance : tolerance);
}

/** The loss that is allowed, where the best is 0; else null. */
function allowedLoss({ curve, tolerance, keepMean }: Limit): string | null {
  if (!curve || scaleOf(curve, keepMean)?.base !== 0) return null;
  return withMinus(formatShort(toleratedLoss(curve, tolerance, keepMean)));
}

/** What is measured, in one or a few words: "loss", or the name of a metric where higher is better. */
export const lossWord = (higherIsBetter: boolean, lossName: string): string =>
  (higherIsBetter && cut(lossName.split(",")[0]!)) || "loss";

/** The button that goes as far as the tolerance allows: "Allow +5% loss", "Allow −5% accuracy", "Allow loss up to 0.02". */
export function allowWords(limit: Limit, lossName: string): string {
  const what = lossWord(limit.higherIsBetter, lossName);
  const loss = allowedLoss(limit);
  if (loss === null) return `${allowShort(limit)} ${what}`;
  return `Allow ${what} ${limit.higherIsBetter ? "down" : "up"} to ${loss}`;
}

/** The same where there is no room: "Allow +5%". */
export const allowShort = (limit: Limit): string => `Allow ${limitWords(limit)}`;

/** Why that button does nothing. */
export function noneAllowed(limit: Limit): string {
  const share = allowedLoss(limit) === null;
  return `No smaller network is within ${limitWords(limit)}${share ? " of the best" : ""} along this threshold`;
}

/** What the next step of a threshold removes and what the loss will be; how many edges are left. */
export function nextWords(
  net: Network,
  names: NodeNames,
  change: ThresholdChange | null,
  threshold: number,
  keepMean: boolean,
  curve: LossCurve | null,
  what = "loss",
): readonly [step: string, left: string] {
  if (!change) return ["Nothing is left to remove", ""];
  const parts = [`Next: ${removedNames(net, names, change)}`];
  if (curve) {
    const present = change.left + change.edges.length;
    const now = predictLoss(curve, threshold, present, keepMean);
    const then = predictLoss(curve, change.level, change.left, keepMean);
    parts.push(`${what} ${foreseenWords(now)} → ${foreseenWords(then)}`);
  }
  return [parts.join(", "), `, ${formatCount(change.left)} of ${formatItems(net.edgeCount, "edge")} left`];
}

/** A curve with fewer points than steps knows the losses between them only roughly. */
function foreseenWords(loss: PredictedLoss): string {
  if (loss.exact) return formatFigures(loss.from);
  if (isNarrow(loss)) return `about ${formatFigures(loss.from)}`;
  const ends = [loss.from, loss.to].sort((a, b) => a - b).map(formatFigures);
  return `between ${ends.join(" and ")}`;
}

/** Why a threshold has nothing to remove, or "" when it has. */
export function idleWords(net: Network, axis: TargetKind, hasLevels: boolean): string {
  if (hasLevels) return "";
  if (axis === "node" && net.depth === 1) return "there are no hidden nodes";
  if (axis === "edge" ? net.scores.some(Number.isNaN) : net.nodeScores.some(Number.isNaN))
    return "the scores are not numbers";
  return axis === "node" ? "no hidden node has a score above 0" : "no edge has a score above 0";
}

/** Why no loss is drawn over a threshold; `curve` is its curve in the present state. A curve that is still to come and one that never will have different words. */
export function unknownWords(
  idle: string,
  { loss, computes }: Pick<Snapshot, "loss" | "computes">,
  curve: LossCurve | null,
): string {
  if (idle) return `Nothing to draw: ${idle}`;
  if (!curve && computes === false) return "This page does not know the loss along this threshold";
  // A page does not know the loss of a large network at first; Python says null of one that is not a number.
  const comes = !curve && computes === true;
  if (!comes && (curve || loss === null || !Number.isFinite(loss))) return "The loss is not a number";
  return "The loss along this threshold is still being computed";
}

/** Long names are whole on cards. */
const cut = (name: string) => cutToLength(name, LONG);
const LONG = 16;

function removedNames(net: Network, names: NodeNames, { edges, nodes }: ThresholdChange): string {
  const name = (node: number) => isolated(cut(subscripted(nameOf(net, names, node))));
  const count = formatItems(edges.length, "edge");
  if (nodes.length > 1) return `${formatItems(nodes.length, "node")} and ${count}`;
  if (nodes.length === 1) return `${name(nodes[0]!)} and ${count}`;
  if (edges.length > 1) return count;
  return `${name(net.source[edges[0]!]!)} → ${name(net.target[edges[0]!]!)}`;
}

/** "removes 2 nodes, 6 edges". */
export function removesWords({ nodes, edges }: { readonly nodes: number; readonly edges: number }): string {
  if (nodes === 0 && edges === 0) return "removes nothing";
  return `removes ${nodes > 0 ? `${formatItems(nodes, "node")}, ` : ""}${formatItems(edges, "edge")}`;
}

/** The same where there is no room: "−6 edges". */
export const removesShort = ({ edges }: { readonly edges: number }): string =>
  `${edges > 0 ? "−" : ""}${formatItems(edges, "edge")}`;

/** Rank of an edge among all by its score, 1 for the largest. */
export function rankOf(net: Network, edge: number): number {
  const score = net.scores[edge]!;
  let rank = 1;
  for (const other of net.scores) if (other > score) rank++;
  return rank;
}

export interface Description {
  /** Names with their `_1` still in them, joined by an arrow for an edge. */
  readonly names: readonly string[];
  readonly details: readonly string[];
}

export function describeTarget(known: ViewState, names: NodeNames, target: Target): Description {
  const { net } = known;
  const state = stateWords(known, target);
  if (target.kind === "edge") {
    const ends = [net.source[target.id]!, net.target[target.id]!];
    return {
      names: ends.map((node) => nameOf(net, names, node)),
      details: [`score ${formatFigures(net.scores[target.id]!)}`, state],
    };
  }
  const score = isHidden(net, target.id) ? [`score ${formatFigures(net.nodeScores[target.id]!)}`] : [];
  return { names: [nameOf(net, names, target.id)], details: [...score, state] };
}

/** Whether a target is on, and why. */
export type TargetState = Reason | "on" | "kept" | "off";

const STATES: Record<TargetState, string> = {
  on: "on",
  kept: "on, kept by hand",
  off: "off",
  hand: "off by hand",
  model: "off in the model",
  "edge threshold": "removed by the edge threshold",
  "node threshold": "removed by the node threshold",
};

export function stateOf({ net, edits, mask }: ViewState, { kind, id }: Target): TargetState {
  if (kind === "edge") return reasonOff(net, edits, id) ?? (edits.keptEdges.has(id) ? "kept" : "on");
  if (edits.removedNodes.has(id)) return "hand";
  if (isBelowNodeThreshold(net, edits, id)) return "node threshold";
  if (!nodesOn(net, mask)[id]) return "off";
  return edits.keptNodes.has(id) ? "kept" : "on";
}

/** The state of a target's switch in words. */
export const stateWords = (known: ViewState, target: Target): string => STATES[stateOf(known, target)];

/** The name a screen reader says; whether it is on is the button's pressed state. */
export function accessibleName(net: Network, names: NodeNames, target: Target): string {
  if (target.kind === "node") {
    const kind = isHidden(net, target.id) ? "Node" : target.id < net.width[0]! ? "Input" : "Output";
    const score = kind === "Node" ? `, score ${formatFigures(net.nodeScores[target.id]!)}` : "";
    return `${kind} ${isolated(plainText(nameOf(net, names, target.id)))}${score}`;
  }
  const [from, to] = [net.source[target.id]!, net.target[target.id]!].map((n) =>
    isolated(plainText(nameOf(net, names, n))),
  );
  return `Edge ${edgeIndex(net, target.id).join(", ")}: ${from} to ${to}, score ${formatFigures(net.scores[target.id]!)}`;
}

/** `mostDrawn`: at most so many edges are drawn, the strongest. */
export function countSentence(known: ViewState, mostDrawn = Number.POSITIVE_INFINITY): string {
  const all = known.net.edgeCount;
  const some = all > mostDrawn ? ` (the ${formatCount(mostDrawn)} strongest drawn)` : "";
  return `${formatCount(countOn(known.mask))} of ${formatItems(all, "edge")}${some}`;
}

export function lossSentence(loss: number | null, name: string): string {
  return loss === null ? "" : `${name || "loss"} ${formatFigures(loss)}`;
}

/** The warning that this side finds by itself. */
export function deadEndWords(isCut: boolean, deadEnds: number): string {
  if (isCut) return "Nothing leads from the inputs to the outputs any more: the model is constant.";
  return deadEnds === 0
    ? ""
    : `${formatItems(deadEnds, "node")} ${deadEnds === 1 ? "leads" : "lead"} nowhere.`;
}

export const rescoredWords = (threshold: number): string =>
  `Training changed the scores: ${formatShort(threshold)} removes other edges than were shown. Undo brings them back.`;

/** What of the network is not drawn, why, and where it can be seen; empty when all of it is. */
export function missingWords(drawn: { on: number; curves: number; lines: number }): string {
  const { on, curves, lines } = drawn;
  if (curves === on) return "";
  const noLine = lines < on ? ` The ${formatCount(on - lines)} weakest edges have no line either.` : "";
  return `The curves of the ${formatCount(curves)} strongest of ${formatCount(on)} edges are drawn: more would be too small to read.${noLine} Full screen has room for more; the matrix shows all.`;
}

/** Why the view has become a matrix, or a graph, by itself. */
export const viewChangeWords = (matrix: boolean, on: number): string =>
  matrix
    ? `Shown as a matrix: ${formatCount(on)} edges are too many to draw as a graph.`
    : `Shown as a graph: ${formatCount(on)} edges are few enough to draw.`;

export const scoreName = (kind: string): string => SCORES[kind] ?? kind;

/** "0.1030, rank 3 of 15". */
export const rankWords = (net: Network, edge: number, rank: number): string =>
  `${formatFigures(net.scores[edge]!)}, rank ${formatCount(rank)} of ${formatCount(net.edgeCount)}`;

/** What the loss becomes when a target is switched; empty while that is not known. */
export function costWords({ loss, lossName }: Snapshot, price: number | undefined): string {
  if (price === undefined || loss === null) return "";
  const ratio = formatRatio(loss, price);
  return `${lossName || "loss"} ${formatFigures(loss)} → ${formatFigures(price)}${ratio && ` (${ratio})`}`;
}

export const differWords = (edges: number): string =>
  `${formatItems(edges, "edge")} ${edges === 1 ? "differs" : "differ"}`;

/** "predicted 3, label 5: wrong"; without a label just what is predicted. */
export function correctWords(predicted: string, label: string | null): string {
  if (label === null) return `predicted ${isolated(predicted)}`;
  const verdict = predicted === label ? "right" : "wrong";
  return `predicted ${isolated(predicted)}, label ${isolated(label)}: ${verdict}`;
}

/** "and 88 smaller". */
export const moreOutputsWords = (more: number): string => `and ${formatCount(more)} smaller`;

export const hintWords = (number: number, of: number): string => `Hint ${number} of ${of}`;

/** Beside the loss: what it is on the training rows, and all other metrics; "" if there is nothing to tell. */
export function metricWords(metrics: readonly Metric[]): string {
  const figures = (value: number | null) => (value === null ? "–" : formatFigures(value));
  const words = metrics.map(({ name, test, train }, k) => {
    if (k === 0) return train === null ? "" : `train ${figures(train)}`;
    return `${cut(name)} ${figures(test)}${train === null ? "" : ` (train ${figures(train)})`}`;
  });
  return words.filter(Boolean).join(" · ");
}

/** "8 earlier": steps above what is in sight. */
export const earlierWords = (steps: number): string => `${formatCount(steps)} earlier`;

/** Steps of one kind in a row: "4 hand edits". */
export function runWords(
  steps: number,
  kind: "hand" | "node_threshold" | "edge_threshold" | "outside",
): string {
  const what = {
    hand: "hand edits",
    node_threshold: "node thresholds",
    edge_threshold: "edge thresholds",
    outside: "changes in cells",
  };
  return `${formatCount(steps)} ${what[kind]}`;
}

/** "of 1,000 (200 here)". */
export const ofRowsWords = (all: number, present: number): string =>
  `of ${formatCount(all)}${present < all ? ` (${formatCount(present)} here)` : ""}`;

/** Why it is another row than was typed, or "" if it is that row. */
export function otherRowWords(wanted: number, numbers: ArrayLike<number>, k: number): string {
  const [got, last] = [numbers[k]!, numbers[numbers.length - 1]!];
  if (wanted === got) return "";
  if (!Number.isFinite(wanted)) return `that is no number: still row ${got}`;
  if (wanted < 0 || wanted > last || !Number.isInteger(wanted))
    return `there is no row ${wanted}, they are 0 to ${last}: this is row ${got}`;
  return `row ${wanted} is not among the ${numbers.length} that are here: this is row ${got}`;
}

export const switchWeakerWords = (count: number): string =>
  `Switch off the ${count === 1 ? "weaker edge" : `${formatCount(count)} weaker edges`} of this layer`;

export const selectEdgesWords = (node: string): string => `Select all edges of ${isolated(plainText(node))}`;

/** R² of a function: with as many nines as it has, up to six. */
export function fitWords(r2: number): string {
  if (!Number.isFinite(r2)) return "–";
  if (r2 >= 0.9999995) return "1";
  const digits = r2 > 0.9 ? Math.min(6, Math.max(3, -Math.floor(Math.log10(1 - r2)))) : 2;
  return withMinus(r2.toFixed(digits));
}

/** How a search for names is, or what has come of it. */
export function namingWords({ state, edges, steps, at, said, error }: NamingRun): string {
  if (error) return error;
  const named = formatItems(steps.length, "name");
  if (state === "running" && steps.length >= edges) return `${named} found, trying simpler ones`;
  if (state === "running") return `looking for names: ${formatCount(steps.length)} of ${formatCount(edges)}`;
  if (said) return said.replaceAll(" -> ", " → ");
  return at >= 0 && at < steps.length ? `${formatCount(at)} of ${named} kept` : `${named} found`;
}

/** A point of the curve over the names: "3 names, x → h₁,₀ named sin, loss 0.0012". */
export function namesPointWords({ steps, loss_start }: NamingRun, count: number, naming: Naming): string {
  const step = steps[count - 1];
  const loss = (value: number | null) => (value === null ? "" : `, loss ${formatFigures(value)}`);
  if (!step) return `${FORMULA.noNames}${loss(loss_start)}`;
  const [l, i, j, name, after] = step;
  return `${formatItems(count, "name")}, the last ${naming.edge(l, i, j)}: ${functionLabel(name)}${loss(after)}`;
}

/** A term of the formula, to be read aloud. */
export function termWords(edges: readonly EdgeIndex[], naming: Naming): string {
  return `Term of ${edges.map((edge) => naming.edge(...edge)).join(", ")}`;
}

/** After the edge whose name costs most. */
export const blameWords = (loss: number): string => `loss ${formatFigures(loss)} with a spline there`;

/** How a training is: its step, or why it has ended. */
export function trainingWords(training: TrainingRun): string {
  const { state, done, steps, stopped, error, own, iteration = null, train_loss = null } = training;
  if (own && state !== "pausing")
    return TRAIN.ownLoop(formatItems(done, "step"), state === "running", state === "paused");
  if (state === "running")
    return TRAIN.running(
      formatCount(Math.min(done + 1, steps)),
      formatCount(steps),
      iteration === null ? "" : formatCount(iteration),
      train_loss === null ? "" : formatFigures(train_loss),
    );
  if (state === "pausing") return TRAIN.pausing;
  if (state === "paused") return TRAIN.paused(formatCount(done), formatCount(steps));
  return error || stopped || TRAIN.ended(formatItems(done, "step"));
}
