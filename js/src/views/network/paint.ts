/** The painter of the network: a scene in, pixels out. Reads no DOM. */
import { type Brush, clear, type Palette, surfacesOf } from "../../canvas/brush";
import { inksOf, levelOf } from "../../canvas/colours";
import { alphaOf, BOX_GROUND, GHOST_ALPHA, lineWidthOf, REMOVED_ALPHA } from "../../canvas/ink";
import { INSET, inBox } from "../../canvas/normalized-curves";
import { cross, dot, plus, ring } from "../../canvas/shapes";
import { FAINT, fitName, paintText, type Text } from "../../canvas/text";
import { formatShort, withMinus } from "../../text/format";
import { textRuns } from "../../text/node-names";
import { isStraight, type Path } from "../../util/paths";
import type { Box } from "../../util/rect";
import type { EdgeShape, NodeShape, Scene } from "./scene";

/** Beyond so many, lines are hairlines of one device pixel, which software draws many times faster, in batches. */
const MANY = 150;
const BUCKETS = 12;
/** Opacities that keep a contrast of 3:1 on the background: of ink, and of the colour of what is removed. */
export const QUIET_INK = 0.5;
export const QUIET_REMOVED = 0.75;
/** Opacity of the curve in the box of an edge that is off. */
const GONE_CURVE = 0.35;
/** Where a line has its one gap if there are many lines: dashes would be too small to see, and slow to paint. */
const BREAK = 0.35;
const FADED = 0.16;
const LABEL_SIZE = 12;
/** A box of so many pixels has round corners: of a smaller one nobody sees them, and a rectangle is painted faster. */
const ROUND_SIDE = 20;
/** A box of so many pixels has a zero line and says its range. */
const RANGED_SIDE = 90;
const rangeSize = (side: number) => (side < 2 * RANGED_SIDE ? 9 : 11);
/** From this radius on a node has its sign. */
const SIGNED_RADIUS = 4;
const ZERO_ALPHA = 0.16;
/** Of the ground of a box with a fixed formula, as in the matrix. */
const SYMBOLIC_GROUND = 0.16;

/** A name and whether its node is off. */
export type Named = Text & { readonly faint: boolean };

export function paint(brush: Brush, scene: Scene, names: readonly Named[]): void {
  const { ctx, palette, font } = brush;
  clear(brush, scene.width, scene.height);
  paintLines(brush, scene);
  for (const node of scene.nodes) if (node.visible) paintNode(brush, node);
  for (const edge of scene.edges) {
    if (!edge.box || !edge.visible || offScreen(edge.box, scene)) continue;
    ctx.globalAlpha = 1;
    paintBox(brush, edge, edge.box, { border: edge.formula === null ? 1 : 2, fade: fading(scene, edge) });
  }
  ctx.fillStyle = palette.ink;
  for (const name of names) {
    ctx.globalAlpha = name.faint ? FAINT : 1;
    paintText(ctx, font, name);
  }
  ctx.globalAlpha = 1;
}

const offScreen = ({ x, y, side }: Box, { width, height }: Scene) =>
  x > width || y > height || x + side < 0 || y + side < 0;

/** When two states are compared, what they share steps back. */
const fading = (scene: Scene, edge: EdgeShape) => (scene.comparing && !edge.difference ? FADED : 1);

/** The curve alone, in a square: for the card beside the pointer. */
export function paintCurve(
  brush: Brush,
  edge: Pick<EdgeShape, "edge" | "look" | "formula">,
  side: number,
): void {
  const { ctx } = brush;
  clear(brush, side, side);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = colourOf(brush.palette, edge);
  ctx.lineWidth = 1.75;
  strokeCurve(brush, edge.edge, { x: 0, y: 0, side });
}

const LAYERS = { off: 0, removed: 0, removing: 1, on: 2 } as const;

/** Painting order: off and removed, what is being removed, on (weak before strong, numbers before formulas). */
function order({ look, box, ghost, formula, importance, difference }: EdgeShape): number {
  const kind = 2 * (formula === null ? 0 : 1) + (box ? 1 : 0);
  const layer = 2 * LAYERS[look] + (ghost || difference ? 1 : 0);
  return (layer * 4 + kind) * 16 + (look === "on" ? Math.round(importance * BUCKETS) : 0);
}

function paintLines(brush: Brush, scene: Scene): void {
  const batches: EdgeShape[][] = [];
  let plain = 0;
  let boxed = 0;
  let onPlain = 0;
  for (const edge of scene.edges) {
    if (!edge.visible) continue;
    const key = order(edge);
    const batch = batches[key];
    if (batch) batch.push(edge);
    else batches[key] = [edge];
    if (edge.box) {
      // As many as the layout has, not as are on: while a threshold is dragged no line changes its width.
      if (edge.look === "on" || edge.look === "removing" || edge.ghost) boxed++;
      continue;
    }
    plain++;
    if (edge.look === "on") onPlain++;
  }
  // Hairlines add up where they cross, even in one path: many of them would become black. Those that lead to boxes fade
  // less, so that none is fainter than that of a weaker edge.
  const boxedFade = Math.sqrt(Math.min(1, MANY / Math.max(1, boxed)));
  const plainFade = Math.min(boxedFade, MANY / Math.max(1, onPlain));
  for (const batch of batches)
    if (batch) paintBatch(brush, scene, batch, { plain, boxed, plainFade, boxedFade });
  brush.ctx.setLineDash([]);
}

/** Lines without a box, those that the layout gives one, and the opacities at which they do not become black. */
interface Counts {
  readonly plain: number;
  readonly boxed: number;
  readonly plainFade: number;
  readonly boxedFade: number;
}

/** Edges that look the same, but for the exact importance of those that are on. */
function paintBatch(brush: Brush, scene: Scene, batch: EdgeShape[], counts: Counts): void {
  const { ctx, ratio, palette } = brush;
  const { plain, boxed, plainFade, boxedFade } = counts;
  const { look, box, ghost, importance, formula } = batch[0]!;
  const thin = boxed > MANY || (!box && plain > MANY);
  const fade = fading(scene, batch[0]!);
  ctx.strokeStyle = colourOf(palette, batch[0]!);
  ctx.setLineDash([]);
  if (look === "off" || look === "removed") {
    ctx.strokeStyle = palette.ink;
    // A stroke of one device pixel is many times faster than a thicker one.
    ctx.lineWidth = 1 / ratio;
    ctx.globalAlpha = (ghost ? GHOST_ALPHA : REMOVED_ALPHA) * fade;
    if (ghost) ctx.setLineDash([4, 4]);
    strokeTogether(ctx, batch, false);
    return;
  }
  if (look === "removing") {
    if (boxed + plain <= MANY) ctx.setLineDash([5, 5]);
    ctx.lineWidth = thin ? 1 / ratio : box ? 1.5 : 1;
    ctx.globalAlpha = (thin ? 0.75 : 0.9) * fade;
    if (thin) strokeTogether(ctx, batch, true);
    else for (const edge of batch) ctx.stroke(lineOf(brush, edge.path));
    return;
  }
  if (thin) {
    ctx.lineWidth = 1 / ratio;
    ctx.globalAlpha = (formula === null ? alphaOf(importance) : 1) * (box ? boxedFade : plainFade) * fade;
    strokeTogether(ctx, batch, false);
    return;
  }
  for (const edge of batch) {
    ctx.lineWidth = lineWidthOf(edge.importance);
    ctx.globalAlpha = (formula === null ? alphaOf(edge.importance) : 1) * fade;
    ctx.stroke(lineOf(brush, edge.path));
  }
}

/** Strokes many lines at once. Straight lines with blunt ends are much faster than curves with round ends. */
function strokeTogether(ctx: CanvasRenderingContext2D, batch: readonly EdgeShape[], broken: boolean): void {
  ctx.lineCap = "butt";
  ctx.beginPath();
  for (const { path } of batch) {
    if (!isStraight(path)) {
      trace(ctx, path);
      continue;
    }
    const [x0, y0, x1, y1] = [path[0]!, path[1]!, path[14]!, path[15]!];
    ctx.moveTo(x0, y0);
    if (broken) {
      ctx.lineTo(x0 + (x1 - x0) * BREAK, y0 + (y1 - y0) * BREAK);
      ctx.moveTo(x1 - (x1 - x0) * BREAK, y1 - (y1 - y0) * BREAK);
    }
    ctx.lineTo(x1, y1);
  }
  ctx.stroke();
  ctx.lineCap = "round";
}

const lines = new WeakMap<Path, Path2D>();

/** A path is the same object until its line moves, and most frames move none. */
export function lineOf(brush: Brush, path: Path): Path2D {
  const known = brush.surfaces ? undefined : lines.get(path);
  if (known) return known;
  const line = surfacesOf(brush).path();
  trace(line, path);
  if (!brush.surfaces) lines.set(path, line);
  return line;
}

function trace(line: Path2D | CanvasRenderingContext2D, p: Path): void {
  const bent = p[2] === p[0] && p[3] === p[1];
  line.moveTo(p[0]!, p[1]!);
  if (bent) line.lineTo(p[6]!, p[7]!);
  else line.bezierCurveTo(p[2]!, p[3]!, p[4]!, p[5]!, p[6]!, p[7]!);
  line.lineTo(p[8]!, p[9]!);
  if (bent) line.lineTo(p[14]!, p[15]!);
  else line.bezierCurveTo(p[10]!, p[11]!, p[12]!, p[13]!, p[14]!, p[15]!);
}

export function colourOf(palette: Palette, { look, formula }: Pick<EdgeShape, "look" | "formula">): string {
  if (look === "removing" || look === "removed") return palette.removed;
  return formula !== null && look === "on" ? palette.symbolic : palette.ink;
}

/** How a box is painted apart from its edge's own look. */
interface BoxLook {
  readonly border: number;
  /** Opacity of the whole. */
  readonly fade: number;
  /** The curve has full ink: it is under the pointer. */
  readonly lit: boolean;
}

export function paintBox(brush: Brush, edge: EdgeShape, box: Box, look: Partial<BoxLook> = {}): void {
  const { border = 1, fade = 1, lit = false } = look;
  const { ctx, palette } = brush;
  const removing = edge.look === "removing";
  // It has just been switched off, and its box stays until the layout may change.
  const gone = edge.look === "off" || edge.look === "removed";
  const symbolic = edge.formula !== null;
  const shaded = edge.look === "on" && !symbolic;
  const alpha = edge.presence * fade;
  const side = box.side - border;
  const area = [box.x + border / 2, box.y + border / 2, side, side] as const;
  const round = box.side >= ROUND_SIDE;
  const fill = () => (round ? ctx.fill() : ctx.fillRect(...area));
  ctx.beginPath();
  if (round) ctx.roundRect(...area, Math.min(4, box.side / 8));
  if (!shaded || alpha < 1) {
    ctx.globalAlpha = edge.presence;
    ctx.fillStyle = palette.background;
    fill();
  }
  if (shaded || (symbolic && edge.look === "on")) {
    ctx.globalAlpha = alpha * (symbolic ? SYMBOLIC_GROUND : 1);
    const { css } = inksOf(palette).numeric;
    ctx.fillStyle = symbolic ? palette.symbolic : css[levelOf(BOX_GROUND * edge.importance)]!;
    fill();
  }
  ctx.strokeStyle = colourOf(palette, edge);
  const quiet = 0.25 + 0.5 * (removing || symbolic ? 1 : edge.importance);
  ctx.globalAlpha = alpha * (gone ? QUIET_INK : border > 1 ? 1 : quiet);
  ctx.lineWidth = border;
  const dashed = removing || gone;
  if (dashed) ctx.setLineDash([4, 3]);
  if (round) ctx.stroke();
  else ctx.strokeRect(...area);
  if (dashed) ctx.setLineDash([]);
  if (!gone && box.side >= RANGED_SIDE) paintRange(brush, edge, box, alpha);
  ctx.strokeStyle = colourOf(palette, edge);
  const full = lit || removing || symbolic;
  ctx.globalAlpha = alpha * (gone ? GONE_CURVE : full ? 1 : alphaOf(edge.importance));
  ctx.lineWidth = Math.min(2.5, Math.max(1, box.side / 30)) + (symbolic ? 0.25 : 0);
  strokeCurve(brush, edge.edge, box);
  ctx.globalAlpha = alpha;
  if (removing) {
    const r = Math.min(3.2, box.side / 8);
    ctx.strokeStyle = colourOf(palette, edge);
    dot(ctx, box.x + box.side - 1, box.y + 1, r + 2.5, palette.background);
    cross(ctx, box.x + box.side - 1, box.y + 1, r, Math.min(1.5, r / 2));
  }
  if (edge.kept) dot(ctx, box.x + 5, box.y + 5, 2, palette.ink);
  if (edge.label && edge.formula !== null) paintFormula(brush, edge, box, edge.formula);
}

/** The zero line, if the curve's range has one, and the range in numbers. */
function paintRange(brush: Brush, edge: EdgeShape, box: Box, alpha: number): void {
  const { ctx, curve, font, palette } = brush;
  const [low, high] = curve.range(edge.edge);
  if (!Number.isFinite(high - low)) return;
  if (low < 0 && high > 0) {
    const [left, y] = inBox(box, 0, curve.at(edge.edge, 0, 0)[1]);
    const [right] = inBox(box, 1, 0);
    ctx.strokeStyle = palette.ink;
    ctx.globalAlpha = ZERO_ALPHA * alpha;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(right, y);
    ctx.stroke();
  }
  ctx.fillStyle = palette.ink;
  ctx.globalAlpha = 0.8 * alpha;
  const away = (box.side * INSET) / 2;
  const heights = curve(edge.edge).filter((_, k) => k % 2 === 1);
  const third = Math.floor(heights.length / 3);
  const write = (value: number, y: number, nearness: (v: number) => number) => {
    const nearest = (part: Float32Array) =>
      part.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, nearness(v)) : most), 0);
    // On the side where the curve is farther away.
    const left = nearest(heights.subarray(0, third)) <= nearest(heights.subarray(-third));
    const runs = [{ text: withMinus(formatShort(value)), shift: "none" }] as const;
    const x = left ? box.x + 4 : box.x + box.side - 4;
    paintText(ctx, font, { runs, x, y, align: left ? "left" : "right", size: rangeSize(box.side) });
  };
  write(high, box.y + away + 0.5, (v) => v);
  write(low, box.y + box.side - away - 0.5, (v) => 1 - v);
}

function paintFormula(brush: Brush, edge: EdgeShape, box: Box, formula: string): void {
  const { ctx, palette, font } = brush;
  const beside = edge.label === "beside";
  const runs = fitName(ctx, font, textRuns(formula), box.side * (beside ? 0.5 : 1.12), LABEL_SIZE);
  const middle = box.x + box.side / 2;
  // On the side that the line does not turn to.
  const left = beside && edge.path[0]! > middle;
  const text: Text = {
    runs,
    x: middle + (beside ? (left ? -7 : 7) : 0),
    y: box.y + box.side + 9,
    size: LABEL_SIZE,
    align: beside ? (left ? "right" : "left") : "center",
  };
  ctx.fillStyle = colourOf(palette, edge);
  paintText(ctx, font, text, palette.background);
}

function strokeCurve({ ctx, curve }: Brush, edge: number, box: Box): void {
  const points = curve(edge);
  const inset = INSET * box.side;
  const span = box.side - 2 * inset;
  const [left, bottom] = [box.x + inset, box.y + box.side - inset];
  // Two samples in less than a pixel look like one.
  const step = 2 * Math.max(1, Math.floor(points.length / 2 / Math.max(1, span)));
  ctx.beginPath();
  let down = false;
  for (let k = 0; k < points.length; k += step) {
    const [u, v] = [points[k]!, points[k + 1]!];
    // A sum with what is not finite is not finite.
    if (!Number.isFinite(u + v)) {
      down = false;
      continue;
    }
    if (down) ctx.lineTo(left + u * span, bottom - v * span);
    else ctx.moveTo(left + u * span, bottom - v * span);
    down = true;
    if (k + step >= points.length && k < points.length - 2) k = points.length - 2 - step;
  }
  ctx.stroke();
}

/** Full where it matters, a ring where it does not; with a plus or a cross in it, and the sums of a product before it. */
export function paintNode({ ctx, palette }: Brush, node: NodeShape): void {
  const { x, y, look, sums, sign } = node;
  const r = sign === "product" ? Math.max(node.r, Math.min(8, 1.5 * node.r)) : node.r;
  const colour = look === "removing" || look === "removed" ? palette.removed : palette.ink;
  ctx.strokeStyle = colour;
  for (const sum of sums) {
    ctx.globalAlpha = look === "on" || look === "idle" ? 1 : QUIET_INK;
    ctx.lineWidth = 1.25;
    ctx.beginPath();
    ctx.moveTo(sum.x, sum.y);
    ctx.lineTo(x, y);
    ctx.stroke();
    dot(ctx, sum.x, sum.y, Math.min(3, r), colour);
  }
  ctx.globalAlpha = 1;
  dot(ctx, x, y, r, look === "on" ? palette.ink : palette.background);
  if (look === "on" && r >= SIGNED_RADIUS) {
    ctx.strokeStyle = palette.background;
    if (sign === "product") cross(ctx, x, y, r * 0.42);
    if (sign === "sum") plus(ctx, x, y, r * 0.58);
  }
  if (look === "on" || r < 1.5) return;
  ctx.globalAlpha =
    look === "removing" || look === "idle" ? 1 : look === "removed" ? QUIET_REMOVED : QUIET_INK;
  ring(ctx, { x, y, r: r - 0.5 }, look === "removing" || look === "idle" ? 1.5 : 1, colour);
  if (look === "removing" && r >= 4) cross(ctx, x, y, r - 3);
}
