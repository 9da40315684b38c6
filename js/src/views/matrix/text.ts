/** The names and captions of the matrix view: measured once, painted in every frame. */

import type { Brush } from "../../canvas/brush";
import { fitName, measureName, paintName } from "../../canvas/text";
import { type NodeNames, nameOf, type Run, textRuns } from "../../text/node-names";
import { ON } from "./cell-states";
import type { MatrixLayout } from "./layout";
import type { NamePlace } from "./parts";

export interface Fitted {
  readonly place: NamePlace;
  readonly runs: readonly Run[];
  readonly width: number;
}

export function fitNames({ ctx, font }: Brush, layout: MatrixLayout, names: NodeNames): Fitted[] {
  return layout.names.map((place) => {
    const runs = fitName(ctx, font, textRuns(nameOf(layout.net, names, place.node)), place.limit);
    return { place, runs, width: measureName(ctx, font, runs) };
  });
}

export function paintNames(
  { ctx, font, palette }: Brush,
  fitted: readonly Fitted[],
  states: Uint8Array,
): void {
  for (const { place, runs, width } of fitted) {
    const { node, x, y, align, turned } = place;
    ctx.save();
    ctx.translate(x, y);
    if (turned) ctx.rotate(-Math.PI / 2);
    const from = align === "left" ? 0 : align === "right" ? -width : -width / 2;
    ctx.fillStyle = palette.ink;
    // `paintName` leaves room for a dot of radius r and a gap of 8: there is no dot here.
    const spot = { node, x: from - 8, y: 0, r: 0, look: states[node] === ON ? "on" : "off" } as const;
    paintName(ctx, font, { node, runs, align: "left" }, spot);
    ctx.restore();
  }
}

const SIZE = 12;

export function paintCaptions({ ctx, font, palette }: Brush, layout: MatrixLayout): void {
  ctx.font = `${SIZE}px ${font}`;
  ctx.fillStyle = palette.ink;
  ctx.globalAlpha = 0.72;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  for (const { x, y, limit, texts } of layout.captions) {
    const text = texts.find((each) => ctx.measureText(each).width <= limit);
    if (text) ctx.fillText(text, x, y);
  }
  ctx.globalAlpha = 1;
}
