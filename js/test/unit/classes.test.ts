/** What outputs say of classes. */
import { expect, test } from "vitest";
import { largestOutput, sigmoid, softmax } from "../../src/model/classes";

test("a softmax adds up to 1, keeps the order, and survives outputs of any size", () => {
  for (const outputs of [
    [1, 2, 3],
    [1e4, -1e4, 0],
    [-750, -751],
    [0, 0, 0, 0],
  ]) {
    const shares = softmax(outputs);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
    for (const [a, one] of outputs.entries())
      for (const [b, other] of outputs.entries())
        if (one > other) expect(shares[a]!).toBeGreaterThanOrEqual(shares[b]!);
  }
  // torch.softmax(torch.tensor([1., 2., 3.]), 0)
  expect([...softmax([1, 2, 3])].map((share) => share.toFixed(6))).toEqual([
    "0.090031",
    "0.244728",
    "0.665241",
  ]);
});

test("a sigmoid is right at both ends", () => {
  expect(sigmoid(0)).toBe(0.5);
  expect(sigmoid(2) + sigmoid(-2)).toBeCloseTo(1, 15);
  expect([sigmoid(1e4), sigmoid(-1e4)]).toEqual([1, 0]);
});

test("the predicted class is the first of the largest outputs, and none where one is not a number", () => {
  expect([
    largestOutput([0, 3, 3]),
    largestOutput([-5]),
    largestOutput([0, Number.NaN]),
    largestOutput([]),
  ]).toEqual([1, 0, -1, -1]);
});
