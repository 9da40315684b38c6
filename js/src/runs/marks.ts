/** How the values of a setting show in the scatter: by colour, and few of them by shape too. Pure, but for colours read from a pixel. */
import type { Palette } from "../canvas/brush";
import { inksOf, LEVELS } from "../canvas/colours";
import type { Setting } from "./run-data";

export type Shape = "circle" | "square" | "triangle" | "diamond" | "cross";

export interface Mark {
  readonly colour: string;
  readonly shape: Shape;
}

const SHAPES: readonly Shape[] = ["circle", "square", "triangle", "diamond", "cross"];
/** The palest point still has a contrast of 3:1. */
const PALEST = 0.45;

/** A mark for each value; one for all without a setting. */
export function marksOf(setting: Setting | null, palette: Palette): Mark[] {
  if (!setting) return [{ colour: palette.removed, shape: "circle" }];
  const count = setting.values.length;
  const apart = !setting.numbers && count <= SHAPES.length;
  const inks = [palette.removed, palette.symbolic, palette.probe, palette.selected, palette.ink];
  const ramp = inksOf(palette).numeric.css;
  return setting.values.map((_, k) => ({
    colour: apart
      ? inks[k]!
      : ramp[Math.round((LEVELS - 1) * (PALEST + ((1 - PALEST) * k) / Math.max(1, count - 1)))]!,
    shape: count <= SHAPES.length ? SHAPES[k]! : "circle",
  }));
}

/** Adds the outline of a mark with this radius. */
export function outline(
  ctx: CanvasRenderingContext2D | Path2D,
  shape: Shape,
  x: number,
  y: number,
  r: number,
): void {
  const line = (...points: readonly (readonly [number, number])[]) => {
    points.forEach(([dx, dy], k) => {
      if (k === 0) ctx.moveTo(x + dx * r, y + dy * r);
      else ctx.lineTo(x + dx * r, y + dy * r);
    });
    ctx.closePath();
  };
  if (shape === "square") line([-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]);
  else if (shape === "triangle") line([0, -1.2], [1.1, 0.8], [-1.1, 0.8]);
  else if (shape === "diamond") line([0, -1.3], [1.1, 0], [0, 1.3], [-1.1, 0]);
  else if (shape === "cross") {
    const [a, b] = [0.4, 1.2];
    line(
      [-a, -b],
      [a, -b],
      [a, -a],
      [b, -a],
      [b, a],
      [a, a],
      [a, b],
      [-a, b],
      [-a, a],
      [-b, a],
      [-b, -a],
      [-a, -a],
    );
  } else {
    ctx.moveTo(x + r, y);
    ctx.arc(x, y, r, 0, 2 * Math.PI);
    ctx.closePath();
  }
}
