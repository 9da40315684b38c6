/** The row of actions: what a person does from left to right, undo and redo, and all else in a menu. */

import { html, nothing, render } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { DEFAULT_BETA } from "../model/importance";
import { type Label, LEGEND, orientationWords, TOOLBAR, VIEWS } from "../text/labels";
import { scoreName } from "../text/messages";
import { element, freshId } from "../util/dom";
import { showsMatrix } from "../views/choose-view";
import type { Snapshot } from "../wire/snapshot";
import type { Orientation, ViewKind, WritableTraits } from "../wire/traits";
import { ACTION_MAKERS } from "./actions/registry";
import type { Commands, PanelProps } from "./context";
import { createHelp, place } from "./help";
import { icon } from "./icons";

/** Positions of the contrast to each side of the middle, and decades of beta on each. */
const POSITIONS = 8;
const DECADES = 2;

/** More contrast is a smaller beta: weak edges fade. */
const betaAt = (position: number) =>
  Number((DEFAULT_BETA * 10 ** ((-position * DECADES) / POSITIONS)).toPrecision(3));
const positionOf = (beta: number) =>
  Math.round((-Math.log10((beta || DEFAULT_BETA) / DEFAULT_BETA) * POSITIONS) / DECADES);

const isChecked = (event: Event) => (event.target as HTMLInputElement).checked;
const inputValue = (event: Event) => (event.target as HTMLInputElement).value;

export interface ToolbarEvents {
  reset(): void;
  /** Offers the picture to keep, beside the button that was pressed. */
  picture(button: HTMLElement): void;
  /** Tells a person what an action could not do. */
  say(words: string): void;
  /** Whether there is a model that can be given a new start. */
  readonly python: boolean;
}

/** What the toolbar shows besides a moment. */
export interface ToolbarState {
  /** Whether there are dead ends to remove. */
  readonly deadEnds: boolean;
  /** How the graph lies, which the stage may have chosen. */
  readonly orientation: Orientation;
}

export function createToolbar(commands: Commands, events: ToolbarEvents) {
  const bar = element("div", { class: "bar", role: "toolbar", "aria-label": "Tools" });
  const { python } = events;
  const { commit, keepMean, score, view, reset, deadEnds, picture } = TOOLBAR;
  const actions = ACTION_MAKERS.map((make) => make(commands, events.say));
  const explained = [
    ...actions.map(({ label }) => label),
    ...[view, score, keepMean, reset, deadEnds],
    ...[LEGEND.contrast, LEGEND.hidden, LEGEND.sharedScale],
    ...(python ? [commit] : []),
  ];
  const help = createHelp("tools", explained);
  const menuId = freshId("more");

  // A disabled button would lose the focus to the page: the one that has it only says that it does nothing.
  const isFocused = (role: string) =>
    (bar.getRootNode() as ShadowRoot).activeElement?.getAttribute("data-role") === role;

  function tool(role: string, label: Label | string, press: () => void, content?: unknown, disabled = false) {
    const name = typeof label === "string" ? label : label.name;
    const focused = isFocused(role);
    return html`<button
      type="button" class="quiet ${content ? "square" : ""}" data-role=${role} aria-label=${content ? name : nothing}
      title=${typeof label === "string" ? name : label.help}
      aria-describedby=${typeof label === "string" ? nothing : help.idOf(label)}
      ?disabled=${disabled && !focused} aria-disabled=${disabled && focused ? "true" : nothing} @click=${press}
    >${content ?? name}</button>`;
  }

  /** Closes the menu: what was chosen there is done. */
  const done = (act: () => void) => () => {
    bar.querySelector<HTMLElement>(`#${menuId}`)?.hidePopover();
    act();
  };

  const viewChoice = (kind: ViewKind, reading: Snapshot) => html`<label>
    <input
      type="radio" name="view" value=${kind} aria-label="${view.name}: ${VIEWS[kind]}"
      .checked=${live(kind === reading.view)} @change=${() => commands.write({ view: kind })}
    ><span>${VIEWS[kind]}</span>
  </label>`;

  function scoreChoice({ scores, score: chosen }: Snapshot) {
    return html`<label class="check" title=${score.help} ?hidden=${scores.length < 2}>
      ${score.name}
      <select
        data-role="score" aria-label=${score.name} aria-describedby=${help.idOf(score)}
        @change=${(event: Event) => commands.write({ score: inputValue(event) })}
      >${scores.map(
        (kind) => html`<option value=${kind} .selected=${live(kind === chosen)}>${scoreName(kind)}</option>`,
      )}</select>
    </label>`;
  }

  /** How edges are drawn. */
  function lookChoice({ beta, removed, sharedScale }: Snapshot) {
    const { contrast, hidden, sharedScale: shared } = LEGEND;
    return html`<label class="check" title=${contrast.help}>
        ${contrast.name}
        <input
          type="range" data-role="contrast" min=${-POSITIONS} max=${POSITIONS} step="1" aria-label=${contrast.name}
          aria-describedby=${help.idOf(contrast)} .value=${live(`${positionOf(beta)}`)}
          @input=${(event: Event) => commands.draft({ beta: betaAt(Number(inputValue(event))) })}
        >
      </label>
      ${check(hidden, "removed", removed === "hidden", (on) => ({ removed: on ? "hidden" : "faint" }))}
      ${check(shared, "shared-scale", sharedScale, (on) => ({ shared_scale: on }))}`;
  }

  function check(label: Label, role: string, on: boolean, written: (on: boolean) => Partial<WritableTraits>) {
    return html`<label class="check" title=${label.help}>
      <input
        type="checkbox" data-role=${role} aria-label=${label.name} aria-describedby=${help.idOf(label)}
        .checked=${live(on)} @change=${(event: Event) => commands.write(written(isChecked(event)))}
      >${label.name}
    </label>`;
  }

  function actionButton(now: PanelProps, { id, label, press, state }: (typeof actions)[number]) {
    const is = state(now);
    const off = is === "off";
    const focused = isFocused(id);
    return html`<button
      type="button" class="quiet primary" data-role=${id} title=${label.help} aria-describedby=${help.idOf(label)}
      aria-busy=${is === "busy"} ?disabled=${off && !focused} aria-disabled=${off && focused ? "true" : nothing}
      @click=${() => is === "ready" && press(now)}
    >${label.name}</button>`;
  }

  function menu({ known: { net, edits, layoutMask }, reading }: PanelProps, state: ToolbarState) {
    const edited = [edits.removedEdges, edits.keptEdges, edits.removedNodes, edits.keptNodes].some(
      (set) => set.size > 0,
    );
    const unchanged = !edited && edits.nodeThreshold === 0 && edits.edgeThreshold === 0;
    const turns = !showsMatrix(reading.view, net, layoutMask);
    const up = state.orientation === "up";
    const turn = () => {
      if (turns) commands.write({ orientation: up ? "right" : "up" });
    };
    const turning = orientationWords(turns, up);
    return html`<div class="group">
        <span>${view.name}</span>
        <div class="segments" role="radiogroup" aria-label=${view.name} title=${view.help} aria-describedby=${help.idOf(view)}>
          ${(Object.keys(VIEWS) as ViewKind[]).map((kind) => viewChoice(kind, reading))}
        </div>
        <button
          type="button" class="quiet square" data-role="orientation" title=${turning} aria-label=${turning}
          aria-disabled=${turns ? nothing : "true"} @click=${turn}
        >${icon(up ? "up" : "right")}</button>
      </div>
      ${scoreChoice(reading)}
      ${check(keepMean, "keep-mean", reading.keepMean, (on) => ({ keep_mean: on }))}
      ${lookChoice(reading)}
      <hr>
      ${tool(
        "clean",
        deadEnds,
        done(() => commands.act({ do: "remove_dead_ends" })),
        undefined,
        !state.deadEnds,
      )}
      ${
        python
          ? tool(
              "commit",
              commit,
              done(() => commands.act({ do: "commit" })),
            )
          : nothing
      }
      ${tool("reset", reset, done(events.reset), undefined, unchanged)}
      ${tool(
        "picture",
        picture,
        done(() => events.picture(bar.querySelector<HTMLElement>("[data-role=more]")!)),
      )}`;
  }

  return {
    element: bar,
    update(now: PanelProps, state: ToolbarState): void {
      const { history, current } = now.reading;
      const parent = history.find((step) => step.id === current)?.parent ?? null;
      const later = history.some((step) => step.parent === current);
      for (const action of actions) action.update?.(now);
      render(
        html`<div class="group">${actions
          .filter(({ isThere }) => isThere?.(now.reading) ?? true)
          .map((action) => actionButton(now, action))}</div>
          <div class="group">
            ${tool("undo", TOOLBAR.undo, () => commands.act({ do: "undo" }), icon("undo"), parent === null)}
            ${tool("redo", TOOLBAR.redo, () => commands.act({ do: "redo" }), icon("redo"), !later)}
          </div>
          <div class="group">
            <button
              type="button" class="quiet" data-role="more" data-brief="⋯" popovertarget=${menuId}
              aria-label=${TOOLBAR.more.name} title=${TOOLBAR.more.help}
            ><span class="whole">${TOOLBAR.more.name}</span>${icon("down")}</button>
            <div popover id=${menuId} class="options" role="group" aria-label=${TOOLBAR.more.name} @beforetoggle=${place}>
              ${menu(now, state)}
            </div>
            ${help.element}
          </div>`,
        bar,
      );
    },
  };
}
