/** The card of an edge: its curve large, the data under it, what it is worth. */

import { render } from "lit-html";
import type { Target } from "../../model/network";
import { formatShare, formatShort, withMinus } from "../../text/format";
import { CARDS } from "../../text/labels";
import { rankOf, rankWords } from "../../text/messages";
import type { Snapshot } from "../../wire/snapshot";
import { createChart } from "../plots/chart";
import { type Card, type CardCommands, cardContent, costFact, type Fact } from "./card";
import { createNames } from "./names";

export function createEdgeCard(card: HTMLElement, target: Target, commands: CardCommands): Card {
  const edge = target.id;
  const chart = createChart();
  const names = createNames(target, commands);
  let drawn: readonly unknown[] = [];
  let ranked: { scores: Float64Array; rank: number } | null = null;

  return {
    element: card,
    update(now) {
      const { known, reading, trace } = now;
      const { net } = known;
      const source = net.source[edge]!;
      const shows = [reading.curves, reading.data, reading.symbolic];
      if (shows.some((value, k) => value !== drawn[k])) chart.draw(plottedOf(reading, source, edge));
      drawn = shows;
      if (ranked?.scores !== net.scores) ranked = { scores: net.scores, rank: rankOf(net, edge) };
      chart.point(trace && [trace.nodes[source]!, trace.edges[edge]!]);
      const facts: Fact[] = [
        [CARDS.sample, trace ? valueWords(trace.nodes[source]!, trace.edges[edge]!) : ""],
        [CARDS.formula, names.words(now) || (reading.symbolic.get(edge) ?? "")],
        [CARDS.score, rankWords(net, edge, ranked.rank)],
        costFact(now, target),
        [CARDS.offGrid, offGrid(reading, source)],
      ];
      render(cardContent(now, target, commands, chart.element, facts, true, names.content(now)), card);
    },
  };
}

function plottedOf({ curves, data, symbolic }: Snapshot, source: number, edge: number) {
  const { samples } = curves;
  const [low, high] = data?.grid
    ? [data.grid[3 * source]!, data.grid[3 * source + 1]!]
    : [Number.NaN, Number.NaN];
  return {
    x: curves.x.subarray(source * samples, (source + 1) * samples),
    y: curves.of(edge),
    // A formula has no parts.
    base: symbolic.has(edge) ? null : curves.baseOf(edge),
    density: data?.density.subarray(source * data.bins, (source + 1) * data.bins) ?? null,
    grid: Number.isFinite(low) && Number.isFinite(high) ? ([low, high] as const) : null,
  };
}

function offGrid({ data }: Snapshot, source: number): string {
  const share = data?.grid?.[3 * source + 2] ?? Number.NaN;
  return Number.isFinite(share) ? `${formatShare(share)} of rows` : "";
}

const valueWords = (x: number, y: number) => withMinus(`φ(${formatShort(x)}) = ${formatShort(y)}`);
