/** Names of curves stand where they can be read and told apart. */
import { describe, expect, test } from "vitest";
import { covers, type Line, type Point, placeLabels } from "../../src/panels/plots/label-placement";
import { type Area, areasOverlap } from "../../src/util/rect";
import { randomNumbers } from "../fake";

const FRAME: Area = { x: 36, y: 14, width: 166, height: 104 };
const BASE = { width: 23, height: 11 };
const SPLINE = { width: 32, height: 11 };

type Shape = (u: number) => number;
/** Curves of u and v in 0..1, v upwards. */
const line = (shape: Shape, name?: Line["name"]): Line => ({
  points: Array.from({ length: 64 }, (_, k): Point => {
    const u = k / 63;
    return [FRAME.x + FRAME.width * u, FRAME.y + FRAME.height * (1 - shape(u))];
  }),
  ...(name && { name }),
});
const chart = (base: Shape, spline: Shape) => [
  line(base, BASE),
  line(spline, SPLINE),
  line((u) => base(u) + spline(u) - 0.5),
];

/** The nearest that any of the segments comes to the rectangle. */
function gap(area: Area, { points }: Line): number {
  let least = Number.POSITIVE_INFINITY;
  for (let k = 1; k < points.length; k++) {
    for (let t = 0; t <= 1; t += 0.05) {
      const x = points[k - 1]![0] + (points[k]![0] - points[k - 1]![0]) * t;
      const y = points[k - 1]![1] + (points[k]![1] - points[k - 1]![1]) * t;
      if (!Number.isFinite(x + y)) continue;
      const dx = Math.max(area.x - x, 0, x - area.x - area.width);
      const dy = Math.max(area.y - y, 0, y - area.y - area.height);
      least = Math.min(least, Math.hypot(dx, dy));
    }
  }
  return least;
}

function expectLegible(lines: readonly Line[], found: readonly (Area | null)[]): void {
  const areas = found.filter((area) => area !== null);
  areas.forEach((area, k) => {
    expect(area.x).toBeGreaterThanOrEqual(FRAME.x);
    expect(area.y).toBeGreaterThanOrEqual(FRAME.y);
    expect(area.x + area.width).toBeLessThanOrEqual(FRAME.x + FRAME.width);
    expect(area.y + area.height).toBeLessThanOrEqual(FRAME.y + FRAME.height);
    for (const other of areas.slice(k + 1)) expect(areasOverlap(area, other)).toBe(false);
  });
  found.forEach((area, own) => {
    if (!area) return;
    const gaps = lines.map((each) => gap(area, each));
    expect(Math.min(...gaps)).toBeGreaterThan(1);
    // Nearest to the curve that it names.
    expect(gaps.indexOf(Math.min(...gaps))).toBe(own);
  });
}

describe("names beside curves", () => {
  test("a gentle base and a wave that nearly is the whole: both have a place", () => {
    const lines = chart(
      (u) => 0.45 + 0.12 * u * u,
      (u) => 0.5 - 0.45 * Math.sin(6 * u),
    );
    const found = placeLabels(lines, FRAME);
    expect(found.slice(0, 2)).not.toContain(null);
    expect(found[2]).toBeNull();
    expectLegible(lines, found);
  });

  test("of sixty pairs of waves none has a name on a curve, nor nearer to another", () => {
    const random = randomNumbers(7);
    let placed = 0;
    for (let k = 0; k < 60; k++) {
      const [a, b, c, d] = [random(), random(), random(), random()];
      const lines = chart(
        (u) => 0.5 + 0.4 * a * Math.sin(1 + 12 * b * u),
        (u) => 0.5 + 0.45 * c * Math.cos(2 + 25 * d * u),
      );
      const found = placeLabels(lines, FRAME);
      expectLegible(lines, found);
      placed += found.filter((area) => area).length;
    }
    expect(placed).toBeGreaterThan(90);
  });

  test("where curves leave no room there is no name, rather than one on a curve", () => {
    const teeth = (by: number) => (u: number) => (Math.round(63 * u) + by) % 2;
    const lines = [line(teeth(0), BASE), line(teeth(1), SPLINE), line(teeth(0))];
    expect(placeLabels(lines, FRAME)).toEqual([null, null, null]);
    const same = (u: number) => 0.2 + 0.6 * u;
    expect(placeLabels([line(same, BASE), line(same)], FRAME)).toEqual([null, null]);
  });

  test("numbers that are not finite part a curve, and leave it its name elsewhere", () => {
    const lines = chart(
      (u) => (u < 0.5 ? Number.NaN : 0.3),
      () => 0.7,
    );
    const found = placeLabels(lines, FRAME);
    expect(found[0]!.x + found[0]!.width).toBeGreaterThan(FRAME.x + FRAME.width / 2);
    expect(placeLabels([line(() => Number.NaN, BASE)], FRAME)).toEqual([null]);
  });

  test("a name makes way for the sample's dot", () => {
    const lines = chart(
      (u) => 0.45 + 0.12 * u * u,
      (u) => 0.5 - 0.45 * Math.sin(6 * u),
    );
    const before = placeLabels(lines, FRAME);
    const at: Point = [before[1]!.x + 4, before[1]!.y];
    expect(covers(before, at, 5.5)).toBe(true);
    const after = placeLabels(lines, FRAME, { at, r: 5.5 });
    expect(after[1]).not.toBeNull();
    expect(covers(after, at, 5.5)).toBe(false);
    expectLegible(lines, after);
  });
});
