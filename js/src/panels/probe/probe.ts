/** The probe: one sample, picked from the data or made by hand, traced through the network. */

import { html, noChange, nothing, render } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { extent, nearest } from "../../model/scales";
import { formatSigned } from "../../text/format";
import { PANELS, PROBE } from "../../text/labels";
import { ofRowsWords, otherRowWords } from "../../text/messages";
import { nameOf, plainText } from "../../text/node-names";
import { element } from "../../util/dom";
import type { Snapshot } from "../../wire/snapshot";
import type { Commands, Panel, PanelProps } from "../context";
import { createHelp } from "../help";
import { nameContent } from "../names";
import { outcome } from "./outcome";

type Rows = NonNullable<Snapshot["rows"]>;

const STEPS = 400;
const { name } = PANELS.probe;

/** Python leaves out what a sample is traced with while it trains, as long as none is. */
const trains = ({ training }: Snapshot) => training !== null && training.state !== "ended";

export function createProbe(id: string, commands: Commands): Panel {
  const panel = element("section", { class: "panel probe", id, "aria-label": name, hidden: true });
  const help = createHelp(name, [PROBE.row, PROBE.input]);
  let now: PanelProps | null = null;
  /** Why another row is shown than was typed. */
  let instead = "";
  let ranges: { of: readonly unknown[]; ranges: readonly (readonly [number, number])[] } | null = null;
  let found: { probe: readonly number[]; rows: Rows; row: number | null } | null = null;

  const rowNow = ({ probe, rows }: Snapshot): number | null => {
    if (!probe || !rows) return null;
    if (found?.probe !== probe || found.rows !== rows) found = { probe, rows, row: rowOf(probe, rows) };
    return found.row;
  };

  function pick(row: number): void {
    const rows = now?.reading.rows;
    if (!rows || rows.count === 0) return;
    commands.draft({ probe: sampleOf(rows, ((row % rows.count) + rows.count) % rows.count) });
    commands.releaseDraft();
  }

  function step(to: (row: number | null, count: number) => number): void {
    instead = "";
    if (now) pick(to(rowNow(now.reading), now.reading.rows?.count ?? 0));
  }

  function typeRow(event: Event): void {
    const field = event.target as HTMLInputElement;
    const rows = now?.reading.rows;
    if (!now || !rows || rows.count === 0) return;
    const wanted = field.value.trim() === "" ? Number.NaN : Number(field.value);
    // A field that holds no number says nothing of what was typed.
    const row = Number.isFinite(wanted) ? nearest([...rows.numbers], wanted) : (rowNow(now.reading) ?? 0);
    field.value = `${rows.numbers[row]}`;
    instead = otherRowWords(wanted, rows.numbers, row);
    pick(row);
  }

  function drag(event: Event, input: number): void {
    if (!now?.reading.probe) return;
    const probe = [...now.reading.probe];
    probe[input] = Number((event.target as HTMLInputElement).value);
    commands.draft({ probe });
  }

  function rangeOfInput(reading: Snapshot, input: number): readonly [number, number] {
    const of = [reading.net, reading.rows, reading.curves];
    if (!ranges?.of.every((value, k) => value === of[k])) {
      const all = Array.from({ length: reading.net.width[0]! }, (_, i) => rangeOf(reading, i));
      ranges = { of, ranges: all };
    }
    return ranges.ranges[input]!;
  }

  function inputRow({ reading, names }: PanelProps, x: number, i: number) {
    const label = nameOf(reading.net, names, i);
    const [low, high] = rangeOfInput(reading, i);
    return html`<label>
      <span class="name" title=${plainText(label)}>${nameContent(label)}</span>
      <input
        type="range" min=${low} max=${high} step=${(high - low) / STEPS} data-input=${i}
        aria-label=${plainText(label)} aria-valuetext=${formatSigned(x)} .value=${live(`${x}`)}
        @input=${(event: Event) => drag(event, i)}
      >
      <output>${formatSigned(x)}</output>
    </label>`;
  }

  function picker(rows: Rows, row: number | null) {
    const all = (rows.numbers.at(-1) ?? 0) + 1;
    const focused = (panel.getRootNode() as ShadowRoot).activeElement;
    const shown = row === null ? "" : `${rows.numbers[row]}`;
    const go = (text: string, title: string, role: string, to: Parameters<typeof step>[0]) =>
      html`<button
        type="button" class="quiet small" aria-label=${title} title=${title} data-role=${role}
        @click=${() => step(to)}
      >${text}</button>`;
    return html`<div class="picker">
      <span>${PROBE.rowName}</span>
      <input
        type="number" min="0" max=${all - 1} step="1" placeholder="–" data-role="row"
        aria-label=${PROBE.row.name} title=${PROBE.row.help}
        aria-describedby=${help.idOf(PROBE.row)} @change=${typeRow}
        .value=${focused?.matches("[data-role=row]") ? noChange : live(shown)}
      >
      <span>${ofRowsWords(all, rows.count)}</span>
      ${go("‹", PROBE.previous, "previous", (at) => (at ?? 0) - 1)}
      ${go("›", PROBE.next, "next-row", (at) => (at ?? -1) + 1)}
      ${go(PROBE.random, PROBE.randomHelp, "random", (_, count) => Math.floor(Math.random() * count))}
      <span class="said" role="status" data-role="instead">${instead}</span>
    </div>`;
  }

  function content(props: PanelProps, probe: readonly number[]) {
    const { rows } = props.reading;
    const row = rowNow(props.reading);
    if (row === null) instead = "";
    return html`${rows && rows.count > 0 ? picker(rows, row) : nothing}
      <div class="inputs" role="group" aria-label=${PROBE.inputs} @change=${commands.releaseDraft}>
        ${probe.map((x, i) => inputRow(props, x, i))}
      </div>`;
  }

  return {
    element: panel,
    // A sample is the model's: it is traced in every view, and Python may set it.
    isOpenIn: ({ cells, probe }) => (cells ? probe !== null : null),
    toggled(open, reading) {
      commands.write({
        probe: open && (reading.cells || trains(reading)) ? firstSample(reading, rangeOfInput) : [],
      });
    },
    update(next: PanelProps): void {
      now = next;
      if (panel.hidden) return;
      const { cells, probe } = next.reading;
      render(
        html`<header>
            <h3>${name}</h3>
            ${help.element}
          </header>
          ${cells && probe ? content(next, probe) : nothing}
          ${cells ? nothing : html`<p class="sorry">${trains(next.reading) ? PROBE.later : PROBE.unable}</p>`}
          ${cells ? outcome(next, rowNow(next.reading)) : nothing}`,
        panel,
      );
    },
  };
}

/** The sample that a trace begins with: the first row, or the middle of every input. */
function firstSample(
  reading: Snapshot,
  rangeOfInput: (reading: Snapshot, input: number) => readonly [number, number],
): number[] {
  if (reading.rows && reading.rows.count > 0) return sampleOf(reading.rows, 0);
  return Array.from({ length: reading.net.width[0]! }, (_, i) => {
    const [low, high] = rangeOfInput(reading, i);
    return low / 2 + high / 2;
  });
}

function sampleOf({ inputs, count }: Rows, row: number): number[] {
  const n = inputs.length / count;
  return [...inputs.subarray(row * n, (row + 1) * n)];
}

function rangeOf({ net, rows, curves }: Snapshot, input: number): [number, number] {
  const n = net.width[0]!;
  const { samples, x } = curves;
  const own = x.subarray(input * samples, (input + 1) * samples);
  const data = rows ? Array.from({ length: rows.count }, (_, r) => rows.inputs[r * n + input]!) : [];
  const [[a, b], [c, d]] = [extent(own), extent(data)];
  const [low, high] = [Math.min(a, c), Math.max(b, d)];
  return low < high ? [low, high] : [(low || 0) - 1, (low || 0) + 1];
}

function rowOf(probe: readonly number[], { count, inputs }: Rows): number | null {
  const n = probe.length;
  for (let r = 0; r < count; r++) {
    if (probe.every((value, i) => Math.fround(value) === inputs[r * n + i])) return r;
  }
  return null;
}
