/**
 * The order of nodes within their layers in which few lines cross. Pure.
 *
 * Inputs and outputs keep theirs. Hidden nodes go to the mean place of their neighbours, layer after layer and back
 * (the barycentre method of Sugiyama, 1981), and then change places with the next node where that helps. Everything
 * is counted in whole numbers, so that `figure/node_order.py` finds the same order.
 */
import type { Topology } from "../../model/network";
import { MAX_DRAWN } from "../../util/limits";

const MAX_SWEEPS = 8;
/** Beyond so many edges nodes do not change places one by one. */
const MAX_SWAPPED_EDGES = 300;
const MAX_SWAP_PASSES = 4;

/** For each layer its nodes, by their number in the layer, in the order in which they are drawn. */
export function nodeOrder(net: Topology, mask: Uint8Array): number[][] {
  const gaps = net.width.slice(1).map((_, l) => edgesOn(net, mask, l));
  const first = (l: number) => net.nodeOffset[l]!;
  const edges = gaps.reduce((sum, gap) => sum + gap.length, 0);
  const live = new Set(gaps.flat().flatMap((e) => [net.source[e]!, net.target[e]!]));
  const ownOrder = net.width.map((n, l) => Array.from({ length: n }, (_, i) => first(l) + i));
  const rows = ownOrder.map((nodes) => nodes.filter((n) => live.has(n)));
  const found = net.depth < 2 || edges > MAX_DRAWN ? rows : fewestCrossings(net, gaps, rows);
  // What is off stays in its place among the others.
  return ownOrder.map((nodes, l) => {
    let next = 0;
    return nodes.map((n) => (live.has(n) ? found[l]![next++]! : n) - first(l));
  });
}

/** How many pairs of lines cross when the live nodes of each layer stand in these orders. */
export function countCrossings(net: Topology, mask: Uint8Array, order: readonly number[][]): number {
  const at = placesOf(order.map((nodes, l) => nodes.map((i) => net.nodeOffset[l]! + i)));
  return net.width.slice(1).reduce((sum, _, l) => sum + crossings(net, edgesOn(net, mask, l), at), 0);
}

function edgesOn(net: Topology, mask: Uint8Array, l: number): number[] {
  const on: number[] = [];
  for (let e = net.edgeOffset[l]!; e < net.edgeOffset[l + 1]!; e++) if (mask[e]) on.push(e);
  return on;
}

type Rows = readonly (readonly number[])[];

function placesOf(rows: Rows): Map<number, number> {
  return new Map(rows.flatMap((nodes) => nodes.map((n, k) => [n, k] as const)));
}

function fewestCrossings(net: Topology, gaps: readonly number[][], start: Rows): Rows {
  const total = (rows: Rows) => {
    const at = placesOf(rows);
    return gaps.reduce((sum, gap) => sum + crossings(net, gap, at), 0);
  };
  let best = start;
  let least = total(start);
  const rows = start.map((nodes) => [...nodes]);
  const hidden = Array.from({ length: net.depth - 1 }, (_, k) => k + 1);
  const keepIfBetter = () => {
    const count = total(rows);
    if (count >= least) return;
    [best, least] = [rows.map((nodes) => [...nodes]), count];
  };
  for (let sweep = 0; sweep < MAX_SWEEPS && least > 0; sweep++) {
    const down = sweep % 2 === 0;
    for (const l of down ? hidden : hidden.toReversed()) {
      rows[l] = byMeanPlace(net, rows[l]!, gaps[down ? l - 1 : l]!, down, placesOf(rows));
    }
    keepIfBetter();
  }
  if (gaps.flat().length > MAX_SWAPPED_EDGES) return best;
  return swapped(net, gaps, best);
}

/** Nodes by the mean place of their neighbours in the layer before (`fromSource`) or after. */
function byMeanPlace(
  net: Topology,
  nodes: readonly number[],
  gap: readonly number[],
  fromSource: boolean,
  at: ReadonlyMap<number, number>,
): number[] {
  const sums = new Map(nodes.map((n) => [n, { sum: 0, count: 0 }]));
  for (const e of gap) {
    const [own, other] = fromSource ? [net.target[e]!, net.source[e]!] : [net.source[e]!, net.target[e]!];
    const mean = sums.get(own)!;
    mean.sum += at.get(other)!;
    mean.count += 1;
  }
  for (const [n, mean] of sums) if (mean.count === 0) sums.set(n, { sum: at.get(n)!, count: 1 });
  return [...nodes].sort((a, b) => {
    const [x, y] = [sums.get(a)!, sums.get(b)!];
    return x.sum * y.count - y.sum * x.count || at.get(a)! - at.get(b)!;
  });
}

/** Neighbours change places as long as that leaves fewer crossings. */
function swapped(net: Topology, gaps: readonly number[][], start: Rows): Rows {
  const rows = start.map((nodes) => [...nodes]);
  const at = placesOf(rows);
  for (let pass = 0, better = true; better && pass < MAX_SWAP_PASSES; pass++) {
    better = false;
    for (let l = 1; l < net.depth; l++) {
      const count = () => crossings(net, gaps[l - 1]!, at) + crossings(net, gaps[l]!, at);
      const nodes = rows[l]!;
      let before = count();
      for (let k = 0; k + 1 < nodes.length; k++) {
        swap(nodes, at, k);
        const after = count();
        if (after < before) [before, better] = [after, true];
        else swap(nodes, at, k);
      }
    }
  }
  return rows;
}

function swap(nodes: number[], at: Map<number, number>, k: number): void {
  const [a, b] = [nodes[k]!, nodes[k + 1]!];
  [nodes[k], nodes[k + 1]] = [b, a];
  at.set(b, k);
  at.set(a, k + 1);
}

/** Pairs of lines that cross between two layers: the inversions of their ends, in the order of their beginnings. */
function crossings(net: Topology, gap: readonly number[], at: ReadonlyMap<number, number>): number {
  // Lines into a product end in its sums, which are side by side.
  const slots = net.slotNode.length;
  const lines = gap.map((e) => ({
    from: at.get(net.source[e]!)!,
    to: at.get(net.target[e]!)! * slots + net.slot[e]!,
  }));
  lines.sort((a, b) => a.from - b.from || a.to - b.to);
  return inversions(lines.map(({ to }) => to));
}

/** Pairs in the wrong order, by merging (Knuth); the list is sorted after. */
function inversions(list: number[]): number {
  if (list.length < 2) return 0;
  const middle = list.length >> 1;
  const [left, right] = [list.slice(0, middle), list.slice(middle)];
  let count = inversions(left) + inversions(right);
  let [i, j] = [0, 0];
  for (let k = 0; k < list.length; k++) {
    if (j >= right.length || (i < left.length && left[i]! <= right[j]!)) list[k] = left[i++]!;
    else {
      list[k] = right[j++]!;
      count += left.length - i;
    }
  }
  return count;
}
