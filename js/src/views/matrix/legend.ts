/** What the colours of a matrix mean, in numbers, and what its stripes are. */
import type { Brush, Palette } from "../../canvas/brush";
import type { Inks } from "../../canvas/colours";
import { cross, dot } from "../../canvas/shapes";
import { type ImportanceScale, scoreAt } from "../../model/importance";
import { formatScale } from "../../text/format";
import { LEGEND } from "../../text/labels";
import { kindsOf, OFF, REMOVED, REMOVING } from "./cell-states";
import { createWriter } from "./heatmap";
import type { MatrixLayout } from "./layout";

const SIZE = 11;
const BAR_HEIGHT = 9;
const TITLE = 14;
const STEPS = 32;
const SWATCH = 16;

export function paintLegend(
  { ctx, font, palette }: Brush,
  layout: MatrixLayout,
  inks: Inks,
  scale: ImportanceScale,
  swatches: Swatches,
  edges: Uint8Array,
): void {
  const { x, y, width } = layout.legend;
  const bar = Math.min(190, width * 0.5);
  const top = y + TITLE;
  ctx.font = `${SIZE}px ${font}`;
  ctx.textBaseline = "alphabetic";
  ctx.fillStyle = palette.ink;
  ctx.globalAlpha = 0.72;
  ctx.textAlign = "left";
  ctx.fillText(LEGEND.scale, x, y + 8);
  ctx.globalAlpha = 1;
  const gradient = ctx.createLinearGradient(x, 0, x + bar, 0);
  for (let k = 0; k <= STEPS; k++) {
    gradient.addColorStop(k / STEPS, inks.numeric.css[Math.round((255 * k) / STEPS)]!);
  }
  ctx.fillStyle = gradient;
  ctx.fillRect(x, top, bar, BAR_HEIGHT);
  ctx.fillStyle = palette.ink;
  ctx.globalAlpha = 0.72;
  for (const [t, align] of [
    [0, "left"],
    [0.5, "center"],
    [1, "right"],
  ] as const) {
    ctx.textAlign = align;
    ctx.fillText(formatScale(scoreAt(scale, t)), x + t * bar, top + BAR_HEIGHT + SIZE + 2);
  }
  const striped = layout.maps !== null || layout.blocks.some((block) => block?.kind === "heat");
  let at = x + bar + 22;
  ctx.textAlign = "left";
  for (const [look, text] of explained(edges)) {
    const room = ctx.measureText(text).width + 14 + 6;
    if (at + room > x + width) break;
    ctx.globalAlpha = 1;
    if (striped) ctx.drawImage(swatches[look]!, at, top);
    else paintBox(ctx, palette, at + 2, top - 1.5, look);
    ctx.globalAlpha = 0.72;
    ctx.fillText(text, at + 21, top + BAR_HEIGHT - 0.5);
    at += room + 16;
  }
  ctx.globalAlpha = 1;
}

/** The looks of edges that are not on, and what they mean: only those that are there. */
export function explained(edges: Uint8Array): [look: number, text: string][] {
  const { removing, removed, off } = kindsOf(edges);
  const all: [boolean, number, string][] = [
    [removing, REMOVING, LEGEND.removing],
    [removed, REMOVED, LEGEND.removed],
    [off, OFF, LEGEND.off],
  ];
  return all.flatMap(([there, look, text]) => (there ? [[look, text]] : []));
}

/** A cell in small, by its look. */
export type Swatches = readonly OffscreenCanvas[];

const known = new WeakMap<Inks, Swatches>();

/** The same objects for the same colours. */
export function swatchesOf(inks: Inks): Swatches {
  const swatches = known.get(inks) ?? createSwatches(inks);
  known.set(inks, swatches);
  return swatches;
}

function createSwatches(inks: Inks): Swatches {
  return [OFF, REMOVED, REMOVING].map((look) => {
    const canvas = new OffscreenCanvas(SWATCH, BAR_HEIGHT);
    const image = new ImageData(SWATCH, BAR_HEIGHT);
    const write = createWriter(new Uint32Array(image.data.buffer), SWATCH, inks, 1);
    write(Int32Array.of(0, 0, SWATCH, BAR_HEIGHT), look, 0);
    canvas.getContext("2d")!.putImageData(image, 0, 0);
    return canvas;
  });
}

/** A cell with a curve in small: dashed and crossed while it would go, or empty. */
function paintBox(ctx: CanvasRenderingContext2D, palette: Palette, x: number, y: number, look: number): void {
  ctx.beginPath();
  ctx.roundRect(x + 0.5, y + 0.5, 11, 11, 2);
  ctx.lineWidth = 1;
  ctx.strokeStyle = look === OFF ? palette.ink : palette.removed;
  ctx.globalAlpha = look === REMOVING ? 1 : look === REMOVED ? 0.6 : 0.3;
  ctx.setLineDash(look === REMOVING ? [2.5, 2] : []);
  ctx.stroke();
  ctx.setLineDash([]);
  if (look === REMOVING) cross(ctx, x + 6, y + 6, 2, 1);
  ctx.globalAlpha = 0.6;
  if (look === OFF) dot(ctx, x + 6, y + 6, 1, palette.ink);
}
