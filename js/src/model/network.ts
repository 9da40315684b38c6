/**
 * The network as plain numbers: which edges are on, and why not. Pure.
 *
 * An edge is known by its flat id, `edgeOffset[l] + j * width[l] + i`, and a node by `nodeOffset[l] + i`.
 * Edges end in slots. A node has one, unless it is a product: then it multiplies the sums of several.
 * Python applies the same rule to the live model; `tests/golden/masks.json` holds the two together.
 */
import { layOutSlots } from "./product-slots";

/** `[l, i, j]`: from node `i` of node layer `l` to slot `j` of the next one, which is node `j` if all are sums. */
export type EdgeIndex = [layer: number, from: number, to: number];
/** `[l, i]`: node `i` of node layer `l`. */
export type NodeIndex = [layer: number, node: number];

export interface Network {
  readonly width: readonly number[];
  /** Number of edge layers: `width.length - 1`. */
  readonly depth: number;
  readonly edgeCount: number;
  readonly nodeCount: number;
  /** First edge id of each edge layer, and `edgeCount` at the end. */
  readonly edgeOffset: readonly number[];
  /** First node id of each node layer, and `nodeCount` at the end. */
  readonly nodeOffset: readonly number[];
  /** First slot of each edge layer, and their number S at the end. */
  readonly slotOffset: readonly number[];
  /** Node id that each slot belongs to, (S,). */
  readonly slotNode: Uint32Array;
  /** Node ids at the two ends of each edge, and the slot it ends in, (E,). */
  readonly source: Uint32Array;
  readonly target: Uint32Array;
  readonly slot: Uint32Array;
  /** Edge scores of the baseline, (E,). */
  readonly scores: Float64Array;
  /** Mask of the baseline, 0 or 1, (E,). */
  readonly baseline: Uint8Array;
  /** min(max incoming, max outgoing score) of hidden nodes, (N,); infinite for inputs and outputs. */
  readonly nodeScores: Float64Array;
  /** 1 where an input reaches the node over baseline edges, (N,). */
  readonly reachable: Uint8Array;
}

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

/** `slots` has for each edge layer the node of the next layer that each slot belongs to; none means one each. */
export function createNetwork(
  width: readonly number[],
  scores: Float64Array,
  baseline: Uint8Array,
  slots: readonly (readonly number[])[] = [],
): Network {
  if (width.length < 2 || width.some((w) => !Number.isInteger(w) || w < 1)) {
    throw new Error(`A network needs at least two layers of whole, positive widths, not [${width}]`);
  }
  const depth = width.length - 1;
  const nodeOffset = [0];
  for (let l = 0; l <= depth; l++) nodeOffset.push(nodeOffset[l]! + width[l]!);
  const { slotOffset, slotNode } = layOutSlots(width, nodeOffset, slots);
  const edgeOffset = [0];
  for (let l = 0; l < depth; l++) {
    edgeOffset.push(edgeOffset[l]! + width[l]! * (slotOffset[l + 1]! - slotOffset[l]!));
  }
  const edgeCount = edgeOffset[depth]!;
  const nodeCount = nodeOffset[depth + 1]!;
  for (const [name, array] of [["scores", scores] as const, ["baseline", baseline] as const]) {
    if (array.length !== edgeCount) {
      throw new Error(`A [${width}] network has ${edgeCount} edges, but ${array.length} ${name} came`);
    }
  }
  const source = new Uint32Array(edgeCount);
  const target = new Uint32Array(edgeCount);
  const slot = new Uint32Array(edgeCount);
  const into = new Float64Array(nodeCount);
  const outOf = new Float64Array(nodeCount);
  let e = 0;
  for (let l = 0; l < depth; l++) {
    for (let s = slotOffset[l]!; s < slotOffset[l + 1]!; s++) {
      const b = slotNode[s]!;
      for (let a = nodeOffset[l]!; a < nodeOffset[l + 1]!; a++, e++) {
        source[e] = a;
        target[e] = b;
        slot[e] = s;
        outOf[a] = Math.max(outOf[a]!, scores[e]!);
        into[b] = Math.max(into[b]!, scores[e]!);
      }
    }
  }
  const nodeScores = new Float64Array(nodeCount).fill(Number.POSITIVE_INFINITY);
  for (let n = width[0]!; n < nodeOffset[depth]!; n++) nodeScores[n] = Math.min(into[n]!, outOf[n]!);
  const bare = {
    width,
    depth,
    edgeCount,
    nodeCount,
    edgeOffset,
    nodeOffset,
    slotOffset,
    slotNode,
    source,
    target,
    slot,
    scores,
    baseline,
    nodeScores,
  };
  return { ...bare, reachable: reachedUnder(bare, baseline) };
}

/** 1 where an input reaches the node over edges that are on, (N,). Where none does, the node is a constant. */
function reachedUnder(
  net: Pick<Network, "width" | "nodeCount" | "edgeCount" | "source" | "target">,
  mask: Uint8Array,
): Uint8Array {
  const reached = new Uint8Array(net.nodeCount);
  reached.fill(1, 0, net.width[0]);
  for (let e = 0; e < net.edgeCount; e++) {
    if (mask[e] && reached[net.source[e]!]) reached[net.target[e]!] = 1;
  }
  return reached;
}

/** Whether they have the same nodes and edges, whatever their scores. */
export const sameTopology = (a: Network, b: Network): boolean =>
  a === b ||
  (a.width.join() === b.width.join() &&
    a.slotNode.length === b.slotNode.length &&
    a.slotNode.every((node, slot) => node === b.slotNode[slot]));

/** Slots of the nodes of layer `l + 1`, in which the edges of edge layer `l` end. */
export function slotCount(net: Network, l: number): number {
  return net.slotOffset[l + 1]! - net.slotOffset[l]!;
}

export function edgeId(net: Network, [l, i, j]: EdgeIndex): number {
  return net.edgeOffset[l]! + j * net.width[l]! + i;
}

export function edgeIndex(net: Network, edge: number): EdgeIndex {
  const [l, i] = nodeIndex(net, net.source[edge]!);
  return [l, i, net.slot[edge]! - net.slotOffset[l]!];
}

export function nodeId(net: Network, [l, i]: NodeIndex): number {
  return net.nodeOffset[l]! + i;
}

export function nodeIndex(net: Network, node: number): NodeIndex {
  let l = 0;
  while (node >= net.nodeOffset[l + 1]!) l++;
  return [l, node - net.nodeOffset[l]!];
}

export function isHidden(net: Network, node: number): boolean {
  return node >= net.width[0]! && node < net.nodeOffset[net.depth]!;
}

/** Slots that `node` multiplies: one for a sum, none for an input. */
export function slotsOf(net: Network, node: number): number[] {
  const [l] = nodeIndex(net, node);
  const slots = [];
  for (let s = net.slotOffset[l - 1] ?? 0; l > 0 && s < net.slotOffset[l]!; s++) {
    if (net.slotNode[s] === node) slots.push(s);
  }
  return slots;
}

/** Edge ids that end in `node`; empty for an input. */
export function incoming(net: Network, node: number): number[] {
  return slotsOf(net, node).flatMap((slot) => into(net, slot));
}

function into(net: Network, slot: number): number[] {
  const l = net.slotOffset.findLastIndex((first) => first <= slot);
  const n = net.width[l]!;
  return Array.from({ length: n }, (_, i) => net.edgeOffset[l]! + (slot - net.slotOffset[l]!) * n + i);
}

/** What a node needs an edge of each of to be on: those into each of its slots, and those out of it. */
export function sidesOf(net: Network, node: number): number[][] {
  const sides = slotsOf(net, node).map((slot) => into(net, slot));
  return [...sides, outgoing(net, node)].filter((side) => side.length > 0);
}

/** Edge ids that begin in `node`; empty for an output. */
export function outgoing(net: Network, node: number): number[] {
  const [l, i] = nodeIndex(net, node);
  if (l === net.depth) return [];
  return Array.from({ length: slotCount(net, l) }, (_, j) => net.edgeOffset[l]! + j * net.width[l]! + i);
}

/**
 * The smallest threshold, which takes what scores 0: one below it takes nothing, as 0 does.
 * It is the smallest normal number: Python may count those below as 0.
 */
export const SMALLEST_THRESHOLD = 2 ** -1022;

/** Whether the node threshold takes `node`. A node no input reaches only emits a constant and is left alone. */
export function isBelowNodeThreshold(net: Network, edits: Edits, node: number): boolean {
  return (
    edits.nodeThreshold >= SMALLEST_THRESHOLD &&
    net.reachable[node] === 1 &&
    net.nodeScores[node]! <= edits.nodeThreshold &&
    !edits.keptNodes.has(node)
  );
}

/** The effective mask, 0 or 1 for each edge, (E,). The rule is read from its last line to its first. */
export function maskOf(net: Network, edits: Edits): Uint8Array {
  const { source, target, scores, baseline } = net;
  const taken = new Uint8Array(net.nodeCount);
  if (edits.nodeThreshold >= SMALLEST_THRESHOLD) {
    for (let n = 0; n < net.nodeCount; n++) taken[n] = isBelowNodeThreshold(net, edits, n) ? 1 : 0;
  }
  const te = edits.edgeThreshold >= SMALLEST_THRESHOLD ? edits.edgeThreshold : Number.NEGATIVE_INFINITY;
  const mask = new Uint8Array(net.edgeCount);
  for (let e = 0; e < net.edgeCount; e++) {
    if (baseline[e] && !(scores[e]! <= te) && !taken[source[e]!] && !taken[target[e]!]) mask[e] = 1;
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

/** Why an edge is off: the first line of the rule that says so; null when it is on. */
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
export function nodesOn(net: Network, mask: Uint8Array): Uint8Array {
  const fed = new Uint8Array(net.slotNode.length);
  const outOf = new Uint8Array(net.nodeCount);
  outOf.fill(1, net.nodeOffset[net.depth]);
  for (let e = 0; e < net.edgeCount; e++) {
    if (mask[e]) {
      outOf[net.source[e]!] = 1;
      fed[net.slot[e]!] = 1;
    }
  }
  // Without one of its factors a product is gone.
  for (let s = 0; s < fed.length; s++) if (!fed[s]) outOf[net.slotNode[s]!] = 0;
  return outOf;
}

const onOf = new WeakMap<Uint8Array, { net: Network; on: Uint8Array }>();

/** The same for a mask that nobody writes to any more, worked out once: many parts of a view ask. */
export function nodesOnOf(net: Network, mask: Uint8Array): Uint8Array {
  let seen = onOf.get(mask);
  if (seen?.net !== net) {
    seen = { net, on: nodesOn(net, mask) };
    onOf.set(mask, seen);
  }
  return seen.on;
}

/** True when no path of edges that are on leads from any input to any output. */
export function isCut(net: Network, mask: Uint8Array): boolean {
  return !reachedUnder(net, mask).subarray(net.nodeOffset[net.depth]).includes(1);
}

/** Hidden nodes with edges in, from which no output can be reached. */
export function deadEnds(net: Network, mask: Uint8Array): number[] {
  const fed = new Uint8Array(net.nodeCount);
  const leading = new Uint8Array(net.nodeCount);
  leading.fill(1, net.nodeOffset[net.depth]);
  for (let e = net.edgeCount - 1; e >= 0; e--) {
    if (!mask[e]) continue;
    fed[net.target[e]!] = 1;
    if (leading[net.target[e]!]) leading[net.source[e]!] = 1;
  }
  return [...fed.keys()].filter((n) => fed[n] && !leading[n]);
}

export function countOn(mask: Uint8Array): number {
  let n = 0;
  // An index: iterating costs ten times as much, and this runs in every frame.
  for (let e = 0; e < mask.length; e++) n += mask[e]!;
  return n;
}

export function sameMask(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let e = 0; e < a.length; e++) if (a[e] !== b[e]) return false;
  return true;
}
