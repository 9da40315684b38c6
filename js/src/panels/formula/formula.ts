/** The network's formula: typeset, linked with the network, with what it is worth, and to copy. */

import { html, nothing, render } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { edgeId, type Network, type Target } from "../../model/network";
import { formatShort } from "../../text/format";
import { FORMULA, type Label, PANELS } from "../../text/labels";
import { blameWords, namingWords, termWords } from "../../text/messages";
import { viewNaming } from "../../text/session-messages";
import { element, setAttribute } from "../../util/dom";
import type { FormulaState } from "../../wire/traits";
import type { Commands, Panel, PanelProps } from "../context";
import { copyText } from "../copy-text";
import { createHelp } from "../help";
import { edgesOf, type MathElement, mathElement } from "./math-element";
import { createNamesChart } from "./names-chart";
import { lossOfSplines } from "./splines-loss";

const { name } = PANELS.formula;
const MAX_DIGITS = 8;
const SAID_FOR = 2500;
const FORMS = ["latex", "python", "sympy"] as const;

export function createFormula(id: string, commands: Commands, signal: AbortSignal): Panel {
  const panel = element("section", { class: "panel formula", id, "aria-label": name, hidden: true });
  const help = createHelp(name, [
    ...[FORMULA.terms, FORMULA.splines, FORMULA.named, FORMULA.refit, FORMULA.written],
    ...[FORMULA.exact, FORMULA.digits, FORMULA.curve],
  ]);
  const paper = element("div", {
    class: "math",
    role: "group",
    "aria-label": FORMULA.formula,
    "data-role": "math",
  });
  /** Buttons that stand for the terms: for keys and screen readers. */
  const twins = element("div", {
    class: "unseen",
    role: "group",
    "aria-label": FORMULA.terms.name,
    "data-role": "terms",
  });
  const chart = createNamesChart((count) => commands.act({ do: "keep_names", count }), signal);
  let now: PanelProps | null = null;
  let math: MathElement | null = null;
  let typeset: readonly unknown[] = [];
  let drawn: readonly unknown[] = [];
  let wished = { digits: 3, exact: true };
  /** What Python was last asked for. */
  let asked = "";
  let copied = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer));

  const idsOf = (term: Element, net: Network): number[] =>
    edgesOf(term)
      .filter(
        ([l, i, j]) => l < net.depth && i < net.width[l]! && edgeId(net, [l, i, j]) < net.edgeOffset[l + 1]!,
      )
      .map((edge) => edgeId(net, edge));
  const termAt = (event: Event): Element | null => (event.target as Element).closest("[data-edges]");

  function light(term: Element | null): void {
    commands.light(term && now ? idsOf(term, now.known.net) : []);
  }
  function open(term: Element | null): void {
    if (term && now)
      commands.select(idsOf(term, now.known.net).map((edge): Target => ({ kind: "edge", id: edge })));
  }
  function walk(event: KeyboardEvent): void {
    const buttons = [...twins.querySelectorAll("button")];
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    const goal = event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : by && at + by;
    if (goal === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    buttons[(goal + buttons.length) % buttons.length]?.focus({ preventScroll: true });
  }
  /** The term whose button has the focus. */
  function focusTerm(button: Element | null): void {
    const term = button ? (math?.terms[[...twins.children].indexOf(button)] ?? null) : null;
    for (const each of math?.terms ?? []) each.toggleAttribute("data-focus", each === term);
    if (button)
      for (const each of twins.children) setAttribute(each, "tabindex", each === button ? "0" : "-1");
    light(term);
    term?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  const listen = { signal };
  paper.addEventListener("pointerover", (event) => light(termAt(event)), listen);
  paper.addEventListener("pointerleave", () => light(null), listen);
  paper.addEventListener("click", (event) => open(termAt(event)), listen);
  twins.addEventListener("keydown", walk, listen);
  twins.addEventListener("focusin", (event) => focusTerm(event.target as Element), listen);
  twins.addEventListener("focusout", () => focusTerm(null), listen);
  twins.addEventListener(
    "click",
    (event) => open(math?.terms[[...twins.children].indexOf(event.target as Element)] ?? null),
    listen,
  );

  function write({ reading: { formula }, known: { net }, names }: PanelProps): void {
    const of = [formula?.mathml, formula?.words, net.topology, names];
    if (of.every((value, k) => value === typeset[k]) && typeset.length > 0) return;
    typeset = of;
    math = formula?.mathml ? mathElement(formula.mathml, formula.words) : null;
    const naming = viewNaming(net, names);
    const buttons = (math?.terms ?? []).map((term, k) =>
      element("button", { type: "button", tabindex: k === 0 ? "0" : "-1" }, termWords(edgesOf(term), naming)),
    );
    twins.replaceChildren(...buttons);
    paper.replaceChildren(...(math ? [math.element] : []));
  }

  /** What is under the pointer or open as a card is marked in the formula. */
  function mark({ known: { net, hover, focus, selected } }: PanelProps): void {
    const at = hover ?? focus;
    const lit = at?.kind === "edge" ? at.id : -1;
    const open = new Set(selected.filter(({ kind }) => kind === "edge").map(({ id }) => id));
    for (const term of math?.terms ?? []) {
      const ids = idsOf(term, net);
      // The smallest term that has the edge.
      const inner = [...term.querySelectorAll("[data-edges]")].flatMap((each) => idsOf(each, net));
      const has = (edge: number) => ids.includes(edge) && !inner.includes(edge);
      term.toggleAttribute("data-lit", has(lit));
      term.toggleAttribute(
        "data-open",
        ids.some((edge) => open.has(edge) && has(edge)),
      );
    }
  }

  function wish(change: Partial<typeof wished>): void {
    wished = { ...wished, ...change };
    ask();
    draw();
  }

  function ask(): void {
    if (!now || now.reading.computes !== undefined || now.reading.closed) return;
    const next = JSON.stringify(wished);
    if (next === asked && now.reading.formula) return;
    if (next === asked) return;
    asked = next;
    commands.act({ do: "formula", ...wished });
  }

  async function copy(form: (typeof FORMS)[number], text: string): Promise<void> {
    copied = (await copyText(text, panel)) ? FORMULA.copied(FORMULA.copy[form]) : FORMULA.notCopied;
    draw();
    clearTimeout(timer);
    timer = setTimeout(() => {
      copied = "";
      draw();
    }, SAID_FOR);
  }

  function losses(props: PanelProps, formula: FormulaState) {
    const { reading } = props;
    const splines = lossOfSplines(reading);
    const rows: [Label, number | null][] = [
      [FORMULA.splines, splines],
      [FORMULA.named, reading.loss],
      [FORMULA.refit, formula.loss_refit],
      [FORMULA.written, formula.loss],
    ];
    return html`<dl class="formula-losses" aria-label=${FORMULA.losses}>${rows.map(
      ([label, loss]) => html`<div title=${label.help}>
        <dt>${label.name}</dt><dd>${loss === null ? "–" : formatShort(loss)}</dd>
      </div>`,
    )}</dl>`;
  }

  function blame({ known: { net }, names }: PanelProps, { blame: [l, i, j, loss] }: FormulaState) {
    if (l === undefined) return nothing;
    const index = [l, i!, j!] as [number, number, number];
    if (!(l < net.depth && i! < net.width[l]! && edgeId(net, index) < net.edgeOffset[l + 1]!)) return nothing;
    const target: Target = { kind: "edge", id: edgeId(net, index) };
    return html`<p class="blame">${FORMULA.blame} <button
        type="button" class="quiet small" data-role="blame" @click=${() => commands.select([target])}
        @pointerenter=${() => commands.light([target.id])} @pointerleave=${() => commands.light([])}
      >${viewNaming(net, names).edge(...index)}</button> ${blameWords(loss!)}</p>`;
  }

  function settings(formula: FormulaState) {
    const { digits, exact } = { ...wished, ...(now?.reading.computes === undefined ? {} : formula) };
    const fixed = now?.reading.computes !== undefined;
    return html`<div class="settings" ?hidden=${fixed}>
      <label class="digits"><span>${FORMULA.digits.name}</span><input
        type="range" min="1" max=${MAX_DIGITS} step="1" data-role="digits" aria-describedby=${help.idOf(FORMULA.digits)}
        .value=${live(`${digits}`)} aria-valuetext=${`${digits}`}
        @input=${(event: Event) => wish({ digits: Number((event.target as HTMLInputElement).value) })}
      ><output>${digits}</output></label>
      <label class="check"><input
        type="checkbox" data-role="exact" aria-describedby=${help.idOf(FORMULA.exact)} .checked=${live(exact)}
        @change=${(event: Event) => wish({ exact: (event.target as HTMLInputElement).checked })}
      >${FORMULA.exact.name}</label>
    </div>`;
  }

  function draw(): void {
    if (!now) return;
    const { reading, known, names } = now;
    const { formula, naming, named, closed, computes } = reading;
    const runs = naming?.state === "running";
    const said = naming && computes === undefined ? namingWords(naming) : "";
    write(now);
    mark(now);
    if (naming) chart.draw(naming, viewNaming(known.net, names));
    render(
      html`<header>
          <h3>${name}</h3>
          <span class="said" role="status" data-role="naming">${said || (formula?.busy && !formula.mathml ? FORMULA.busy : "")}</span>
          ${
            runs
              ? html`<button
                  type="button" class="quiet small" data-role="stop-naming" @click=${() => commands.act({ do: "stop_naming" })}
                >${FORMULA.stop}</button>`
              : nothing
          }
          ${help.element}
        </header>
        <p class="empty" ?hidden=${runs || named.size > 0 || computes !== undefined || closed}>${FORMULA.none}</p>
        <p class="error" role="alert" data-role="formula-error">${formula?.error ?? ""}</p>
        ${paper}${twins}
        ${
          formula
            ? html`<div class="copies" ?hidden=${!formula.mathml}>${FORMS.map(
                (form) => html`<button
                  type="button" class="quiet small" data-role="copy-${form}" aria-label=${FORMULA.copyHelp(FORMULA.copy[form])}
                  ?disabled=${!formula[form]} @click=${() => void copy(form, formula[form])}
                >${FORMULA.copy[form]}</button>`,
              )}<span class="said" role="status">${copied}</span></div>
              ${settings(formula)}
              ${losses(now, formula)}
              ${blame(now, formula)}`
            : nothing
        }
        ${naming && naming.steps.length > 0 && computes === undefined ? chart.element : nothing}`,
      panel,
    );
  }

  return {
    element: panel,
    // A page without Python shows the formula that it was made with.
    isThere: ({ computes, formula }) => computes === undefined || (formula?.mathml ?? "") !== "",
    // It stays at the front when names were looked for.
    runIn: ({ naming }) => naming,
    update(next: PanelProps): void {
      if (panel.hidden) {
        drawn = [];
        return;
      }
      const { reading, known, names } = next;
      const { formula, naming, loss, history, current, named, closed } = reading;
      const shows = [
        ...[formula, naming, loss, history, current, named, closed, names],
        ...[known.net.topology, known.hover, known.focus, known.selected],
      ];
      now = next;
      ask();
      if (shows.every((value, k) => value === drawn[k]) && drawn.length > 0) return;
      drawn = shows;
      draw();
    },
  };
}
