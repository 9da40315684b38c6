/** Paints the scatter, on a canvas or into an SVG. Reads no DOM. */
import type { Palette } from "../canvas/brush";
import { ring } from "../canvas/shapes";
import { RUNS } from "../text/run-labels";
import { type Mark, outline } from "./marks";
import type { RunData, Setting } from "./run-data";
import type { ScatterLayout } from "./scatter-layout";

export interface ScatterPicture {
  readonly data: RunData;
  readonly layout: ScatterLayout;
  readonly setting: Setting | null;
  readonly marks: readonly Mark[];
  /** Places of the runs that pass the filters. */
  readonly shown: Uint32Array;
  readonly palette: Palette;
  readonly font: string;
}

const RADIUS = 4;
const SMALL = 2.5;
/** With more points than this they are small, and let those below them through. */
const MANY = 1500;
const FAINT = 0.12;
/** Points in one path: browsers fill one of thousands slowly, as they look for what overlaps in it. */
const TOGETHER = 32;
const SIZE = 12;

export function paintScatter(ctx: CanvasRenderingContext2D, picture: ScatterPicture): void {
  const { data, layout, shown, palette } = picture;
  ctx.clearRect(0, 0, layout.width, layout.height);
  paintAxes(ctx, picture);
  const isShown = new Uint8Array(data.count);
  for (const place of shown) isShown[place] = 1;
  const r = data.count > MANY ? SMALL : RADIUS;
  const alpha = data.count > MANY ? 0.6 : 0.85;
  if (shown.length < data.count) paintPoints(ctx, picture, (place) => !isShown[place], r, FAINT);
  paintPoints(ctx, picture, (place) => isShown[place] === 1, r, alpha);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = palette.ink;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  layout.steps.forEach(([x, y], k) => {
    if (k === 0) ctx.moveTo(x, y);
    else ctx.lineTo(x, y);
  });
  ctx.stroke();
  ctx.lineWidth = 1.25;
  for (const place of data.front) {
    ctx.beginPath();
    outline(ctx, markOf(picture, place).shape, layout.x[place]!, layout.y[place]!, RADIUS + 0.5);
    ctx.stroke();
  }
}

function markOf({ setting, marks, data }: ScatterPicture, place: number): Mark {
  return (setting && marks[setting.codes[data.number[place]!] ?? 0]) || marks[0]!;
}

/** Points of one colour after another. */
function paintPoints(
  ctx: CanvasRenderingContext2D,
  picture: ScatterPicture,
  drawn: (place: number) => boolean,
  r: number,
  alpha: number,
): void {
  const { data, layout } = picture;
  const places = new Map<Mark, number[]>();
  for (let place = 0; place < data.count; place++) {
    if (Number.isNaN(layout.x[place]!) || !drawn(place)) continue;
    const mark = markOf(picture, place);
    const group = places.get(mark);
    if (group) group.push(place);
    else places.set(mark, [place]);
  }
  ctx.globalAlpha = alpha;
  for (const [mark, group] of places) {
    ctx.fillStyle = mark.colour;
    for (let from = 0; from < group.length; from += TOGETHER) {
      ctx.beginPath();
      for (const place of group.slice(from, from + TOGETHER))
        outline(ctx, mark.shape, layout.x[place]!, layout.y[place]!, r);
      ctx.fill();
    }
  }
}

function paintAxes(ctx: CanvasRenderingContext2D, { layout, palette, font }: ScatterPicture): void {
  const { left, right, top, bottom, xTicks, yTicks } = layout;
  ctx.lineWidth = 1;
  ctx.strokeStyle = palette.ink;
  ctx.fillStyle = palette.ink;
  ctx.font = `${SIZE}px ${font}`;
  ctx.textBaseline = "alphabetic";
  ctx.globalAlpha = 0.12;
  for (const { at } of yTicks) line(ctx, left, at, right, at);
  for (const { at } of xTicks) line(ctx, at, top, at, bottom);
  ctx.globalAlpha = 0.5;
  line(ctx, left, bottom, right, bottom);
  line(ctx, left, top, left, bottom);
  ctx.globalAlpha = 0.8;
  ctx.textAlign = "right";
  for (const { at, text } of yTicks) ctx.fillText(text, left - 6, at + 4);
  ctx.textAlign = "center";
  for (const { at, text } of xTicks) ctx.fillText(text, at, bottom + 16);
  ctx.fillText(RUNS.edges, (left + right) / 2, bottom + 33);
  ctx.textAlign = "left";
  ctx.fillText(RUNS.loss, 4, top - 12);
  ctx.globalAlpha = 1;
}

function line(ctx: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

/** The rings around the point under the pointer, and the one that is selected: on a canvas of their own. */
export function paintRings(
  ctx: CanvasRenderingContext2D,
  { layout, palette }: Pick<ScatterPicture, "layout" | "palette">,
  selected: number,
  hovered: number,
): void {
  ctx.clearRect(0, 0, layout.width, layout.height);
  const around = (place: number, r: number, colour: string, width: number) => {
    const [x, y] = [layout.x[place], layout.y[place]];
    if (x === undefined || y === undefined || Number.isNaN(x)) return;
    ring(ctx, { x, y, r }, width + 2, palette.background);
    ring(ctx, { x, y, r }, width, colour);
  };
  around(selected, 9, palette.selected, 2.5);
  around(hovered, 7, palette.ink, 1.5);
}
