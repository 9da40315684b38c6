/** The probe: one sample, picked from the data or made by hand, followed through the network. */

import { extent, nearest } from "../../model/scales";
import { formatFigures } from "../../text/messages";
import { nameOf, plainText } from "../../text/node-names";
import { arrange, button, element, setAttribute, setText } from "../../util/dom";
import type { Snapshot } from "../../wire/snapshot";
import type { Commands, PanelProps } from "../context";
import { nameElements } from "../name-elements";

const STEPS = 400;

interface Input {
  readonly element: HTMLElement;
  readonly name: HTMLElement;
  readonly range: HTMLInputElement;
  readonly value: HTMLElement;
}

export function createProbe(id: string, wishes: Commands, signal: AbortSignal) {
  const row = element("input", {
    type: "number",
    min: "0",
    step: "1",
    "data-role": "row",
    "aria-label": "Row of the data",
  });
  const of = element("span");
  const instead = element("span", { class: "said", role: "status", "data-role": "instead" });
  const go = (label: string, title: string, role: string, to: () => number) =>
    button(
      label,
      { class: "small", "aria-label": title, title, "data-role": role },
      () => pick(to()),
      signal,
    );
  const picker = element(
    "div",
    { class: "picker" },
    element("span", {}, "row"),
    row,
    of,
    go("‹", "Previous row", "previous", () => (at() ?? 0) - 1),
    go("›", "Next row", "next-row", () => (at() ?? -1) + 1),
    go("random", "A row by chance", "random", () => Math.floor(Math.random() * count())),
    instead,
  );
  const inputs = element("div", { class: "inputs", role: "group", "aria-label": "The sample's inputs" });
  const outputs = element("p", { class: "outputs", "data-role": "outputs" });
  const sorry = element(
    "p",
    { class: "sorry" },
    "This network is too wide, or of a kind that cannot be followed here.",
  );
  const content = element("div", {}, picker, inputs, outputs);
  const panel = element(
    "section",
    { class: "panel probe", id, "aria-label": "Probe", hidden: true },
    element("header", {}, element("h3", {}, "Probe"), element("span", { class: "said" })),
    content,
    sorry,
  );
  const hint = panel.querySelector<HTMLElement>(".said")!;
  let now: PanelProps | null = null;
  let made: { reading: Pick<Snapshot, "net" | "rows" | "curves" | "inVars">; list: Input[] } | null = null;
  let found: { probe: readonly number[]; rows: Snapshot["rows"]; row: number | null } | null = null;

  const count = () => now?.reading.rows?.count ?? 0;
  const at = () => {
    if (!now) return null;
    const { probe, rows } = now.reading;
    if (!probe || !rows) return null;
    if (found?.probe !== probe || found.rows !== rows) found = { probe, rows, row: rowOf(probe, rows) };
    return found.row;
  };

  function pick(which: number, typed = false): void {
    const rows = now?.reading.rows;
    if (!typed) setText(instead, "");
    if (!rows || rows.count === 0) return;
    const k = ((which % rows.count) + rows.count) % rows.count;
    const n = now!.known.net.width[0]!;
    wishes.draft({ probe: [...rows.inputs.subarray(k * n, (k + 1) * n)] });
    wishes.releaseDraft();
  }
  row.addEventListener(
    "change",
    () => {
      const rows = now?.reading.rows;
      if (!rows || rows.count === 0) return;
      const wanted = row.value.trim() === "" ? Number.NaN : Number(row.value);
      // A field that holds no number says nothing of what was typed.
      const k = Number.isFinite(wanted) ? nearest([...rows.numbers], wanted) : (at() ?? 0);
      row.value = `${rows.numbers[k]}`;
      setText(instead, insteadWords(wanted, rows, k));
      pick(k, true);
    },
    { signal },
  );
  inputs.addEventListener(
    "input",
    (event) => {
      const k = made?.list.findIndex(({ range }) => range === event.target) ?? -1;
      if (k < 0 || !now?.reading.probe) return;
      const probe = [...now.reading.probe];
      probe[k] = Number(made!.list[k]!.range.value);
      wishes.draft({ probe });
    },
    { signal },
  );
  inputs.addEventListener("change", () => wishes.releaseDraft(), { signal });

  function makeInputs({ reading, names }: PanelProps): Input[] {
    if (
      made?.reading.net === reading.net &&
      made.reading.rows === reading.rows &&
      made.reading.curves === reading.curves &&
      made.reading.inVars === reading.inVars
    ) {
      return made.list;
    }
    const list = Array.from({ length: reading.net.width[0]! }, (_, i) => {
      const label = nameOf(reading.net, names, i);
      const [low, high] = rangeOf(reading, i);
      const name = element("span", { class: "name", title: plainText(label) }, ...nameElements(label));
      const range = element("input", {
        type: "range",
        min: `${low}`,
        max: `${high}`,
        step: `${(high - low) / STEPS}`,
        "data-input": `${i}`,
        "aria-label": plainText(label),
      });
      const value = element("output");
      return { element: element("label", {}, name, range, value), name, range, value };
    });
    made = { reading, list };
    arrange(
      inputs,
      list.map((input) => input.element),
    );
    return list;
  }

  return {
    element: panel,
    /** The sample it begins with: the first row, or the middle of every input. */
    first(reading: Snapshot): number[] {
      const n = reading.net.width[0]!;
      if (reading.rows && reading.rows.count > 0) return [...reading.rows.inputs.subarray(0, n)];
      return Array.from({ length: n }, (_, i) => rangeOf(reading, i).reduce((sum, end) => sum + end / 2, 0));
    },
    update(next: PanelProps): void {
      now = next;
      const { reading, trace, known, names } = next;
      sorry.hidden = reading.cells !== null;
      content.hidden = reading.cells === null;
      setText(hint, reading.cells && reading.rows === null ? "drag an input" : "");
      if (panel.hidden || !reading.cells || !reading.probe) return;
      const list = makeInputs(next);
      list.forEach(({ range, value }, i) => {
        const x = reading.probe![i]!;
        if (Number(range.value) !== x) range.value = `${x}`;
        setText(value, signed(x));
        setAttribute(range, "aria-valuetext", signed(x));
      });
      picker.hidden = count() === 0;
      const k = at();
      const numbers = reading.rows?.numbers;
      const last = numbers?.at(-1) ?? 0;
      setAttribute(row, "max", `${last}`);
      setAttribute(row, "title", rowTitle(count(), last + 1));
      const shown = k === null ? "" : `${numbers![k]}`;
      if (k === null) setText(instead, "");
      const root = panel.getRootNode() as ShadowRoot;
      if (row.value !== shown && root.activeElement !== row) row.value = shown;
      row.placeholder = "–";
      setText(of, `of ${(last + 1).toLocaleString("en")}`);
      if (!trace) return;
      const { net } = known;
      const first = net.nodeOffset[net.depth]!;
      const words = Array.from({ length: net.width[net.depth]! }, (_, j) => {
        const label = k === null ? undefined : reading.rows?.labels?.[k * net.width[net.depth]! + j];
        const value = trace.nodes[first + j]!;
        const name = plainText(nameOf(net, names, first + j));
        return `${name} = ${signed(value)}${label === undefined ? "" : `, label ${signed(label)}`}`;
      });
      setText(outputs, words.slice(0, 12).join("; "));
    },
  };
}

function rowTitle(count: number, all: number): string {
  const some = count < all ? `; ${count.toLocaleString("en")} of them are here` : "";
  return `Rows of the data that the loss is measured on, counted from 0${some}`;
}

/** Why it is another row than was typed, or "" if it is that row. */
function insteadWords(wanted: number, { numbers, count }: NonNullable<Snapshot["rows"]>, k: number): string {
  const [got, last] = [numbers[k]!, numbers[count - 1]!];
  if (wanted === got) return "";
  if (!Number.isFinite(wanted)) return `that is no number: still row ${got}`;
  if (wanted < 0 || wanted > last || !Number.isInteger(wanted))
    return `there is no row ${wanted}, they are 0 to ${last}: this is row ${got}`;
  return `row ${wanted} is not among the ${count} that are here: this is row ${got}`;
}

const signed = (value: number) => formatFigures(value).replaceAll("-", "−");

function rangeOf({ net, rows, curves }: Snapshot, input: number): [number, number] {
  const n = net.width[0]!;
  const { samples, x } = curves;
  const own = x.subarray(input * samples, (input + 1) * samples);
  const data = rows ? Array.from({ length: rows.count }, (_, r) => rows.inputs[r * n + input]!) : [];
  const [[a, b], [c, d]] = [extent(own), extent(data)];
  const [low, high] = [Math.min(a, c), Math.max(b, d)];
  return low < high ? [low, high] : [(low || 0) - 1, (low || 0) + 1];
}

function rowOf(probe: readonly number[], { count, inputs }: NonNullable<Snapshot["rows"]>): number | null {
  const n = probe.length;
  for (let r = 0; r < count; r++) {
    if (probe.every((value, i) => Math.fround(value) === inputs[r * n + i])) return r;
  }
  return null;
}
