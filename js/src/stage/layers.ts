/** Three canvases over each other: the picture, the marks on it, and what the pointer or the focus is on. */
import { element } from "../util/dom";
import { sameItems } from "../util/memo";
import { isCalm } from "../util/transition";

const ROLES = ["picture", "marks", "highlight"] as const;
/** How long one view fades into another. */
const FADE_MS = 280;
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
    /** What the picture shows now lies over it for a moment and fades, while another takes its place. */
    fadePicture(): void {
      const { canvas } = layer("picture");
      if (isCalm() || canvas.width === 0) return;
      const copy = canvas.cloneNode() as HTMLCanvasElement;
      copy.removeAttribute("data-role");
      contextOf(copy).drawImage(canvas, 0, 0);
      canvas.after(copy);
      const fading = copy.animate([{ opacity: 1 }, { opacity: 0 }], {
        duration: FADE_MS,
        easing: "ease-out",
      });
      const done = () => copy.remove();
      fading.finished.then(done, done);
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
