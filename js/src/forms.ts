/** The form of what comes over the wire as JSON: what is of another one is refused in words. Pure. */
import type { Traits } from "./protocol";

type Is = (value: unknown) => boolean;

const text: Is = (value) => typeof value === "string";
const whole: Is = (value) => Number.isInteger(value);
const finite: Is = (value) => typeof value === "number" && Number.isFinite(value);
/** JSON has no NaN: some hosts send the words instead. */
const number: Is = (value) => typeof value === "number" || text(value);
const listOf =
  (is: Is): Is =>
  (value) =>
    Array.isArray(value) && value.every(is);
const list = listOf(() => true);
const step: Is = (value) => {
  if (typeof value !== "object" || value === null) return false;
  const { id, parent, kind, text: said, note, active_edges } = value as Record<string, unknown>;
  return (
    whole(id) && (parent === null || whole(parent)) && [kind, said, note].every(text) && whole(active_edges)
  );
};

const NUMBER = [number, "a number"] as const;
const TEXT = [text, "a text"] as const;
const NAMES = [listOf(text), "a list of names"] as const;
/** Which of them exist is another question. */
const IDS = [listOf(list), "a list of indices"] as const;

const FORMS: Partial<Record<keyof Traits, readonly [is: Is, what: string]>> = {
  node_threshold: NUMBER,
  edge_threshold: NUMBER,
  removed_edges: IDS,
  kept_edges: IDS,
  removed_nodes: IDS,
  kept_nodes: IDS,
  selected: IDS,
  keep_mean: [(value) => typeof value === "boolean", "true or false"],
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
  higher_is_better: [(value) => typeof value === "boolean", "true or false"],
  error: TEXT,
  input_shape: [listOf(whole), "rows and columns"],
  _width: [listOf((n) => whole(n) && (n as number) > 0), "a list of widths"],
  _slots: [listOf(listOf(whole)), "a list of lists of nodes"],
  _symbolic: IDS,
  _prices: IDS,
  _history: [listOf(step), "a list of commands"],
  _current: [whole, "a number of a command"],
  _script: TEXT,
};

/** Throws an error in words at the first trait of a wrong form; a host may not know some of them at all. */
export function checkForms(get: (name: keyof Traits) => unknown): void {
  for (const [name, [is, what]] of Object.entries(FORMS)) {
    const value = get(name as keyof Traits);
    if (value !== undefined && value !== null && !is(value)) {
      throw new Error(`${name}: ${nameOf(value)} came where ${what} belongs`);
    }
  }
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return "another list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
