/** The rail beside the history: a line down each branch, a dot for each step. */
import { svg } from "../../util/dom";
import type { HistoryStep } from "../../wire/traits";

export const ROW = 46;
const COLUMN = 12;
const X = 10;

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

export function createBranchLines() {
  const lines = svg("path", { class: "line" });
  const dots = svg("g");
  const picture = svg("svg", { class: "rail", "aria-hidden": "true" }, lines, dots);
  return {
    element: picture,
    update(history: readonly HistoryStep[], current: number): void {
      const columns = columnsOf(history);
      const place = new Map(history.map((step, k) => [step.id, k]));
      const x = (k: number) => X + COLUMN * Math.min(5, columns[k]!);
      const y = (k: number) => k * ROW + 17;
      let d = "";
      history.forEach(({ parent }, k) => {
        const from = parent === null ? undefined : place.get(parent);
        if (from === undefined) return;
        const [a, b] = [x(from), x(k)];
        d +=
          a === b
            ? `M${a} ${y(from)}V${y(k)}`
            : `M${a} ${y(from)}C${a} ${y(from) + 16} ${b} ${y(from) + 8} ${b} ${y(from) + 24}V${y(k)}`;
      });
      lines.setAttribute("d", d);
      dots.replaceChildren(
        ...history.map((step, k) =>
          svg("circle", {
            cx: `${x(k)}`,
            cy: `${y(k)}`,
            r: step.id === current ? "5" : step.kind === "commit" ? "4.5" : "3.5",
            class: `${step.kind}${step.id === current ? " current" : ""}`,
          }),
        ),
      );
      const most = Math.min(5, Math.max(0, ...columns));
      picture.setAttribute("width", `${2 * X + COLUMN * most}`);
      picture.setAttribute("height", `${history.length * ROW}`);
    },
  };
}
