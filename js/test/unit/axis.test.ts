import { expect, test } from "vitest";
import { excessAt, heightOf, lossAxis, roundBetween, ticks, tickWords } from "../../src/axis";

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

test("between two numbers that are next to each other there is still one that takes the lower only", () => {
  const low = 0.1234567890123456;
  const high = 0.12345678901234562;
  expect(roundBetween(low, high)).toBe(low);
});

test("the loss axis begins below the first loss, and shows 5 % and ×10 apart", () => {
  const axis = lossAxis([0.1, 0.104, 1.2], [0.1, 0.2, 0.3], 0.05)!;
  const heights = [0.1, 0.105, 0.2, 1].map((loss) => heightOf(axis, loss));
  expect(heights[0]).toBe(0);
  for (const [k, height] of heights.entries())
    if (k > 0) expect(height).toBeGreaterThan(heights[k - 1]! + 0.1);
  expect(excessAt(axis, heightOf(axis, 0.105))).toBeCloseTo(0.05, 9);
});

test("absurd losses do not flatten the others: they are off the scale", () => {
  const axis = lossAxis([0.1, 0.11, 1e12, Number.NaN, Number.POSITIVE_INFINITY], [0.1], 0.05)!;
  expect(heightOf(axis, 0.11)).toBeGreaterThan(0.1);
  expect(heightOf(axis, 1e12)).toBeGreaterThan(1);
  expect(lossAxis([Number.NaN, 1], [1, 1], 0.05)).toBeNull();
});

test("a loss that falls when edges go stays on the scale, and a first loss of 0 has one too", () => {
  const axis = lossAxis([0.1, 0.05, 0.2], [0.1, 0.1, 0.1], 0.05)!;
  expect(heightOf(axis, 0.05)).toBeCloseTo(0, 9);
  expect(heightOf(axis, 0.1)).toBeGreaterThan(0.1);
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
  expect(tickWords(ticks(low, high, 3))).toEqual(words);
});
