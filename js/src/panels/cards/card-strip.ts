/** The cards: one for each selected target, in the order in which they were chosen; stacked, or side by side. */

import { render } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import { sameTarget, type Target } from "../../model/network";
import { CARDS } from "../../text/labels";
import { element, setAttribute } from "../../util/dom";
import { indexOf, keyOf } from "../../wire/traits";
import type { Commands, PanelProps } from "../context";
import { namesOf } from "../names";
import { type Card, type CardCommands, cardName, lookOf } from "./card";
import { createEdgeCard } from "./edge-card";
import { createNodeCard } from "./node-card";

export function createCardStrip(commands: Commands) {
  const strip = element("section", {
    class: "cards",
    "aria-label": CARDS.strip,
    "data-role": "cards",
    hidden: true,
  });
  const cards = new Map<string, Card>();
  let drawn: readonly unknown[] = [];
  let last: PanelProps | null = null;
  const cardCommands: CardCommands = { ...commands, close };

  function close(target: Target): void {
    const selected = last?.reading.selected ?? [];
    const at = selected.findIndex((other) => sameTarget(other, target));
    const rest = selected.filter((other) => !sameTarget(other, target));
    const neighbour = rest[Math.min(at, rest.length - 1)];
    commands.select(rest);
    // The focus stays in the strip, or goes to what the card was about.
    const next = neighbour && cards.get(keyOf(neighbour))?.element.querySelector<HTMLElement>(".close");
    const root = strip.getRootNode() as ShadowRoot;
    const index = last && indexOf(last.known.net, target).join();
    (next ?? root.querySelector<HTMLElement>(`button[data-${target.kind}="${index}"]`))?.focus({
      preventScroll: true,
    });
  }

  function cardOf(target: Target): Card {
    const key = keyOf(target);
    let card = cards.get(key);
    if (!card) {
      const article = element("article", { class: "detail", "data-card": `${target.kind}${target.id}` });
      const make = target.kind === "edge" ? createEdgeCard : createNodeCard;
      card = make(article, target, cardCommands);
      cards.set(key, card);
    }
    return card;
  }

  return {
    element: strip,
    update(now: PanelProps): void {
      const { known, reading, names, trace } = now;
      const shows = [known.mask, known.edits, reading, names, trace];
      if (shows.every((value, k) => value === drawn[k])) return;
      drawn = shows;
      const { selected } = reading;
      const grown = selected.length > (last?.reading.selected.length ?? 0);
      last = now;
      const keys = new Set(selected.map(keyOf));
      for (const key of cards.keys()) if (!keys.has(key)) cards.delete(key);
      for (const target of selected) {
        const card = cardOf(target);
        card.update(now);
        setAttribute(card.element, "aria-label", cardName(target, namesOf(known.net, names, target)));
        setAttribute(card.element, "data-look", lookOf(now, target));
      }
      render(
        repeat(selected, keyOf, (target) => cardOf(target).element),
        strip,
      );
      if (grown) strip.scrollTo({ left: strip.scrollWidth });
    },
  };
}
