/** The strip of cards: one for each selected target, side by side, in the order in which they were chosen. */

import { sameTarget, type Target } from "../../model/network";
import { arrange, element } from "../../util/dom";
import { indexOf, keyOf } from "../../wire/traits";
import type { Commands, PanelProps } from "../context";
import type { Card } from "./card-frame";
import { createEdgeCard } from "./edge-card";
import { createNodeCard } from "./node-card";

export function createCardStrip(wishes: Commands) {
  const strip = element("section", {
    class: "cards",
    "aria-label": "Cards of what is selected",
    "data-role": "cards",
    hidden: true,
  });
  const cards = new Map<string, { card: Card; end: AbortController }>();
  let last: PanelProps | null = null;
  let shown: Partial<PanelProps> = {};

  function close(target: Target): void {
    const selected = last?.reading.selected ?? [];
    const at = selected.findIndex((other) => sameTarget(other, target));
    const rest = selected.filter((other) => !sameTarget(other, target));
    const neighbour = rest[Math.min(at, rest.length - 1)];
    wishes.select(rest);
    // The focus stays in the strip, or goes to what the card was about.
    const next = neighbour && cards.get(keyOf(neighbour))?.card.closer;
    const root = strip.getRootNode() as ShadowRoot;
    const index = last && indexOf(last.known.net, target).join();
    (next ?? root.querySelector<HTMLElement>(`button[data-${target.kind}="${index}"]`))?.focus({
      preventScroll: true,
    });
  }

  return {
    element: strip,
    update(now: PanelProps): void {
      const { known, reading, names, trace } = now;
      if (
        shown.known?.mask === known.mask &&
        shown.known?.edits === known.edits &&
        shown.reading === reading &&
        shown.names === names &&
        shown.trace === trace
      ) {
        return;
      }
      const grown = reading.selected.length > (last?.reading.selected.length ?? 0);
      last = shown = now;
      const keep = new Set(reading.selected.map(keyOf));
      for (const [key, { end }] of cards) {
        if (keep.has(key)) continue;
        end.abort();
        cards.delete(key);
      }
      for (const target of reading.selected) {
        const key = keyOf(target);
        if (cards.has(key)) continue;
        // A card's listeners are on its own elements: they go with it, before the view does.
        const end = new AbortController();
        const make = target.kind === "edge" ? createEdgeCard : createNodeCard;
        cards.set(key, { card: make(target, wishes, close, end.signal), end });
      }
      const order = reading.selected.map((target) => cards.get(keyOf(target))!.card);
      strip.hidden = order.length === 0;
      for (const card of order) card.update(now);
      arrange(
        strip,
        order.map((card) => card.element),
      );
      if (grown) strip.scrollTo({ left: strip.scrollWidth });
    },
  };
}
