/** The painter of the network: a scene in, pixels out. Reads no DOM. */

import type { NormalizedCurve } from "./normalized-curves";

export interface Palette {
  readonly background: string;
  readonly ink: string;
  /** What a threshold removes. */
  readonly removed: string;
  /** Edges with a fixed formula. */
  readonly symbolic: string;
  /** The sample that is followed through the network. */
  readonly probe: string;
  readonly selected: string;
}

/** What painters draw on and with, besides their context. */
export interface Surfaces {
  path(): Path2D;
  surface(width: number, height: number): OffscreenCanvas;
}

const NATIVE: Surfaces = {
  path: () => new Path2D(),
  surface: (width, height) => new OffscreenCanvas(width, height),
};

export interface Brush {
  readonly ctx: CanvasRenderingContext2D;
  /** Device pixels in a CSS pixel. */
  readonly ratio: number;
  readonly palette: Palette;
  readonly font: string;
  readonly curve: NormalizedCurve;
  /** Those that are written down, see `canvas/svg-context.ts`; else the browser's own. */
  readonly surfaces?: Surfaces;
}

export const surfacesOf = ({ surfaces }: Brush): Surfaces => surfaces ?? NATIVE;

export function clear({ ctx, ratio }: Brush, width: number, height: number): void {
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
}
