/** The history: every command with what it cost, notes of one's own, a way back to each, and two compared. */

import { countOf, formatFigures } from "../../text/messages";
import type { NodeNames } from "../../text/node-names";
import { stepWords, viewNaming } from "../../text/session-messages";
import { arrange, button, element, setAttribute, setText } from "../../util/dom";
import type { Snapshot } from "../../wire/snapshot";
import type { HistoryStep } from "../../wire/traits";
import type { Commands, PanelProps } from "../context";
import { createBranchLines } from "./branch-lines";

const STALE = "As it was then: the model has been changed since, and going there measures it anew";

interface Row {
  readonly element: HTMLElement;
  readonly go: HTMLButtonElement;
  readonly note: HTMLInputElement;
  readonly edges: HTMLElement;
  readonly loss: HTMLElement;
  readonly pick: HTMLInputElement;
  note_: string;
}

export function createHistory(id: string, wishes: Commands, signal: AbortSignal) {
  const rail = createBranchLines();
  const list = element("ol", { class: "steps" });
  const said = element("span", { class: "said", role: "status", "data-role": "compared" });
  const end = button(
    "End compare",
    { class: "small", "data-role": "end-compare", hidden: true },
    () => compare([]),
    signal,
  );
  const panel = element(
    "section",
    { class: "panel history", id, "aria-label": "History", hidden: true },
    element("header", {}, element("h3", {}, "History"), said, end),
    element("div", { class: "rows" }, rail.element, list),
    element("p", { class: "empty" }, "Nothing has been done yet."),
  );
  const empty = panel.querySelector<HTMLElement>(".empty")!;
  const rows = new Map<number, Row>();
  let picked: number[] = [];
  let shown: {
    history: readonly HistoryStep[];
    current: number;
    compared: Uint8Array | null;
    names: NodeNames;
    hidden: boolean;
  } | null = null;

  function compare(ids: number[]): void {
    picked = ids;
    for (const [id, row] of rows) row.pick.checked = ids.includes(id);
    setText(said, ids.length === 1 ? "choose another step to compare with" : "");
    if (ids.length !== 1) wishes.act({ do: "compare", ids });
  }

  function makeRow(step: HistoryStep): Row {
    const go = button(
      "",
      { class: "go", "data-step": `${step.id}` },
      () => wishes.act({ do: "jump", id: step.id }),
      signal,
    );
    const note = element("input", {
      type: "text",
      class: "note",
      placeholder: "note",
      "aria-label": `Note on step ${step.id}`,
      "data-note": `${step.id}`,
      maxlength: "2000",
    });
    const pick = element("input", {
      type: "checkbox",
      "data-compare": `${step.id}`,
      "aria-label": `Compare step ${step.id}`,
      title: "Compare: choose two",
    });
    const [edges, loss] = [element("span", { class: "edges" }), element("span", { class: "loss" })];
    const row: Row = {
      element: element(
        "li",
        {},
        element("div", { class: "what" }, go, note),
        edges,
        loss,
        element("label", { class: "pick" }, pick),
      ),
      go,
      note,
      edges,
      loss,
      pick,
      note_: "",
    };
    const write = () => {
      if (note.value === row.note_) return;
      row.note_ = note.value;
      wishes.act({ do: "note", id: step.id, text: note.value });
    };
    note.addEventListener("change", write);
    note.addEventListener("keydown", (event) => {
      if (event.key === "Escape") note.value = row.note_;
      if (event.key !== "Enter" && event.key !== "Escape") return;
      // Else the same Enter would press the button that the focus goes to.
      event.preventDefault();
      go.focus();
    });
    pick.addEventListener("change", () => {
      const rest = picked.filter((id) => id !== step.id);
      const next = pick.checked ? [...rest, step.id].slice(-2) : rest;
      if (next.length < 2 && picked.length === 2) {
        compare([]);
        if (next.length === 1) compare(next);
      } else {
        compare(next);
      }
    });
    return row;
  }

  function sayCompared({ compared, net }: Snapshot): void {
    end.hidden = compared === null;
    if (!compared) {
      if (picked.length === 2) picked = [];
      if (picked.length === 0) {
        setText(said, "");
        for (const row of rows.values()) row.pick.checked = false;
      }
      return;
    }
    let different = 0;
    for (let e = 0; e < net.edgeCount; e++) if (compared[e] === 1 || compared[e] === 2) different++;
    setText(said, `${countOf(different, "edge")} ${different === 1 ? "differs" : "differ"}`);
  }

  return {
    element: panel,
    update({ reading, names }: PanelProps): void {
      const { history, current, compared } = reading;
      const { hidden } = panel;
      if (hidden) return;
      if (
        shown?.history === history &&
        shown.current === current &&
        shown.compared === compared &&
        shown.names === names &&
        !shown.hidden
      )
        return;
      const was = shown;
      shown = { history, current, compared, names, hidden };
      empty.hidden = history.length > 0;
      const naming = viewNaming(reading.net, names);
      const keep = new Set(history.map((step) => step.id));
      for (const id of rows.keys()) if (!keep.has(id)) rows.delete(id);
      for (const step of history) {
        let row = rows.get(step.id);
        if (!row) {
          row = makeRow(step);
          rows.set(step.id, row);
        }
        const text = stepWords(step, naming);
        setText(row.go, text);
        row.go.title = `Go to: ${text}`;
        setAttribute(row.element, "aria-current", step.id === current ? "step" : null);
        setText(row.edges, `${countOf(step.active_edges, "edge")}${step.stale ? " then" : ""}`);
        setText(row.loss, step.loss_after === null ? "" : formatFigures(step.loss_after));
        row.element.toggleAttribute("data-stale", step.stale === true);
        setAttribute(row.element, "title", step.stale ? STALE : null);
        row.element.dataset.kind = step.kind;
        const editing = (panel.getRootNode() as ShadowRoot).activeElement === row.note;
        if (!editing && row.note_ !== step.note) row.note.value = step.note;
        if (!editing) row.note_ = step.note;
        row.note.toggleAttribute("data-some", step.note !== "");
      }
      arrange(
        list,
        history.map((step) => rows.get(step.id)!.element),
      );
      rail.update(history, current);
      if (was?.compared !== compared || !was) sayCompared(reading);
      // The newest is last: it is brought into sight when it comes, and nothing else is moved.
      if (was?.current !== current) reveal(rows.get(current)?.element);
    },
  };
}

/** Scrolls only the list, never the page. */
function reveal(row: HTMLElement | undefined): void {
  const box = row?.closest<HTMLElement>(".rows");
  if (!row || !box) return;
  const [top, bottom] = [row.offsetTop, row.offsetTop + row.offsetHeight];
  if (top < box.scrollTop) box.scrollTop = top;
  else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
}
