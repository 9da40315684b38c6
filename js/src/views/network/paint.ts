/** The painter of the network: a scene in, pixels out. Reads no DOM. */
import { type Brush, clear, type Palette, surfacesOf } from "../../canvas/brush";
import { INSET } from "../../canvas/normalized-curves";
import { cross, dot, ring } from "../../canvas/shapes";
import { FAINT, fitName, paintText, type Text } from "../../canvas/text";
import { textRuns } from "../../text/node-names";
import { isStraight, type Path, stubs } from "../../util/paths";
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
const STUB = 24;
/** Where a line has its one gap if there are many lines: dashes would be too small to see, and slow to paint. */
const BREAK = 0.35;
const FADED = 0.16;
const LABEL_SIZE = 12;

/** A name and whether its node is off. */
export type Named = Text & { readonly faint: boolean };

export function paint(brush: Brush, scene: Scene, names: readonly Named[]): void {
  const { ctx, palette, font } = brush;
  clear(brush, scene.width, scene.height);
  paintLines(brush, scene);
  for (const node of scene.nodes) paintNode(brush, node);
  for (const edge of scene.edges) {
    if (!edge.box || offScreen(edge.box, scene)) continue;
    ctx.globalAlpha = 1;
    paintBox(brush, edge, edge.box, edge.formula === null ? 1 : 2, fading(scene, edge));
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

const LAYERS = { off: 0, removed: 1, on: 2, removing: 3 } as const;

/** Painting order: off, removed, on (weak before strong, numbers before formulas), and last what is being removed. */
function order({ look, box, formula, strength, difference }: EdgeShape): number {
  const kind = 2 * (formula === null ? 0 : 1) + (box ? 1 : 0);
  return ((LAYERS[look] * 2 + (difference ? 1 : 0)) * 4 + kind) * 16 + Math.round(strength * BUCKETS);
}

function paintLines(brush: Brush, scene: Scene): void {
  const batches: EdgeShape[][] = [];
  let plain = 0;
  let onPlain = 0;
  for (const edge of scene.edges) {
    const key = order(edge);
    const batch = batches[key];
    if (batch) batch.push(edge);
    else batches[key] = [edge];
    if (edge.box) continue;
    plain++;
    if (edge.look === "on") onPlain++;
  }
  // Hairlines add up where they cross, even in one path: many of them would become black.
  const crowd = Math.min(1, MANY / Math.max(1, onPlain));
  for (const batch of batches) if (batch) paintBatch(brush, scene, batch, plain, crowd);
  brush.ctx.setLineDash([]);
}

/** Edges that look the same. */
function paintBatch(brush: Brush, scene: Scene, batch: EdgeShape[], plain: number, crowd: number): void {
  const { ctx, ratio, palette } = brush;
  const { look, box, strength, formula } = batch[0]!;
  const many = plain > MANY;
  const thin = (many && !box) || look === "off";
  const fade = fading(scene, batch[0]!);
  ctx.strokeStyle = colourOf(palette, batch[0]!);
  ctx.setLineDash(look === "removing" && !many ? [5, 5] : []);
  if (thin) ctx.lineWidth = 1 / ratio;
  else if (look === "on") ctx.lineWidth = formula === null ? 1 + 0.75 * strength : 2.25;
  else ctx.lineWidth = look === "removing" && box ? 1.5 : 1;
  const sparse = many ? Math.max(0.3, MANY / plain) : 1;
  if (look === "on") ctx.globalAlpha = (formula === null ? strength : 1) * (thin ? crowd : 1);
  else if (look === "removing") ctx.globalAlpha = thin ? 0.75 : 0.9;
  else ctx.globalAlpha = (look === "removed" ? 0.2 : 0.13) * sparse;
  ctx.globalAlpha *= fade;
  if (thin) strokeTogether(ctx, batch, look === "removing");
  else for (const edge of batch) ctx.stroke(lineOf(brush, edge.path));
  // An edge that is off has a short, stronger piece at each end, so that it can be seen.
  if (many || (look !== "off" && look !== "removed")) return;
  ctx.globalAlpha = (look === "removed" ? QUIET_REMOVED : QUIET_INK) * fade;
  ctx.lineWidth = 1;
  ctx.setLineDash(look === "removed" ? [3, 3] : []);
  ctx.beginPath();
  for (const { path } of batch) {
    for (const p of stubs(path, STUB)) {
      ctx.moveTo(p[0]!, p[1]!);
      ctx.bezierCurveTo(p[2]!, p[3]!, p[4]!, p[5]!, p[6]!, p[7]!);
    }
  }
  ctx.stroke();
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
  line.moveTo(p[0]!, p[1]!);
  line.bezierCurveTo(p[2]!, p[3]!, p[4]!, p[5]!, p[6]!, p[7]!);
  line.lineTo(p[8]!, p[9]!);
  line.bezierCurveTo(p[10]!, p[11]!, p[12]!, p[13]!, p[14]!, p[15]!);
}

export function colourOf(palette: Palette, { look, formula }: Pick<EdgeShape, "look" | "formula">): string {
  if (look === "removing" || look === "removed") return palette.removed;
  return formula !== null && look === "on" ? palette.symbolic : palette.ink;
}

export function paintBox(brush: Brush, edge: EdgeShape, box: Box, border = 1, fade = 1): void {
  const { ctx, palette, font } = brush;
  const removing = edge.look === "removing";
  // It has just been switched off, and its box stays until the layout may change.
  const gone = edge.look === "off" || edge.look === "removed";
  const strength = removing || edge.formula !== null ? 1 : edge.strength;
  const half = border / 2;
  ctx.beginPath();
  ctx.roundRect(box.x + half, box.y + half, box.side - border, box.side - border, Math.min(4, box.side / 8));
  ctx.globalAlpha = edge.presence;
  ctx.fillStyle = palette.background;
  ctx.fill();
  const alpha = edge.presence * fade;
  ctx.strokeStyle = colourOf(palette, edge);
  ctx.globalAlpha = alpha * (gone ? QUIET_INK : border > 1 ? 1 : 0.25 + 0.5 * strength);
  ctx.lineWidth = border;
  if (removing || gone) ctx.setLineDash([4, 3]);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = alpha * (gone ? GONE_CURVE : strength);
  ctx.lineWidth = Math.min(2.5, Math.max(1.25, box.side / 30)) + (edge.formula === null ? 0 : 0.25);
  strokeCurve(brush, edge.edge, box);
  ctx.globalAlpha = alpha;
  if (removing) {
    const r = Math.min(3.2, box.side / 8);
    dot(ctx, box.x + box.side - 1, box.y + 1, r + 2.5, palette.background);
    cross(ctx, box.x + box.side - 1, box.y + 1, r);
  }
  if (edge.kept) dot(ctx, box.x + 5, box.y + 5, 2, palette.ink);
  if (edge.label && edge.formula !== null) {
    const beside = edge.label === "beside";
    const runs = fitName(ctx, font, textRuns(edge.formula), box.side * (beside ? 0.5 : 1.12), LABEL_SIZE);
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

/** Full where it matters, a ring where it does not; a product has its sums before it and a cross in it. */
export function paintNode({ ctx, palette }: Brush, node: NodeShape): void {
  const { x, y, look, sums } = node;
  const product = sums.length > 0;
  const r = product ? Math.max(node.r, Math.min(8, 1.5 * node.r)) : node.r;
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
  if (product && look === "on") {
    ctx.strokeStyle = palette.background;
    cross(ctx, x, y, r * 0.42);
  }
  if (look === "on" || r < 1.5) return;
  ctx.globalAlpha =
    look === "removing" || look === "idle" ? 1 : look === "removed" ? QUIET_REMOVED : QUIET_INK;
  ring(ctx, { x, y, r: r - 0.5 }, look === "removing" || look === "idle" ? 1.5 : 1, colour);
  if (look === "removing" && r >= 4) cross(ctx, x, y, r - 3);
}
