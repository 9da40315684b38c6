/** The card of a node: its value and what it is the sum of, and all its edges as small multiples. */

import {
  incoming,
  isHidden,
  type Network,
  outgoing,
  sameTarget,
  slotsOf,
  type Target,
} from "../../model/network";
import { accessibleName, formatFigures, sumWords } from "../../text/messages";
import type { NodeNames } from "../../text/node-names";
import { nameOf, plainText } from "../../text/node-names";
import { arrange, element, setAttribute, setText } from "../../util/dom";
import type { Snapshot } from "../../wire/snapshot";
import { keyOf } from "../../wire/traits";
import type { Commands, PanelProps } from "../context";
import { nameElements } from "../name-elements";
import { miniature } from "../plots/chart";
import { type Card, costFact, createCardFrame } from "./card-frame";

/** Small multiples of one side, in rows of five, all of them whole; the strongest edges are shown first. */
const MOST = 15;
const SIDE = 40;
/** Terms written out in a sum. */
const TERMS = 5;

export function createNodeCard(
  target: Target,
  wishes: Commands,
  close: (target: Target) => void,
  signal: AbortSignal,
): Card {
  const node = target.id;
  const shell = createCardFrame(target, wishes, close, signal);
  const sum = element("p", { class: "sum" });
  const sides = [createSide("in", wishes, signal), createSide("out", wishes, signal)];
  shell.body.append(sum, ...sides.map((side) => side.element));

  return {
    element: shell.card,
    closer: shell.closer,
    update(now) {
      const { known, reading, trace } = now;
      const { net } = known;
      const on = shell.update(now);
      shell.card.querySelector<HTMLElement>(".switch")!.hidden =
        !isHidden(net, node) && node >= net.width[0]!;
      setText(sum, trace ? valueWords(now, node) : "");
      sum.hidden = !trace;
      sides[0]!.update(now, net, incoming(net, node));
      sides[1]!.update(now, net, outgoing(net, node));
      shell.facts.show([
        ["score", isHidden(net, node) ? formatFigures(net.nodeScores[node]!) : ""],
        costFact(now, reading.prices.get(keyOf(target)), on),
      ]);
    },
  };
}

function createSide(direction: "in" | "out", wishes: Commands, signal: AbortSignal) {
  const caption = element("h4", {}, direction === "in" ? "in" : "out");
  const list = element("div", { class: "multiples" });
  const more = element("p", { class: "more" });
  const side = element(
    "div",
    { role: "group", "aria-label": direction === "in" ? "Edges in" : "Edges out" },
    caption,
    list,
    more,
  );
  let edges: readonly number[] = [];
  let drawn: { net: Network; curves: Snapshot["curves"]; names: NodeNames } | null = null;
  const buttons = new Map<number, HTMLButtonElement>();
  let last: PanelProps | null = null;
  list.addEventListener(
    "click",
    (event) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-small]");
      if (!button || !last) return;
      const chosen: Target = { kind: "edge", id: Number(button.dataset.small) };
      const { selected } = last.reading;
      if (selected.some((other) => sameTarget(other, chosen))) return;
      wishes.select([...selected, chosen]);
    },
    { signal },
  );
  return {
    element: side,
    update(now: PanelProps, net: Network, all: readonly number[]): void {
      last = now;
      side.hidden = all.length === 0;
      const { reading, names, known } = now;
      if (drawn?.net !== net || drawn.curves !== reading.curves || drawn.names !== names) {
        drawn = { net, curves: reading.curves, names };
        edges = [...all].sort((a, b) => net.scores[b]! - net.scores[a]! || a - b).slice(0, MOST);
        buttons.clear();
        for (const edge of edges) buttons.set(edge, small(now, edge, direction));
        arrange(list, [...buttons.values()]);
        const rest = all.length - edges.length;
        setText(more, rest > 0 ? `and ${rest.toLocaleString("en")} weaker` : "");
        more.hidden = rest <= 0;
      }
      const live = all.reduce((n, edge) => n + known.mask[edge]!, 0);
      setText(
        caption,
        `${direction} · ${live.toLocaleString("en")} of ${all.length.toLocaleString("en")} on`,
      );
      for (const [edge, button] of buttons) {
        button.toggleAttribute("data-off", !known.mask[edge]);
        button.toggleAttribute("data-symbolic", reading.symbolic.has(edge));
        const open = reading.selected.some(({ kind, id }) => kind === "edge" && id === edge);
        setAttribute(button, "aria-pressed", `${open}`);
      }
    },
  };
}

function small(
  { known: { net }, reading: { curves }, names }: PanelProps,
  edge: number,
  direction: "in" | "out",
) {
  const { samples, x } = curves;
  const source = net.source[edge]!;
  const other = direction === "in" ? source : net.target[edge]!;
  return element(
    "button",
    {
      type: "button",
      class: "small-multiple",
      "data-small": `${edge}`,
      "aria-label": `Open the card of ${accessibleName(net, names, { kind: "edge", id: edge })}`,
      title: plainText(nameOf(net, names, other)),
    },
    miniature(x.subarray(source * samples, (source + 1) * samples), curves.of(edge), SIDE),
    element("span", {}, ...nameElements(nameOf(net, names, other))),
  );
}

/** The value of a node in the followed sample, and how it comes about. */
function valueWords({ known: { net, mask }, trace }: PanelProps, node: number): string {
  const value = trace!.nodes[node]!;
  const slots = slotsOf(net, node);
  if (slots.length === 0) return `value ${formatFigures(value)}`.replaceAll("-", "−");
  const sums = slots.map((slot) => {
    const edges = incoming(net, node).filter((edge) => net.slot[edge] === slot && mask[edge]);
    const terms = edges
      .map((edge) => [trace!.edges[edge]!, ""] as const)
      .sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]));
    const sum = trace!.slots[slot]!;
    const shown: (readonly [number, string])[] = terms.slice(0, TERMS);
    const rest = terms.slice(TERMS).reduce((total, [term]) => total + term, 0);
    if (terms.length > TERMS) shown.push([rest, `${terms.length - TERMS} more`]);
    const bias = sum - terms.reduce((total, [term]) => total + term, 0);
    if (Math.abs(bias) > 1e-9 * Math.abs(sum) || shown.length === 0) shown.push([bias, "bias"]);
    return sumWords(sum, shown);
  });
  if (slots.length === 1) {
    const offset = value - trace!.slots[slots[0]!]!;
    return Math.abs(offset) > 1e-9 * Math.abs(value)
      ? `${sums[0]}; with the offset ${formatFigures(value)}`
      : sums[0]!;
  }
  return `${formatFigures(value)} is the product of ${sums.join(" and ")}`;
}
