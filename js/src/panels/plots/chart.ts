/** A curve with numbered axes, its parts, and the data under it. */

import { extent, ticks } from "../../model/scales";
import { formatTicks } from "../../text/format";
import { setAttribute, svg } from "../../util/dom";
import type { Area } from "../../util/rect";
import { covers, type Line, type Point, placeLabels } from "./label-placement";
import { label, near } from "./log-frame";

export interface Plotted {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** The base part alone; the spline is the rest. */
  readonly base: ArrayLike<number> | null;
  /** Shares of the rows in bins over the range of x. */
  readonly density: ArrayLike<number> | null;
  /** First and last grid point. */
  readonly grid: readonly [number, number] | null;
}

const W = 208;
const H = 164;
const LEFT = 36;
const RIGHT = 6;
const TOP = 16;
const MAIN = 104;
const STRIP = 18;
const PLOT = W - LEFT - RIGHT;
const DOT = 4;
const PARTS = ["base", "spline"] as const;
/** Sizes of their names in the chart's type. */
const NAMES: Record<(typeof PARTS)[number], { width: number; height: number }> = {
  base: { width: 24, height: 11 },
  spline: { width: 32, height: 11 },
};
/** Parts that dwarf the curve are cut off at this many times its own range. */
const MOST = 2.5;

export function createChart() {
  const drawing = svg("g");
  const lines = svg("path", { class: "drop" });
  const dot = svg("circle", { class: "probe", r: `${DOT}` });
  const names = svg("g");
  const picture = svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${W} ${H}`, "aria-hidden": "true" },
    drawing,
    lines,
    names,
    dot,
  );
  /** What is drawn, in pixels, and where its names are. */
  let parts: readonly Line[] = [];
  let places: readonly (Area | null)[] = [];
  let toX = (_: number) => 0;
  let toY = (_: number) => 0;
  let main = MAIN;

  function name(at: Point | null): void {
    const frame = { x: LEFT + 1, y: TOP, width: PLOT - 1, height: main };
    places = placeLabels(parts, frame, at && { at, r: DOT });
    const outside = PARTS.filter((_, k) => parts.length > 0 && !places[k]);
    names.replaceChildren(
      ...PARTS.flatMap((part, k) => {
        const area = places[k];
        return area ? label(area.x + area.width / 2, area.y + area.height - 3, part, "middle", part) : [];
      }),
      ...keyOf(outside),
    );
  }

  return {
    element: picture,
    draw(curve: Plotted): void {
      const [xLow, xHigh] = sane(extent(curve.x));
      const own = extent(curve.y);
      const [yLow, yHigh] = sane(withParts(own, curve));
      main = curve.density ? MAIN : MAIN + STRIP;
      toX = (value) => LEFT + (PLOT * (value - xLow)) / (xHigh - xLow);
      toY = (value) => TOP + 3 + (main - 6) * (1 - (value - yLow) / (yHigh - yLow));
      const spline = curve.base && Array.from(curve.y, (y, k) => y - curve.base![k]!);
      const inner = svg("svg", { x: `${LEFT}`, y: `${TOP}`, width: `${PLOT}`, height: `${main}` });
      const group = svg("g", { transform: `translate(${-LEFT} ${-TOP})` });
      inner.append(group);
      const path = (of: ArrayLike<number>, name: string) =>
        group.append(svg("path", { class: name, d: pathOf(curve.x, of, toX, toY) }));
      if (yLow < 0 && yHigh > 0)
        group.append(svg("path", { class: "zero", d: `M${LEFT} ${near(toY(0))}H${W - RIGHT}` }));
      if (curve.base && spline) {
        path(curve.base, "part base");
        path(spline, "part spline");
      }
      path(curve.y, "phi");
      drawing.replaceChildren(
        ...off(curve.grid, xLow, xHigh, toX, main),
        inner,
        ...strip(curve),
        ...axes(ticks(xLow, xHigh, 3), ticks(yLow, yHigh, 3), toX, toY, main),
      );
      if (!Number.isFinite(own[0])) {
        drawing.append(label(LEFT + PLOT / 2, TOP + main / 2, "no finite values", "middle", "muted"));
      }
      const line = (of: ArrayLike<number>): Point[] =>
        // As it is drawn: far outside of the plot a line would have points without end.
        Array.from(of, (y, k) => [toX(curve.x[k]!), clamp(toY(y), -500, 1000)] as const);
      parts =
        curve.base && spline
          ? [
              { points: line(curve.base), name: NAMES.base },
              { points: line(spline), name: NAMES.spline },
              { points: line(curve.y) },
            ]
          : [];
      name(null);
    },
    /** Where the followed sample is; null for none. */
    point(at: readonly [x: number, y: number] | null): void {
      picture.toggleAttribute("data-probed", at !== null);
      if (!at) return;
      const [x, y] = [clamp(toX(at[0]), LEFT, W - RIGHT), clamp(toY(at[1]), TOP, TOP + main)];
      setAttribute(dot, "cx", near(x));
      setAttribute(dot, "cy", near(y));
      // Names stay where they are while the sample does not come near: a drag is calm.
      if (covers(places, [x, y], DOT)) name([x, y]);
      setAttribute(lines, "d", `M${LEFT} ${near(y)}H${near(x)}V${TOP + MAIN + STRIP}`);
    },
  };
}

/** A curve alone, as large as it can be in a small box; another one over it, on the same scale. */
export function miniature(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  side: number,
  over: ArrayLike<number> | null = null,
): SVGSVGElement {
  const [[xLow, xHigh], [yLow, yHigh]] = [sane(extent(x)), sane(extent(y))];
  const inset = 0.14 * side;
  const room = side - 2 * inset;
  const path = (name: string, of: ArrayLike<number>) =>
    svg("path", {
      class: name,
      d: pathOf(
        x,
        of,
        (value) => inset + (room * (value - xLow)) / (xHigh - xLow),
        (value) => inset + room * (1 - (value - yLow) / (yHigh - yLow)),
      ),
    });
  const picture = svg("svg", { class: "miniature", viewBox: `0 0 ${side} ${side}`, "aria-hidden": "true" });
  picture.append(path("phi", y), ...(over ? [path("over", over)] : []));
  return picture;
}

/** A range that has a size. */
function sane([low, high]: [number, number]): [number, number] {
  if (!(low <= high)) return [-1, 1];
  if (high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high)) && high > low) return [low, high];
  const room = Math.abs(low) || 1;
  return [low - room, high + room];
}

function withParts([low, high]: [number, number], { y, base }: Plotted): [number, number] {
  if (!base) return [low, high];
  const [a, b] = extent(base);
  const [c, d] = extent(Array.from(y, (value, k) => value - base[k]!));
  const room = MOST * (high - low);
  return [Math.max(Math.min(low, a, c), high - room), Math.min(Math.max(high, b, d), low + room)];
}

function pathOf(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  toX: (value: number) => number,
  toY: (value: number) => number,
): string {
  let d = "";
  let pen = "M";
  for (let k = 0; k < x.length; k++) {
    if (!Number.isFinite(y[k]!)) {
      pen = "M";
      continue;
    }
    d += `${pen}${near(toX(x[k]!))} ${near(clamp(toY(y[k]!), -500, 1000))}`;
    pen = "L";
  }
  return d;
}

/** The parts of the plot that no grid point reaches: a spline says nothing there. */
function off(
  grid: Plotted["grid"],
  xLow: number,
  xHigh: number,
  toX: (value: number) => number,
  main: number,
): SVGElement[] {
  if (!grid || !(grid[0] < grid[1])) return [];
  const [a, b] = grid.map((value) => clamp(toX(value), LEFT, W - RIGHT)) as [number, number];
  const marks: SVGElement[] = [];
  const wash = (from: number, to: number) => {
    if (to - from < 0.5) return;
    const box = { x: near(from), y: `${TOP}`, width: near(to - from), height: `${main}` };
    marks.push(svg("rect", { class: "off-grid", ...box }));
  };
  wash(LEFT, a);
  wash(b, W - RIGHT);
  const y = TOP + main;
  const end = (value: number, at: number) =>
    value >= xLow - 1e-9 && value <= xHigh + 1e-9 ? `M${near(at)} ${TOP}V${y}` : "";
  marks.push(svg("path", { class: "grid-end", d: end(grid[0], a) + end(grid[1], b) }));
  return marks;
}

function strip({ density }: Plotted): SVGElement[] {
  const bottom = TOP + MAIN + STRIP;
  const marks: SVGElement[] = [];
  if (density && density.length > 0) {
    const most = extent(density)[1];
    const step = PLOT / density.length;
    let d = `M${LEFT} ${bottom}`;
    for (let k = 0; k < density.length; k++) {
      d += `V${near(bottom - (most > 0 ? (STRIP - 4) * (density[k]! / most) : 0))}h${near(step)}`;
    }
    marks.push(svg("path", { class: "density", d: `${d}V${bottom}z` }));
  }
  return marks;
}

function axes(
  xs: number[],
  ys: number[],
  toX: (value: number) => number,
  toY: (value: number) => number,
  main: number,
): SVGElement[] {
  const bottom = TOP + MAIN + STRIP;
  const d =
    `M${LEFT} ${TOP}V${TOP + main}M${LEFT} ${bottom}H${W - RIGHT}` +
    xs.map((x) => `M${near(toX(x))} ${bottom}v3`).join("") +
    ys.map((y) => `M${LEFT} ${near(toY(y))}h-3`).join("");
  const [xWords, yWords] = [formatTicks(xs), formatTicks(ys)];
  return [
    svg("path", { class: "axes", d }),
    ...xs.map((x, k) => label(clamp(toX(x), LEFT, W - 10), bottom + 14, xWords[k]!, "middle")),
    ...ys.map((y, k) => label(LEFT - 6, toY(y) + 3.5, yWords[k]!, "end")),
  ];
}

/** Names that have no place beside their curves: over the plot, each with a piece of its line. */
function keyOf(parts: readonly (typeof PARTS)[number][]): SVGElement[] {
  let right = W - RIGHT;
  return parts.toReversed().flatMap((part) => {
    const left = right - NAMES[part].width;
    const piece = svg("path", { class: `part ${part}`, d: `M${left - 18} 6H${left - 4}` });
    right = left - 28;
    return [piece, label(left, 9.5, part, "start", part)];
  });
}

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
