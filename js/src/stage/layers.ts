/** Three canvases over each other: the picture, the marks on it, and what the pointer or the focus is on. */
import { element } from "../util/dom";
import { sameItems } from "../util/memo";

const ROLES = ["picture", "marks", "highlight"] as const;
export type Role = (typeof ROLES)[number];

export function createLayers() {
  const layers = ROLES.map((role) => {
    const canvas = element("canvas", { "data-role": role, "aria-hidden": "true" });
    return { role, canvas, ctx: contextOf(canvas), shows: [] as readonly unknown[] };
  });
  const layer = (role: Role) => layers.find((each) => each.role === role)!;
  return {
    elements: layers.map(({ canvas }) => canvas),
    ctx: (role: Role): CanvasRenderingContext2D => layer(role).ctx,
    /** Gives them a size in CSS pixels, and returns the device pixels in one. */
    resize(width: number, height: number): number {
      const ratio = devicePixelRatio || 1;
      const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
      for (const each of layers) {
        if (each.canvas.width === w && each.canvas.height === h) continue;
        [each.canvas.style.width, each.canvas.style.height] = [`${width}px`, `${height}px`];
        [each.canvas.width, each.canvas.height] = [w, h];
        each.shows = [];
      }
      return ratio;
    },
    /** Paints a canvas if what it should show has changed; one that stays empty is not touched. */
    repaint(role: Role, look: readonly unknown[], empty: boolean, paint: () => void): void {
      const before = layer(role);
      const shows = empty ? ["empty"] : look;
      if (sameItems(before.shows, shows)) return;
      before.shows = shows;
      paint();
    },
  };
}

export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const ctx = canvas.getContext("2d");
  if (!ctx) throw new Error("This browser gives no 2D canvas");
  return ctx;
}
