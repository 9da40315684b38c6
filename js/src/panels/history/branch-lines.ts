/** The lines beside the history: one down each branch, a dot for each step. */
import { svg } from "lit-html";
import type { HistoryStep } from "../../wire/traits";

const ROW = 46;
const COLUMN = 12;
const X = 10;
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

export function branchLines(history: readonly HistoryStep[], current: number) {
  const columns = columnsOf(history).map((column) => Math.min(MAX_COLUMNS, column));
  const place = new Map(history.map((step, k) => [step.id, k]));
  const x = (k: number) => X + COLUMN * columns[k]!;
  const y = (k: number) => k * ROW + 17;
  const line = ({ parent }: HistoryStep, k: number) => {
    const from = parent === null ? undefined : place.get(parent);
    if (from === undefined) return "";
    const [a, b] = [x(from), x(k)];
    if (a === b) return `M${a} ${y(from)}V${y(k)}`;
    return `M${a} ${y(from)}C${a} ${y(from) + 16} ${b} ${y(from) + 8} ${b} ${y(from) + 24}V${y(k)}`;
  };
  const dot = ({ id, kind }: HistoryStep, k: number) => svg`<circle
    cx=${x(k)} cy=${y(k)} r=${id === current ? 5 : kind === "commit" ? 4.5 : 3.5}
    class="${kind}${id === current ? " current" : ""}"
  />`;
  return svg`<svg
    class="rail" aria-hidden="true"
    width=${2 * X + COLUMN * Math.max(0, ...columns)} height=${history.length * ROW}
  ><path class="line" d=${history.map(line).join("")} /><g>${history.map(dot)}</g></svg>`;
}
