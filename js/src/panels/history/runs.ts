/** The rows of the history: its steps, of which several of one kind in a row are folded into one. Pure. */
import type { HistoryStep } from "../../wire/traits";

/** What the steps of a run have in common. */
export type RunKind = "hand" | "node_threshold" | "edge_threshold" | "outside";

export type Row =
  | { readonly key: string; readonly step: HistoryStep }
  | {
      readonly key: string;
      readonly run: readonly HistoryStep[];
      readonly kind: RunKind;
      readonly isOpen: boolean;
    };

/** Fewer steps are no run. */
const LEAST = 3;

/**
 * `always` says which steps have a row of their own whatever they are; `open` holds the first steps of runs that are
 * unfolded: such a run has a row, and so has each of its steps.
 */
export function rowsOf(
  history: readonly HistoryStep[],
  always: (step: HistoryStep) => boolean,
  open: ReadonlySet<number>,
): Row[] {
  const children = new Map<number, number>();
  for (const { parent } of history)
    if (parent !== null) children.set(parent, (children.get(parent) ?? 0) + 1);
  const rows: Row[] = [];
  let run: HistoryStep[] = [];
  let kind: RunKind | null = null;

  function end(): void {
    const folds = run.length >= LEAST && kind !== null;
    const first = run[0]?.id;
    const isOpen = first !== undefined && open.has(first);
    if (folds) rows.push({ key: `run${first}`, run, kind: kind!, isOpen });
    if (!folds || isOpen) rows.push(...run.map((step) => ({ key: `${step.id}`, step })));
    run = [];
    kind = null;
  }
  for (const step of history) {
    // Where branches begin or a person wrote something, a step is seen.
    const own = always(step) || step.note !== "" || (children.get(step.id) ?? 0) > 1;
    const next = own ? null : kindOf(step);
    if (next === null || next !== kind || step.parent !== run.at(-1)?.id) end();
    run.push(step);
    kind = next;
    if (next === null) end();
  }
  end();
  return rows;
}

const HAND = /^(hand_edits|dead_ends_removed|(edge|node)_(off|on|not_kept))$/;

function kindOf({ kind, what }: HistoryStep): RunKind | null {
  if (kind === "outside") return "outside";
  if (kind !== "set" || what.length === 0) return null;
  const codes = new Set(what.map(([code]) => (HAND.test(code) ? "hand" : code)));
  const [code] = codes;
  const known = code === "hand" || code === "node_threshold" || code === "edge_threshold";
  return known && codes.size === 1 ? code : null;
}

/** The steps that a row stands for. */
export const stepsOf = (row: Row): readonly HistoryStep[] => ("run" in row ? row.run : [row.step]);
