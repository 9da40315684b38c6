/**
 * What one view knows, and how it changes: hand edits, a drag in progress, what is under the pointer. Pure.
 *
 * The decisions (thresholds, hand edits) are the model's; the drag, the hover and the mask that the layout
 * stands for belong to this view alone and are never synced.
 */
import {
  type Edits,
  incoming,
  isBelowNodeThreshold,
  isOn,
  maskOf,
  type Network,
  nodesOn,
  outgoing,
  SMALLEST_THRESHOLD,
  sameMask,
  sameTopology,
  sidesOf,
} from "../model/network";

export type TargetKind = "node" | "edge";
export type Target = { readonly kind: TargetKind; readonly id: number };

export const sameTarget = (a: Target | null, b: Target | null) => a?.kind === b?.kind && a?.id === b?.id;

/** The hand edits as sets that may be changed: a transition copies, changes its copy and returns it. */
type Draft = { -readonly [K in keyof Edits]: Edits[K] extends number ? number : Set<number> };

function draft(edits: Edits): Draft {
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
  const next = draft(edits);
  next.keptEdges.delete(edge);
  next.removedEdges.add(edge);
  return next;
}

/** Only `edge` comes back: when an end of it was removed, the other edges of that node stay off by hand. */
export function restoreEdge(net: Network, edits: Edits, edge: number): Edits {
  const next = draft(edits);
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
  const next = draft(edits);
  next.keptNodes.delete(node);
  next.removedNodes.add(node);
  return next;
}

/** Brings a node back; a side of it that would stay empty gets all its edges, else the node would not be on. */
export function restoreNode(net: Network, edits: Edits, node: number): Edits {
  const next = draft(edits);
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

export const isTargetOn = (net: Network, mask: Uint8Array, { kind, id }: Target): boolean =>
  (kind === "edge" ? mask : nodesOn(net, mask))[id] === 1;

/** Several at once: all off when one of them is on, else all on. */
export function toggleAll(net: Network, edits: Edits, targets: readonly Target[]): Edits {
  if (targets.length === 1) return toggle(net, edits, targets[0]!);
  const mask = maskOf(net, edits);
  const nodes = nodesOn(net, mask);
  const on = (kind: TargetKind, id: number) => (kind === "edge" ? mask : nodes)[id] === 1;
  if (targets.some(({ kind, id }) => on(kind, id))) {
    const gone = new Set(targets.filter(({ kind }) => kind === "node").map(({ id }) => id));
    // An edge that goes with its node is not off by itself: it comes back with the node.
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

export interface ViewState {
  readonly net: Network;
  /** What the model says. */
  readonly synced: Edits;
  /** The mask Python has applied to the live model. */
  readonly kernelMask: Uint8Array;
  /** The slider in the person's hand and where it stands; it overrules the model until it is let go. */
  readonly drag: { readonly axis: TargetKind; readonly value: number } | null;
  /** The model's decisions with the drag on top. */
  readonly edits: Edits;
  /** The mask that `edits` gives: what is drawn. */
  readonly mask: Uint8Array;
  /** A hand has pressed on the stage and is still there: what it means must not move away from under it. */
  readonly held: boolean;
  /** The mask the layout stands for: frozen while a slider is dragged or the stage is held. */
  readonly settled: Uint8Array;
  readonly hover: Target | null;
  readonly focus: Target | null;
  /** Edges and nodes whose cards are open, in the order in which they were chosen. */
  readonly selected: readonly Target[];
  /** Text of edges with a fixed formula. */
  readonly symbolic: ReadonlyMap<number, string>;
}

/** What the model says, as far as it decides the picture. */
export type Synced = Pick<ViewState, "net" | "edits" | "kernelMask" | "selected" | "symbolic">;

export type Action =
  | { type: "synced"; reading: Synced }
  | { type: "dragged"; axis: TargetKind; value: number }
  | { type: "released" }
  | { type: "held"; held: boolean }
  | { type: "hovered"; target: Target | null }
  | { type: "focused"; target: Target | null };

export function reduce(known: ViewState | null, action: Action): ViewState | null {
  if (action.type === "synced") {
    const { net, edits: synced, kernelMask, selected, symbolic } = action.reading;
    // Training gives the same nodes and edges other scores: nothing that is pointed at has gone.
    const same = known && sameTopology(known.net, net) ? known : null;
    return settle({
      ...decide(net, synced, known?.drag ?? null, same),
      kernelMask,
      held: same?.held ?? false,
      settled: same?.settled ?? new Uint8Array(),
      hover: same?.hover ?? null,
      focus: same?.focus ?? null,
      selected,
      symbolic,
    });
  }
  if (known === null) return null;
  switch (action.type) {
    case "dragged": {
      const drag = { axis: action.axis, value: action.value };
      return { ...known, held: false, ...decide(known.net, known.synced, drag, known) };
    }
    case "released": {
      // The value let go is now the view's wish; the model says the same as soon as it is written.
      if (known.drag === null) return known;
      return settle({ ...known, ...decide(known.net, known.edits, null, known) });
    }
    case "held":
      return known.held === action.held ? known : settle({ ...known, held: action.held });
    case "hovered":
      return { ...known, hover: action.target };
    case "focused":
      return { ...known, focus: action.target };
  }
}

function decide(net: Network, synced: Edits, drag: ViewState["drag"], before: ViewState | null) {
  const axis = drag?.axis === "node" ? "nodeThreshold" : "edgeThreshold";
  const edits: Edits =
    drag === null || synced[axis] === drag.value ? synced : { ...synced, [axis]: drag.value };
  const mask = maskOf(net, edits);
  // What is equal stays the same object, so that "changed" is a comparison of references further on.
  return {
    net,
    synced,
    drag,
    edits: before && sameEdits(before.edits, edits) ? before.edits : edits,
    mask: before && sameMask(before.mask, mask) ? before.mask : mask,
  };
}

function sameEdits(a: Edits, b: Edits): boolean {
  return (Object.keys(a) as (keyof Edits)[]).every((key) => a[key] === b[key]);
}

function settle(known: ViewState): ViewState {
  const frozen = (known.drag !== null || known.held) && known.settled.length === known.mask.length;
  return frozen ? known : { ...known, settled: known.mask };
}
