/** The painter: a scene in, pixels out. Reads no DOM. */
import type { Box, Path } from "./layout";
import type { EdgeShape, NodeShape, Scene, UnitCurve } from "./scene";
import type { Target } from "./state";
import { type Name, paintName } from "./typeset";

export interface Palette {
  readonly background: string;
  readonly ink: string;
  /** What a threshold takes. */
  readonly taken: string;
}

export interface Brush {
  readonly ctx: CanvasRenderingContext2D;
  /** Device pixels in a CSS pixel. */
  readonly ratio: number;
  readonly palette: Palette;
  readonly font: string;
  readonly curve: UnitCurve;
}

const INSET = 0.12;
/** Beyond so many, lines are hairlines of one device pixel, which software draws many times faster, in batches. */
const MANY = 150;
const BUCKETS = 12;

export function paint(brush: Brush, scene: Scene, names: readonly Name[]): void {
  const { ctx, ratio } = brush;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, scene.width, scene.height);
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  paintLines(brush, scene.edges);
  for (const node of scene.nodes) paintNode(brush, node);
  for (const edge of scene.edges) if (edge.box) paintBox(brush, edge, edge.box);
  ctx.fillStyle = brush.palette.ink;
  for (const name of names) {
    const node = scene.nodes[name.node];
    if (node) paintName(ctx, brush.font, name, node);
  }
  ctx.globalAlpha = 1;
}

/** The target larger than life, for the canvas on top: no other box is painted over. */
export function paintHighlight(
  brush: Brush,
  scene: Scene,
  target: Target | null,
  ends: (edge: number) => number[],
): void {
  const { ctx, ratio, palette } = brush;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, scene.width, scene.height);
  if (!target) return;
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  const meant = scene.edges.filter((edge) =>
    target.kind === "edge"
      ? edge.edge === target.id
      : edge.look !== "off" && ends(edge.edge).includes(target.id),
  );
  ctx.save();
  const outside = new Path2D();
  outside.rect(0, 0, scene.width, scene.height);
  for (const { box } of scene.edges) if (box) outside.rect(box.x, box.y, box.side, box.side);
  ctx.clip(outside, "evenodd");
  for (const edge of meant) {
    ctx.strokeStyle = colourOf(palette, edge);
    const line = new Path2D();
    trace(line, edge.path);
    ctx.setLineDash([]);
    if (target.kind === "edge") {
      ctx.globalAlpha = 0.12;
      ctx.lineWidth = 8;
      ctx.stroke(line);
    }
    ctx.globalAlpha = edge.look === "on" ? 1 : 0.85;
    ctx.lineWidth = 2;
    if (edge.look !== "on") ctx.setLineDash([5, 5]);
    ctx.stroke(line);
  }
  ctx.restore();
  ctx.setLineDash([]);
  for (const edge of meant) {
    if (!edge.box) continue;
    const { x, y, side } = edge.box;
    ctx.strokeStyle = colourOf(palette, edge);
    if (target.kind === "edge") {
      ctx.globalAlpha = 0.14;
      ctx.lineWidth = 4;
      ctx.beginPath();
      ctx.roundRect(x - 2, y - 2, side + 4, side + 4, 6);
      ctx.stroke();
      paintBox(brush, { ...edge, strength: 1 }, edge.box, 2);
    } else {
      paintBox(brush, { ...edge, strength: 1 }, edge.box);
    }
  }
  const nodes = target.kind === "node" ? [target.id] : ends(target.id);
  for (const n of nodes) {
    const node = scene.nodes[n];
    if (!node) continue;
    paintNode(brush, node);
    ctx.globalAlpha = target.kind === "node" ? 0.22 : 0.12;
    ctx.strokeStyle = palette.ink;
    ctx.lineWidth = 4;
    ctx.beginPath();
    ctx.arc(node.x, node.y, node.r + 4, 0, 2 * Math.PI);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

/** The curve alone, in a square: for the card beside the pointer. */
export function paintCurve(brush: Brush, edge: EdgeShape, side: number): void {
  const { ctx, ratio } = brush;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, side, side);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = colourOf(brush.palette, edge);
  ctx.lineWidth = 1.75;
  ctx.lineJoin = "round";
  strokeCurve(brush, edge.edge, { x: 0, y: 0, side });
}

function paintLines(brush: Brush, edges: readonly EdgeShape[]): void {
  const { ctx, ratio } = brush;
  const plain = edges.filter((edge) => !edge.box);
  const many = plain.length > MANY;
  const onPlain = plain.reduce((n, edge) => n + (edge.look === "on" ? 1 : 0), 0);
  // Hairlines add up where they cross, even in one path: a crowd of them would be black.
  const crowd = Math.min(1, MANY / Math.max(1, onPlain));
  const batches = new Map<string, EdgeShape[]>();
  for (const edge of edges) {
    const key = `${LAYERS[edge.look]} ${edge.box ? 1 : 0} ${Math.round(edge.strength * BUCKETS)}`;
    const batch = batches.get(key);
    if (batch) batch.push(edge);
    else batches.set(key, [edge]);
  }
  for (const key of [...batches.keys()].sort(byNumbers)) {
    const batch = batches.get(key)!;
    const { look, box, strength } = batch[0]!;
    const thin = many && !box;
    ctx.strokeStyle = colourOf(brush.palette, batch[0]!);
    ctx.lineWidth =
      look === "off" || thin
        ? 1 / ratio
        : look === "on"
          ? 1 + 0.75 * strength
          : look === "taking" && box
            ? 1.5
            : 1;
    ctx.setLineDash(look === "taking" ? [5, 5] : look === "taken" && !many ? [3, 5] : []);
    if (look === "on") ctx.globalAlpha = thin ? strength * crowd : strength;
    else if (look === "taking") ctx.globalAlpha = thin ? 0.7 : 0.9;
    else ctx.globalAlpha = (look === "taken" ? 0.45 : 0.22) * (many ? Math.max(0.3, MANY / plain.length) : 1);
    if (thin || look === "off") {
      const lines = new Path2D();
      for (const edge of batch) trace(lines, edge.path);
      ctx.stroke(lines);
    } else {
      for (const edge of batch) {
        const line = new Path2D();
        trace(line, edge.path);
        ctx.stroke(line);
      }
    }
  }
  ctx.setLineDash([]);
}

/** What is on lies over what is gone, strong over weak, and what is about to go over everything. */
const LAYERS = { off: 0, taken: 1, on: 2, taking: 3 } as const;

function byNumbers(a: string, b: string): number {
  const [x, y] = [a.split(" ").map(Number), b.split(" ").map(Number)];
  return x[0]! - y[0]! || x[1]! - y[1]! || x[2]! - y[2]!;
}

function trace(line: Path2D, p: Path): void {
  line.moveTo(p[0]!, p[1]!);
  line.bezierCurveTo(p[2]!, p[3]!, p[4]!, p[5]!, p[6]!, p[7]!);
  line.lineTo(p[8]!, p[9]!);
  line.bezierCurveTo(p[10]!, p[11]!, p[12]!, p[13]!, p[14]!, p[15]!);
}

function colourOf(palette: Palette, { look }: { look: EdgeShape["look"] }): string {
  return look === "taking" || look === "taken" ? palette.taken : palette.ink;
}

function paintBox(brush: Brush, edge: EdgeShape, box: Box, border = 1): void {
  const { ctx, palette } = brush;
  const taking = edge.look === "taking";
  const strength = taking ? 1 : edge.strength;
  const half = border / 2;
  ctx.beginPath();
  ctx.roundRect(box.x + half, box.y + half, box.side - border, box.side - border, Math.min(4, box.side / 8));
  ctx.globalAlpha = edge.presence;
  ctx.fillStyle = palette.background;
  ctx.fill();
  ctx.strokeStyle = colourOf(palette, edge);
  ctx.globalAlpha = edge.presence * (border > 1 ? 1 : 0.25 + 0.5 * strength);
  ctx.lineWidth = border;
  ctx.setLineDash(taking ? [4, 3] : []);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = edge.presence * strength;
  ctx.lineWidth = Math.min(2.25, Math.max(1.25, box.side / 30));
  strokeCurve(brush, edge.edge, box);
  ctx.globalAlpha = edge.presence;
  if (taking) {
    const r = Math.min(3.2, box.side / 8);
    dot(ctx, box.x + box.side - 1, box.y + 1, r + 2.5, palette.background);
    cross(ctx, box.x + box.side - 1, box.y + 1, r);
  }
  if (edge.kept) dot(ctx, box.x + 5, box.y + 5, 2, palette.ink);
}

function strokeCurve({ ctx, curve }: Brush, edge: number, box: Box): void {
  const points = curve(edge);
  const inset = INSET * box.side;
  const span = box.side - 2 * inset;
  ctx.beginPath();
  let down = false;
  for (let k = 0; k < points.length; k += 2) {
    const [u, v] = [points[k]!, points[k + 1]!];
    if (!Number.isFinite(u) || !Number.isFinite(v)) {
      down = false;
      continue;
    }
    const [x, y] = [box.x + inset + u * span, box.y + box.side - inset - v * span];
    if (down) ctx.lineTo(x, y);
    else ctx.moveTo(x, y);
    down = true;
  }
  ctx.stroke();
}

function cross(ctx: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.moveTo(x - r, y - r);
  ctx.lineTo(x + r, y + r);
  ctx.moveTo(x + r, y - r);
  ctx.lineTo(x - r, y + r);
  ctx.stroke();
}

function dot(ctx: CanvasRenderingContext2D, x: number, y: number, r: number, fill: string): void {
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fill();
}

function paintNode({ ctx, palette }: Brush, { x, y, r, look }: NodeShape): void {
  ctx.globalAlpha = 1;
  dot(ctx, x, y, r, look === "on" ? palette.ink : palette.background);
  if (look === "on" || r < 2) return;
  ctx.strokeStyle = look === "off" ? palette.ink : palette.taken;
  ctx.globalAlpha = look === "taking" ? 1 : look === "taken" ? 0.7 : 0.35;
  ctx.lineWidth = look === "taking" ? 1.5 : 1;
  ctx.beginPath();
  ctx.arc(x, y, r - 0.5, 0, 2 * Math.PI);
  ctx.stroke();
  if (look === "taking" && r >= 4) cross(ctx, x, y, r - 3);
}
