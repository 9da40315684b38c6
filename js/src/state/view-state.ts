/**
 * What one view knows, and how it changes: hand edits, a drag in progress, what is under the pointer. Pure.
 *
 * The decisions (thresholds, hand edits) are the model's; the drag, the hover and the mask that the layout
 * stands for belong to this view alone and are never synced.
 */
import { type Edits, maskOf, nodesOn, sameMask } from "../model/mask";
import type { Network, Target, TargetKind } from "../model/network";

export interface ViewState {
  readonly net: Network;
  /** What the model says. */
  readonly kernelEdits: Edits;
  /** The mask Python has applied to the live model. */
  readonly kernelMask: Uint8Array;
  /** The slider that is being dragged and its value, which counts instead of the model's until the release. */
  readonly drag: { readonly axis: TargetKind; readonly value: number } | null;
  /** The model's decisions with the drag on top. */
  readonly edits: Edits;
  /** The mask that `edits` gives, and the nodes that are on under it: what is drawn. */
  readonly mask: Uint8Array;
  readonly nodesOn: Uint8Array;
  /** The pointer is down on the stage: what it has pressed must not move away. */
  readonly held: boolean;
  /** The mask and the nodes that are on in the layout: they stay while a slider is dragged or the pointer is down. */
  readonly layoutMask: Uint8Array;
  readonly layoutNodesOn: Uint8Array;
  readonly hover: Target | null;
  readonly focus: Target | null;
  /** Edges and nodes whose cards are open, in the order in which they were chosen. */
  readonly selected: readonly Target[];
  /** Text of edges with a fixed formula. */
  readonly symbolic: ReadonlyMap<number, string>;
  /** Edges that a term of the formula stands for, while the pointer or the focus is on it. */
  readonly lit: readonly number[];
  /** A function that might name an edge, shown in the place of its curve. */
  readonly preview: Preview | null;
}

export interface Preview {
  readonly edge: number;
  readonly function: string;
  /** Over the samples of the edge's own curve. */
  readonly y: Float32Array;
}

/** What the model says, as far as it decides the picture. */
export type Synced = Pick<ViewState, "net" | "edits" | "kernelMask" | "selected" | "symbolic">;

export type Action =
  | { type: "synced"; reading: Synced }
  | { type: "dragged"; axis: TargetKind; value: number }
  | { type: "released" }
  | { type: "held"; held: boolean }
  | { type: "hovered"; target: Target | null }
  | { type: "focused"; target: Target | null }
  | { type: "lit"; edges: readonly number[] }
  | { type: "previewed"; preview: Preview | null };

const NO_MASK = new Uint8Array();
const NO_EDGES: readonly number[] = [];

export function reduce(known: ViewState | null, action: Action): ViewState | null {
  if (action.type === "synced") {
    const { net, edits: kernelEdits, kernelMask, selected, symbolic } = action.reading;
    // Training changes the scores, not the nodes and edges: hover and focus stay.
    const same = known?.net.topology === net.topology ? known : null;
    return updateLayoutMask({
      ...withDrag(net, kernelEdits, known?.drag ?? null, same),
      kernelMask,
      held: same?.held ?? false,
      layoutMask: same?.layoutMask ?? NO_MASK,
      layoutNodesOn: same?.layoutNodesOn ?? NO_MASK,
      hover: same?.hover ?? null,
      focus: same?.focus ?? null,
      selected,
      symbolic,
      lit: same?.lit ?? NO_EDGES,
      preview: selected.some(({ kind, id }) => kind === "edge" && id === same?.preview?.edge)
        ? same!.preview
        : null,
    });
  }
  if (known === null) return null;
  switch (action.type) {
    case "dragged": {
      const drag = { axis: action.axis, value: action.value };
      return { ...known, held: false, ...withDrag(known.net, known.kernelEdits, drag, known) };
    }
    case "released": {
      // The released value stays in `edits`; the model has the same one as soon as it is written.
      if (known.drag === null) return known;
      return updateLayoutMask({ ...known, ...withDrag(known.net, known.edits, null, known) });
    }
    case "held":
      return known.held === action.held ? known : updateLayoutMask({ ...known, held: action.held });
    case "hovered":
      return { ...known, hover: action.target };
    case "focused":
      return { ...known, focus: action.target };
    case "lit": {
      const edges = action.edges.filter((edge) => edge < known.net.edgeCount);
      return { ...known, lit: edges.length > 0 ? edges : NO_EDGES };
    }
    case "previewed":
      return known.preview === action.preview ? known : { ...known, preview: action.preview };
  }
}

function withDrag(net: Network, kernelEdits: Edits, drag: ViewState["drag"], before: ViewState | null) {
  const axis = drag?.axis === "node" ? "nodeThreshold" : "edgeThreshold";
  const edits: Edits =
    drag === null || kernelEdits[axis] === drag.value ? kernelEdits : { ...kernelEdits, [axis]: drag.value };
  const mask = maskOf(net, edits);
  const sameMasks = before !== null && sameMask(before.mask, mask);
  // What is equal stays the same object, so that "changed" is a comparison of references further on.
  return {
    net,
    kernelEdits,
    drag,
    edits: before && sameEdits(before.edits, edits) ? before.edits : edits,
    mask: sameMasks ? before.mask : mask,
    nodesOn: sameMasks ? before.nodesOn : nodesOn(net, mask),
  };
}

function sameEdits(a: Edits, b: Edits): boolean {
  return (Object.keys(a) as (keyof Edits)[]).every((key) => a[key] === b[key]);
}

/** Makes the layout follow the mask, unless a drag or a press keeps it as it is. */
function updateLayoutMask(known: ViewState): ViewState {
  const frozen = (known.drag !== null || known.held) && known.layoutMask !== NO_MASK;
  return frozen ? known : { ...known, layoutMask: known.mask, layoutNodesOn: known.nodesOn };
}
