/** What is under the pointer, in focus or selected, for the canvas on top of the matrix view. */

import type { Brush } from "../../canvas/brush";
import { frame, ring } from "../../canvas/shapes";
import { nodeIndex, type Target } from "../../model/network";
import type { Rect } from "../../util/rect";
import { STRIP } from "./axes";
import { anchorOf, cellIndex, nodeSpan } from "./hit";
import { inputCell, mapCell, mapOf } from "./image-maps";
import type { MatrixLayout } from "./layout";
import type { Block } from "./parts";

/** Smaller cells get a ring of this size: it must be found again. */
const LEAST = 9;

export function paintMatrixHighlight(
  brush: Brush,
  layout: MatrixLayout,
  target: Target | null,
  selected: readonly Target[] = [],
): void {
  const { ctx, ratio } = brush;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.globalAlpha = 1;
  ctx.setLineDash([]);
  ctx.clearRect(0, 0, layout.width, layout.height);
  if (target) paintContext(brush, layout, target);
  for (const each of selected) mark(brush, layout, each, 2);
  if (target) mark(brush, layout, target, 1.5);
  ctx.globalAlpha = 1;
}

/** Helps the eye to follow: the row and the column of a cell, the matrices' lines of a node, an input in every map. */
function paintContext(brush: Brush, layout: MatrixLayout, target: Target): void {
  const { net, maps } = layout;
  if (target.kind === "edge") {
    const [l, i, j] = cellIndex(net, target.id);
    const block = layout.blocks[l];
    const [source, sink] = [net.source[target.id]!, net.target[target.id]!];
    if (block) {
      shade(brush, lineOf(block, true, i));
      shade(brush, lineOf(block, false, sink - net.nodeOffset[l + 1]!));
      for (const id of [source, sink]) circleMarker(brush, layout, id);
    } else if (maps) {
      ringRect(brush, inputCell(maps, source), 1.5, 1);
      ringRect(brush, mapOf(maps, maps.units.ofSlot[j]!), 1.5, 1, 2);
      if (layout.axes[1]) circleMarker(brush, layout, sink);
    }
    return;
  }
  const [l, i] = nodeIndex(net, target.id);
  for (const [layer, isSource] of [[l - 1, false] as const, [l, true] as const]) {
    const block = layout.blocks[layer];
    if (block) outline(brush, lineOf(block, isSource, i));
  }
  if (!maps) return;
  if (l === 0) {
    for (let u = 0; u < maps.units.count; u++) ringRect(brush, mapCell(maps, u, i), 1, 0.7);
  }
  ringMaps(brush, layout, target.id, 2);
}

function ringMaps(brush: Brush, layout: MatrixLayout, node: number, breadth: number): void {
  const { net, maps } = layout;
  if (!maps) return;
  for (let u = 0; u < maps.units.count; u++) {
    if (maps.units.node[u]! + net.nodeOffset[1]! === node) ringRect(brush, mapOf(maps, u), breadth, 1, 2);
  }
}

/** All cells of a node in a matrix. */
function lineOf(block: Block, ofSource: boolean, i: number): Rect {
  const axis = ofSource ? block.source : block.target;
  const { at, length } = nodeSpan(axis, i);
  const { x, y, width, height } = block;
  return axis.upright
    ? { x, y: at, width, height: length, side: Math.min(width, length) }
    : { x: at, y, width: length, height, side: Math.min(length, height) };
}

function shade({ ctx, palette }: Brush, { x, y, width, height }: Rect): void {
  ctx.fillStyle = palette.ink;
  ctx.globalAlpha = 0.07;
  ctx.fillRect(x - 1, y - 1, width + 2, height + 2);
}

function outline(brush: Brush, rect: Rect): void {
  shade(brush, rect);
  ringRect(brush, rect, 1, 0.75);
}

/** A ring with a rim of the background's colour, so that it can be seen on any colour. */
function ringRect({ ctx, palette }: Brush, rect: Rect, breadth: number, alpha: number, apart = 1): void {
  const [w, h] = [Math.max(rect.width + 2 * apart, LEAST), Math.max(rect.height + 2 * apart, LEAST)];
  const [x, y] = [rect.x + (rect.width - w) / 2, rect.y + (rect.height - h) / 2];
  const round = Math.min(4, Math.min(w, h) / 6);
  ctx.globalAlpha = 0.85 * alpha;
  frame(ctx, { x, y, width: w, height: h }, 0, round, breadth + 2, palette.background);
  ctx.globalAlpha = alpha;
  frame(ctx, { x, y, width: w, height: h }, 0, round, breadth, palette.ink);
}

function mark(brush: Brush, layout: MatrixLayout, target: Target, breadth: number): void {
  if (target.kind === "node" && layout.axes[nodeIndex(layout.net, target.id)[0]]) {
    circleMarker(brush, layout, target.id, breadth);
    ringMaps(brush, layout, target.id, breadth);
    return;
  }
  const at = anchorOf(layout, target);
  if (at && at.height > 0) ringRect(brush, at, breadth, 1);
}

/** A ring around the marker of a node. */
function circleMarker(brush: Brush, layout: MatrixLayout, node: number, breadth = 1.5): void {
  const { net } = layout;
  const axis = layout.axes[nodeIndex(net, node)[0]];
  const at = anchorOf(layout, { kind: "node", id: node });
  if (!axis || !at) return;
  const { ctx, palette } = brush;
  if (axis.markers === "bars") {
    ringRect(brush, at, breadth, 1, -1);
    return;
  }
  ctx.globalAlpha = 1;
  const [x, y] = [at.x + at.width / 2, at.y + at.height / 2];
  ring(ctx, { x, y, r: Math.min(STRIP / 2 - 3, 8) }, breadth, palette.ink);
}
