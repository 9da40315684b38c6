/** The lines beside the history: one down each branch, a dot for each step or folded run. */
import { svg } from "lit-html";
import type { HistoryStep } from "../../wire/traits";
import { type Row, stepsOf } from "./runs";

/** The height of a row in pixels, as in `styles/panels.css`. */
export const ROW_HEIGHT = 28;
const COLUMN = 12;
const X = 8;
const MAX_COLUMNS = 5;

/** The column of each step: a first child goes on in its parent's, a later one begins a new column. Pure. */
export function columnsOf(history: readonly HistoryStep[]): number[] {
  const column = new Map<number, number>();
  const continued = new Set<number>();
  let last = 0;
  return history.map(({ id, parent }) => {
    const free = parent === null || !continued.has(parent);
    const own = parent === null ? 0 : free ? (column.get(parent) ?? 0) : ++last;
    if (parent !== null) continued.add(parent);
    column.set(id, own);
    return own;
  });
}

export function branchLines(history: readonly HistoryStep[], rows: readonly Row[], current: number) {
  const columns = columnsOf(history).map((column) => Math.min(MAX_COLUMNS, column));
  const column = new Map(history.map((step, k) => [step.id, columns[k]!]));
  /** The row of each step; of an unfolded run its own rows come after that of the run. */
  const place = new Map(rows.flatMap((row, k) => stepsOf(row).map((step) => [step.id, k] as const)));
  const x = (id: number) => X + COLUMN * column.get(id)!;
  const y = (id: number) => (place.get(id)! + 0.5) * ROW_HEIGHT;
  const line = ({ id, parent }: HistoryStep) => {
    if (parent === null || !place.has(parent) || place.get(parent) === place.get(id)) return "";
    const [a, b] = [x(parent), x(id)];
    if (a === b) return `M${a} ${y(parent)}V${y(id)}`;
    const from = y(parent);
    return `M${a} ${from}C${a} ${from + 14} ${b} ${from + 6} ${b} ${from + 20}V${y(id)}`;
  };
  const dot = (row: Row) => {
    if ("run" in row) {
      if (row.isOpen) return "";
      const { id } = row.run[0]!;
      return svg`<circle cx=${x(id)} cy=${y(id)} r="4.5" class="run" /><circle cx=${x(id)} cy=${y(id)} r="1.5" />`;
    }
    const { id, kind } = row.step;
    return svg`<circle
      cx=${x(id)} cy=${y(id)} r=${id === current ? 5 : kind === "commit" ? 4.5 : 3.5}
      class="${kind}${id === current ? " current" : ""}"
    />`;
  };
  return svg`<svg
    class="rail" aria-hidden="true"
    width=${2 * X + COLUMN * Math.max(0, ...columns)} height=${rows.length * ROW_HEIGHT}
  ><path class="line" d=${history.map(line).join("")} /><g>${rows.map(dot)}</g></svg>`;
}
