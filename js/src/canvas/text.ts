/** Text on a canvas: measured, shortened and painted, with its subscripts, where it overlaps nothing. Reads no DOM. */

import type { Run } from "../text/node-names";
import { shortened } from "../util/graphemes";
import type { Area } from "../util/rect";

export interface Text {
  readonly runs: readonly Run[];
  readonly x: number;
  /** The middle of its height. */
  readonly y: number;
  readonly align: "left" | "right" | "center";
  readonly size: number;
}

export const NAME_SIZE = 14;
export const GAP = 8;
/** Opacity of names of what is off: their contrast stays over 4.5:1. */
export const FAINT = 0.65;
const SCRIPT = 0.72;

const fontOf = (family: string, size: number, script: boolean) =>
  `${script ? size * SCRIPT : size}px ${family}`;

const widths = new Map<string, number>();
const MOST_WIDTHS = 5000;

/** What was measured in a font that stood in for one that has come since is wrong. */
export const forgetWidths = (): void => widths.clear();

/** Measuring costs more than painting, and the same few texts come in every frame. */
function widthOf(ctx: CanvasRenderingContext2D, font: string, text: string): number {
  const key = `${font} ${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    ctx.font = font;
    width = ctx.measureText(text).width;
    if (widths.size >= MOST_WIDTHS) widths.clear();
    widths.set(key, width);
  }
  return width;
}

export function paintText(ctx: CanvasRenderingContext2D, family: string, text: Text, rim?: string): void {
  const { runs, y, align, size } = text;
  const width = align === "left" ? 0 : measureName(ctx, family, runs, size);
  let x = text.x - (align === "left" ? 0 : align === "right" ? width : width / 2);
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  for (const { text: part, shift } of runs) {
    const font = fontOf(family, size, shift !== "none");
    ctx.font = font;
    const base = y + size * 0.36 + size * (shift === "sub" ? 0.22 : shift === "sup" ? -0.42 : 0);
    if (rim) {
      ctx.strokeStyle = rim;
      ctx.lineWidth = 3;
      ctx.strokeText(part, x, base);
    }
    ctx.fillText(part, x, base);
    if (runs.length > 1) x += widthOf(ctx, font, part);
  }
}

export function measureName(
  ctx: CanvasRenderingContext2D,
  family: string,
  runs: readonly Run[],
  size = NAME_SIZE,
): number {
  let width = 0;
  for (const { text, shift } of runs) {
    width += widthOf(ctx, fontOf(family, size, shift !== "none"), text);
  }
  return width;
}

/** Shortens a text to `room` with an ellipsis; the whole text is in the card beside the pointer. */
export function fitName(
  ctx: CanvasRenderingContext2D,
  family: string,
  runs: readonly Run[],
  room: number,
  size = NAME_SIZE,
): readonly Run[] {
  if (measureName(ctx, family, runs, size) <= room) return runs;
  const alone = (text: string): Run[] => [{ text, shift: "none" }];
  const whole = runs.map((run) => run.text).join("");
  return alone(shortened(whole, (text) => measureName(ctx, family, alone(text), size) <= room));
}

/** What a text of this width covers. */
export function areaOf({ x, y, align, size }: Omit<Text, "runs">, width: number): Area {
  const left = align === "left" ? x : align === "right" ? x - width : x - width / 2;
  return { x: left, y: y - size * 0.62, width, height: size * 1.24 };
}

/** The name beside a dot. */
export function paintName(
  ctx: CanvasRenderingContext2D,
  family: string,
  { runs, align }: { readonly node: number; readonly runs: readonly Run[]; readonly align: "left" | "right" },
  {
    x,
    y,
    r,
    look,
  }: {
    readonly node: number;
    readonly x: number;
    readonly y: number;
    readonly r: number;
    readonly look: string;
  },
): void {
  ctx.globalAlpha = look === "on" ? 1 : FAINT;
  const away = r + GAP;
  paintText(ctx, family, { runs, x: align === "left" ? x + away : x - away, y, align, size: NAME_SIZE });
}
