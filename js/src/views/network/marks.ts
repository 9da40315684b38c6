/** What lies over the picture: what is selected, compared, probed; what the pointer or the focus is on. Reads no DOM. */

import { type Brush, clear } from "../../canvas/brush";
import { dot, frame, ring } from "../../canvas/shapes";
import { areaOf, measureName, paintText, type Text } from "../../canvas/text";
import type { Network, Target } from "../../model/network";
import { formatShort, withMinus } from "../../text/format";
import { type Area, areasOverlap, type Box, centreOf } from "../../util/rect";
import type { Layout } from "./layout";
import { colourOf, lineOf, paintBox, paintNode } from "./paint";
import { type EdgeShape, inBox, type NodeShape, type Scene } from "./scene";

/** The values of a traced sample, of nodes (N,) and of edges (E,). */
export interface Probe {
  readonly nodes: Float64Array;
  readonly edges: Float64Array;
}

const VALUE_SIZE = 11.5;

/** The shapes of the frame that the marks are painted on. */
export interface Shown {
  readonly net: Network;
  readonly scene: Scene;
  readonly layout: Layout;
  /** What text already covers. */
  readonly texts: readonly Area[];
}

export function paintMarks(
  brush: Brush,
  shown: Shown,
  selected: readonly Target[],
  probe: Probe | null,
  lit: readonly number[] = [],
): void {
  const { scene, net } = shown;
  const { ctx } = brush;
  clear(brush, scene.width, scene.height);
  if (scene.comparing) {
    const different = scene.edges.filter(({ difference }) => difference);
    underBoxes(brush, scene, () => {
      for (const edge of different)
        if (!edge.box) paintLine(brush, edge, edge.difference === "first" ? [4, 4] : []);
    });
    for (const edge of different) paintDifference(brush, edge);
  }
  if (lit.length > 0) paintLit(brush, scene, new Set(lit));
  const chosen = new Set(selected.filter(({ kind }) => kind === "edge").map(({ id }) => id));
  if (chosen.size > 0) {
    const halos = scene.edges.filter(({ edge }) => chosen.has(edge));
    underBoxes(brush, scene, () => {
      for (const edge of halos) if (!edge.box) paintLine(brush, edge, edge.look === "on" ? [] : [5, 5]);
    });
    for (const { box, anchor, difference } of halos) {
      // A target that differs already has a frame and a number: this frame goes around them.
      const [x, y] = centreOf(anchor);
      if (box) frameBox(brush, box, difference ? 4 : 1, 2, brush.palette.selected);
      else if (difference) ringAround(brush, { x, y, r: 7 }, brush.palette.selected, 2, 3);
      else dot(ctx, x, y, 4, brush.palette.selected);
    }
  }
  for (const { kind, id } of selected) {
    const node = kind === "node" && scene.nodes[id];
    if (node) ringAround(brush, node, brush.palette.selected, 2, 3);
  }
  if (probe) paintProbe(brush, shown, probe, net);
  ctx.globalAlpha = 1;
}

type Circle = Pick<NodeShape, "x" | "y" | "r">;

/** A square line around a box or beside a line. */
function frameBox({ ctx }: Brush, { x, y, side }: Box, away: number, width: number, colour: string): void {
  const round = Math.min(7, 3 + side / 8);
  frame(ctx, { x, y, width: side, height: side }, away + width / 2, round, width, colour);
}

function ringAround({ ctx }: Brush, { x, y, r }: Circle, colour: string, width: number, away: number): void {
  ring(ctx, { x, y, r: r + away + width / 2 }, width, colour);
}

function paintLine(brush: Brush, { path }: EdgeShape, dashes: number[]): void {
  const { ctx, palette } = brush;
  ctx.strokeStyle = palette.selected;
  ctx.lineWidth = 2;
  ctx.setLineDash(dashes);
  ctx.stroke(lineOf(brush, path));
}

/** Edges that a term of the formula stands for: a broad glow of their colour, along the line and around the box. */
function paintLit(brush: Brush, scene: Scene, lit: ReadonlySet<number>): void {
  const { ctx, palette } = brush;
  const edges = scene.edges.filter(({ edge }) => lit.has(edge));
  underBoxes(brush, scene, () => {
    for (const edge of edges) {
      const line = lineOf(brush, edge.path);
      ctx.strokeStyle = colourOf(palette, edge);
      ctx.globalAlpha = 0.22;
      ctx.lineWidth = 9;
      ctx.stroke(line);
      ctx.globalAlpha = 1;
      ctx.lineWidth = 2.5;
      ctx.stroke(line);
    }
  });
  for (const edge of edges) {
    const { box, anchor } = edge;
    const colour = colourOf(palette, edge);
    ctx.globalAlpha = 0.22;
    if (box) frameBox(brush, box, 2, 5, colour);
    ctx.globalAlpha = 1;
    if (box) frameBox(brush, box, 0, 2.5, colour);
    else dot(ctx, ...centreOf(anchor), 4, colour);
  }
}

/** Paints lines only outside the boxes, as in the picture. */
function underBoxes({ ctx }: Brush, { width, height, edges }: Scene, paint: () => void): void {
  ctx.save();
  const outside = new Path2D();
  outside.rect(0, 0, width, height);
  for (const { box } of edges) if (box) outside.rect(box.x, box.y, box.side, box.side);
  ctx.clip(outside, "evenodd");
  paint();
  ctx.restore();
}

/** Marks an edge that only one of two compared states has, by the state's letter and by dashes. */
function paintDifference(brush: Brush, edge: EdgeShape): void {
  const { ctx, palette, font } = brush;
  const first = edge.difference === "first";
  ctx.globalAlpha = 1;
  if (edge.box) {
    ctx.setLineDash(first ? [4, 4] : []);
    frameBox(brush, edge.box, 1, 2, palette.selected);
    ctx.setLineDash([]);
  }
  const [x, y] = edge.box ? [edge.box.x, edge.box.y] : centreOf(edge.anchor);
  dot(ctx, x, y, 7.5, palette.background);
  ring(ctx, { x, y, r: 7 }, 1.5, palette.selected);
  ctx.fillStyle = palette.ink;
  const runs = [{ text: first ? "A" : "B", shift: "none" }] as const;
  paintText(ctx, font, { runs, x, y, align: "center", size: 11 });
}

function paintProbe(brush: Brush, shown: Shown, probe: Probe, net: Network): void {
  const { ctx, palette, curve, font } = brush;
  const { scene } = shown;
  ctx.globalAlpha = 1;
  for (const edge of scene.edges) {
    if (!edge.box || edge.look !== "on" || edge.presence < 1 || edge.box.side < 16) continue;
    const [x, y] = [probe.nodes[net.source[edge.edge]!]!, probe.edges[edge.edge]!];
    if (!Number.isFinite(x + y)) continue;
    const [px, py] = inBox(edge.box, ...curve.at(edge.edge, x, y));
    const r = Math.min(4.5, Math.max(2.5, edge.box.side / 16));
    dot(ctx, px, py, r + 1.25, palette.background);
    dot(ctx, px, py, r, palette.probe);
  }
  ctx.fillStyle = palette.probe;
  for (const text of probeTexts(shown, probe, (text) =>
    measureName(ctx, font, [{ text, shift: "none" }], VALUE_SIZE),
  )) {
    paintText(ctx, font, text, palette.background);
  }
}

/** Three figures beside each node that has room for them: no value covers a box, a dot, a name or another value. */
export function probeTexts(
  { scene, layout, texts }: Pick<Shown, "scene" | "layout" | "texts">,
  probe: Probe,
  widthOf: (text: string) => number,
): Text[] {
  const occupied: Area[] = [...texts];
  for (const { box } of scene.edges)
    if (box) occupied.push({ x: box.x, y: box.y, width: box.side, height: box.side });
  for (const { x, y, r } of scene.nodes) occupied.push({ x: x - r, y: y - r, width: 2 * r, height: 2 * r });
  const found: Text[] = [];
  for (const { node, x, y, r, look } of scene.nodes) {
    const value = probe.nodes[node]!;
    if (!Number.isFinite(value) || look === "off" || look === "removed") continue;
    const text = withMinus(formatShort(value));
    const width = widthOf(text);
    const up = layout.orientation === "up";
    const spots = [
      { x, y: y - r - 12, align: "center" },
      { x, y: y + r + 12, align: "center" },
      { x: x + r + 5, y, align: "left" },
      { x: x - r - 5, y, align: "right" },
    ] as const;
    for (const spot of up ? [spots[2], spots[3], spots[0], spots[1]] : spots) {
      const placed: Text = { ...spot, runs: [{ text, shift: "none" }], size: VALUE_SIZE };
      const area = areaOf(placed, width);
      const sticksOut =
        area.x < 0 || area.y < 0 || area.x + area.width > scene.width || area.y + area.height > scene.height;
      if (sticksOut || occupied.some((other) => areasOverlap(other, area))) continue;
      occupied.push(area);
      found.push(placed);
      break;
    }
  }
  return found;
}

/** Paints the target enlarged, but never over another box. `focus` has the keyboard's ring. */
export function paintHighlight(
  brush: Brush,
  { scene, net }: Shown,
  target: Target | null,
  focus: Target | null,
): void {
  clear(brush, scene.width, scene.height);
  if (target) enlarge(brush, scene, net, target);
  if (focus) paintFocus(brush, scene, focus);
  brush.ctx.globalAlpha = 1;
}

function paintFocus(brush: Brush, scene: Scene, { kind, id }: Target): void {
  brush.ctx.globalAlpha = 1;
  const { ink, background } = brush.palette;
  if (kind === "node") {
    const node = scene.nodes[id];
    if (!node) return;
    ringAround(brush, node, background, 6, 1);
    ringAround(brush, node, ink, 2, 4);
    return;
  }
  const edge = scene.edges.find((shape) => shape.edge === id);
  if (!edge) return;
  frameBox(brush, edge.anchor, 2, 6, background);
  frameBox(brush, edge.anchor, 4, 2, ink);
}

function enlarge(brush: Brush, scene: Scene, net: Network, target: Target): void {
  const { ctx, palette } = brush;
  const alone = target.kind === "edge";
  const ends = (edge: number) => [net.source[edge]!, net.target[edge]!];
  const meant = scene.edges.filter((edge) =>
    alone ? edge.edge === target.id : ends(edge.edge).includes(target.id),
  );
  underBoxes(brush, scene, () => {
    for (const edge of meant) {
      ctx.strokeStyle = colourOf(palette, edge);
      const line = lineOf(brush, edge.path);
      ctx.setLineDash([]);
      if (alone) {
        ctx.globalAlpha = 0.12;
        ctx.lineWidth = 8;
        ctx.stroke(line);
      }
      ctx.globalAlpha = edge.look === "on" ? 1 : 0.85;
      ctx.lineWidth = 2;
      if (edge.look !== "on") ctx.setLineDash([5, 5]);
      ctx.stroke(line);
    }
  });
  for (const edge of meant) {
    if (!edge.box) continue;
    ctx.globalAlpha = 0.14;
    if (alone) frameBox(brush, edge.box, 0, 4, colourOf(palette, edge));
    paintBox(brush, { ...edge, label: null }, edge.box, { border: alone ? 2 : 1, lit: true });
  }
  for (const n of alone ? ends(target.id) : [target.id]) {
    const node = scene.nodes[n];
    if (!node) continue;
    paintNode(brush, node);
    ctx.globalAlpha = alone ? 0.12 : 0.22;
    ringAround(brush, node, palette.ink, 4, 2);
  }
}

/** The dashed line around what a lasso selects. */
export function paintLasso({ ctx, palette }: Brush, loop: readonly (readonly [number, number])[]): void {
  if (loop.length < 2) return;
  ctx.beginPath();
  for (const [x, y] of loop) ctx.lineTo(x, y);
  ctx.closePath();
  ctx.fillStyle = palette.selected;
  ctx.globalAlpha = 0.1;
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.strokeStyle = palette.selected;
  ctx.lineWidth = 1.5;
  ctx.setLineDash([5, 4]);
  ctx.stroke();
  ctx.setLineDash([]);
}
