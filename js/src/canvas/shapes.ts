/** The few shapes that all painters draw: dots, crosses, rings, frames. Reads no DOM. */
import type { Rect } from "../util/rect";

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** The half of a square that has as much ink as a circle, as a part of the circle's radius. */
const SQUARE = Math.sqrt(Math.PI) / 2;

export function dot(ctx: Context, x: number, y: number, r: number, fill: string): void {
  ctx.fillStyle = fill;
  // Nobody can tell, and a square is painted faster: there may be a thousand.
  if (r <= 1) {
    ctx.fillRect(x - SQUARE * r, y - SQUARE * r, 2 * SQUARE * r, 2 * SQUARE * r);
    return;
  }
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fill();
}

/** In the context's stroke colour; so is a ring that is given no colour. */
export function cross(ctx: Context, x: number, y: number, r: number, width = 1.5): void {
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.moveTo(x - r, y - r);
  ctx.lineTo(x + r, y + r);
  ctx.moveTo(x + r, y - r);
  ctx.lineTo(x - r, y + r);
  ctx.stroke();
}

/** In the context's stroke colour. */
export function plus(ctx: Context, x: number, y: number, r: number, width = 1.5): void {
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.moveTo(x - r, y);
  ctx.lineTo(x + r, y);
  ctx.moveTo(x, y - r);
  ctx.lineTo(x, y + r);
  ctx.stroke();
}

export function ring(
  ctx: Context,
  { x, y, r }: { readonly x: number; readonly y: number; readonly r: number },
  width: number,
  colour = ctx.strokeStyle,
): void {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.stroke();
}

/** A line around a rectangle; `away` is the distance from the rectangle to the middle of the line. */
export function frame(
  ctx: Context,
  { x, y, width, height }: Omit<Rect, "side">,
  away: number,
  round: number,
  lineWidth: number,
  colour: string,
): void {
  ctx.strokeStyle = colour;
  ctx.lineWidth = lineWidth;
  ctx.beginPath();
  ctx.roundRect(x - away, y - away, width + 2 * away, height + 2 * away, round);
  ctx.stroke();
}
