/** How each cell and each node of the matrix view looks, all at once: the rule of `views/network/scene.ts` for tens of thousands of edges. Pure. */
import { isBelowNodeThreshold } from "../../model/mask";
import type { Network } from "../../model/network";
import type { ViewState } from "../../state/view-state";

export const OFF = 0;
export const REMOVED = 1;
export const REMOVING = 2;
export const ON = 3;
export const CELL_STATE = 3;
/** Further bits of a cell's code. */
export const KEPT = 4;
export const SYMBOLIC = 8;
/** Its node is off, and the map of the node is hollow: the cell is painted faintly. */
export const GHOST = 16;
/** It is off, and what is off is not shown. */
export const HIDDEN = 32;

export interface CellStates {
  /** Look and bits of each edge, (E,). */
  readonly edges: Uint8Array;
  /** Look of each node, (N,). */
  readonly nodes: Uint8Array;
}

/** Whether a threshold would remove edges, has removed some, and whether others are off: what a legend explains. */
export function kindsOf(edges: Uint8Array): { removing: boolean; removed: boolean; off: boolean } {
  const seen = [false, false, false, false];
  for (let e = 0; e < edges.length; e++) seen[edges[e]! & CELL_STATE] = true;
  return { removing: seen[REMOVING]!, removed: seen[REMOVED]!, off: seen[OFF]! };
}

export function cellStatesOf(known: ViewState, ghosts: boolean, hidesRemoved = false): CellStates {
  const { net, edits, mask, layoutMask } = known;
  const { source, target, baseline } = net;
  const byHand = new Uint8Array(net.nodeCount);
  for (const n of edits.removedNodes) byHand[n] = 1;
  const nodes = nodeStates(known);
  const edges = new Uint8Array(net.edgeCount);
  for (let e = 0; e < net.edgeCount; e++) {
    if (mask[e]) edges[e] = ON;
    else if (!baseline[e] || byHand[source[e]!] || byHand[target[e]!]) edges[e] = OFF;
    else edges[e] = layoutMask[e] ? REMOVING : REMOVED;
  }
  for (const e of edits.removedEdges) edges[e] = OFF;
  for (const e of edits.keptEdges) {
    if (mask[e]) edges[e]! |= KEPT;
    else edges[e] = OFF;
  }
  if (hidesRemoved) {
    for (let e = 0; e < net.edgeCount; e++) {
      if (edges[e] === OFF || edges[e] === REMOVED) edges[e]! |= HIDDEN;
    }
  }
  for (const e of known.symbolic.keys()) if (e < net.edgeCount) edges[e]! |= SYMBOLIC;
  if (ghosts) {
    for (let e = 0; e < net.edgeOffset[1]!; e++) if (nodes[target[e]!] !== ON) edges[e]! |= GHOST;
  }
  return { edges, nodes };
}

function nodeStates({ net, edits, nodesOn, layoutNodesOn: before }: ViewState): Uint8Array {
  return nodesOn.map((live, n) => {
    if (live) return ON;
    if (!isBelowNodeThreshold(net, edits, n) || edits.removedNodes.has(n)) return OFF;
    return before[n] ? REMOVING : REMOVED;
  });
}

/** Sum of the scores of each node's edges that are on: out of an input, into any other, (N,). */
export function totalScores(net: Network, mask: Uint8Array): Float64Array {
  const { source, target, scores } = net;
  const totals = new Float64Array(net.nodeCount);
  const ofInputs = net.edgeOffset[1]!;
  for (let e = 0; e < net.edgeCount; e++) {
    const score = scores[e]!;
    if (!mask[e] || !(score > 0)) continue;
    if (e < ofInputs) totals[source[e]!]! += score;
    totals[target[e]!]! += score;
  }
  return totals;
}
