/** The buttons at the top: history, what is shown and how, and which panels are open. */

import { html, nothing, render } from "lit-html";
import { live } from "lit-html/directives/live.js";
import type { ViewState } from "../state/view-state";
import { type Label, orientationWords, TOOLBAR, VIEWS } from "../text/labels";
import { scoreName } from "../text/messages";
import { element } from "../util/dom";
import { showsMatrix } from "../views/choose-view";
import type { Snapshot } from "../wire/snapshot";
import type { ViewKind } from "../wire/traits";
import type { Commands } from "./context";
import { createHelp } from "./help";
import { icon } from "./icons";
import type { PanelToggle } from "./panels";

const inputValue = (event: Event) => (event.target as HTMLInputElement).value;

/** `python`: whether there is a model that can be given a new start. */
export function createToolbar(
  reset: () => void,
  commands: Commands,
  panels: readonly PanelToggle[],
  python: boolean,
) {
  const bar = element("div", { class: "bar", role: "toolbar", "aria-label": "Tools" });
  const { commit, keepMean, score, view } = TOOLBAR;
  const explained = [TOOLBAR.reset, ...(python ? [commit] : []), keepMean, score, view];
  const help = createHelp("tools", [...explained, ...panels.map(({ label }) => label)]);

  function tool(role: string, label: Label | string, press: () => void, content?: unknown, disabled = false) {
    const name = typeof label === "string" ? label : label.name;
    // A disabled button would lose the focus to the page: the one that has it only says that it does nothing.
    const focused = (bar.getRootNode() as ShadowRoot).activeElement?.getAttribute("data-role") === role;
    return html`<button
      type="button" class="quiet ${content ? "square" : ""}" data-role=${role} aria-label=${content ? name : nothing}
      title=${typeof label === "string" ? name : label.help}
      aria-describedby=${typeof label === "string" ? nothing : help.idOf(label)}
      ?disabled=${disabled && !focused} aria-disabled=${disabled && focused ? "true" : nothing} @click=${press}
    >${content ?? name}</button>`;
  }

  const viewChoice = (kind: ViewKind, reading: Snapshot) => html`<label>
    <input
      type="radio" name="view" value=${kind} aria-label="${view.name}: ${VIEWS[kind]}"
      .checked=${live(kind === reading.view)} @change=${() => commands.write({ view: kind })}
    ><span>${VIEWS[kind]}</span>
  </label>`;

  const panelButton = ({ id, label, controls, isOpen, toggle }: PanelToggle) => html`<button
    type="button" class="quiet" data-panel=${id} title=${label.help} aria-describedby=${help.idOf(label)}
    aria-expanded=${isOpen} aria-controls=${controls} @click=${toggle}
  >${label.name}</button>`;

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

  return {
    element: bar,
    update({ net, edits, layoutMask }: ViewState, reading: Snapshot): void {
      const { history, current } = reading;
      const parent = history.find((step) => step.id === current)?.parent ?? null;
      const later = history.some((step) => step.parent === current);
      const edited = [edits.removedEdges, edits.keptEdges, edits.removedNodes, edits.keptNodes].some(
        (set) => set.size > 0,
      );
      const unchanged = !edited && edits.nodeThreshold === 0 && edits.edgeThreshold === 0;
      const turns = !showsMatrix(reading.view, net, layoutMask);
      const up = reading.orientation === "up";
      const turn = () => {
        if (turns) commands.write({ orientation: up ? "right" : "up" });
      };
      const turning = orientationWords(turns, up);
      render(
        html`<div class="group">
            ${tool("undo", TOOLBAR.undo, () => commands.act({ do: "undo" }), icon("undo"), parent === null)}
            ${tool("redo", TOOLBAR.redo, () => commands.act({ do: "redo" }), icon("redo"), !later)}
            ${tool("reset", TOOLBAR.reset, reset, undefined, unchanged)}
            ${python ? tool("commit", commit, () => commands.act({ do: "commit" })) : nothing}
          </div>
          <label class="check" title=${keepMean.help}>
            <input
              type="checkbox" data-role="keep-mean" aria-label=${keepMean.name} aria-describedby=${help.idOf(keepMean)}
              .checked=${live(reading.keepMean)}
              @change=${(event: Event) => commands.write({ keep_mean: (event.target as HTMLInputElement).checked })}
            >${keepMean.name}
          </label>
          ${scoreChoice(reading)}
          <div class="group">
            <div class="segments" role="radiogroup" aria-label=${view.name} title=${view.help} aria-describedby=${help.idOf(view)}>
              ${(Object.keys(VIEWS) as ViewKind[]).map((kind) => viewChoice(kind, reading))}
            </div>
            <button
              type="button" class="quiet square" data-role="orientation" title=${turning} aria-label=${turning}
              aria-disabled=${turns ? nothing : "true"} @click=${turn}
            >${icon(up ? "up" : "right")}</button>
          </div>
          <div class="group">${panels.map(panelButton)}${help.element}</div>`,
        bar,
      );
    },
  };
}
