/** A network drawn small, from left to right: `thumbnail` in `kanwidget/widget/sweep_payload.py`. Reads no DOM. */
import type { Palette } from "../canvas/brush";
import { alphaOf, lineWidthOf } from "../canvas/ink";
import { dot } from "../canvas/shapes";

export interface Thumbnail {
  readonly width: readonly number[];
  /** [l, i, j, strength from 0 to 1]. */
  readonly edges: readonly (readonly [number, number, number, number])[];
  /** Values of each from 0 to 100; [] where there are many edges. */
  readonly curves: readonly (readonly number[])[];
}

export const THUMBNAIL = { width: 200, height: 124 };
const MARGIN = 10;
/** Nodes of a layer that are drawn, at the most: more are closer than their dots. */
const MOST_NODES = 30;

/** What came by a message, or null. */
export function asThumbnail(value: unknown): Thumbnail | null {
  const { width, edges, curves } = (value ?? {}) as Partial<Record<keyof Thumbnail, unknown>>;
  return Array.isArray(width) && Array.isArray(edges) && Array.isArray(curves) ? (value as Thumbnail) : null;
}

export function paintThumbnail(
  ctx: CanvasRenderingContext2D,
  { width, edges, curves }: Thumbnail,
  palette: Palette,
): void {
  const [across, down] = [THUMBNAIL.width - 2 * MARGIN, THUMBNAIL.height - 2 * MARGIN];
  const xOf = (l: number) => MARGIN + (across * l) / Math.max(1, width.length - 1);
  const yOf = (l: number, i: number) => MARGIN + (down * (i + 0.5)) / width[l]!;
  ctx.clearRect(0, 0, THUMBNAIL.width, THUMBNAIL.height);
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  ctx.strokeStyle = palette.ink;
  ctx.fillStyle = palette.ink;
  const inLayer = width.map(() => 0);
  for (const [l] of edges) inLayer[l]! += 1;
  const order = width.map(() => 0);
  edges.forEach(([l, i, j, strength], k) => {
    const [x0, y0, x1, y1] = [xOf(l), yOf(l, i), xOf(l + 1), yOf(l + 1, j)];
    ctx.globalAlpha = alphaOf(strength);
    ctx.lineWidth = lineWidthOf(strength) / 1.5;
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
    ctx.stroke();
    const curve = curves[k];
    const side = Math.min(24, (0.9 * down) / inLayer[l]!);
    const place = order[l]!++;
    if (!curve?.length || side < 7) return;
    // The boxes of a layer are one below the other, where their lines nearly are.
    const [x, y] = [(x0 + x1) / 2 - side / 2, MARGIN + (down * (place + 0.5)) / inLayer[l]! - side / 2];
    ctx.globalAlpha = 1;
    ctx.fillStyle = palette.background;
    ctx.fillRect(x, y, side, side);
    ctx.globalAlpha = 0.4;
    ctx.lineWidth = 1;
    ctx.strokeRect(x, y, side, side);
    ctx.globalAlpha = 1;
    ctx.lineWidth = 1.25;
    ctx.beginPath();
    curve.forEach((value, n) => {
      const at = [
        x + 2 + ((side - 4) * n) / (curve.length - 1),
        y + side - 2 - ((side - 4) * value) / 100,
      ] as const;
      if (n === 0) ctx.moveTo(...at);
      else ctx.lineTo(...at);
    });
    ctx.stroke();
  });
  ctx.globalAlpha = 1;
  width.forEach((count, l) => {
    if (count > MOST_NODES) return;
    for (let i = 0; i < count; i++) dot(ctx, xOf(l), yOf(l, i), 2.5, palette.ink);
  });
}
