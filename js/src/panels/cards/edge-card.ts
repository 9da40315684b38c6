/** The card of an edge: its curve large, the data under it, what it is worth. */

import type { Target } from "../../model/network";
import { formatFigures, formatShort, rankOf, shareWords } from "../../text/messages";
import type { Snapshot } from "../../wire/snapshot";
import { keyOf } from "../../wire/traits";
import type { Commands } from "../context";
import { createChart } from "../plots/chart";
import { type Card, costFact, createCardFrame } from "./card-frame";

export function createEdgeCard(
  target: Target,
  wishes: Commands,
  close: (target: Target) => void,
  signal: AbortSignal,
): Card {
  const edge = target.id;
  const shell = createCardFrame(target, wishes, close, signal);
  const chart = createChart();
  shell.body.append(chart.element);
  let drawn: Pick<Snapshot, "curves" | "data" | "symbolic"> | null = null;
  let ranked: { scores: Float64Array; rank: number } | null = null;

  return {
    element: shell.card,
    closer: shell.closer,
    update(now) {
      const { known, reading, trace } = now;
      const { net } = known;
      const on = shell.update(now);
      const source = net.source[edge]!;
      const { curves, data, symbolic } = reading;
      if (drawn?.curves !== curves || drawn.data !== data || drawn.symbolic !== symbolic) {
        drawn = { curves, data, symbolic };
        chart.draw(plottedOf(reading, source, edge));
      }
      if (ranked?.scores !== net.scores) ranked = { scores: net.scores, rank: rankOf(net, edge) };
      chart.point(trace && [trace.nodes[source]!, trace.edges[edge]!]);
      shell.facts.show([
        ["sample", trace ? probed(trace.nodes[source]!, trace.edges[edge]!) : ""],
        ["formula", reading.symbolic.get(edge) ?? ""],
        [
          "score",
          `${formatFigures(net.scores[edge]!)}, rank ${ranked.rank.toLocaleString("en")} of ${net.edgeCount.toLocaleString("en")}`,
        ],
        costFact(now, reading.prices.get(keyOf(target)), on),
        ["off grid", offGrid(reading, source)],
      ]);
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
  return Number.isFinite(share) ? `${shareWords(share)} of rows` : "";
}

const probed = (x: number, y: number) => `φ(${formatShort(x)}) = ${formatShort(y)}`.replaceAll("-", "−");
