/** Which nodes matter: on a path of edges that are on, from an input to an output. Pure. */
import type { Network } from "./network";

/** 1 for each node of `on` that lies on such a path, (N,). Edges are sorted by layer: one pass each way is enough. */
export function nodesOnPath(net: Network, mask: Uint8Array, on: Uint8Array): Uint8Array {
  const { source, target, nodeCount, edgeCount } = net;
  const fed = new Uint8Array(nodeCount);
  const heard = new Uint8Array(nodeCount);
  fed.fill(1, 0, net.width[0]);
  heard.fill(1, net.nodeOffset[net.depth]);
  for (let e = 0; e < edgeCount; e++) if (mask[e] && fed[source[e]!] && on[source[e]!]) fed[target[e]!] = 1;
  for (let e = edgeCount - 1; e >= 0; e--)
    if (mask[e] && heard[target[e]!] && on[target[e]!]) heard[source[e]!] = 1;
  return on.map((is, n) => (is && fed[n] && heard[n] ? 1 : 0));
}
