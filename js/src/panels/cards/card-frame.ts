/** What edge and node cards share: the title, the switch, the way to close it, and rows of facts. */

import { isBelowNodeThreshold, nodesOn, reasonOff } from "../../model/network";
import type { Target, ViewState } from "../../state/view-state";
import { formatFigures, ratioWords, stateWords } from "../../text/messages";
import { arrange, button, element, setAttribute, setText } from "../../util/dom";
import type { Commands, PanelProps } from "../context";
import { namesOf, pathElements, plainPath } from "../name-elements";

/** One card: shows a moment, and lives as long as its target is selected. */
export interface Card {
  readonly element: HTMLElement;
  /** Where the focus goes when the card before it is closed. */
  readonly closer: HTMLElement;
  update(now: PanelProps): void;
}

export function createCardFrame(
  target: Target,
  wishes: Commands,
  close: (target: Target) => void,
  signal: AbortSignal,
) {
  const title = element("h3");
  const closer = button("×", { class: "close", "data-role": "close" }, () => close(target), signal);
  const flip = element("button", { type: "button", class: "switch", role: "switch" });
  flip.addEventListener("click", () => wishes.toggle(target), { signal });
  const state = element("span", { class: "state" });
  const facts = createFacts();
  const body = element("div", { class: "body" });
  const card = element(
    "article",
    { class: "detail", "data-card": `${target.kind}${target.id}` },
    element("header", {}, title, closer),
    element("p", { class: "state-line" }, flip, state),
    body,
    facts.element,
  );
  let named = "";
  return {
    card,
    body,
    closer,
    facts,
    update({ known, reading, names }: PanelProps): boolean {
      const words = namesOf(known.net, names, target);
      const on = isOnNow(known, target);
      const name = `${target.kind === "edge" ? "Edge" : "Node"} ${plainPath(words)}`;
      if (name !== named) {
        named = name;
        title.replaceChildren(...pathElements(words));
        title.title = name;
        setAttribute(card, "aria-label", name);
        setAttribute(closer, "aria-label", `Close the card of ${name}`);
        setAttribute(flip, "aria-label", name);
      }
      setAttribute(flip, "aria-checked", `${on}`);
      setText(state, stateWords(known, target));
      const look = on
        ? reading.symbolic.has(target.id) && target.kind === "edge"
          ? "symbolic"
          : "on"
        : "off";
      const taken = !on && isBelowThreshold(known, target);
      card.dataset.look = taken ? "taken" : look;
      return on;
    },
  };
}

/** Whether a threshold takes a target, and no hand. */
function isBelowThreshold({ net, edits }: ViewState, { kind, id }: Target): boolean {
  if (kind === "node") return !edits.removedNodes.has(id) && isBelowNodeThreshold(net, edits, id);
  const reason = reasonOff(net, edits, id);
  return reason === "edge threshold" || reason === "node threshold";
}

export const isOnNow = ({ net, mask }: ViewState, { kind, id }: Target): boolean =>
  (kind === "edge" ? mask[id] : nodesOn(net, mask)[id]) === 1;

/** Rows of a name and what is known under it; a row without words is not there. */
export function createFacts() {
  const list = element("dl", { class: "facts" });
  const rows = new Map<string, { name: HTMLElement; value: HTMLElement }>();
  return {
    element: list,
    show(facts: readonly (readonly [name: string, value: string])[]): void {
      const order: HTMLElement[] = [];
      for (const [key, words] of facts) {
        if (!words) continue;
        let row = rows.get(key);
        if (!row) {
          const wide = key.length > 12 ? "wide" : undefined;
          row = { name: element("dt", { class: wide }, key), value: element("dd", { class: wide }) };
          rows.set(key, row);
        }
        setText(row.value, words);
        order.push(row.name, row.value);
      }
      arrange(list, order);
    },
  };
}

/** What it costs to switch a target, from its price. */
export function costFact(
  { reading }: PanelProps,
  price: number | undefined,
  on: boolean,
): readonly [name: string, value: string] {
  const name = `${reading.lossName || "loss"} ${on ? "without it" : "with it"}`;
  if (price === undefined || reading.loss === null) return [name, ""];
  const ratio = ratioWords(reading.loss, price);
  return [name, `${formatFigures(reading.loss)} → ${formatFigures(price)}${ratio && ` (${ratio})`}`];
}
