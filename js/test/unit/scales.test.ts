import { describe, expect, test } from "vitest";
import { levelsOf as coloursOf } from "../../src/canvas/colours";
import { importanceScale } from "../../src/model/importance";
import {
  excessAt,
  heightOf,
  logAxisOf,
  lossAxis,
  POSITIONS,
  positionOf,
  roundBetween,
  thresholdAt,
  ticks,
} from "../../src/model/scales";
import { levelOf, levelsOf, thresholdOver } from "../../src/model/threshold-steps";
import { formatTicks } from "../../src/text/format";
import { networkOf } from "../fake";

test.each([
  [0.0113, 0.132, 0.04],
  [0.1, 0.2, 0.1],
  [0.0123, 0.0124, 0.0123],
  [3, 4, 3],
  [1e-9, 1.1e-9, 1e-9],
  [0.97, 1.04, 1],
])("between %d and %d the roundest number is %d", (low, high, round) => {
  expect(roundBetween(low, high)).toBe(round);
});

describe.each([
  ["denormal scores beside others", [5e-324, 1e-310, 0.01, 0.1, 1]],
  ["nothing but denormal scores", [5e-324, 1e-323, 4e-320, 1e-310]],
  ["the smallest score alone", [5e-324]],
  ["scores from the smallest to the largest number", [5e-324, 1e-40, 1, Number.MAX_VALUE]],
  ["scores of float32 that are denormal", [1e-45, 1e-40, 0.5, 2]],
])("an axis over %s", (_, scores) => {
  const axis = logAxisOf(scores)!;
  test("runs from a positive threshold to one that takes all, and back from thresholds to positions", () => {
    const thresholds = Array.from({ length: POSITIONS + 1 }, (_, k) => thresholdAt(axis, k));
    expect(thresholds.every(Number.isFinite)).toBe(true);
    expect(thresholds[0]).toBe(0);
    expect(thresholds[1]).toBeGreaterThan(0);
    expect(thresholds).toEqual(thresholds.toSorted((a, b) => a - b));
    expect(thresholds[POSITIONS]).toBeGreaterThanOrEqual(Math.max(...scores));
    const positions = scores.map((score) => positionOf(axis, score));
    expect(positions.every((position) => position >= 1 && position <= POSITIONS)).toBe(true);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  });

  test("leaves the ordinary scores apart, and each level can be taken alone", () => {
    const ordinary = [...new Set(scores.map(levelOf))].filter((level) => level > 1e-16 * Math.max(...scores));
    const places = ordinary.map((score) => Math.round(positionOf(axis, score)));
    expect(new Set(places).size).toBe(ordinary.length);
    const net = networkOf([scores.length, 1], Float64Array.from(scores));
    const levels = levelsOf(net, "edge")!;
    for (const score of scores) {
      const threshold = thresholdOver(levels, levelOf(score));
      // Those below the smallest normal number go together, whatever a processor makes of them.
      const together = scores.filter((other) => levelOf(other) <= levelOf(score));
      expect(scores.filter((other) => levelOf(other) <= threshold)).toEqual(together);
    }
  });
});

test("where most scores are denormal, the colours of the others are still apart", () => {
  const scores = Float64Array.from({ length: 100 }, (_, e) => (e < 90 ? 5e-324 : e / 100));
  const net = networkOf([100, 1], scores);
  const levels = coloursOf(net, importanceScale(net));
  expect(levels[0]).toBe(0);
  expect(levels[99]).toBe(255);
  const tiny = networkOf([2, 1], Float64Array.of(5e-324, 1e-323));
  expect([...coloursOf(tiny, importanceScale(tiny))].every((level) => level >= 0)).toBe(true);
  expect(coloursOf(tiny, importanceScale(tiny))[1]).toBe(255);
});

test("between two numbers that are next to each other there is still one that takes the lower only", () => {
  const low = 0.1234567890123456;
  const high = 0.12345678901234562;
  expect(roundBetween(low, high)).toBe(low);
});

test("the loss axis begins at the best loss, and shows 5 % and ×10 apart", () => {
  const axis = lossAxis([0.1, 0.104, 1.2], [0.1, 0.2, 0.3], 0.05)!;
  const heights = [0.1, 0.105, 0.2, 1].map((loss) => heightOf(axis, loss));
  expect(heights[0]).toBe(0);
  for (const [k, height] of heights.entries())
    if (k > 0) expect(height).toBeGreaterThan(heights[k - 1]! + 0.1);
  expect(excessAt(axis, heightOf(axis, 0.105))).toBeCloseTo(0.05, 9);
});

test("70 % of the height are linear, from the best loss to three times the tolerance, and the rest is compressed", () => {
  const axis = lossAxis([0.2, 0.21, 2], [0.2, 0.3], 0.1)!;
  const height = (excess: number) => heightOf(axis, 0.2 * (1 + excess));
  expect(height(0)).toBeCloseTo(0, 9);
  for (const share of [0.25, 0.5, 0.75, 1]) expect(height(0.3 * share)).toBeCloseTo(0.7 * share, 9);
  expect(height(0.6) - height(0.3)).toBeLessThan(0.3 * height(0.3));
  expect(height(9)).toBeCloseTo(1, 9);
  for (const excess of [0, 0.02, 0.1, 0.3, 0.31, 1, 5, 9])
    expect(excessAt(axis, height(excess))).toBeCloseTo(excess, 9);
});

test("absurd losses do not flatten the others: they are off the scale", () => {
  const axis = lossAxis([0.1, 0.11, 1e12, Number.NaN, Number.POSITIVE_INFINITY], [0.1], 0.05)!;
  expect(heightOf(axis, 0.11)).toBeGreaterThan(0.1);
  expect(heightOf(axis, 1e12)).toBeGreaterThan(1);
  expect(lossAxis([Number.NaN, Number.POSITIVE_INFINITY], [1, 1], 0.05)).toBeNull();
});

test("a loss that falls when edges go stays on the scale, and a first loss of 0 has one too", () => {
  const axis = lossAxis([0.1, 0.05, 0.2], [0.1, 0.1, 0.1], 0.05)!;
  expect(heightOf(axis, 0.05)).toBeCloseTo(0, 9);
  expect(heightOf(axis, 0.1)).toBeGreaterThan(0.1);
  // A tolerance is of the best loss, wherever on the curve that is.
  expect(excessAt(axis, heightOf(axis, 0.0525))).toBeCloseTo(0.05, 9);
  expect(heightOf(axis, 0.0525)).toBeGreaterThan(0.1);
  expect(lossAxis([Number.NaN, 0.1, 0.05], [0.1, 0.1, 0.1], 0.05)!.base).toBe(0.05);
  const zero = lossAxis([0, 0.5], [0, 2], 0.05)!;
  expect(heightOf(zero, 0)).toBe(0);
  expect(heightOf(zero, 0.5)).toBeLessThan(1);
});

test.each([
  [-1, 1, ["−1", "0", "1"]],
  [0.013, 0.131, ["0.02", "0.04", "0.06", "0.08", "0.10", "0.12"]],
  [-1e-7, 3e-7, ["−1e-7", "0", "1e-7", "2e-7", "3e-7"]],
  [1e6, 3e6, ["1e6", "2e6", "3e6"]],
  [2, 2, ["2"]],
])("from %d to %d an axis has the numbers %j", (low, high, words) => {
  expect(formatTicks(ticks(low, high, 3))).toEqual(words);
});
