/** The form of what comes over the wire: what is of another one is refused in words. Pure. */
import type { Traits } from "./traits";

type Is = (value: unknown) => boolean;

const text: Is = (value) => typeof value === "string";
const truth: Is = (value) => typeof value === "boolean";
const whole: Is = (value) => Number.isInteger(value);
const finite: Is = (value) => typeof value === "number" && Number.isFinite(value);
/** JSON has no NaN: some hosts send the words instead, some nothing. */
const number: Is = (value) => typeof value === "number" || (typeof value === "string" && value.trim() !== "");
const listOf =
  (is: Is): Is =>
  (value) =>
    // Array.from, since `every` skips the holes of an array.
    Array.isArray(value) && Array.from(value).every(is);
const list = listOf(() => true);
const bytes: Is = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);
const orNone =
  (is: Is): Is =>
  (value) =>
    value === null || value === undefined || is(value);
const step: Is = (value) => {
  if (typeof value !== "object" || value === null) return false;
  const {
    id,
    parent,
    kind,
    text: said,
    note,
    loss_before,
    loss_after,
    active_edges,
    stale,
  } = value as Record<string, unknown>;
  // Each comes after the one that it follows.
  const follows = parent === null || (whole(parent) && (parent as number) < (id as number));
  return (
    whole(id) &&
    follows &&
    [kind, said, note].every(text) &&
    whole(active_edges) &&
    [loss_before, loss_after].every(orNone(number)) &&
    orNone(truth)(stale)
  );
};
const steps: Is = (value) =>
  listOf(step)(value) &&
  new Set((value as { id: number }[]).map(({ id }) => id)).size === (value as []).length;

const NUMBER = [number, "a number"] as const;
const TEXT = [text, "a text"] as const;
const TRUTH = [truth, "true or false"] as const;
const NAMES = [listOf(text), "a list of names"] as const;
const BYTES = [bytes, "a packed array"] as const;
/** Which of them exist is another question. */
const IDS = [listOf(list), "a list of indices"] as const;

/** Of every trait, so that none is forgotten. */
const FORMS: Readonly<Record<keyof Required<Traits>, readonly [is: Is, what: string]>> = {
  node_threshold: NUMBER,
  edge_threshold: NUMBER,
  removed_edges: IDS,
  kept_edges: IDS,
  removed_nodes: IDS,
  kept_nodes: IDS,
  selected: IDS,
  keep_mean: TRUTH,
  score: TEXT,
  view: TEXT,
  orientation: TEXT,
  tolerance: NUMBER,
  probe: [listOf(finite), "a list of numbers"],
  in_vars: NAMES,
  out_vars: NAMES,
  active_edges: NUMBER,
  loss: NUMBER,
  baseline_loss: NUMBER,
  loss_name: TEXT,
  higher_is_better: TRUTH,
  error: TEXT,
  input_shape: [listOf(whole), "rows and columns"],
  _closed: TRUTH,
  _warnings: [listOf(text), "a list of texts"],
  _scores_known: NAMES,
  _width: [listOf((n) => whole(n) && (n as number) > 0), "a list of widths"],
  _slots: [listOf(listOf(whole)), "a list of lists of nodes"],
  _symbolic: IDS,
  _prices: IDS,
  _history: [steps, "a list of commands"],
  _current: [whole, "a number of a command"],
  _script: TEXT,
  _curves_x: BYTES,
  _curves_y: BYTES,
  _curves_range: BYTES,
  _base_y: BYTES,
  _density: BYTES,
  _grid: BYTES,
  _rows: BYTES,
  _row_labels: BYTES,
  _row_numbers: BYTES,
  _cells_x: BYTES,
  _cells_y: BYTES,
  _bias: BYTES,
  _offset: BYTES,
  _means: BYTES,
  _folded: BYTES,
  _scores: BYTES,
  _baseline: BYTES,
  _mask: BYTES,
  _tradeoff_node: BYTES,
  _tradeoff_edge: BYTES,
  _compared: BYTES,
  _picture: TEXT,
  _written: [() => true, "anything"],
};

/** What is wrong with a trait's form, or ""; a host may not know some of them at all. */
export function wrongType(name: keyof Traits, value: unknown): string {
  const [is, what] = FORMS[name];
  if (value === undefined || value === null || is(value)) return "";
  return `${name}: ${nameOf(value)} came where ${what} belongs`;
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return "another list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
