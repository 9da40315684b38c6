/** The markers of nodes between the matrices: dots with stems, or bars of the total score where dots would touch. */
import type { Brush } from "../../canvas/brush";
import type { Inks } from "../../canvas/colours";
import { cross, dot, ring } from "../../canvas/shapes";
import { type Axis, STRIP } from "./axes";
import { OFF, ON, REMOVING } from "./cell-states";
import { nodeSpan } from "./hit";
import type { MatrixLayout } from "./layout";

const BAR = STRIP - 8;

/** The longest bar of each layer: what its strongest node had before anything was removed. */
export function longest(layout: MatrixLayout, totals: Float64Array): number[] {
  const { nodeOffset } = layout.net;
  return layout.net.width.map((_, l) =>
    totals.subarray(nodeOffset[l], nodeOffset[l + 1]).reduce((a, b) => Math.max(a, b), 0),
  );
}

export function paintNodeMarkers(
  { ctx, ratio, palette }: Brush,
  layout: MatrixLayout,
  axis: Axis,
  states: Uint8Array,
  totals: Float64Array,
  most: number,
  inks: Inks,
): void {
  const { net } = layout;
  const first = net.nodeOffset[axis.layer]!;
  const n = net.width[axis.layer]!;
  // Along the axis first, then across it.
  const box = (along: number, across: number, length: number, breadth: number) =>
    axis.upright
      ? ctx.fillRect(across, along, breadth, length)
      : ctx.fillRect(along, across, length, breadth);
  const hair = 1 / ratio;
  if (axis.markers === "bars") {
    const base = axis.backwards ? axis.strip + STRIP - 3 : axis.strip + 3;
    for (const [alpha, wanted] of [[0.5, ON] as const, [1, REMOVING] as const]) {
      ctx.fillStyle = wanted === REMOVING ? palette.removed : palette.ink;
      ctx.globalAlpha = alpha;
      for (let i = 0; i < n; i++) {
        if (states[first + i] !== wanted) continue;
        const span = nodeSpan(axis, i);
        const length = wanted === REMOVING ? 3 : most > 0 ? BAR * Math.min(1, totals[first + i]! / most) : 0;
        const breadth = Math.max(1, Math.round(length * ratio) / ratio);
        box(span.at, axis.backwards ? base - breadth : base, span.length, breadth);
      }
    }
    return;
  }
  const middle = axis.strip + STRIP / 2;
  const before = !axis.backwards;
  const after = axis.backwards || axis.layer < net.depth;
  ctx.fillStyle = palette.ink;
  for (let i = 0; i < n; i++) {
    const span = nodeSpan(axis, i);
    const at = span.at + span.length / 2;
    const r = Math.min(4.5, Math.max(1.5, span.length * 0.26));
    const look = states[first + i]!;
    ctx.globalAlpha = look === ON ? 0.4 : 0.15;
    ctx.fillStyle = palette.ink;
    if (before) box(at - hair / 2, axis.strip + 2, hair, STRIP / 2 - 2 - r);
    if (after) box(at - hair / 2, middle + r, hair, STRIP / 2 - 2 - r);
    const [x, y] = axis.upright ? [middle, at] : [at, middle];
    ctx.globalAlpha = 1;
    if (look === ON) {
      dot(ctx, x, y, r, palette.ink);
      continue;
    }
    dot(ctx, x, y, r - 0.5, inks.behind);
    ctx.globalAlpha = look === REMOVING ? 1 : look === OFF ? 0.35 : 0.7;
    const colour = look === OFF ? palette.ink : palette.removed;
    ring(ctx, { x, y, r: r - 0.5 }, look === REMOVING ? 1.5 : 1, colour);
    if (look !== REMOVING || r < 3.5) continue;
    cross(ctx, x, y, r - 2.5);
  }
  ctx.globalAlpha = 1;
}
