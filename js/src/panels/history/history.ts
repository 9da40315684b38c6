/** The history: every step with its loss, notes of one's own, a way back to each, and two compared. */

import { html, noChange, nothing, render } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import { formatFigures, formatItems } from "../../text/format";
import { HISTORY, PANELS } from "../../text/labels";
import { differWords } from "../../text/messages";
import { type Naming, stepWords, viewNaming } from "../../text/session-messages";
import { element } from "../../util/dom";
import type { Snapshot } from "../../wire/snapshot";
import type { HistoryStep } from "../../wire/traits";
import type { Commands, Panel, PanelProps } from "../context";
import { createHelp } from "../help";
import { branchLines } from "./branch-lines";

const { name } = PANELS.history;

export function createHistory(id: string, commands: Commands): Panel {
  const panel = element("section", { class: "panel history", id, "aria-label": name, hidden: true });
  const help = createHelp(name, [HISTORY.go, HISTORY.compare, HISTORY.stale]);
  /** The steps that are ticked. */
  let picked: readonly number[] = [];
  let now: PanelProps | null = null;
  let drawn: readonly unknown[] = [];
  let compared: Uint8Array | null = null;

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

  function row(step: HistoryStep, reading: Snapshot, naming: Naming) {
    const text = stepWords(step, naming);
    const stale = step.stale === true;
    const focused = (panel.getRootNode() as ShadowRoot).activeElement;
    // What is being written is not overwritten.
    const note = focused?.getAttribute("data-note") === `${step.id}` ? noChange : step.note;
    return html`<li
      aria-current=${step.id === reading.current ? "step" : nothing}
      title=${stale ? HISTORY.stale.help : nothing} ?data-stale=${stale} data-kind=${step.kind}
    >
      <div class="what">
        <button
          type="button" class="quiet go" data-step=${step.id} title="Go to: ${text}"
          aria-describedby=${stale ? help.idOf(HISTORY.stale) : nothing}
          @click=${() => commands.act({ do: "jump", id: step.id })}
        >${text}</button>
        <input
          type="text" class="note" placeholder=${HISTORY.note} maxlength="2000"
          aria-label="Note on step ${step.id}" data-note=${step.id} .value=${note}
          @change=${(event: Event) => writeNote(event, step)}
          @keydown=${(event: KeyboardEvent) => noteKey(event, step)}
        >
      </div>
      <span class="edges">${formatItems(step.active_edges, "edge")}${stale ? ` ${HISTORY.stale.name}` : ""}</span>
      <span class="loss">${step.loss_after === null ? "" : formatFigures(step.loss_after)}</span>
      <label class="pick"><input
        type="checkbox" data-compare=${step.id} title=${HISTORY.compare.help}
        aria-describedby=${help.idOf(HISTORY.compare)}
        aria-label="Compare step ${step.id}" .checked=${picked.includes(step.id)}
        @change=${(event: Event) => tick(step.id, (event.target as HTMLInputElement).checked)}
      ></label>
    </li>`;
  }

  function draw(): void {
    if (!now) return;
    const { reading, names } = now;
    const { history, current, compared } = reading;
    const naming = viewNaming(reading.net, names);
    const said =
      picked.length === 1 ? HISTORY.chooseAnother : compared ? differWords(differing(reading)) : "";
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
        <div class="rows">
          ${branchLines(history, current)}
          <ol class="steps">${repeat(
            history,
            (step) => step.id,
            (step) => row(step, reading, naming),
          )}</ol>
        </div>
        <p class="empty" ?hidden=${history.length > 0}>${HISTORY.empty}</p>`,
      panel,
    );
  }

  return {
    element: panel,
    update(next: PanelProps): void {
      if (panel.hidden) {
        drawn = [];
        return;
      }
      now = next;
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

/** How many edges are on in only one of the two compared steps. */
function differing({ compared, net }: Snapshot): number {
  let count = 0;
  for (let e = 0; e < net.edgeCount; e++) if (compared![e] === 1 || compared![e] === 2) count++;
  return count;
}

/** Scrolls only the list, never the page. */
function reveal(row: HTMLElement | null): void {
  const box = row?.closest<HTMLElement>(".rows");
  if (!row || !box) return;
  const [top, bottom] = [row.offsetTop, row.offsetTop + row.offsetHeight];
  if (top < box.scrollTop) box.scrollTop = top;
  else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
}
