/** The history: every step with its loss, notes of one's own, a way back to each, and two compared. Runs are folded. */

import { html, noChange, nothing, render } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import { formatCount, formatFigures, formatShort } from "../../text/format";
import { HISTORY, PANELS } from "../../text/labels";
import { differWords, earlierWords, runWords } from "../../text/messages";
import { type Naming, shortStepWords, stepWords, viewNaming } from "../../text/session-messages";
import { element } from "../../util/dom";
import type { Snapshot } from "../../wire/snapshot";
import type { HistoryStep } from "../../wire/traits";
import type { Commands, Panel, PanelProps } from "../context";
import { createHelp } from "../help";
import { branchLines, ROW_HEIGHT } from "./branch-lines";
import { type Row, rowsOf, stepsOf } from "./runs";
import { sparkline } from "./sparkline";

const { name } = PANELS.history;
/** Characters that the column of edges has room for. */
const MAX_COUNTS = 9;
/** In a list that is narrower, in pixels, steps are told in short. */
const NARROW = 320;

export function createHistory(id: string, commands: Commands, signal: AbortSignal): Panel {
  const panel = element("section", { class: "panel history", id, "aria-label": name, hidden: true });
  const help = createHelp(name, [HISTORY.go, HISTORY.compare, HISTORY.stale]);
  /** The steps that are ticked. */
  let picked: readonly number[] = [];
  let now: PanelProps | null = null;
  let drawn: readonly unknown[] = [];
  let compared: Uint8Array | null = null;
  /** The first steps of runs that are unfolded. */
  const open = new Set<number>();
  let rows: readonly Row[] = [];
  /** Steps above what is in sight. */
  let earlier = 0;
  let watched: Node | null = null;
  let isNarrow = false;
  const sizes = new ResizeObserver(() => {
    if (panel.clientWidth > 0 && panel.clientWidth < NARROW !== isNarrow) draw();
  });
  sizes.observe(panel);
  signal.addEventListener("abort", () => sizes.disconnect());

  const figures = (loss: number) => (isNarrow ? formatShort : formatFigures)(loss);

  function compare(ids: readonly number[]): void {
    // Another step beside two that are compared ends that comparison first.
    if (ids.length === 1 && picked.length === 2) commands.act({ do: "compare", ids: [] });
    picked = ids;
    if (ids.length !== 1) commands.act({ do: "compare", ids: [...ids] });
    draw();
  }

  function tick(step: number, ticked: boolean): void {
    const rest = picked.filter((other) => other !== step);
    compare(ticked ? [...rest, step].slice(-2) : rest);
  }

  function noteKey(event: KeyboardEvent, step: HistoryStep): void {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    const note = event.target as HTMLInputElement;
    if (event.key === "Escape") note.value = step.note;
    // Else the same Enter would press the button that the focus goes to.
    event.preventDefault();
    note.parentElement!.querySelector("button")!.focus();
  }

  function writeNote(event: Event, step: HistoryStep): void {
    const text = (event.target as HTMLInputElement).value;
    if (text !== step.note) commands.act({ do: "note", id: step.id, text });
  }

  function unfold(first: number): void {
    if (!open.delete(first)) open.add(first);
    draw();
  }

  function stepRow(step: HistoryStep, reading: Snapshot, naming: Naming) {
    const text = stepWords(step, naming);
    const stale = step.stale === true;
    const focused = (panel.getRootNode() as ShadowRoot).activeElement;
    // What is being written is not overwritten.
    const note = focused?.getAttribute("data-note") === `${step.id}` ? noChange : step.note;
    const place = picked.indexOf(step.id);
    return html`<li
      aria-current=${step.id === reading.current ? "step" : nothing}
      title=${stale ? HISTORY.stale.help : nothing} ?data-stale=${stale} data-kind=${step.kind}
    >
      <div class="what">
        <button
          type="button" class="quiet go" data-step=${step.id} title="Go to: ${text}" aria-label=${isNarrow ? text : nothing}
          aria-describedby=${stale ? help.idOf(HISTORY.stale) : nothing}
          @click=${() => commands.act({ do: "jump", id: step.id })}
        >${isNarrow ? shortStepWords(step, naming) : text}</button>
        <input
          type="text" class="note" placeholder=${HISTORY.note} maxlength="2000" title=${step.note || nothing}
          aria-label="Note on step ${step.id}" data-note=${step.id} .value=${note} ?data-empty=${step.note === ""}
          @change=${(event: Event) => writeNote(event, step)}
          @keydown=${(event: KeyboardEvent) => noteKey(event, step)}
        >
      </div>
      <span class="edges">${formatCount(step.active_edges)}${stale ? ` ${HISTORY.stale.name}` : ""}</span>
      <span class="loss">${step.loss_after === null ? "" : figures(step.loss_after)}</span>
      <label class="pick">
        <input
          type="checkbox" data-compare=${step.id} title=${HISTORY.compare.help}
          aria-describedby=${help.idOf(HISTORY.compare)}
          aria-label="Compare step ${step.id}${place < 0 ? "" : `, ${HISTORY.letters[place]}`}" .checked=${place >= 0}
          @change=${(event: Event) => tick(step.id, (event.target as HTMLInputElement).checked)}
        ><span aria-hidden="true">${HISTORY.letters[place] ?? ""}</span>
      </label>
    </li>`;
  }

  function runRow({ run, kind, isOpen }: Extract<Row, { run: unknown }>, { history }: Snapshot) {
    const [first, last] = [run[0]!, run.at(-1)!];
    const before = history.find((step) => step.id === first.parent);
    const losses = [...(before ? [before] : []), ...run].map((step) => step.loss_after);
    const words = runWords(run.length, kind);
    return html`<li class="run" data-run=${first.id}>
      <div class="what">
        <button
          type="button" class="quiet go" aria-expanded=${isOpen} title=${isOpen ? HISTORY.fold : HISTORY.unfold}
          @click=${() => unfold(first.id)}
        >${words}</button>
      </div>
      <span class="edges">${fromTo(isNarrow ? undefined : before?.active_edges, last.active_edges)}</span>
      <span class="loss">${last.loss_after === null ? "" : figures(last.loss_after)}</span>
      ${sparkline(losses)}
    </li>`;
  }

  function draw(): void {
    if (!now) return;
    const { reading, names } = now;
    const { history, current, compared } = reading;
    const naming = viewNaming(reading.net, names);
    isNarrow = panel.clientWidth < NARROW;
    const said =
      picked.length === 1 ? HISTORY.chooseAnother : compared ? differWords(differing(reading)) : "";
    rows = rowsOf(history, (step) => step.id === current || picked.includes(step.id), open);
    render(
      html`<header>
          <h3>${name}</h3>
          <span class="said" role="status" data-role="compared">${said}</span>
          <button
            type="button" class="quiet small" data-role="end-compare" ?hidden=${!compared}
            @click=${() => compare([])}
          >${HISTORY.end}</button>
          ${help.element}
        </header>
        <div class="rows" ?hidden=${history.length === 0}>
          <div class="columns">
            <span>${HISTORY.columns.step}<button
              type="button" class="quiet earlier" data-role="earlier" ?hidden=${earlier === 0} title=${HISTORY.toStart}
              @click=${toStart}
            >${earlierWords(earlier)}</button></span>
            <span class="edges">${HISTORY.columns.edges}</span>
            <span class="loss" title=${reading.lossName || nothing}>${HISTORY.columns.loss}</span>
            <span class="pick">${HISTORY.columns.compare}</span>
          </div>
          <div class="lines">
            ${branchLines(history, rows, current)}
            <ol class="steps">${repeat(
              rows,
              ({ key }) => key,
              (row) => ("run" in row ? runRow(row, reading) : stepRow(row.step, reading, naming)),
            )}</ol>
          </div>
        </div>
        <p class="empty" ?hidden=${history.length > 0}>${HISTORY.empty}</p>`,
      panel,
    );
  }

  /** Whatever scrolls the list: it scrolls by itself, or with what is around it. */
  function watchScroll(): void {
    const root = panel.getRootNode();
    if (root === watched) return;
    watched = root;
    root.addEventListener("scroll", scrolled, { capture: true, passive: true, signal });
  }

  function scrolled(): void {
    const [head, list] = [".columns", ".steps"].map((name) =>
      panel.querySelector(name)?.getBoundingClientRect(),
    );
    if (panel.hidden || !head || !list) return;
    const hidden = Math.max(0, Math.round((head.bottom - list.top) / ROW_HEIGHT));
    const ids = new Set(rows.slice(0, hidden).flatMap((row) => stepsOf(row).map(({ id }) => id)));
    if (ids.size === earlier) return;
    earlier = ids.size;
    draw();
  }

  function toStart(): void {
    // The button goes with what it is about.
    const first = panel.querySelector<HTMLElement>(".steps .go");
    first?.focus({ preventScroll: true });
    reveal(first?.closest("li") ?? null);
  }

  return {
    element: panel,
    update(next: PanelProps): void {
      if (panel.hidden) {
        drawn = [];
        return;
      }
      now = next;
      watchScroll();
      const { history, current, net } = next.reading;
      const shows = [current, history, next.reading.compared, next.names, net];
      if (shows.every((value, k) => value === drawn[k])) return;
      if (compared !== next.reading.compared && !next.reading.compared && picked.length === 2) picked = [];
      compared = next.reading.compared;
      draw();
      // The newest is last: it is brought into sight when it comes, and nothing else is moved.
      if (drawn[0] !== current) reveal(panel.querySelector<HTMLElement>("[aria-current]"));
      drawn = shows;
    },
  };
}

/** "15 → 12", or the last alone where both have no room. */
function fromTo(before: number | undefined, after: number): string {
  const both = before === undefined ? "" : `${formatCount(before)} → ${formatCount(after)}`;
  return both === "" || both.length > MAX_COUNTS ? formatCount(after) : both;
}

/** How many edges are on in only one of the two compared steps. */
function differing({ compared, net }: Snapshot): number {
  let count = 0;
  for (let e = 0; e < net.edgeCount; e++) if (compared![e] === 1 || compared![e] === 2) count++;
  return count;
}

/** Scrolls only what is within the view, never the page. */
function reveal(row: HTMLElement | null): void {
  const head = row?.closest(".rows")?.querySelector(".columns")?.getBoundingClientRect();
  let box = row?.parentElement ?? null;
  while (box && !(box.scrollHeight > box.clientHeight && /auto|scroll/.test(getComputedStyle(box).overflowY)))
    box = box.parentElement;
  if (!row || !head || !box) return;
  const [inner, outer] = [row.getBoundingClientRect(), box.getBoundingClientRect()];
  const top = outer.top + head.height;
  if (inner.top < top) box.scrollTop -= top - inner.top;
  else if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom;
}
