/** Cells that are large enough for their curve: painted once, and again only when they change. */
import type { Brush } from "../draw";
import { type Painted, type Patch, UNPAINTED } from "./cells";
import type { Inks } from "./colours";
import { KEPT, LOOK, OFF, ON, SYMBOLIC, TAKING } from "./looks";

type Ctx = OffscreenCanvasRenderingContext2D;

const MARKED = 24;
const LABELLED = 40;
/** Points of a curve in a small cell: more cannot be seen and cost time. */
const FEW_POINTS = 20;

export interface CurveInks {
  readonly inks: Inks;
  readonly levels: Uint8Array;
  readonly symbolic: ReadonlyMap<number, string> | undefined;
}

export function createCurves(patch: Patch, brush: Brush, look: CurveInks): Painted {
  const { width, height, firstEdge, lastEdge } = patch;
  const canvas = new OffscreenCanvas(width, height);
  const ctx = canvas.getContext("2d")!;
  const before = new Uint8Array(lastEdge - firstEdge).fill(UNPAINTED);
  const at = new Int32Array(4);
  ctx.lineJoin = "round";
  return {
    canvas,
    patch,
    update(codes) {
      for (let e = firstEdge; e < lastEdge; e++) {
        const code = codes[e]!;
        if (code === before[e - firstEdge]) continue;
        before[e - firstEdge] = code;
        patch.cell(e, at);
        ctx.setTransform(1, 0, 0, 1, 0, 0);
        ctx.clearRect(at[0]!, at[1]!, at[2]! - at[0]!, at[3]! - at[1]!);
        const r = brush.ratio;
        ctx.setTransform(r, 0, 0, r, at[0]!, at[1]!);
        paintCell(ctx, brush, look, e, code, (at[2]! - at[0]!) / r, (at[3]! - at[1]!) / r);
      }
    },
  };
}

function paintCell(
  ctx: Ctx,
  brush: Brush,
  { inks, levels, symbolic }: CurveInks,
  edge: number,
  code: number,
  width: number,
  height: number,
): void {
  const { palette } = brush;
  const look = code & LOOK;
  const fixed = (code & SYMBOLIC) !== 0;
  const side = Math.min(width, height);
  const round = side >= 16 ? Math.min(4, side / 8) : 0;
  const outline = (inset: number) => {
    ctx.beginPath();
    const [w, h] = [width - 2 * inset, height - 2 * inset];
    ctx.roundRect(inset, inset, w, h, Math.max(0, round - inset / 2));
  };
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
  if (look === OFF) {
    outline(0.5);
    ctx.strokeStyle = palette.ink;
    ctx.globalAlpha = 0.1;
    ctx.lineWidth = 1;
    ctx.stroke();
    ctx.globalAlpha = 0.4;
    ctx.fillStyle = palette.ink;
    ctx.beginPath();
    ctx.arc(width / 2, height / 2, side >= 24 ? 1.25 : 0.9, 0, 2 * Math.PI);
    ctx.fill();
    return;
  }
  const thin = side < 24;
  if (look !== ON) {
    ctx.strokeStyle = ctx.fillStyle = palette.taken;
    ctx.globalAlpha = look === TAKING ? 0.08 : 0;
    outline(0);
    ctx.fill();
    ctx.globalAlpha = look === TAKING ? 1 : 0.45;
    ctx.lineWidth = look === TAKING && !thin ? 1.5 : 1;
    ctx.setLineDash(thin ? [2.5, 2] : [4, 3]);
    outline(ctx.lineWidth / 2);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.globalAlpha = look === TAKING ? 0.85 : 0.3;
    ctx.lineWidth = thin ? 1 : 1.25;
    stroke(ctx, brush, edge, width, height, 0);
    if (look === TAKING && side >= MARKED) {
      ctx.globalAlpha = 1;
      cross(ctx, width - 2 - side * 0.13, 2 + side * 0.13, Math.min(3.2, side * 0.1));
    }
    return;
  }
  const level = levels[edge]!;
  const ramp = inks.numeric;
  outline(0);
  if (fixed) {
    ctx.globalAlpha = 0.16;
    ctx.fillStyle = ctx.strokeStyle = inks.symbolicColour;
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.lineWidth = thin ? 1.5 : 2;
    outline(ctx.lineWidth / 2);
    ctx.stroke();
  } else {
    ctx.fillStyle = ramp.css[level]!;
    ctx.fill();
    ctx.strokeStyle = ramp.deep[level] ? inks.behind : palette.ink;
    // The weak fade, but never so far that their form is lost.
    ctx.globalAlpha = ramp.deep[level] ? 1 : Math.min(1, 0.5 + level / 120);
  }
  const text = fixed && side >= LABELLED ? symbolic?.get(edge) : undefined;
  ctx.lineWidth = thin ? 1 : Math.min(2, 1.15 + side / 80);
  stroke(ctx, brush, edge, width, height, text ? 12 : 0);
  ctx.globalAlpha = 1;
  if (text) {
    ctx.font = `10px ${brush.font}`;
    ctx.fillStyle = inks.symbolicColour;
    ctx.textAlign = "center";
    ctx.textBaseline = "alphabetic";
    ctx.fillText(fitted(ctx, raised(text), width - 8), width / 2, height - 5.5);
  }
  if (code & KEPT) {
    ctx.fillStyle = ramp.deep[level] && !fixed ? inks.behind : palette.ink;
    ctx.beginPath();
    ctx.arc(thin ? 2.5 : 5, thin ? 2.5 : 5, thin ? 1.2 : 2, 0, 2 * Math.PI);
    ctx.fill();
  }
}

function stroke(ctx: Ctx, brush: Brush, edge: number, width: number, height: number, foot: number): void {
  const points = brush.curve(edge);
  const inset = Math.max(2, 0.14 * Math.min(width, height));
  const [w, h] = [width - 2 * inset, height - 2 * inset - foot];
  const count = points.length / 2;
  const step = Math.min(width, height) < 24 ? Math.max(1, Math.floor(count / FEW_POINTS)) : 1;
  ctx.beginPath();
  let down = false;
  for (let k = 0; k < count; k = k === count - 1 ? count : Math.min(count - 1, k + step)) {
    const [u, v] = [points[2 * k]!, points[2 * k + 1]!];
    if (!Number.isFinite(u) || !Number.isFinite(v)) {
      down = false;
      continue;
    }
    if (down) ctx.lineTo(inset + u * w, inset + (1 - v) * h);
    else ctx.moveTo(inset + u * w, inset + (1 - v) * h);
    down = true;
  }
  ctx.stroke();
}

function cross(ctx: Ctx, x: number, y: number, r: number): void {
  ctx.lineWidth = 1.25;
  ctx.beginPath();
  ctx.moveTo(x - r, y - r);
  ctx.lineTo(x + r, y + r);
  ctx.moveTo(x + r, y - r);
  ctx.lineTo(x - r, y + r);
  ctx.stroke();
}

/** Powers as they are written: x^2 as x². */
function raised(text: string): string {
  return text.replace(/\^(\d)/g, (_, digit: string) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]!);
}

function fitted(ctx: Ctx, text: string, room: number): string {
  let cut = text;
  while (cut.length > 1 && ctx.measureText(cut === text ? cut : `${cut}…`).width > room)
    cut = cut.slice(0, -1);
  return cut === text ? text : `${cut}…`;
}
