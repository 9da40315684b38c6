/** What the view says, in words: states, scores, what a threshold takes. Pure. */

import {
  isNarrow,
  type LossCurve,
  type PredictedLoss,
  predictLoss,
  scaleOf,
  toleratedLoss,
} from "../model/loss-curve";
import {
  countOn,
  type Edits,
  edgeIndex,
  isBelowNodeThreshold,
  isHidden,
  maskOf,
  type Network,
  nodesOn,
  reasonOff,
} from "../model/network";
import type { ThresholdChange } from "../model/threshold-steps";
import type { Target, TargetKind, ViewState } from "../state/view-state";
import { cutToLength } from "../util/graphemes";
import { MAX_DRAWN } from "../views/network/layout";
import type { Snapshot } from "../wire/snapshot";
import { isolated, type NodeNames, nameOf, plainText } from "./node-names";

/** Four significant digits, as short as they can be written. */
export function formatFigures(value: number): string {
  if (Number.isNaN(value)) return "not a number";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e5 ? value.toPrecision(4) : value.toExponential(2);
}

/** Three figures, for read-outs beside a control. */
export function formatShort(value: number): string {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return formatFigures(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e4 ? Number(value.toPrecision(3)).toString() : value.toExponential(1);
}

export const countOf = (n: number, noun: string) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

/** A number that a person typed as a threshold; "off", nothing and 0 are the same. Null when it is none. */
export function parseThreshold(text: string): number | null {
  // Half of the world writes 0,01; who separates thousands writes a point too, or more than one comma.
  const word = text
    .trim()
    .toLowerCase()
    .replace(/^([^.,]*),([^.,]*)$/, "$1.$2");
  if (word === "off" || word === "") return 0;
  if (!/^\+?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(word)) return null;
  const value = Number(word);
  return Number.isFinite(value) ? value : null;
}

export const refusal = (text: string): string =>
  `“${cutToLength(text.trim(), 40)}” is no threshold: type a number such as 0.012 or 1e-3, or “off”`;

/** How much larger or smaller: "×3.4" from twice on, else "+2.1 %"; "" when it is the same, or there is no telling. */
export function ratioWords(before: number, after: number): string {
  if (!Number.isFinite(before) || !Number.isFinite(after) || before <= 0 || before === after) return "";
  const ratio = after / before;
  if (ratio >= 2)
    return ratio < 1e4 ? `×${Number(ratio.toPrecision(2)).toLocaleString("en")}` : "×10,000 or more";
  return percentWords(ratio - 1);
}

/** "+5 %": a share with its sign and no more digits than it needs. */
export function percentWords(share: number): string {
  const size = Math.abs(100 * share);
  if (size > 99.9 && size < 100) return `${share < 0 ? "−" : "+"}99.9 %`;
  const round = size >= 10 ? Math.round(size) : Number(size.toPrecision(size >= 1 ? 2 : 1));
  if (round < 0.01) return "±0 %";
  return `${share < 0 ? "−" : "+"}${round.toLocaleString("en")} %`;
}

/** How far the loss may be from the best along a threshold. */
export interface Limit {
  /** Null as long as it is not known. */
  readonly tradeoff: LossCurve | null;
  readonly tolerance: number;
  readonly keepMean: boolean;
  readonly higherIsBetter: boolean;
}

/** "+5 %", or "−5 %" of a metric of which more is better; of a best loss of 0 there are no percents: the loss that is allowed. */
export function limitWords({ tradeoff, tolerance, keepMean, higherIsBetter }: Limit): string {
  if (tradeoff && hasBestOf0(tradeoff, keepMean))
    return formatShort(toleratedLoss(tradeoff, tolerance, keepMean));
  return percentWords(higherIsBetter ? -tolerance : tolerance);
}

const hasBestOf0 = (tradeoff: LossCurve, keepMean: boolean) => scaleOf(tradeoff, keepMean)?.base === 0;

/** Why the button for the tolerance does nothing. */
export function noneWithin(limit: Limit): string {
  const share = !limit.tradeoff || !hasBestOf0(limit.tradeoff, limit.keepMean);
  return `no smaller network is within ${limitWords(limit)}${share ? " of the best" : ""} along this threshold`;
}

/** A share of all: "0 %", "2.3 %". */
export function shareWords(share: number): string {
  if (!(share > 0)) return "0 %";
  return share < 0.001 ? "< 0.1 %" : `${Number((100 * share).toPrecision(2))} %`;
}

/** What the next step of a threshold does: which edge goes, what the loss will be, how many are left. */
export function nextWords(
  net: Network,
  names: NodeNames,
  change: ThresholdChange | null,
  threshold: number,
  keepMean: boolean,
  tradeoff: LossCurve | null,
  what = "loss",
): string {
  if (!change) return "nothing is left for it to take";
  const parts = [`next: ${whoGoes(net, names, change)}`];
  if (tradeoff) {
    const present = change.left + change.edges.length;
    const now = predictLoss(tradeoff, threshold, present, keepMean);
    const then = predictLoss(tradeoff, change.level, change.left, keepMean);
    parts.push(`${what} ${foreseenWords(now)} → ${foreseenWords(then)}`);
  }
  parts.push(`${change.left.toLocaleString("en")} of ${countOf(net.edgeCount, "edge")} left`);
  return parts.join(", ");
}

/** A curve with fewer points than steps knows the losses between them only roughly. */
function foreseenWords(loss: PredictedLoss): string {
  if (loss.exact) return formatFigures(loss.from);
  if (isNarrow(loss)) return `about ${formatFigures(loss.from)}`;
  const ends = [loss.from, loss.to].sort((a, b) => a - b).map(formatFigures);
  return `between ${ends.join(" and ")}`;
}

/** Why a threshold has nothing to take, or "" when it has. */
export function idleWords(net: Network, axis: TargetKind, hasLevels: boolean): string {
  if (hasLevels) return "";
  if (axis === "node" && net.depth === 1) return "there are no hidden nodes";
  if (axis === "edge" ? net.scores.some(Number.isNaN) : net.nodeScores.some(Number.isNaN))
    return "the scores are not numbers";
  return axis === "node" ? "no hidden node has a score above 0" : "no edge has a score above 0";
}

/** Why no loss is drawn over a threshold; `tradeoff` is its curve in the present state. What will come is told from what never will. */
export function unknownWords(
  idle: string,
  { loss, computes }: Pick<Snapshot, "loss" | "computes">,
  tradeoff: LossCurve | null,
): string {
  if (idle) return `Nothing to draw: ${idle}`;
  if (!tradeoff && computes === false) return "This page does not know the loss along this threshold";
  // A page does not know the loss of a large network at first; Python says null of one that is not a number.
  const comes = !tradeoff && computes === true;
  if (!comes && (tradeoff || loss === null || !Number.isFinite(loss))) return "The loss is not a number";
  return "The loss along this threshold is still being computed";
}

/** Long names are whole on cards. */
const cut = (name: string) => cutToLength(name, LONG);
const LONG = 16;

function whoGoes(net: Network, names: NodeNames, { edges, nodes }: ThresholdChange): string {
  const name = (node: number) => isolated(cut(plainText(nameOf(net, names, node))));
  if (nodes.length > 1) return `${countOf(nodes.length, "node")} with ${countOf(edges.length, "edge")} go`;
  if (nodes.length === 1) return `${name(nodes[0]!)} goes with ${countOf(edges.length, "edge")}`;
  if (edges.length > 1) return `${countOf(edges.length, "edge")} go`;
  return `${name(net.source[edges[0]!]!)} → ${name(net.target[edges[0]!]!)} goes`;
}

/** "0.31 = 0.12 + 0.25 − 0.06 (bias)", with as few decimals as add up as they are written. */
export function sumWords(total: number, terms: readonly (readonly [value: number, what: string])[]): string {
  const size = Math.max(Math.abs(total), ...terms.map(([value]) => Math.abs(value)));
  if (!Number.isFinite(size)) return formatFigures(total);
  const least = size >= 1000 ? 0 : Math.max(2, Math.min(8, 1 - Math.floor(Math.log10(size || 1))));
  const fits = [0, 1, 2, 3].find((more) => {
    const written = terms.reduce((sum, [value]) => sum + Number(value.toFixed(least + more)), 0);
    return written.toFixed(least + more) === total.toFixed(least + more);
  });
  const decimals = least + (fits ?? 2);
  const write = (value: number) => {
    const text = Math.abs(value).toFixed(decimals);
    return Number(text) === 0 ? (0).toFixed(decimals) : text;
  };
  const sign = (value: number) => value < 0 && Number(value.toFixed(decimals)) !== 0;
  const sum = terms.map(([value, what], k) => {
    const lead = k === 0 ? (sign(value) ? "−" : "") : sign(value) ? " − " : " + ";
    return `${lead}${write(value)}${what && ` (${what})`}`;
  });
  return `${sign(total) ? "−" : ""}${write(total)} = ${sum.join("")}`;
}

/** Rank of an edge among all by its score, 1 for the largest. */
export function rankOf(net: Network, edge: number): number {
  const score = net.scores[edge]!;
  let rank = 1;
  for (const other of net.scores) if (other > score) rank++;
  return rank;
}

const counted = new WeakMap<Network, { edits: Edits; count: number }>();

/** Edges that are on with both thresholds at zero: the same as long as nothing is switched by hand. */
function countWithout(net: Network, edits: Edits): number {
  const seen = counted.get(net);
  const sets = ["removedEdges", "keptEdges", "removedNodes", "keptNodes"] as const;
  if (seen && sets.every((name) => seen.edits[name] === edits[name])) return seen.count;
  const count = countOn(maskOf(net, { ...edits, nodeThreshold: 0, edgeThreshold: 0 }));
  counted.set(net, { edits, count });
  return count;
}

/** What one threshold takes by itself, with the other at zero; `mask` is that of the edits, if it is known. */
export function removesWords(net: Network, edits: Edits, axis: TargetKind, mask?: Uint8Array): string {
  const none = { ...edits, nodeThreshold: 0, edgeThreshold: 0 };
  const alone =
    axis === "node"
      ? { ...none, nodeThreshold: edits.nodeThreshold }
      : { ...none, edgeThreshold: edits.edgeThreshold };
  if (alone.nodeThreshold === 0 && alone.edgeThreshold === 0) return "takes nothing";
  const other = axis === "node" ? edits.edgeThreshold : edits.nodeThreshold;
  const left = mask && other === 0 ? mask : maskOf(net, alone);
  const edges = countWithout(net, edits) - countOn(left);
  let nodes = 0;
  for (let n = 0; n < net.nodeCount; n++) {
    if (isHidden(net, n) && isBelowNodeThreshold(net, alone, n) && !edits.removedNodes.has(n)) nodes++;
  }
  if (nodes === 0 && edges === 0) return "takes nothing";
  const parts = [];
  if (nodes > 0) parts.push(countOf(nodes, "node"));
  parts.push(countOf(edges, "edge"));
  return `takes ${parts.join(", ")}`;
}

export interface Description {
  /** Names with their `_1` still in them, joined by an arrow for an edge. */
  readonly names: readonly string[];
  readonly details: readonly string[];
}

export function describeTarget(known: ViewState, names: NodeNames, target: Target): Description {
  const { net, edits, mask } = known;
  if (target.kind === "edge") {
    const ends = [net.source[target.id]!, net.target[target.id]!];
    return {
      names: ends.map((node) => nameOf(net, names, node)),
      details: [`score ${formatFigures(net.scores[target.id]!)}`, edgeState(net, edits, target.id)],
    };
  }
  const details = [];
  if (isHidden(net, target.id)) details.push(`score ${formatFigures(net.nodeScores[target.id]!)}`);
  if (edits.removedNodes.has(target.id)) details.push("off by hand");
  else if (isBelowNodeThreshold(net, edits, target.id)) details.push("taken by the node threshold");
  else if (!nodesOn(net, mask)[target.id]) details.push("off");
  else details.push(edits.keptNodes.has(target.id) ? "on, kept by hand" : "on");
  return { names: [nameOf(net, names, target.id)], details };
}

/** Whether a target is on, and why: the state of its switch in words. */
export function stateWords(known: ViewState, target: Target): string {
  if (target.kind === "edge") return edgeState(known.net, known.edits, target.id);
  const details = describeTarget(known, { inVars: [], outVars: [] }, target).details;
  return details.at(-1)!;
}

function edgeState(net: Network, edits: Edits, edge: number): string {
  switch (reasonOff(net, edits, edge)) {
    case null:
      return edits.keptEdges.has(edge) ? "on, kept by hand" : "on";
    case "hand":
      return "off by hand";
    case "model":
      return "off in the model";
    case "edge threshold":
      return "taken by the edge threshold";
    case "node threshold":
      return "taken by the node threshold";
  }
}

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

/** `drawn` is true where the strongest edges only are drawn, when there are many. */
export function countSentence(known: ViewState, drawn = false): string {
  const some =
    drawn && known.net.edgeCount > MAX_DRAWN
      ? ` (the ${MAX_DRAWN.toLocaleString("en")} strongest drawn)`
      : "";
  return `${countOn(known.mask).toLocaleString("en")} of ${countOf(known.net.edgeCount, "edge")}${some}`;
}

export function lossSentence(loss: number | null, name: string): string {
  return loss === null ? "" : `${name || "loss"} ${formatFigures(loss)}`;
}
