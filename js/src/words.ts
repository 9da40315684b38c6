/** What the view says, in words: states, scores, what a threshold takes. Pure. */

import { type Names, nameOf, plainText } from "./labels";
import { MAX_DRAWN } from "./layout";
import {
  countOn,
  type Edits,
  edgeIndex,
  isHidden,
  isTaken,
  maskOf,
  type Network,
  nodesOn,
  reasonOff,
} from "./network";
import type { Axis, Known, Target } from "./state";

/** Four significant digits, as short as they can be written. */
export function figures(value: number): string {
  if (Number.isNaN(value)) return "not a number";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e5 ? value.toPrecision(4) : value.toExponential(2);
}

/** Three figures, for read-outs beside a control. */
export function short(value: number): string {
  if (value === 0) return "0";
  return value >= 1e-3 && value < 1e4 ? Number(value.toPrecision(3)).toString() : value.toExponential(1);
}

const count = (n: number, noun: string) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

/** What one threshold takes by itself, with the other at zero. */
export function takes(net: Network, edits: Edits, axis: Axis): string {
  const none = { ...edits, nodeThreshold: 0, edgeThreshold: 0 };
  const alone =
    axis === "node"
      ? { ...none, nodeThreshold: edits.nodeThreshold }
      : { ...none, edgeThreshold: edits.edgeThreshold };
  if (alone.nodeThreshold === 0 && alone.edgeThreshold === 0) return "takes nothing";
  const edges = countOn(maskOf(net, none)) - countOn(maskOf(net, alone));
  let nodes = 0;
  for (let n = 0; n < net.nodeCount; n++) {
    if (isHidden(net, n) && isTaken(net, alone, n) && !edits.removedNodes.has(n)) nodes++;
  }
  if (nodes === 0 && edges === 0) return "takes nothing";
  const parts = [];
  if (nodes > 0) parts.push(count(nodes, "node"));
  parts.push(count(edges, "edge"));
  return `takes ${parts.join(", ")}`;
}

export interface Description {
  /** Names with their `_1` still in them, joined by an arrow for an edge. */
  readonly names: readonly string[];
  readonly details: readonly string[];
}

export function describe(known: Known, names: Names, target: Target): Description {
  const { net, edits, mask } = known;
  if (target.kind === "edge") {
    const ends = [net.source[target.id]!, net.target[target.id]!];
    return {
      names: ends.map((node) => nameOf(net, names, node)),
      details: [`score ${figures(net.scores[target.id]!)}`, edgeState(net, edits, target.id)],
    };
  }
  const details = [];
  if (isHidden(net, target.id)) details.push(`score ${figures(net.nodeScores[target.id]!)}`);
  if (edits.removedNodes.has(target.id)) details.push("off by hand");
  else if (isTaken(net, edits, target.id)) details.push("taken by the node threshold");
  else if (!nodesOn(net, mask)[target.id]) details.push("off");
  else details.push(edits.keptNodes.has(target.id) ? "on, kept by hand" : "on");
  return { names: [nameOf(net, names, target.id)], details };
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
export function accessibleName(net: Network, names: Names, target: Target): string {
  if (target.kind === "node") {
    const kind = isHidden(net, target.id) ? "Node" : target.id < net.width[0]! ? "Input" : "Output";
    return `${kind} ${plainText(nameOf(net, names, target.id))}`;
  }
  const [from, to] = [net.source[target.id]!, net.target[target.id]!].map((n) =>
    plainText(nameOf(net, names, n)),
  );
  return `Edge ${edgeIndex(net, target.id).join(", ")}: ${from} to ${to}, score ${figures(net.scores[target.id]!)}`;
}

export function countSentence(known: Known): string {
  const drawn = MAX_DRAWN.toLocaleString("en");
  const some = known.net.edgeCount > MAX_DRAWN ? ` (the ${drawn} strongest drawn)` : "";
  return `${countOn(known.mask).toLocaleString("en")} of ${count(known.net.edgeCount, "edge")}${some}`;
}

export function lossSentence(loss: number | null, baseline: number | null, name: string): string {
  if (loss === null) return "";
  const was = baseline === null ? "" : ` (was ${figures(baseline)})`;
  return `${name || "loss"} ${figures(loss)}${was}`;
}
