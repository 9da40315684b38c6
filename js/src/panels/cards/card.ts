/** What edge and node cards share: the title, the switch, the way to close it, and rows of facts. */

import { html, nothing } from "lit-html";
import { nodesOn } from "../../model/mask";
import type { Target } from "../../model/network";
import type { ViewState } from "../../state/view-state";
import { CARDS } from "../../text/labels";
import { costWords, stateOf, stateWords } from "../../text/messages";
import { keyOf } from "../../wire/traits";
import type { Commands, PanelProps } from "../context";
import { namesOf, pathContent, plainPath } from "../names";

/** One card: shows a moment, and lives as long as its target is selected. */
export interface Card {
  readonly element: HTMLElement;
  update(now: PanelProps): void;
}

export interface CardCommands extends Commands {
  close(target: Target): void;
}

/** A row without a value is not there. */
export type Fact = readonly [name: string, value: string];

/** Values with more characters have a line of their own. */
const LINE = 24;

const isOnNow = ({ net, mask }: ViewState, { kind, id }: Target): boolean =>
  (kind === "edge" ? mask[id] : nodesOn(net, mask)[id]) === 1;

/** What it costs to switch a target. */
export function costFact({ reading, known }: PanelProps, target: Target): Fact {
  const name = isOnNow(known, target) ? CARDS.ifRemoved : CARDS.ifOn;
  return [name, costWords(reading, reading.prices.get(keyOf(target)))];
}

/** `data-look` of a card. */
export function lookOf({ known, reading }: PanelProps, target: Target): string {
  if (isOnNow(known, target)) {
    return target.kind === "edge" && reading.symbolic.has(target.id) ? "symbolic" : "on";
  }
  const state = stateOf(known, target);
  return state === "edge threshold" || state === "node threshold" ? "removed" : "off";
}

export function cardContent(
  { known, names }: PanelProps,
  target: Target,
  commands: CardCommands,
  body: unknown,
  facts: readonly Fact[],
  hasSwitch = true,
  more: unknown = nothing,
) {
  const path = namesOf(known.net, names, target);
  const name = cardName(target, path);
  return html`<header>
      <h3 title=${name}>${pathContent(path)}</h3>
      <button
        type="button" class="quiet close" data-role="close" aria-label="Close the card of ${name}"
        @click=${() => commands.close(target)}
      >×</button>
    </header>
    <p class="state-line">
      <button
        type="button" class="switch" role="switch" aria-label=${name} ?hidden=${!hasSwitch}
        aria-checked=${isOnNow(known, target)} @click=${() => commands.toggle(target)}
      ></button>
      <span class="state">${stateWords(known, target)}</span>
    </p>
    <div class="body">${body}</div>
    <dl class="facts">${facts.map(factRow)}</dl>
    ${more}`;
}

export const cardName = ({ kind }: Target, path: readonly string[]): string =>
  `${kind === "edge" ? "Edge" : "Node"} ${plainPath(path)}`;

function factRow([name, value]: Fact) {
  if (!value) return nothing;
  const size = value.length > LINE ? "wide" : nothing;
  return html`<dt class=${size}>${name}</dt><dd class=${size}>${value}</dd>`;
}
