/** The table of runs: of thousands only the rows in sight are in the page. */
import { html, nothing, render } from "lit-html";
import { formatCount, formatFigures } from "../text/format";
import { RUNS, secondsWords } from "../text/run-labels";
import { element, freshId } from "../util/dom";
import type { Column, Sorting } from "./choice";
import { hasNetwork, type RunData, valueInWords } from "./run-data";

export interface TableEvents {
  hovered(place: number): void;
  selected(place: number): void;
  opened(place: number, byKey: boolean): void;
  sorted(sorting: Sorting): void;
}

export interface TableInput {
  readonly data: RunData;
  /** Places in the order of the rows. */
  readonly order: Uint32Array;
  readonly sorting: Sorting;
  readonly selected: number;
  readonly hovered: number;
}

const ROW = 28;
const HEAD = 30;
/** Rows beyond those in sight. */
const SPARE = 4;
const PAGE = 8;

export function createTable(events: TableEvents, signal: AbortSignal) {
  const id = freshId("runs");
  const table = element("table", {
    role: "grid",
    tabindex: "0",
    "aria-label": RUNS.table,
    "aria-description": RUNS.tableHelp,
  });
  const scroll = element("div", { class: "runs-table" }, table);
  let input: TableInput | null = null;
  /** What is selected: known before it is drawn, since keys may come faster. */
  let cursor = -1;
  let frame = 0;

  const rowOf = (place: number) => input?.order.indexOf(place) ?? -1;
  const go = (row: number) => {
    if (!input || input.order.length === 0) return;
    cursor = input.order[Math.min(input.order.length - 1, Math.max(0, row))]!;
    events.selected(cursor);
  };
  table.addEventListener(
    "keydown",
    (event) => {
      if (!input || event.target !== table || event.ctrlKey || event.metaKey || event.altKey) return;
      const row = rowOf(cursor);
      const steps: Record<string, number> = {
        ArrowDown: row + 1,
        ArrowUp: row < 0 ? 0 : row - 1,
        PageDown: row + PAGE,
        PageUp: row - PAGE,
        Home: 0,
        End: input.order.length - 1,
      };
      const next = steps[event.key];
      if (next !== undefined) go(next);
      else if (event.key === "Enter" && row >= 0 && hasNetwork(input.data, cursor))
        events.opened(cursor, true);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    { signal },
  );
  const placeOf = (event: Event): number => {
    const row = (event.target as Element).closest?.("tr[data-place]");
    return row ? Number(row.getAttribute("data-place")) : -1;
  };
  table.addEventListener(
    "click",
    (event) => {
      const place = placeOf(event);
      if (place < 0) return;
      if ((event.target as Element).closest("button")) events.opened(place, false);
      else events.selected(place);
    },
    { signal },
  );
  table.addEventListener("pointerover", (event) => events.hovered(placeOf(event)), { signal });
  table.addEventListener("pointerleave", () => events.hovered(-1), { signal });
  scroll.addEventListener(
    "scroll",
    () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        draw();
      });
    },
    { signal },
  );
  signal.addEventListener("abort", () => cancelAnimationFrame(frame));

  const heading = (column: Column, name: string, { sorting }: TableInput) => {
    const isSorted = sorting.column === column;
    const sort = isSorted ? (sorting.descending ? "descending" : "ascending") : nothing;
    const press = () => events.sorted({ column, descending: isSorted && !sorting.descending });
    return html`<th scope="col" role="columnheader" aria-sort=${sort} data-column=${column}>
      <button type="button" @click=${press}><span>${name}</span><span aria-hidden="true">${
        isSorted ? (sorting.descending ? "▾" : "▴") : ""
      }</span></button></th>`;
  };

  const row = (place: number, at: number, { data, selected, hovered }: TableInput) => {
    const number = data.number[place]!;
    const figure = (value: number) => (Number.isFinite(value) ? formatFigures(value) : "");
    const error = data.errors.get(number);
    return html`<tr id="${id}-${place}" role="row" data-place=${place} aria-rowindex=${at + 2}
        aria-selected=${place === selected} ?data-hovered=${place === hovered} ?data-front=${data.front.includes(place)}>
      <td role="gridcell">${number}</td>
      ${data.settings.map((setting) => html`<td role="gridcell">${valueInWords(setting, number)}</td>`)}
      <td role="gridcell">${figure(data.test[place]!)}</td>
      <td role="gridcell">${figure(data.train[place]!)}</td>
      <td role="gridcell">${Number.isNaN(data.edges[place]!) ? "" : formatCount(data.edges[place]!)}</td>
      <td role="gridcell">${secondsWords(data.seconds[place]!)}</td>
      <td role="gridcell" class="note">${
        error !== undefined
          ? html`<span class="error" title=${error}>${error}</span>`
          : hasNetwork(data, place)
            ? html`<button type="button" class="quiet small" tabindex="-1">${RUNS.open}<span class="unseen"> run ${number}</span></button>`
            : nothing
      }</td></tr>`;
  };

  function draw(): void {
    if (!input) return;
    const { data, order, selected } = input;
    const height = scroll.clientHeight || 320;
    const first = Math.max(0, Math.floor((scroll.scrollTop - HEAD) / ROW) - SPARE);
    const last = Math.min(order.length, first + Math.ceil(height / ROW) + 2 * SPARE);
    const rows = Array.from(order.subarray(first, last), (place, k) => row(place, first + k, input!));
    // In an attribute of a row, since a page may forbid style attributes: a spacer has a height of its own.
    const columns = data.settings.length + 6;
    const spacer = (count: number) =>
      html`<tr aria-hidden="true" role="presentation"><td role="presentation" colspan=${columns} height=${count * ROW}></td></tr>`;
    table.setAttribute("aria-rowcount", `${order.length + 1}`);
    const at = rowOf(selected);
    const inPage = at >= first && at < last;
    if (inPage) table.setAttribute("aria-activedescendant", `${id}-${selected}`);
    else table.removeAttribute("aria-activedescendant");
    render(
      html`<thead role="rowgroup"><tr role="row" aria-rowindex="1">
        ${heading("number", RUNS.columns.run, input)}
        ${data.settings.map((setting, k) => heading(k, setting.name, input!))}
        ${heading("test", RUNS.columns.test, input)}
        ${heading("train", RUNS.columns.train, input)}
        ${heading("edges", RUNS.columns.edges, input)}
        ${heading("seconds", RUNS.columns.seconds, input)}
        <th role="columnheader" scope="col" class="note"><span class="unseen">network</span></th>
      </tr></thead>
      <tbody role="rowgroup">${first > 0 ? spacer(first) : nothing}${rows}${
        last < order.length ? spacer(order.length - last) : nothing
      }</tbody>`,
      table,
    );
  }

  /** Brings the row of a place into sight, without moving the page. */
  function scrollTo(place: number): void {
    const row = rowOf(place);
    if (row < 0) return;
    const [top, height] = [HEAD + row * ROW, scroll.clientHeight];
    if (top - HEAD < scroll.scrollTop) scroll.scrollTop = top - HEAD;
    else if (top + ROW > scroll.scrollTop + height) scroll.scrollTop = top + ROW - height;
  }

  return {
    element: scroll,
    render(now: TableInput): void {
      const before = input;
      input = now;
      cursor = now.selected;
      const names = ["data", "order", "sorting", "selected", "hovered"] as const;
      if (before && names.every((name) => before[name] === now[name])) return;
      if (before && before.selected !== now.selected) {
        // A row that is new may be beyond the end of what is there.
        draw();
        scrollTo(now.selected);
      }
      draw();
    },
  };
}
