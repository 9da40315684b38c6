/** What crosses the wire: the synced traits, typed, and the ways to write them. */
import {
  type EdgeIndex,
  type Edits,
  edgeIndex,
  type Network,
  type NodeIndex,
  nodeIndex,
} from "../model/network";
import type { Target } from "../state/view-state";
import type { Pending } from "./outbox";
import type { Bytes } from "./packed-array";

export type ViewKind = "auto" | "network" | "matrix";
export type Orientation = "right" | "up";

/** What the view may write. Everything else is Python's. */
export interface WritableTraits {
  node_threshold: number;
  edge_threshold: number;
  removed_edges: EdgeIndex[];
  kept_edges: EdgeIndex[];
  removed_nodes: NodeIndex[];
  kept_nodes: NodeIndex[];
  keep_mean: boolean;
  score: string;
  selected: (EdgeIndex | NodeIndex)[];
  view: ViewKind;
  orientation: Orientation;
  tolerance: number;
  probe: number[];
}

export interface Traits extends WritableTraits {
  in_vars: string[];
  out_vars: string[];
  active_edges: number;
  loss: number | null;
  baseline_loss: number | null;
  loss_name: string;
  higher_is_better: boolean;
  error: string;
  input_shape: number[];
  _closed: boolean;
  _warnings: string[];
  _scores_known: string[];
  _width: number[];
  _slots: number[][];
  _symbolic: [...EdgeIndex, string][];
  _curves_x: Bytes;
  _curves_y: Bytes;
  _curves_range: Bytes;
  _base_y: Bytes;
  _density: Bytes;
  _grid: Bytes;
  _rows: Bytes;
  _row_labels: Bytes;
  _row_numbers: Bytes;
  _cells_x: Bytes;
  _cells_y: Bytes;
  _bias: Bytes;
  _offset: Bytes;
  _means: Bytes;
  _folded: Bytes;
  _scores: Bytes;
  _baseline: Bytes;
  _mask: Bytes;
  _tradeoff_node: Bytes;
  _tradeoff_edge: Bytes;
  _prices: [EdgeIndex | NodeIndex, number | null][];
  _history: HistoryStep[];
  _current: number;
  _script: string;
  _compared: Bytes;
  /** The widget's mark, and that of the picture that a notebook keeps; pages have none. */
  _picture?: string;
  /** The numbers of what was written last, see `wire/outbox.ts`. */
  _written?: unknown;
}

/** One command of the session's history. */
export interface HistoryStep {
  readonly id: number;
  readonly parent: number | null;
  readonly kind: "start" | "set" | "score" | "commit" | "outside";
  readonly text: string;
  readonly note: string;
  readonly loss_before: number | null;
  readonly loss_after: number | null;
  readonly active_edges: number;
  /** The numbers are of another time: others have changed the model since. */
  readonly stale?: boolean;
}

/** What is done rather than decided: Python answers through traits. */
export type Command =
  /** What is dragged next is a step of its own. */
  | { do: "new_step" }
  /** All that a view reads is wanted once more. */
  | { do: "send" }
  | { do: "undo" | "redo" | "commit" | "reset" | "remove_dead_ends" }
  | { do: "jump"; id: number }
  | { do: "note"; id: number; text: string }
  | { do: "compare"; ids: number[] };

/** The part of a host's model that a view uses. Callback arguments differ between hosts, so none is declared. */
export interface Model {
  get<K extends keyof Traits>(name: K): Traits[K];
  set<K extends keyof WritableTraits | "_written">(name: K, value: Traits[K]): void;
  on(event: string, callback: () => void): void;
  off(event: string, callback: () => void): void;
  save_changes(): void;
  send(act: Command & { readonly pending?: Pending }): void;
  /** True on pages without Python. */
  readonly standalone?: boolean;
  /** On pages without Python, whether they can tell the loss of other states than those that Python measured. */
  readonly computes?: boolean;
}

/** What decides the mask. */
export const EDIT_TRAITS = [
  "node_threshold",
  "edge_threshold",
  "removed_edges",
  "kept_edges",
  "removed_nodes",
  "kept_nodes",
] as const;

const DECISIONS: readonly (keyof WritableTraits)[] = [
  ...EDIT_TRAITS,
  "keep_mean",
  "score",
  "selected",
  "view",
  "orientation",
  "tolerance",
  "probe",
];

export const TRAITS: readonly (keyof Traits)[] = [
  ...DECISIONS,
  "in_vars",
  "out_vars",
  "active_edges",
  "loss",
  "baseline_loss",
  "loss_name",
  "higher_is_better",
  "error",
  "input_shape",
  "_closed",
  "_warnings",
  "_scores_known",
  "_width",
  "_slots",
  "_symbolic",
  "_curves_x",
  "_curves_y",
  "_curves_range",
  "_base_y",
  "_density",
  "_grid",
  "_rows",
  "_row_labels",
  "_row_numbers",
  "_cells_x",
  "_cells_y",
  "_bias",
  "_offset",
  "_means",
  "_folded",
  "_scores",
  "_baseline",
  "_mask",
  "_tradeoff_node",
  "_tradeoff_edge",
  "_prices",
  "_history",
  "_current",
  "_script",
  "_compared",
];

export const keyOf = (target: Target): string => `${target.kind}${target.id}`;

/** The form in which a target crosses the wire. */
export function indexOf(net: Network, { kind, id }: Target): EdgeIndex | NodeIndex {
  return kind === "edge" ? edgeIndex(net, id) : nodeIndex(net, id);
}

/** Writes the decisions that differ and sends them as one message; nothing is sent when nothing differs. */
export function write(model: Model, decisions: Partial<WritableTraits>): void {
  let changed = false;
  for (const name of Object.keys(decisions) as (keyof WritableTraits)[]) {
    const value = decisions[name];
    if (value === undefined || JSON.stringify(value) === JSON.stringify(model.get(name))) continue;
    model.set(name, value);
    changed = true;
  }
  if (changed) model.save_changes();
}

/** The hand edits in the form of the traits: sorted lists of indices. */
export function handEdits(
  net: Network,
  edits: Edits,
): Pick<WritableTraits, "removed_edges" | "kept_edges" | "removed_nodes" | "kept_nodes"> {
  // By layer, then source, then target: not the order of the flat ids, in which the target comes first.
  const byIndex = (a: number[], b: number[]) => a[0]! - b[0]! || a[1]! - b[1]! || (a[2] ?? 0) - (b[2] ?? 0);
  return {
    removed_edges: [...edits.removedEdges].map((e) => edgeIndex(net, e)).sort(byIndex),
    kept_edges: [...edits.keptEdges].map((e) => edgeIndex(net, e)).sort(byIndex),
    removed_nodes: [...edits.removedNodes].map((n) => nodeIndex(net, n)).sort(byIndex),
    kept_nodes: [...edits.keptNodes].map((n) => nodeIndex(net, n)).sort(byIndex),
  };
}
