/** Cells that are large enough for their curve: painted once, and again only when they change. */
import { type Brush, surfacesOf } from "../../canvas/brush";
import type { Inks } from "../../canvas/colours";
import type { NormalizedCurve } from "../../canvas/normalized-curves";
import { cross, dot } from "../../canvas/shapes";
import { shortened } from "../../util/graphemes";
import type { Area } from "../../util/rect";
import { CELL_STATE, HIDDEN, KEPT, OFF, ON, REMOVING, SYMBOLIC } from "./cell-states";
import { createChangeCheck, type Painted, type Patch } from "./heatmap";

type Ctx = OffscreenCanvasRenderingContext2D;

/** From this side on a cell has round corners and a cross. */
const LARGE = 24;
const LABELLED = 40;
/** Smaller cells are those of folded rows and columns: they have no curve. */
const FOLDED_SIDE = 8;
/** Height of a formula under its curve. */
const LABEL = 12;
/** Beyond so many curves they are hairlines. */
export const MANY_CURVES = 300;
/** Points of a curve in a small cell: more cannot be seen and cost time. */
const FEW_POINTS = 20;

export interface CurveInks {
  readonly inks: Inks;
  readonly symbolic: ReadonlyMap<number, string> | undefined;
  /** Curves are hairlines of a device pixel and stroked in batches: software draws these many times faster. */
  readonly hairlines: boolean;
}

export function createCurves(patch: Patch, brush: Brush, look: CurveInks): Painted {
  const { width, height, firstEdge, lastEdge } = patch;
  const { ratio } = brush;
  const { path, surface } = surfacesOf(brush);
  // While a training is watched only the curves change.
  const [grounds, drawn] = [surface(width, height), surface(width, height)];
  const [ground, lines] = [grounds, drawn].map((canvas) => canvas.getContext("2d")!) as [Ctx, Ctx];
  const differs = createChangeCheck(firstEdge, lastEdge);
  let shown: NormalizedCurve | null = null;
  /** What is drawn on the picture itself: curves that have changed may change again in the next frame. */
  let direct: readonly Batch[] | null = null;
  const at = new Int32Array(4);
  const stamps = new Map<number, OffscreenCanvas>();
  const many = look.hairlines;
  lines.lineJoin = "round";
  for (const ctx of [ground, lines]) ctx.scale(ratio, ratio);

  function stampOf(kind: number, w: number, h: number): OffscreenCanvas {
    const key = (kind * 4096 + w) * 4096 + h;
    let stamp = stamps.get(key);
    if (!stamp) {
      stamp = surface(w, h);
      const on = stamp.getContext("2d")!;
      on.scale(ratio, ratio);
      paintHollow(on, brush, kind, w / ratio, h / ratio);
      stamps.set(key, stamp);
    }
    return stamp;
  }

  function paintCell(edge: number, code: number, level: number, cell: Area): void {
    const { x, y, width, height } = cell;
    ground.globalAlpha = 1;
    ground.clearRect(x, y, width, height);
    if (code & HIDDEN) return;
    const kind = code & CELL_STATE;
    if (isFolded(cell)) {
      paintFolded(ground, brush, look, level, kind, cell);
    } else if (kind === ON) {
      paintGround(ground, brush, look, edge, code, level, cell);
    } else {
      const [w, h] = [width, height].map((length) => Math.round(length * ratio)) as [number, number];
      ground.drawImage(stampOf(kind, w, h), x, y, width, height);
    }
  }

  return {
    show(picture) {
      picture.drawImage(grounds, patch.x, patch.y);
      if (!direct) {
        picture.drawImage(drawn, patch.x, patch.y);
        return;
      }
      picture.save();
      picture.setTransform(ratio, 0, 0, ratio, patch.x, patch.y);
      picture.lineJoin = "round";
      for (const batch of direct) strokeBatch(picture, brush, look, batch);
      picture.restore();
    },
    update(codes, levels, curve) {
      const others = shown !== null && curve !== shown;
      const all = curve !== shown || direct !== null;
      shown = curve;
      const batches = new Map<number, Batch>();
      if (all) lines.clearRect(0, 0, width, height);
      for (let e = firstEdge; e < lastEdge; e++) {
        const code = codes[e]!;
        const level = levels[e]!;
        const changed = differs(e, code, level);
        if (!changed && !all) continue;
        patch.cell(e, at);
        const [x, y, right, bottom] = [at[0]! / ratio, at[1]! / ratio, at[2]! / ratio, at[3]! / ratio];
        const cell = { x, y, width: right - x, height: bottom - y };
        if (changed) {
          paintCell(e, code, level, cell);
          lines.clearRect(x, y, cell.width, cell.height);
        }
        if (code & HIDDEN || (code & CELL_STATE) === OFF || isFolded(cell)) continue;
        const side = Math.min(cell.width, cell.height);
        const ink = inkOf(look, code, level);
        const key = many ? Math.round(ink.alpha * 16) * 4 + ink.colour : e;
        let batch = batches.get(key);
        if (!batch) {
          const thick = side < LARGE ? 1 : Math.min(2, 1.15 + side / 80);
          batch = { ...ink, path: path(), breadth: many ? 1 / ratio : thick };
          batches.set(key, batch);
        }
        trace(batch.path, curve(e), cell, formulaOf(look, e, code, side) ? LABEL : 0);
      }
      direct = others ? [...batches.values()] : null;
      if (direct) return;
      for (const batch of batches.values()) strokeBatch(lines, brush, look, batch);
    },
  };
}

const isFolded = ({ width, height }: Area) => Math.min(width, height) < FOLDED_SIDE - 0.01;

const INK = 0;
const BEHIND = 1;
const BLUE = 2;
const FORMULA = 3;

interface Batch {
  readonly path: Path2D;
  readonly colour: number;
  readonly alpha: number;
  readonly breadth: number;
}

function inkOf({ inks, hairlines }: CurveInks, code: number, level: number) {
  const kind = code & CELL_STATE;
  if (kind !== ON) return { colour: BLUE, alpha: kind === REMOVING ? 0.875 : 0.25 };
  if (code & SYMBOLIC) return { colour: FORMULA, alpha: 1 };
  if (inks.numeric.deep[level]) return { colour: BEHIND, alpha: 1 };
  // The weak fade, but never so far that their form is lost; in steps, so that many lines are one stroke.
  return { colour: INK, alpha: Math.min(8, (hairlines ? 5 : 4) + Math.round(level / 15)) / 8 };
}

function strokeBatch(
  ctx: Ctx | CanvasRenderingContext2D,
  { palette }: Brush,
  { inks }: CurveInks,
  batch: Batch,
): void {
  ctx.strokeStyle = [palette.ink, inks.behind, palette.removed, inks.symbolicColour][batch.colour]!;
  ctx.globalAlpha = batch.alpha;
  ctx.lineWidth = batch.breadth;
  ctx.setLineDash([]);
  ctx.stroke(batch.path);
}

const roundOf = (side: number) => (side >= LARGE ? Math.min(4, side / 8) : 0);

/** An edge of a folded node may come on while a slider is dragged. */
function paintFolded(
  ctx: Ctx,
  { palette }: Brush,
  { inks }: CurveInks,
  level: number,
  kind: number,
  { x, y, width, height }: Area,
): void {
  ctx.fillStyle = kind === ON ? inks.numeric.css[level]! : kind === OFF ? palette.ink : palette.removed;
  ctx.globalAlpha = kind === ON ? 1 : kind === REMOVING ? 0.9 : 0.08;
  ctx.fillRect(x, y, width, height);
}

/** A cell that is not on, without its curve: the same for all cells of one size. */
function paintHollow(ctx: Ctx, { palette }: Brush, kind: number, width: number, height: number): void {
  const side = Math.min(width, height);
  const large = side >= LARGE;
  const breadth = kind === REMOVING && large ? 1.5 : 1;
  const outline = (inset: number) => {
    ctx.beginPath();
    ctx.roundRect(inset, inset, width - 2 * inset, height - 2 * inset, roundOf(side));
  };
  ctx.fillStyle = ctx.strokeStyle = kind === OFF ? palette.ink : palette.removed;
  ctx.lineWidth = breadth;
  if (kind === OFF) {
    outline(0.5);
    ctx.globalAlpha = 0.1;
    ctx.stroke();
    ctx.globalAlpha = 0.4;
    dot(ctx, width / 2, height / 2, large ? 1.25 : 0.9, palette.ink);
    return;
  }
  if (kind === REMOVING) {
    ctx.globalAlpha = 0.08;
    outline(0);
    ctx.fill();
  }
  ctx.globalAlpha = kind === REMOVING ? 1 : 0.22;
  if (kind === REMOVING) ctx.setLineDash(large ? [4, 3] : [2.5, 2]);
  outline(breadth / 2);
  ctx.stroke();
  ctx.setLineDash([]);
  if (kind === REMOVING && large) {
    cross(ctx, width - 2 - side * 0.13, 2 + side * 0.13, Math.min(3.2, side * 0.1), 1.25);
  }
}

/** The formula that is written in a cell, if it has one, is on and has room for it. */
function formulaOf({ symbolic }: CurveInks, edge: number, code: number, side: number): string | undefined {
  const fixed = (code & CELL_STATE) === ON && (code & SYMBOLIC) !== 0;
  return fixed && side >= LABELLED ? symbolic?.get(edge) : undefined;
}

/** The ground of a cell that is on, and what is written on it: the formula, and that it is kept. */
function paintGround(
  ctx: Ctx,
  brush: Brush,
  look: CurveInks,
  edge: number,
  code: number,
  level: number,
  { x, y, width, height }: Area,
): void {
  const { inks } = look;
  const side = Math.min(width, height);
  const large = side >= LARGE;
  const fixed = (code & SYMBOLIC) !== 0;
  const ramp = inks.numeric;
  const fill = (inset: number) => {
    ctx.beginPath();
    ctx.roundRect(x + inset, y + inset, width - 2 * inset, height - 2 * inset, roundOf(side));
  };
  ctx.fillStyle = fixed ? inks.symbolicColour : ramp.css[level]!;
  ctx.globalAlpha = fixed ? 0.16 : 1;
  if (large) {
    fill(0);
    ctx.fill();
  } else {
    ctx.fillRect(x, y, width, height);
  }
  ctx.globalAlpha = 1;
  if (fixed) {
    ctx.strokeStyle = inks.symbolicColour;
    ctx.lineWidth = large ? 2 : 1.5;
    fill(ctx.lineWidth / 2);
    ctx.stroke();
  }
  if (code & KEPT) {
    const away = large ? 5 : 2.5;
    const colour = ramp.deep[level] && !fixed ? inks.behind : brush.palette.ink;
    dot(ctx, x + away, y + away, large ? 2 : 1.2, colour);
  }
  const text = formulaOf(look, edge, code, side);
  if (!text) return;
  ctx.font = `10px ${brush.font}`;
  ctx.fillStyle = inks.symbolicColour;
  ctx.textAlign = "center";
  ctx.textBaseline = "alphabetic";
  ctx.fillText(fitted(ctx, raised(text), width - 8), x + width / 2, y + height - 5.5);
}

function trace(path: Path2D, points: Float32Array, { x, y, width, height }: Area, foot: number): void {
  const side = Math.min(width, height);
  const inset = Math.max(2, 0.14 * side);
  const [w, h] = [width - 2 * inset, height - 2 * inset - foot];
  const count = points.length / 2;
  const step = side < LARGE ? Math.max(1, Math.floor(count / FEW_POINTS)) : 1;
  let down = false;
  for (let k = 0; k < count; k = k === count - 1 ? count : Math.min(count - 1, k + step)) {
    const [u, v] = [points[2 * k]!, points[2 * k + 1]!];
    if (!Number.isFinite(u) || !Number.isFinite(v)) {
      down = false;
      continue;
    }
    if (down) path.lineTo(x + inset + u * w, y + inset + (1 - v) * h);
    else path.moveTo(x + inset + u * w, y + inset + (1 - v) * h);
    down = true;
  }
}

/** Powers as they are written: x^2 as x². */
function raised(text: string): string {
  return text.replace(/\^(\d)/g, (_, digit: string) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]!);
}

function fitted(ctx: Ctx, text: string, room: number): string {
  const fits = (short: string) => ctx.measureText(short).width <= room;
  return fits(text) ? text : shortened(text, fits);
}
