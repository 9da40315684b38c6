/** What can be reached over edges that are on. Edges are sorted by layer: one pass is enough. Pure. */

/** Nodes and edges of N and E. */
export interface Graph {
  readonly width: readonly number[];
  /** Number of edge layers: `width.length - 1`. */
  readonly depth: number;
  readonly edgeCount: number;
  readonly nodeCount: number;
  /** First node id of each node layer, and `nodeCount` at the end. */
  readonly nodeOffset: readonly number[];
  /** Node ids at the two ends of each edge, (E,). */
  readonly source: Uint32Array;
  readonly target: Uint32Array;
}

/**
 * 1 where an input reaches the node over edges that are on, (N,). Where none does, the node is a constant.
 * With `through` no path goes on from a node that has 0 there.
 */
export function reachedFromInputs(net: Graph, mask: Uint8Array, through?: Uint8Array): Uint8Array {
  const { source, target } = net;
  const reached = new Uint8Array(net.nodeCount).fill(1, 0, net.width[0]);
  for (let e = 0; e < net.edgeCount; e++) {
    const from = source[e]!;
    if (mask[e] && reached[from] && (!through || through[from])) reached[target[e]!] = 1;
  }
  return reached;
}

/** 1 where the node reaches an output, (N,); `through` as above. */
function leadingToOutputs(net: Graph, mask: Uint8Array, through?: Uint8Array): Uint8Array {
  const { source, target } = net;
  const leading = new Uint8Array(net.nodeCount).fill(1, net.nodeOffset[net.depth]);
  for (let e = net.edgeCount - 1; e >= 0; e--) {
    const to = target[e]!;
    if (mask[e] && leading[to] && (!through || through[to])) leading[source[e]!] = 1;
  }
  return leading;
}

/** True when no path of edges that are on leads from any input to any output. */
export function isCut(net: Graph, mask: Uint8Array): boolean {
  return !reachedFromInputs(net, mask).subarray(net.nodeOffset[net.depth]).includes(1);
}

/** Hidden nodes with edges in, from which no output can be reached. */
export function deadEnds(net: Graph, mask: Uint8Array): number[] {
  const leading = leadingToOutputs(net, mask);
  const dead = new Set<number>();
  for (let e = 0; e < net.edgeCount; e++) if (mask[e] && !leading[net.target[e]!]) dead.add(net.target[e]!);
  return [...dead].sort((a, b) => a - b);
}

/** 1 for each node of `on` that lies on a path from an input to an output over edges and nodes that are on, (N,). */
export function nodesOnPath(net: Graph, mask: Uint8Array, on: Uint8Array): Uint8Array {
  const reached = reachedFromInputs(net, mask, on);
  const leading = leadingToOutputs(net, mask, on);
  return on.map((is, n) => (is && reached[n] && leading[n] ? 1 : 0));
}
