/**
 * The mask rule: which edges are on under thresholds and hand edits, and why the others are off. Pure.
 *
 * Python applies the same rule to the live model; `tests/golden/masks.json` checks that the two agree.
 */
import { incoming, type Network, outgoing, type Topology } from "./network";

/** Thresholds and hand edits, by flat ids: with the baseline, everything that decides the mask. */
export interface Edits {
  readonly nodeThreshold: number;
  readonly edgeThreshold: number;
  readonly removedEdges: ReadonlySet<number>;
  readonly keptEdges: ReadonlySet<number>;
  readonly removedNodes: ReadonlySet<number>;
  readonly keptNodes: ReadonlySet<number>;
}

export const NO_EDITS: Edits = {
  nodeThreshold: 0,
  edgeThreshold: 0,
  removedEdges: new Set(),
  keptEdges: new Set(),
  removedNodes: new Set(),
  keptNodes: new Set(),
};

/**
 * The smallest threshold, which removes what scores 0: one below it removes nothing, as 0 does.
 * It is the smallest normal number: Python may count those below as 0.
 */
export const SMALLEST_THRESHOLD = 2 ** -1022;

/** Whether the node threshold removes `node`. A node no input reaches only emits a constant and is left alone. */
export function isBelowNodeThreshold(net: Network, edits: Edits, node: number): boolean {
  return (
    edits.nodeThreshold >= SMALLEST_THRESHOLD &&
    net.reachable[node] === 1 &&
    net.nodeScores[node]! <= edits.nodeThreshold &&
    !edits.keptNodes.has(node)
  );
}

/** The effective mask, 0 or 1 for each edge, (E,). Later lines overrule earlier ones. */
export function maskOf(net: Network, edits: Edits): Uint8Array {
  const { source, target, scores, baseline } = net;
  const removed = new Uint8Array(net.nodeCount);
  if (edits.nodeThreshold >= SMALLEST_THRESHOLD) {
    for (let n = 0; n < net.nodeCount; n++) removed[n] = isBelowNodeThreshold(net, edits, n) ? 1 : 0;
  }
  const te = edits.edgeThreshold >= SMALLEST_THRESHOLD ? edits.edgeThreshold : Number.NEGATIVE_INFINITY;
  const mask = new Uint8Array(net.edgeCount);
  for (let e = 0; e < net.edgeCount; e++) {
    if (baseline[e] && !(scores[e]! <= te) && !removed[source[e]!] && !removed[target[e]!]) mask[e] = 1;
  }
  for (const e of edits.keptEdges) mask[e] = 1;
  for (const n of edits.removedNodes) {
    for (const e of incoming(net, n)) mask[e] = 0;
    for (const e of outgoing(net, n)) mask[e] = 0;
  }
  for (const e of edits.removedEdges) mask[e] = 0;
  return mask;
}

export function isOn(net: Network, edits: Edits, edge: number): boolean {
  return reasonOff(net, edits, edge) === null;
}

export type Reason = "hand" | "model" | "edge threshold" | "node threshold";

/** Why an edge is off, by the strongest reason; null when it is on. */
export function reasonOff(net: Network, edits: Edits, edge: number): Reason | null {
  const a = net.source[edge]!;
  const b = net.target[edge]!;
  if (edits.removedEdges.has(edge) || edits.removedNodes.has(a) || edits.removedNodes.has(b)) return "hand";
  if (edits.keptEdges.has(edge)) return null;
  if (!net.baseline[edge]) return "model";
  if (edits.edgeThreshold >= SMALLEST_THRESHOLD && net.scores[edge]! <= edits.edgeThreshold)
    return "edge threshold";
  return isBelowNodeThreshold(net, edits, a) || isBelowNodeThreshold(net, edits, b) ? "node threshold" : null;
}

/** 1 for each node with an edge that is on out of it and into each of its slots, (N,). */
export function nodesOn(net: Topology, mask: Uint8Array): Uint8Array {
  const fed = new Uint8Array(net.slotNode.length);
  const outOf = new Uint8Array(net.nodeCount);
  outOf.fill(1, net.nodeOffset[net.depth]);
  for (let e = 0; e < net.edgeCount; e++) {
    if (mask[e]) {
      outOf[net.source[e]!] = 1;
      fed[net.slot[e]!] = 1;
    }
  }
  // A product is off as soon as one of its factors is.
  for (let s = 0; s < fed.length; s++) if (!fed[s]) outOf[net.slotNode[s]!] = 0;
  return outOf;
}

export function countOn(mask: Uint8Array): number {
  let n = 0;
  // By index: `for of` takes ten times as long, and this runs in every frame.
  for (let e = 0; e < mask.length; e++) n += mask[e]!;
  return n;
}

export function sameMask(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let e = 0; e < a.length; e++) if (a[e] !== b[e]) return false;
  return true;
}
