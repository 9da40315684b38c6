/**
 * Zoom and pan: a point of the layout is shown at `k * point + (x, y)`. Pure.
 *
 * A layout seen through a camera is again a layout: places grow and move, dots grow a little, strokes and text do not.
 * So everything that knows a layout (painter, hit test, cards) needs to know nothing of cameras.
 */

import type { Box, Size } from "../util/rect";
import type { Layout, Place, Slot } from "./network/layout";

export interface Camera {
  readonly k: number;
  readonly x: number;
  readonly y: number;
}

export const FIT: Camera = { k: 1, x: 0, y: 0 };
export const MAX_ZOOM = 16;
/** One press of a button or key. */
export const ZOOM_STEP = 1.5;

/** The nearest camera that shows no empty margin. */
export function clamp({ k, x, y }: Camera, { width, height }: Size): Camera {
  const zoom = Math.min(MAX_ZOOM, Math.max(1, k));
  if (zoom < 1.001) return FIT;
  const within = (t: number, size: number) => Math.min(0, Math.max(size * (1 - zoom), t));
  return { k: zoom, x: within(x, width), y: within(y, height) };
}

/** Zooms so that what is under a point of the screen stays there. */
export function zoomAt(camera: Camera, factor: number, px: number, py: number, size: Size): Camera {
  const k = Math.min(MAX_ZOOM, Math.max(1, camera.k * factor));
  const grow = k / camera.k;
  return clamp({ k, x: px - (px - camera.x) * grow, y: py - (py - camera.y) * grow }, size);
}

export const panBy = (camera: Camera, dx: number, dy: number, size: Size): Camera =>
  clamp({ ...camera, x: camera.x + dx, y: camera.y + dy }, size);

/** The least pan that brings a square of the layout into sight. */
export function reveal(camera: Camera, box: Box, size: Size): Camera {
  const shift = (at: number, side: number, offset: number, room: number) => {
    const [low, high] = [camera.k * at + offset, camera.k * (at + side) + offset];
    const rim = Math.max(0, Math.min(24, (room - (high - low)) / 2));
    if (low < rim) return rim - low;
    return high > room - rim ? room - rim - high : 0;
  };
  const dx = shift(box.x, box.side, camera.x, size.width);
  const dy = shift(box.y, box.side, camera.y, size.height);
  return dx === 0 && dy === 0 ? camera : panBy(camera, dx, dy, size);
}

/** Dots grow more slowly than the zoom, and only until they are easy to see. */
const dotGrowth = (r: number, k: number) => Math.min(r * k, Math.max(r, 5.5) * Math.min(1.6, Math.sqrt(k)));

export function project(layout: Layout, { k, x, y }: Camera): Layout {
  if (k === 1) return layout;
  const box = (b: Box): Box => ({ x: b.x * k + x, y: b.y * k + y, side: b.side * k });
  const places = new Map<number, Place>();
  for (const [edge, place] of layout.places) {
    const shown = place.box && box(place.box);
    places.set(edge, {
      ...place,
      path: place.path.map((value, d) => value * k + (d % 2 ? y : x)),
      box: shown,
      anchor: shown ?? box(place.anchor),
    });
  }
  const slots = new Map<number, Slot>();
  for (const [id, slot] of layout.slots) slots.set(id, { ...slot, x: slot.x * k + x, y: slot.y * k + y });
  return {
    ...layout,
    nodeX: layout.nodeX.map((at) => at * k + x),
    nodeY: layout.nodeY.map((at) => at * k + y),
    nodeR: layout.nodeR.map((r) => dotGrowth(r, k)),
    slots,
    places,
  };
}
