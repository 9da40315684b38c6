/** What is under the pointer in the matrix view, and where a thing is: by division, whatever the number of edges. Pure. */

import { edgeIndex, nodeIndex, type Target, type Topology } from "../../model/network";
import type { Rect } from "../../util/rect";
import { type Axis, STRIP } from "./axes";
import { hitMaps, inputCell, mapCell, nameRectOf } from "./image-maps";
import type { MatrixLayout } from "./layout";
import type { Block } from "./parts";

export function hitMatrix(layout: MatrixLayout, x: number, y: number): Target | null {
  const { net, maps } = layout;
  for (const block of layout.blocks) {
    if (!block || !within(block, x, y)) continue;
    const [s, t] = block.source.upright ? [y, x] : [x, y];
    return edgeAt(net, block, unitAt(block.source, s), unitAt(block.target, t));
  }
  for (const axis of layout.axes) {
    if (!axis) continue;
    const [along, across] = axis.upright ? [y, x] : [x, y];
    const inside = across >= axis.strip && across < axis.strip + STRIP;
    if (!inside || along < axis.start || along >= axis.start + axis.offsets[axis.units.count]!) continue;
    return { kind: "node", id: net.nodeOffset[axis.layer]! + axis.units.node[unitAt(axis, along)]! };
  }
  if (!maps) return null;
  if (within(maps.total, x, y)) {
    const [row, column] = [y - maps.total.y, x - maps.total.x].map((d) => Math.floor(d / maps.totalScale));
    return { kind: "node", id: row! * maps.columns + column! };
  }
  const found = hitMaps(maps, x, y);
  if (!found) return null;
  if (found.input === null) return { kind: "node", id: net.nodeOffset[1]! + maps.units.node[found.unit]! };
  return { kind: "edge", id: maps.units.slot[found.unit]! * net.width[0]! + found.input };
}

/** Where an edge's cell, or a node's marker, is; null for what the matrix view does not show. */
export function anchorOf(layout: MatrixLayout, target: Target): Rect | null {
  const { net, maps } = layout;
  if (target.kind === "edge") {
    if (!(target.id >= 0 && target.id < net.edgeCount)) return null;
    const [l, i, j] = cellIndex(net, target.id);
    const block = layout.blocks[l];
    if (block) return cellOf(block, i, j);
    return maps && l === 0 ? mapCell(maps, maps.units.ofSlot[j]!, i) : null;
  }
  if (!(target.id >= 0 && target.id < net.nodeCount)) return null;
  const [l, i] = nodeIndex(net, target.id);
  const axis = layout.axes[l];
  if (axis) return markerRect(axis, i);
  if (!maps) return null;
  return l === 0 ? inputCell(maps, i) : nameRectOf(maps, maps.units.first[i]!);
}

/** Source node and slot of an edge, within their layer. */
export function cellIndex(net: Topology, edge: number): [layer: number, from: number, slot: number] {
  const [l, i] = edgeIndex(net, edge);
  return [l, i, Math.floor((edge - net.edgeOffset[l]!) / net.width[l]!)];
}

function cellOf(block: Block, from: number, slot: number): Rect {
  const s = nodeSpan(block.source, from);
  const t = spanAt(block.target, block.target.units.ofSlot[slot]!, 1);
  return block.source.upright ? rect(t, s) : rect(s, t);
}

function markerRect(axis: Axis, i: number): Rect {
  const along = nodeSpan(axis, i);
  const across = { at: axis.strip, length: STRIP };
  return axis.upright ? rect(across, along) : rect(along, across);
}

interface Span {
  readonly at: number;
  readonly length: number;
}

export function spanAt({ start, offsets, gutter }: Axis, unit: number, count: number): Span {
  const length = offsets[unit + count]! - offsets[unit]!;
  // Folded units are too short for the usual gutter.
  return { at: start + offsets[unit]!, length: Math.max(1, length - Math.min(gutter, length >> 2)) };
}

export const nodeSpan = (axis: Axis, i: number): Span =>
  spanAt(axis, axis.units.first[i]!, axis.units.span[i]!);

function rect(x: Span, y: Span): Rect {
  return { x: x.at, y: y.at, width: x.length, height: y.length, side: Math.min(x.length, y.length) };
}

export function within({ x, y, width, height }: Rect, px: number, py: number): boolean {
  return px >= x && px < x + width && py >= y && py < y + height;
}

/** By bisection: the last unit that does not begin after a point. */
function unitAt({ start, offsets, units }: Axis, at: number): number {
  let [low, high] = [0, units.count - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle]! <= at - start) low = middle;
    else high = middle - 1;
  }
  return low;
}

function edgeAt(net: Topology, { layer, source, target }: Block, s: number, t: number): Target {
  const id = net.edgeOffset[layer]! + target.units.slot[t]! * net.width[layer]! + source.units.node[s]!;
  return { kind: "edge", id };
}
