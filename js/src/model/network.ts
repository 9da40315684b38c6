/**
 * A network as plain numbers: its topology, which stays, and its weights, which training replaces. Pure.
 *
 * An edge is known by its flat id, `edgeOffset[l] + j * width[l] + i`, and a node by `nodeOffset[l] + i`.
 * Edges end in slots. A node has one, unless it is a product: then it multiplies the sums of several.
 */
import { layOutSlots } from "./product-slots";
import { type Graph, reachedFromInputs } from "./reachability";

/** `[l, i, j]`: from node `i` of node layer `l` to slot `j` of the next one, which is node `j` if all are sums. */
export type EdgeIndex = [layer: number, from: number, to: number];
/** `[l, i]`: node `i` of node layer `l`. */
export type NodeIndex = [layer: number, node: number];

export type TargetKind = "node" | "edge";
/** A node or an edge, by its flat id. */
export type Target = { readonly kind: TargetKind; readonly id: number };

export const sameTarget = (a: Target | null, b: Target | null) => a?.kind === b?.kind && a?.id === b?.id;

/** Layers, nodes and edges. */
export interface Topology extends Graph {
  /** First edge id of each edge layer, and `edgeCount` at the end. */
  readonly edgeOffset: readonly number[];
  /** First slot of each edge layer, and their number S at the end. */
  readonly slotOffset: readonly number[];
  /** Node id that each slot belongs to, (S,). */
  readonly slotNode: Uint32Array;
  /** Slot that each edge ends in, (E,). */
  readonly slot: Uint32Array;
}

/** What Python measured on the model as it is now. */
export interface Weights {
  /** Edge scores of the baseline, (E,). */
  readonly scores: Float64Array;
  /** Mask of the baseline, 0 or 1, (E,). */
  readonly baseline: Uint8Array;
  /** min(max incoming, max outgoing score) of hidden nodes, (N,); infinite for inputs and outputs. */
  readonly nodeScores: Float64Array;
  /** 1 where an input reaches the node over baseline edges, (N,). */
  readonly reachable: Uint8Array;
}

/** A topology with the weights of one moment. */
export interface Network extends Topology, Weights {
  /** The same object in every network of these layers that a model had. */
  readonly topology: Topology;
}

/** `slots` has for each edge layer the node of the next layer that each slot belongs to; none means one each. */
export function createTopology(
  width: readonly number[],
  slots: readonly (readonly number[])[] = [],
): Topology {
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
  const [edgeCount, nodeCount] = [edgeOffset[depth]!, nodeOffset[depth + 1]!];
  const source = new Uint32Array(edgeCount);
  const target = new Uint32Array(edgeCount);
  const slot = new Uint32Array(edgeCount);
  let e = 0;
  for (let l = 0; l < depth; l++) {
    for (let s = slotOffset[l]!; s < slotOffset[l + 1]!; s++) {
      for (let n = nodeOffset[l]!; n < nodeOffset[l + 1]!; n++, e++) {
        source[e] = n;
        target[e] = slotNode[s]!;
        slot[e] = s;
      }
    }
  }
  return {
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
  };
}

/** A topology with the scores and the mask of a baseline, (E,) each. */
export function withWeights(topology: Topology, scores: Float64Array, baseline: Uint8Array): Network {
  const { width, depth, edgeCount, nodeCount, nodeOffset, source, target } = topology;
  for (const [name, array] of [["scores", scores] as const, ["baseline", baseline] as const]) {
    if (array.length !== edgeCount) {
      throw new Error(`A [${width}] network has ${edgeCount} edges, but ${array.length} ${name} came`);
    }
  }
  const into = new Float64Array(nodeCount);
  const outOf = new Float64Array(nodeCount);
  for (let e = 0; e < edgeCount; e++) {
    outOf[source[e]!] = Math.max(outOf[source[e]!]!, scores[e]!);
    into[target[e]!] = Math.max(into[target[e]!]!, scores[e]!);
  }
  const nodeScores = new Float64Array(nodeCount).fill(Number.POSITIVE_INFINITY);
  for (let n = width[0]!; n < nodeOffset[depth]!; n++) nodeScores[n] = Math.min(into[n]!, outOf[n]!);
  const reachable = reachedFromInputs(topology, baseline);
  return { ...topology, topology, scores, baseline, nodeScores, reachable };
}

export function createNetwork(
  width: readonly number[],
  scores: Float64Array,
  baseline: Uint8Array,
  slots?: readonly (readonly number[])[],
): Network {
  return withWeights(createTopology(width, slots), scores, baseline);
}

/** Slots of the nodes of layer `l + 1`, in which the edges of edge layer `l` end. */
export function slotCount(net: Topology, l: number): number {
  return net.slotOffset[l + 1]! - net.slotOffset[l]!;
}

export function edgeId(net: Topology, [l, i, j]: EdgeIndex): number {
  return net.edgeOffset[l]! + j * net.width[l]! + i;
}

export function edgeIndex(net: Topology, edge: number): EdgeIndex {
  const [l, i] = nodeIndex(net, net.source[edge]!);
  return [l, i, net.slot[edge]! - net.slotOffset[l]!];
}

export function nodeId(net: Topology, [l, i]: NodeIndex): number {
  return net.nodeOffset[l]! + i;
}

export function nodeIndex(net: Topology, node: number): NodeIndex {
  let l = 0;
  while (node >= net.nodeOffset[l + 1]!) l++;
  return [l, node - net.nodeOffset[l]!];
}

export function isHidden(net: Topology, node: number): boolean {
  return node >= net.width[0]! && node < net.nodeOffset[net.depth]!;
}

/** Slots that `node` multiplies: one for a sum, none for an input. */
export function slotsOf(net: Topology, node: number): number[] {
  const [l] = nodeIndex(net, node);
  const slots = [];
  for (let s = net.slotOffset[l - 1] ?? 0; l > 0 && s < net.slotOffset[l]!; s++) {
    if (net.slotNode[s] === node) slots.push(s);
  }
  return slots;
}

/** Edge ids that end in `node`; empty for an input. */
export function incoming(net: Topology, node: number): number[] {
  return slotsOf(net, node).flatMap((slot) => into(net, slot));
}

function into(net: Topology, slot: number): number[] {
  const l = net.slotOffset.findLastIndex((first) => first <= slot);
  const n = net.width[l]!;
  return Array.from({ length: n }, (_, i) => net.edgeOffset[l]! + (slot - net.slotOffset[l]!) * n + i);
}

/** What a node needs an edge of each of to be on: those into each of its slots, and those out of it. */
export function sidesOf(net: Topology, node: number): number[][] {
  const sides = slotsOf(net, node).map((slot) => into(net, slot));
  return [...sides, outgoing(net, node)].filter((side) => side.length > 0);
}

/** Edge ids that begin in `node`; empty for an output. */
export function outgoing(net: Topology, node: number): number[] {
  const [l, i] = nodeIndex(net, node);
  if (l === net.depth) return [];
  return Array.from({ length: slotCount(net, l) }, (_, j) => net.edgeOffset[l]! + j * net.width[l]! + i);
}
