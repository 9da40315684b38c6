/** What switching edges and nodes by hand does to the edits. Pure. */
import { type Edits, isBelowNodeThreshold, isOn, maskOf, nodesOn, SMALLEST_THRESHOLD } from "./mask";
import {
  incoming,
  type Network,
  outgoing,
  sidesOf,
  type Target,
  type TargetKind,
  type Topology,
} from "./network";

/** A copy of the edits whose sets may be changed. */
type EditableEdits = { -readonly [K in keyof Edits]: Edits[K] extends number ? number : Set<number> };

function copyOf(edits: Edits): EditableEdits {
  return {
    nodeThreshold: edits.nodeThreshold,
    edgeThreshold: edits.edgeThreshold,
    removedEdges: new Set(edits.removedEdges),
    keptEdges: new Set(edits.keptEdges),
    removedNodes: new Set(edits.removedNodes),
    keptNodes: new Set(edits.keptNodes),
  };
}

export function removeEdge(_net: Network, edits: Edits, edge: number): Edits {
  const next = copyOf(edits);
  next.keptEdges.delete(edge);
  next.removedEdges.add(edge);
  return next;
}

/** Only `edge` comes back: when an end of it was removed, the other edges of that node stay off by hand. */
export function restoreEdge(net: Network, edits: Edits, edge: number): Edits {
  const next = copyOf(edits);
  for (const node of [net.source[edge]!, net.target[edge]!]) {
    if (!next.removedNodes.delete(node)) continue;
    for (const other of [...incoming(net, node), ...outgoing(net, node)]) {
      if (other === edge) continue;
      next.keptEdges.delete(other);
      next.removedEdges.add(other);
    }
  }
  next.removedEdges.delete(edge);
  if (!isOn(net, next, edge)) next.keptEdges.add(edge);
  return next;
}

export function removeNode(_net: Network, edits: Edits, node: number): Edits {
  const next = copyOf(edits);
  next.keptNodes.delete(node);
  next.removedNodes.add(node);
  return next;
}

/** Brings a node back; a side of it that would stay empty gets all its edges, else the node would not be on. */
export function restoreNode(net: Network, edits: Edits, node: number): Edits {
  const next = copyOf(edits);
  next.removedNodes.delete(node);
  if (isBelowNodeThreshold(net, next, node)) next.keptNodes.add(node);
  for (const side of sidesOf(net, node)) {
    if (side.some((edge) => isOn(net, next, edge))) continue;
    for (const edge of side) {
      next.removedEdges.delete(edge);
      const weak = next.edgeThreshold >= SMALLEST_THRESHOLD && net.scores[edge]! <= next.edgeThreshold;
      if (!net.baseline[edge] || weak) next.keptEdges.add(edge);
    }
  }
  return next;
}

export function toggle(net: Network, edits: Edits, target: Target): Edits {
  if (target.kind === "edge") {
    return (isOn(net, edits, target.id) ? removeEdge : restoreEdge)(net, edits, target.id);
  }
  const on = nodesOn(net, maskOf(net, edits))[target.id] === 1;
  return (on ? removeNode : restoreNode)(net, edits, target.id);
}

export const isTargetOn = (net: Topology, mask: Uint8Array, { kind, id }: Target): boolean =>
  (kind === "edge" ? mask : nodesOn(net, mask))[id] === 1;

/** Several at once: all off when one of them is on, else all on. */
export function toggleAll(net: Network, edits: Edits, targets: readonly Target[]): Edits {
  if (targets.length === 1) return toggle(net, edits, targets[0]!);
  const mask = maskOf(net, edits);
  const nodes = nodesOn(net, mask);
  const on = (kind: TargetKind, id: number) => (kind === "edge" ? mask : nodes)[id] === 1;
  if (targets.some(({ kind, id }) => on(kind, id))) {
    const gone = new Set(targets.filter(({ kind }) => kind === "node").map(({ id }) => id));
    // An edge removed together with its node is not removed individually: it comes back with the node.
    const alone = ({ kind, id }: Target) =>
      kind === "node" || !(gone.has(net.source[id]!) || gone.has(net.target[id]!));
    return targets
      .filter((target) => on(target.kind, target.id) && alone(target))
      .reduce((all, { kind, id }) => (kind === "edge" ? removeEdge : removeNode)(net, all, id), edits);
  }
  // Nodes first: an edge that comes back by itself would leave its node's other edges off.
  return [...targets]
    .sort((a, b) => Number(a.kind === "edge") - Number(b.kind === "edge"))
    .reduce((all, { kind, id }) => (kind === "edge" ? restoreEdge : restoreNode)(net, all, id), edits);
}
