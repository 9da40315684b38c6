/** The card of a node: its value and what it is the sum of, and all its edges as small curves. */

import { html, nothing, render } from "lit-html";
import { incoming, isHidden, outgoing, sameTarget, slotsOf, type Target } from "../../model/network";
import { formatCount, formatFigures, formatSigned, formatSum } from "../../text/format";
import { CARDS } from "../../text/labels";
import { accessibleName } from "../../text/messages";
import { nameOf, plainText } from "../../text/node-names";
import type { PanelProps } from "../context";
import { nameContent } from "../names";
import { miniature } from "../plots/chart";
import { type Card, type CardCommands, cardContent, costFact } from "./card";

/** Small curves of one side, in rows of five, all of them whole; the strongest edges are shown first. */
const MAX_CURVES = 15;
const CURVE_SIDE = 40;
/** Terms written out in a sum. */
const MAX_TERMS = 5;

type Direction = "in" | "out";

export function createNodeCard(card: HTMLElement, target: Target, commands: CardCommands): Card {
  const node = target.id;
  const sides = (["in", "out"] as const).map((direction) => createSide(node, direction, commands));
  return {
    element: card,
    update(now) {
      const { net } = now.known;
      const hidden = isHidden(net, node);
      const body = html`<p class="sum" ?hidden=${!now.trace}>${now.trace ? valueWords(now, node) : ""}</p>
        ${sides.map((side) => side(now))}`;
      const score = hidden ? formatFigures(net.nodeScores[node]!) : "";
      const facts = [[CARDS.score, score] as const, costFact(now, target)];
      const isOutput = !hidden && node >= net.width[0]!;
      render(cardContent(now, target, commands, body, facts, !isOutput), card);
    },
  };
}

/** The edges into a node or out of it: returns their template for the current state. */
function createSide(node: number, direction: Direction, commands: CardCommands) {
  let drawn: readonly unknown[] = [];
  let all: readonly number[] = [];
  let curves: readonly { edge: number; picture: SVGSVGElement }[] = [];

  function drawCurves({ known: { net }, reading }: PanelProps): void {
    const shows = [net, reading.curves];
    if (shows.every((value, k) => value === drawn[k])) return;
    drawn = shows;
    all = (direction === "in" ? incoming : outgoing)(net, node);
    const { samples, x } = reading.curves;
    const strongest = [...all].sort((a, b) => net.scores[b]! - net.scores[a]! || a - b);
    curves = strongest.slice(0, MAX_CURVES).map((edge) => {
      const from = net.source[edge]! * samples;
      return {
        edge,
        picture: miniature(x.subarray(from, from + samples), reading.curves.of(edge), CURVE_SIDE),
      };
    });
  }

  return (now: PanelProps) => {
    drawCurves(now);
    if (all.length === 0) return nothing;
    const { reading, names, known } = now;
    const { net, mask } = known;
    const on = all.reduce((n, edge) => n + mask[edge]!, 0);
    const rest = all.length - curves.length;
    const small = ({ edge, picture }: (typeof curves)[number]) => {
      const other = nameOf(net, names, direction === "in" ? net.source[edge]! : net.target[edge]!);
      const target: Target = { kind: "edge", id: edge };
      const isOpen = reading.selected.some((selected) => sameTarget(selected, target));
      return html`<button
        type="button" class="small-multiple" data-small=${edge} title=${plainText(other)}
        aria-label="Open the card of ${accessibleName(net, names, target)}" aria-pressed=${isOpen}
        ?data-off=${!mask[edge]} ?data-symbolic=${reading.symbolic.has(edge)}
        @click=${() => isOpen || commands.select([...reading.selected, target])}
      >${picture}<span>${nameContent(other)}</span></button>`;
    };
    return html`<div role="group" aria-label=${direction === "in" ? CARDS.edgesIn : CARDS.edgesOut}>
      <h4>${direction} · ${formatCount(on)} of ${formatCount(all.length)} on</h4>
      <div class="multiples">${curves.map(small)}</div>
      ${rest > 0 ? html`<p class="more">and ${formatCount(rest)} weaker</p>` : nothing}
    </div>`;
  };
}

/** The value of a node in the traced sample, and how it comes about. */
function valueWords({ known: { net, mask }, trace }: PanelProps, node: number): string {
  const value = trace!.nodes[node]!;
  const slots = slotsOf(net, node);
  if (slots.length === 0) return `value ${formatSigned(value)}`;
  const sums = slots.map((slot) => {
    const edges = incoming(net, node).filter((edge) => net.slot[edge] === slot && mask[edge]);
    const terms = edges
      .map((edge) => [trace!.edges[edge]!, ""] as const)
      .sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]));
    const sum = trace!.slots[slot]!;
    const shown: (readonly [number, string])[] = terms.slice(0, MAX_TERMS);
    const rest = terms.slice(MAX_TERMS).reduce((total, [term]) => total + term, 0);
    if (terms.length > MAX_TERMS) shown.push([rest, `${terms.length - MAX_TERMS} more`]);
    const bias = sum - terms.reduce((total, [term]) => total + term, 0);
    if (Math.abs(bias) > 1e-9 * Math.abs(sum) || shown.length === 0) shown.push([bias, "bias"]);
    return formatSum(sum, shown);
  });
  if (slots.length === 1) {
    const offset = value - trace!.slots[slots[0]!]!;
    return Math.abs(offset) > 1e-9 * Math.abs(value)
      ? `${sums[0]}; with the offset ${formatFigures(value)}`
      : sums[0]!;
  }
  return `${formatFigures(value)} is the product of ${sums.join(" and ")}`;
}
