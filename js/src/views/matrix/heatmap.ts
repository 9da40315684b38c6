/**
 * Cells in device pixels, and the heat map: one image, of which only the cells that changed are written anew.
 *
 * What a threshold removes is striped, across cells too small for any mark of their own.
 */

import type { Inks } from "../../canvas/colours";
import type { NormalizedCurve } from "../../canvas/normalized-curves";
import type { Topology } from "../../model/network";
import type { Rect } from "../../util/rect";
import type { Axis } from "./axes";
import { CELL_STATE, GHOST, HIDDEN, OFF, ON, REMOVING, SYMBOLIC } from "./cell-states";
import { spanAt } from "./hit";
import type { Block, ImageMaps } from "./parts";

/** A rectangle of the picture in device pixels, and the place of each edge's cell in it: x0, y0, x1, y1. */
export interface Patch {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly firstEdge: number;
  readonly lastEdge: number;
  readonly cell: (edge: number, into: Int32Array) => void;
}

export interface Painted {
  /** Paints the cells whose code, level of importance or curve is another than at the last call. */
  update(codes: Uint8Array, levels: Uint8Array, curve: NormalizedCurve): void;
  /** Puts them on the picture. */
  show(picture: CanvasRenderingContext2D): void;
}

export function patchOfBlock(net: Topology, block: Block, ratio: number): Patch {
  const { source, target, layer } = block;
  const frame = framed(block, ratio);
  const [fromX, fromY] = [frame.x, frame.y];
  const columns = net.width[layer]!;
  const spans = (
    axis: Axis,
    origin: number,
    n: number,
    at: (k: number) => { at: number; length: number },
  ) => {
    const ends = new Int32Array(2 * n);
    for (let k = 0; k < n; k++) {
      const span = at(k);
      ends[2 * k] = Math.round(span.at * ratio) - origin;
      // Where there is no gutter the next cell begins where this one ends, whatever the rounding.
      ends[2 * k + 1] = Math.max(ends[2 * k]! + 1, Math.round((span.at + span.length) * ratio) - origin);
    }
    return { ends, upright: axis.upright };
  };
  const s = spans(source, source.upright ? fromY : fromX, columns, (i) =>
    spanAt(source, source.units.first[i]!, source.units.span[i]!),
  );
  const t = spans(target, target.upright ? fromY : fromX, target.units.count, (j) =>
    spanAt(target, target.units.ofSlot[j]!, 1),
  );
  const firstEdge = net.edgeOffset[layer]!;
  return {
    ...frame,
    firstEdge,
    lastEdge: net.edgeOffset[layer + 1]!,
    cell(edge, into) {
      const k = edge - firstEdge;
      const [i, j] = [k % columns, Math.floor(k / columns)];
      const [a, b] = source.upright ? [t.ends, s.ends] : [s.ends, t.ends];
      const [x, y] = source.upright ? [j, i] : [i, j];
      into[0] = a[2 * x]!;
      into[1] = b[2 * y]!;
      into[2] = a[2 * x + 1]!;
      into[3] = b[2 * y + 1]!;
    },
  };
}

export function patchOfMaps(net: Topology, maps: ImageMaps, ratio: number): Patch {
  const { x, y, units, across, stepX, stepY, nameRoom, columns, rows, scale } = maps;
  const width = across * stepX;
  const height = Math.ceil(units.count / across) * stepY;
  const frame = framed({ x, y, width, height, side: 0 }, ratio);
  const inputs = columns * rows;
  return {
    ...frame,
    firstEdge: 0,
    lastEdge: net.edgeOffset[1]!,
    cell(edge, into) {
      const unit = units.ofSlot[Math.floor(edge / inputs)]!;
      const input = edge % inputs;
      const left = x + (unit % across) * stepX + (input % columns) * scale;
      const top = y + nameRoom + Math.floor(unit / across) * stepY + Math.floor(input / columns) * scale;
      into[0] = Math.round(left * ratio) - frame.x;
      into[1] = Math.round(top * ratio) - frame.y;
      into[2] = Math.round((left + scale) * ratio) - frame.x;
      into[3] = Math.round((top + scale) * ratio) - frame.y;
    },
  };
}

export function framed({ x, y, width, height }: Rect, ratio: number) {
  const [left, top] = [Math.round(x * ratio), Math.round(y * ratio)];
  return {
    x: left,
    y: top,
    width: Math.max(1, Math.round((x + width) * ratio) - left),
    height: Math.max(1, Math.round((y + height) * ratio) - top),
  };
}

/** Says whether a cell looks other than when it was last asked about: its code, or its level of importance. */
export function createChangeCheck(firstEdge: number, lastEdge: number) {
  const looks = new Int32Array(lastEdge - firstEdge).fill(-1);
  return (edge: number, code: number, level: number): boolean => {
    const look = (code << 8) | level;
    if (looks[edge - firstEdge] === look) return false;
    looks[edge - firstEdge] = look;
    return true;
  };
}

export function createHeatmap(patch: Patch, inks: Inks, ratio: number): Painted {
  const { width, height, firstEdge, lastEdge } = patch;
  const canvas = new OffscreenCanvas(width, height);
  const ctx = canvas.getContext("2d")!;
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const differs = createChangeCheck(firstEdge, lastEdge);
  const at = new Int32Array(4);
  const write = createWriter(pixels, width, inks, ratio);
  return {
    show: (picture) => picture.drawImage(canvas, patch.x, patch.y),
    update(codes, levels) {
      let [top, bottom, left, right] = [height, 0, width, 0];
      for (let e = firstEdge; e < lastEdge; e++) {
        const code = codes[e]!;
        if (!differs(e, code, levels[e]!)) continue;
        patch.cell(e, at);
        write(at, code, levels[e]!);
        top = Math.min(top, at[1]!);
        bottom = Math.max(bottom, at[3]!);
        left = Math.min(left, at[0]!);
        right = Math.max(right, at[2]!);
      }
      if (bottom > top) ctx.putImageData(image, 0, 0, left, top, right - left, bottom - top);
    },
  };
}

export type Writer = (at: Int32Array, code: number, level: number) => void;

export function createWriter(pixels: Uint32Array, width: number, inks: Inks, ratio: number): Writer {
  const period = Math.max(4, Math.round(5 * ratio));
  const stripe = Math.max(1, Math.round(1.25 * ratio));
  return (at, code, level) => {
    const [x0, y0, x1, y1] = [at[0]!, at[1]!, at[2]!, at[3]!];
    const look = code & CELL_STATE;
    if (code & HIDDEN && !(code & GHOST)) {
      for (let y = y0; y < y1; y++) pixels.fill(0, y * width + x0, y * width + x1);
      return;
    }
    if (code & GHOST || look === ON) {
      const symbolic = code & SYMBOLIC && !(code & GHOST);
      const colour = (code & GHOST ? inks.ghost : symbolic ? inks.symbolic : inks.numeric).bits[level]!;
      for (let y = y0; y < y1; y++) pixels.fill(colour, y * width + x0, y * width + x1);
      if (symbolic) outline(pixels, width, at, inks.symbolic.bits[255]!);
      return;
    }
    if (look === OFF) {
      for (let y = y0; y < y1; y++) pixels.fill(0, y * width + x0, y * width + x1);
      if (Math.min(x1 - x0, y1 - y0) >= 3 * ratio) {
        const side = Math.max(1, Math.round(ratio));
        const [cx, cy] = [(x0 + x1 - side) >> 1, (y0 + y1 - side) >> 1];
        for (let y = cy; y < cy + side; y++) pixels.fill(inks.dot, y * width + cx, y * width + cx + side);
      }
      return;
    }
    const [ground, line] = look === REMOVING ? inks.removing : inks.removed;
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++) pixels[y * width + x] = (x + y) % period < stripe ? line : ground;
    }
  };
}

/** A second sign beside the colour, where there is room for it. */
function outline(pixels: Uint32Array, width: number, at: Int32Array, colour: number): void {
  const [x0, y0, x1, y1] = [at[0]!, at[1]!, at[2]!, at[3]!];
  if (Math.min(x1 - x0, y1 - y0) < 5) return;
  for (const y of [y0, y1 - 1]) pixels.fill(colour, y * width + x0, y * width + x1);
  for (let y = y0; y < y1; y++) pixels[y * width + x0] = pixels[y * width + x1 - 1] = colour;
}
