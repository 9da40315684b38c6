/** What one threshold removes. */
import { countOn, type Edits, isBelowNodeThreshold, maskOf } from "../../model/mask";
import { isHidden, type Network, type TargetKind } from "../../model/network";

const counted = new WeakMap<Network, { edits: Edits; count: number }>();

/** Edges that are on with both thresholds at zero: the same as long as nothing is switched by hand. */
function countWithoutThresholds(net: Network, edits: Edits): number {
  const seen = counted.get(net);
  const sets = ["removedEdges", "keptEdges", "removedNodes", "keptNodes"] as const;
  if (seen && sets.every((name) => seen.edits[name] === edits[name])) return seen.count;
  const count = countOn(maskOf(net, { ...edits, nodeThreshold: 0, edgeThreshold: 0 }));
  counted.set(net, { edits, count });
  return count;
}

/** What one threshold removes by itself, with the other at zero; `mask` is that of the edits, if it is known. */
export function countRemoved(
  net: Network,
  edits: Edits,
  axis: TargetKind,
  mask?: Uint8Array,
): { nodes: number; edges: number } {
  const none = { ...edits, nodeThreshold: 0, edgeThreshold: 0 };
  const alone =
    axis === "node"
      ? { ...none, nodeThreshold: edits.nodeThreshold }
      : { ...none, edgeThreshold: edits.edgeThreshold };
  if (alone.nodeThreshold === 0 && alone.edgeThreshold === 0) return { nodes: 0, edges: 0 };
  const other = axis === "node" ? edits.edgeThreshold : edits.nodeThreshold;
  const left = mask && other === 0 ? mask : maskOf(net, alone);
  const edges = countWithoutThresholds(net, edits) - countOn(left);
  let nodes = 0;
  for (let n = 0; n < net.nodeCount; n++) {
    if (isHidden(net, n) && isBelowNodeThreshold(net, alone, n) && !edits.removedNodes.has(n)) nodes++;
  }
  return { nodes, edges };
}
