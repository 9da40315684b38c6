/** What values of traits look like: anything else is refused in words. Pure. */

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
/** A code, and values that JSON knows: `["edge_off", 0, 1, 2]`. */
const message: Is = (value) => list(value) && text((value as unknown[])[0]);
const messages = listOf(message);

/** Each step comes after the one that it follows. */
const step: Is = (value) => {
  if (typeof value !== "object" || value === null) return false;
  const row = value as Record<string, unknown>;
  return (
    whole(row.id) &&
    (row.parent === null || (whole(row.parent) && (row.parent as number) < (row.id as number))) &&
    [row.kind, row.note].every(text) &&
    messages(row.what) &&
    [row.active_edges, row.edges_removed].every(whole) &&
    [row.loss_before, row.loss_after].every(orNone(number)) &&
    orNone(truth)(row.stale)
  );
};
const steps: Is = (value) =>
  listOf(step)(value) &&
  new Set((value as { id: number }[]).map(({ id }) => id)).size === (value as []).length;

/** A training, or `{}` if there was none. */
const run: Is = (value) => {
  if (typeof value !== "object" || value === null || list(value) || bytes(value)) return false;
  const row = value as Record<string, unknown>;
  if (Object.keys(row).length === 0) return true;
  return (
    ["running", "pausing", "paused", "ended"].includes(row.state as string) &&
    [row.opt, row.stopped, row.error].every(text) &&
    [row.number, row.steps, row.done, row.batch].every(whole) &&
    [row.lr, row.lamb, row.lamb_entropy].every(finite) &&
    truth(row.update_grid) &&
    orNone(truth)(row.own) &&
    orNone(listOf(whole))(row.frames) &&
    orNone(whole)(row.frame) &&
    orNone(whole)(row.iteration) &&
    orNone(finite)(row.train_loss) &&
    orNone(listOf((mark) => list(mark) && whole((mark as unknown[])[0]) && text((mark as unknown[])[1])))(
      row.marks,
    )
  );
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !list(value) && !bytes(value);
/** An object whose values are of these types, or `{}`. */
const recordOf =
  (types: Readonly<Record<string, Is>>): Is =>
  (value) =>
    isObject(value) &&
    (Object.keys(value).length === 0 || Object.entries(types).every(([name, is]) => is(value[name])));
const edge = listOf(whole);

const candidate = recordOf({
  function: text,
  ...Object.fromEntries(["a", "b", "c", "d", "r2"].map((name) => [name, number])),
  loss: orNone(number),
  loss_after: orNone(number),
  in_group: truth,
});
const candidates = recordOf({ edge, busy: truth, error: text, rows: listOf(candidate) });

const formula = recordOf({
  digits: whole,
  exact: truth,
  busy: truth,
  ...Object.fromEntries(["error", "mathml", "words", "latex", "python", "sympy"].map((name) => [name, text])),
  loss: orNone(number),
  loss_refit: orNone(number),
  blame: list,
  unnamed: listOf(edge),
});

const namingStep: Is = (value) => {
  if (!list(value) || (value as unknown[]).length !== 7) return false;
  const [l, i, j, name, loss, complexity, unnamed] = value as unknown[];
  return [l, i, j, complexity, unnamed].every(whole) && text(name) && orNone(number)(loss);
};
const naming = recordOf({
  number: whole,
  state: (value) => value === "running" || value === "ended",
  tolerance: finite,
  edges: whole,
  steps: listOf(namingStep),
  at: whole,
  loss_start: orNone(number),
  said: text,
  error: text,
});

/** Whether a value is of a type, and the words for that type. */
export type Check = readonly [is: Is, what: string];

export const NUMBER: Check = [number, "a number"];
export const WHOLE: Check = [whole, "a whole number"];
export const TEXT: Check = [text, "a text"];
export const TRUTH: Check = [truth, "true or false"];
export const NAMES: Check = [listOf(text), "a list of names"];
export const NUMBERS: Check = [listOf(finite), "a list of numbers"];
export const BYTES: Check = [bytes, "a packed array"];
/** Which of them exist is another question. */
export const IDS: Check = [listOf(list), "a list of indices"];
export const IMAGE_SHAPE: Check = [listOf(whole), "rows and columns"];
export const MESSAGES: Check = [messages, "a list of messages"];
export const WIDTHS: Check = [listOf((n) => whole(n) && (n as number) > 0), "a list of widths"];
export const SLOTS: Check = [listOf(listOf(whole)), "a list of lists of nodes"];
export const STEPS: Check = [steps, "a list of commands"];
/** Some metrics: `["accuracy", on test rows, on training rows]`. */
export const METRICS: Check = [
  listOf(
    (row) =>
      list(row) && text((row as unknown[])[0]) && [1, 2].every((k) => orNone(number)((row as unknown[])[k])),
  ),
  "a list of metrics",
];
export const RUN: Check = [run, "a training"];
export const CANDIDATES: Check = [listOf(candidates), "a list of candidates"];
export const FORMULA: Check = [formula, "a formula"];
export const NAMING: Check = [naming, "a naming"];
export const ANYTHING: Check = [() => true, "anything"];

/** What is wrong with the type of a trait's value, or ""; a host may not know some traits at all. */
export function wrongType(name: string, [is, what]: Check, value: unknown): string {
  if (value === undefined || value === null || is(value)) return "";
  return `${name}: ${nameOf(value)} came where ${what} belongs`;
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return "another list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
