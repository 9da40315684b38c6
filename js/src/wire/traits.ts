/** What crosses the wire: the synced traits, typed, and the ways to write them. */
import type { Edits } from "../model/mask";
import {
  type EdgeIndex,
  edgeIndex,
  type Network,
  type NodeIndex,
  nodeIndex,
  type Target,
} from "../model/network";
import {
  ANYTHING,
  BYTES,
  CANDIDATES,
  type Check,
  FORMULA,
  IDS,
  IMAGE_SHAPE,
  MESSAGES,
  METRICS,
  NAMES,
  NAMING,
  NUMBER,
  NUMBERS,
  RUN,
  SLOTS,
  STEPS,
  TEXT,
  TRUTH,
  WHOLE,
  WIDTHS,
} from "./check-type";
import type { Bytes, Dtype } from "./packed-array";

export const VIEWS = ["auto", "network", "matrix"] as const;
export const ORIENTATIONS = ["auto", "right", "up"] as const;
export type ViewKind = (typeof VIEWS)[number];
/** Edges that are off: faint, or not drawn. */
export const REMOVED_LOOKS = ["faint", "hidden"] as const;
export type RemovedLook = (typeof REMOVED_LOOKS)[number];
/** Where the inputs lead; "auto" leaves it to the view. */
export type OrientationChoice = (typeof ORIENTATIONS)[number];
export type Orientation = Exclude<OrientationChoice, "auto">;

/** What is said to a person, as a code and its values; `text/session-messages.ts` says it in words. */
export type Message = readonly [code: string, ...values: unknown[]];

/** One command of the session's history. */
export interface HistoryStep {
  readonly id: number;
  readonly parent: number | null;
  readonly kind: "start" | "set" | "score" | "commit" | "fit" | "refine" | "name" | "name_all" | "outside";
  /** What was done; nothing at the start. */
  readonly what: readonly Message[];
  readonly note: string;
  readonly loss_before: number | null;
  readonly loss_after: number | null;
  readonly active_edges: number;
  /** How many edges fewer there were then; fewer than 0 came back. */
  readonly edges_removed: number;
  /** The numbers are of another time: others have changed the model since. */
  readonly stale?: boolean;
}

/** The last training by the session: `run_state` in `widget/run_payload.py`. */
export interface TrainingRun {
  /** Counts the trainings of one Python. */
  readonly number: number;
  readonly state: "running" | "pausing" | "paused" | "ended";
  /** Steps asked for, and taken until now. */
  readonly steps: number;
  readonly done: number;
  readonly opt: "LBFGS" | "Adam" | "LM";
  readonly lr: number;
  readonly lamb: number;
  readonly lamb_entropy: number;
  readonly update_grid: boolean;
  readonly batch: number;
  /** Why it ended early, in words, and what was raised in it; "" if nothing. */
  readonly stopped: string;
  readonly error: string;
  /** How many iterations of the current step the curves have; null if they are those of whole steps. */
  readonly iteration?: number | null;
  /** On the training rows after that iteration; null if it is not known. */
  readonly train_loss?: number | null;
  /** A loop of the user's own, which may be paused and stopped, and has no settings. */
  readonly own?: boolean;
  /** On a page without Python: how many steps of the losses the network had in each key frame, and which is shown. */
  readonly frames?: readonly number[];
  /** -1 is the network as it is now. */
  readonly frame?: number;
  /** What was done between steps of the losses: how many there were by then. */
  readonly marks?: readonly (readonly [step: number, what: "pruned" | "refined"])[];
}

/** An edge's function: it adds `c f(a x + b) + d` to its slot. */
export type NameRow = [...EdgeIndex, name: string, a: number, b: number, c: number, d: number];

/** A function that might name a curve. */
export interface CandidateRow {
  readonly function: string;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly r2: number;
  /** The network's loss with the name as fitted, and after a short refit of all; null as long as it is not known. */
  readonly loss: number | null;
  readonly loss_after: number | null;
  /** It cannot be told apart from the best. */
  readonly in_group: boolean;
}

/** What might name one edge, the best first. */
export interface EdgeCandidates {
  readonly edge: EdgeIndex;
  /** Whether losses are still being measured. */
  readonly busy: boolean;
  /** Why there are none, in words; "" if there are. */
  readonly error: string;
  readonly rows: readonly CandidateRow[];
}

/** The network's formula: `formula_state` in `widget/naming_payload.py`. */
export interface FormulaState {
  /** Significant digits of its numbers. */
  readonly digits: number;
  /** Whether numbers such as pi and 1/2 are recognised. */
  readonly exact: boolean;
  readonly busy: boolean;
  readonly error: string;
  readonly mathml: string;
  /** The same, to be read aloud. */
  readonly words: string;
  readonly latex: string;
  readonly python: string;
  readonly sympy: string;
  /** Of the formula as it is written, and of the network after a refit of everything; null if it is not known. */
  readonly loss: number | null;
  readonly loss_refit: number | null;
  /** The edge whose name costs most, and the loss with a spline in its place. */
  readonly blame: readonly [...EdgeIndex, number] | readonly [];
  readonly unnamed: readonly EdgeIndex[];
}

/** One name that `name_all` has taken. */
export type NamingStepRow = readonly [
  ...EdgeIndex,
  name: string,
  loss: number | null,
  complexity: number,
  unnamed: number,
];

/** The last `name_all`: `naming_state` in `widget/naming_payload.py`. */
export interface NamingRun {
  /** Counts the namings of one Python. */
  readonly number: number;
  readonly state: "running" | "ended";
  readonly tolerance: number;
  /** Edges to be named at its start. */
  readonly edges: number;
  readonly steps: readonly NamingStepRow[];
  /** How many of the steps the network has now; -1 if it is another network. */
  readonly at: number;
  /** The loss before the first step. */
  readonly loss_start: number | null;
  /** What came of it, in words, and what was raised; "" if nothing. */
  readonly said: string;
  readonly error: string;
}

/** Who may write a trait: the view, of which "decision" says what is pruned, or only Python. */
type Writer = "decision" | "view" | "python";
type Dtypes = Dtype | "float32 or uint8";

/** One line of the table; `value` is there for the types only. */
interface Trait<T, W extends Writer, D extends Dtypes = never> {
  readonly writer: W;
  readonly check: Check;
  /** Of a packed array. */
  readonly dtype?: D;
  readonly value?: T;
}

const decision = <T>(check: Check): Trait<T, "decision"> => ({ writer: "decision", check });
const view = <T>(check: Check): Trait<T, "view"> => ({ writer: "view", check });
const python = <T>(check: Check): Trait<T, "python"> => ({ writer: "python", check });
const array = <D extends Dtypes>(dtype: D): Trait<Bytes, "python", D> => ({
  writer: "python",
  check: BYTES,
  dtype,
});

/**
 * Every trait that crosses the wire. `tests/golden/traits.json` compares it with Python's; shapes are in
 * `widget/view_traits.py`.
 */
export const TABLE = {
  node_threshold: decision<number>(NUMBER),
  edge_threshold: decision<number>(NUMBER),
  keep_mean: decision<boolean>(TRUTH),
  removed_edges: decision<EdgeIndex[]>(IDS),
  kept_edges: decision<EdgeIndex[]>(IDS),
  removed_nodes: decision<NodeIndex[]>(IDS),
  kept_nodes: decision<NodeIndex[]>(IDS),
  score: view<string>(TEXT),
  selected: view<(EdgeIndex | NodeIndex)[]>(IDS),
  view: view<ViewKind>(TEXT),
  orientation: view<OrientationChoice>(TEXT),
  tolerance: view<number>(NUMBER),
  beta: view<number>(NUMBER),
  removed: view<RemovedLook>(TEXT),
  shared_scale: view<boolean>(TRUTH),
  probe: view<number[]>(NUMBERS),
  in_vars: python<string[]>(NAMES),
  out_vars: python<string[]>(NAMES),
  input_shape: python<number[]>(IMAGE_SHAPE),
  hide: python<string[]>(NAMES),
  active_edges: python<number>(NUMBER),
  loss: python<number | null>(NUMBER),
  baseline_loss: python<number | null>(NUMBER),
  loss_name: python<string>(TEXT),
  higher_is_better: python<boolean>(TRUTH),
  error: python<string>(TEXT),
  _closed: python<boolean>(TRUTH),
  _warnings: python<Message[]>(MESSAGES),
  _scores_known: python<string[]>(NAMES),
  _width: python<number[]>(WIDTHS),
  _slots: python<number[][]>(SLOTS),
  _symbolic: python<[...EdgeIndex, string][]>(IDS),
  _curves_x: array("float32"),
  _curves_y: array("float32 or uint8"),
  _curves_range: array("float32"),
  _newer_curves: array("float32"),
  _base_y: array("float32"),
  _density: array("float32"),
  _grid: array("float32"),
  _rows: array("float32"),
  _row_labels: array("float32"),
  _row_numbers: array("float64"),
  _row_classes: array("float32"),
  _prediction: python<string>(TEXT),
  _metrics: python<[name: string, test: number | null, train: number | null][]>(METRICS),
  _cells_x: array("float64"),
  _cells_y: array("float64"),
  _bias: array("float64"),
  _offset: array("float64"),
  _means: array("float64"),
  _folded: array("float64"),
  _scores: array("float64"),
  _baseline: array("uint8"),
  _mask: array("uint8"),
  _tradeoff_node: array("float64"),
  _tradeoff_edge: array("float64"),
  _prices: python<[EdgeIndex | NodeIndex, number | null][]>(IDS),
  _history: python<HistoryStep[]>(STEPS),
  _current: python<number>(WHOLE),
  _script: python<string>(TEXT),
  _compared: array("uint8"),
  _run: python<TrainingRun | Record<string, never>>(RUN),
  _run_losses: array("float64"),
  _names: python<NameRow[]>(IDS),
  _candidates: python<EdgeCandidates[]>(CANDIDATES),
  _candidates_y: array("float32"),
  _formula: python<FormulaState | Record<string, never>>(FORMULA),
  _naming: python<NamingRun | Record<string, never>>(NAMING),
} as const;

/** Traits that no view follows: the widget's mark, which is that of the picture in the notebook; see `wire/outbox.ts`. */
export const UNFOLLOWED = {
  _picture: python<string>(TEXT),
  _written: python<unknown>(ANYTHING),
} as const;

/** Where the history of a page without Python begins. */
export interface PageOrigin {
  /** The Python lines that lead there. */
  readonly script: string;
  readonly keep_mean: boolean;
  /** Whether the model was committed on the way. */
  readonly committed: boolean;
}

/** Traits that only a page without Python reads. */
export const PAGE_ONLY = {
  _page_loss: python<string>(TEXT),
  _origin: python<PageOrigin>(ANYTHING),
} as const;

type Table = typeof TABLE;
type ValueOf<E> = E extends Trait<infer T, Writer, Dtypes> ? T : never;
type WritableName = {
  [K in keyof Table]: Table[K]["writer"] extends "python" ? never : K;
}[keyof Table];

export type DtypeOf<K extends keyof Table> = NonNullable<Table[K]["dtype"]>;
/** Names of the packed arrays. */
export type ArrayName = { [K in keyof Table]: DtypeOf<K> extends never ? never : K }[keyof Table];

/** What the view may write. Everything else is Python's. */
export type WritableTraits = { -readonly [K in WritableName]: ValueOf<Table[K]> };
export type Traits = { -readonly [K in keyof Table]: ValueOf<Table[K]> } & {
  -readonly [K in keyof typeof UNFOLLOWED]?: ValueOf<(typeof UNFOLLOWED)[K]>;
};

/** Names of the traits that a view follows. */
export const TRAITS = Object.keys(TABLE) as (keyof Table)[];

/** Names of the traits that say what is pruned. */
export const DECISIONS = TRAITS.filter((name) => TABLE[name].writer === "decision");

/** Names of the decisions that make the mask. */
export const EDIT_TRAITS = DECISIONS.filter((name) => name !== "keep_mean") as Exclude<
  { [K in keyof Table]: Table[K]["writer"] extends "decision" ? K : never }[keyof Table],
  "keep_mean"
>[];

/** Actions that are not decisions: Python answers through traits. */
export type Command =
  /** What is dragged next is a step of its own. */
  | { do: "new_step" }
  /** What is decided next goes on with the last step, whatever that changed. */
  | { do: "same_step" }
  /** Asks for everything that a view reads again. */
  | { do: "send" }
  | { do: "undo" | "redo" | "commit" | "reset" | "remove_dead_ends" }
  /** What `widget/messages.py` says of trainings. */
  | {
      do: "train";
      steps?: number;
      opt?: TrainingRun["opt"];
      lr?: number;
      lamb?: number;
      lamb_entropy?: number;
      update_grid?: boolean;
      batch?: number;
      one_step?: boolean;
    }
  | ({ do: "change" } & Partial<Pick<TrainingRun, "steps" | "opt" | "lr" | "lamb" | "update_grid">>)
  | { do: "pause" | "resume" | "step" | "stop" }
  | { do: "refine"; grid: number }
  /** What `widget/messages.py` says of names. */
  | { do: "name"; edge: EdgeIndex; function: string }
  | { do: "unname"; edge: EdgeIndex }
  | { do: "name_all"; tolerance: number }
  | { do: "stop_naming" }
  | { do: "keep_names"; count: number }
  | { do: "formula"; digits: number; exact: boolean }
  /** On a page without Python: shows the network at a key frame of the training, or with -1 as it is now. */
  | { do: "frame"; number: number }
  | { do: "jump"; id: number }
  | { do: "note"; id: number; text: string }
  | { do: "compare"; ids: number[] };

/** `{name: [number, value]}`, by the mark of a widget. */
export interface Pending {
  readonly page: string;
  readonly number: number;
  readonly widgets: Readonly<Record<string, Readonly<Record<string, readonly [number, unknown]>>>>;
}

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
  /** On pages without Python: functions of the edges that can have their name or their spline. */
  readonly switchable?: ReadonlyMap<number, string>;
}

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

/** By layer, then source, then target: not the order of the flat ids, in which the target comes first. */
export const byIndex = (a: readonly number[], b: readonly number[]): number =>
  a[0]! - b[0]! || a[1]! - b[1]! || (a[2] ?? 0) - (b[2] ?? 0);

/** The hand edits in the form of the traits: sorted lists of indices. */
export function handEdits(
  net: Network,
  edits: Edits,
): Pick<WritableTraits, "removed_edges" | "kept_edges" | "removed_nodes" | "kept_nodes"> {
  return {
    removed_edges: [...edits.removedEdges].map((e) => edgeIndex(net, e)).sort(byIndex),
    kept_edges: [...edits.keptEdges].map((e) => edgeIndex(net, e)).sort(byIndex),
    removed_nodes: [...edits.removedNodes].map((n) => nodeIndex(net, n)).sort(byIndex),
    kept_nodes: [...edits.keptNodes].map((n) => nodeIndex(net, n)).sort(byIndex),
  };
}
