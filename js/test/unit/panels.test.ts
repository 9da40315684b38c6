import { describe, expect, test } from "vitest";
import { lossCurveFrom } from "../../src/model/loss-curve";
import { countOn, maskOf, NO_EDITS } from "../../src/model/mask";
import { edgeId } from "../../src/model/network";
import {
  levelsOf,
  nextThresholdChange,
  stepped,
  stepTableOf,
  thresholdOver,
} from "../../src/model/threshold-steps";
import { columnsOf } from "../../src/panels/history/branch-lines";
import {
  formatChange,
  formatFigures,
  formatRatio,
  formatShare,
  formatSum,
  parseThreshold,
} from "../../src/text/format";
import { allowWords, limitWords, nextWords, rankOf, unknownWords } from "../../src/text/messages";
import type { HistoryStep } from "../../src/wire/traits";
import { networkOf, randomNumbers } from "../fake";

const wordsOfNext = (...of: Parameters<typeof nextWords>) => nextWords(...of).join("");

const names = { inVars: ["x_1", "x_2"], outVars: ["f(x)"] };
/** No two alike: flat id 0 is the weakest edge, x1 -> h1,0. */
const net = networkOf(
  [2, 5, 1],
  Float64Array.from({ length: 15 }, (_, e) => 1e-4 * 1.9 ** e),
);

describe("the steps of a threshold", () => {
  test("every step up takes what is next, and every step down gives it back", () => {
    for (const axis of ["edge", "node"] as const) {
      const levels = levelsOf(net, axis)!;
      const stairs = stepTableOf(net, NO_EDITS, axis);
      const at = (threshold: number) =>
        countOn(maskOf(net, { ...NO_EDITS, [`${axis}Threshold`]: threshold }));
      const up = [0];
      for (let k = 0; k < stairs.steps.length; k++) up.push(stepped(levels, stairs, up.at(-1)!, 1));
      const counts = up.map(at);
      expect(counts).toEqual(
        axis === "edge" ? Array.from({ length: 16 }, (_, k) => 15 - k) : [15, 12, 9, 6, 3, 0],
      );
      for (let k = up.length - 1; k > 0; k--) expect(stepped(levels, stairs, up[k]!, -1)).toBe(up[k - 1]);
      expect(stepped(levels, stairs, 0, 10)).toBe(up[Math.min(10, up.length - 1)]);
      expect(stepped(levels, stairs, up.at(-1)!, Number.NEGATIVE_INFINITY)).toBe(0);
    }
  });

  test("what the words say goes next is what the mask loses, on random networks with equal scores and zeros", () => {
    const random = randomNumbers(3);
    for (let round = 0; round < 30; round++) {
      const width = [
        1 + Math.floor(3 * random()),
        1 + Math.floor(4 * random()),
        1 + Math.floor(2 * random()),
      ];
      const edges = width[0]! * width[1]! + width[1]! * width[2]!;
      const scores = Float64Array.from({ length: edges }, () => Math.floor(4 * random()) / 4);
      if (scores.every((score) => score === 0)) continue;
      const other = networkOf(width, scores);
      const edits = { ...NO_EDITS, removedEdges: new Set([0]), keptEdges: new Set([edges - 1]) };
      for (const axis of ["edge", "node"] as const) {
        const levels = levelsOf(other, axis);
        if (!levels) continue;
        const stairs = stepTableOf(other, edits, axis);
        let threshold = 0;
        for (;;) {
          const change = nextThresholdChange(other, stairs, axis, threshold);
          if (!change) break;
          const before = maskOf(other, { ...edits, [`${axis}Threshold`]: threshold });
          const after = thresholdOver(levels, change.level);
          expect(after).toBeGreaterThan(threshold);
          const mask = maskOf(other, { ...edits, [`${axis}Threshold`]: after });
          const gone = [...mask.keys()].filter((e) => before[e] && !mask[e]);
          expect(gone).toEqual(change.edges);
          expect(countOn(mask)).toBe(change.left);
          threshold = after;
        }
      }
    }
  });

  test("between two scores a threshold is the same round number wherever the thumb was", () => {
    const levels = levelsOf(net, "node")!;
    expect(levels.all.length).toBe(5);
    const over = [0.0002, 0.00025, 0.0006].map((raw) => thresholdOver(levels, raw));
    expect(new Set(over).size).toBe(1);
    expect(`${over[0]}`.length).toBeLessThan(8);
    expect(thresholdOver(levels, 1e-9)).toBe(0);
  });
});

describe("the next change in words", () => {
  const stairs = stepTableOf(net, NO_EDITS, "edge");
  const tradeoff = {
    thresholds: Float64Array.of(0, 0.0001, 0.00019),
    activeEdges: Float64Array.of(15, 13, 12),
    lossZeroed: Float64Array.of(0.0234, 0.024, 0.1),
    lossKept: Float64Array.of(0.0234, 0.0236, 0.05),
  };
  test("names the edge, the loss and what is left", () => {
    const change = nextThresholdChange(net, stairs, "edge", 0);
    expect(wordsOfNext(net, names, change, 0, true, null)).toBe("Next: x₁ → h₁,₀, 14 of 15 edges left");
    const known = { ...tradeoff, activeEdges: Float64Array.of(15, 14, 13) };
    expect(wordsOfNext(net, names, change, 0, true, known)).toBe(
      "Next: x₁ → h₁,₀, loss 0.02340 → 0.02360, 14 of 15 edges left",
    );
    expect(wordsOfNext(net, names, change, 0, false, known)).toContain("0.02340 → 0.02400");
  });
  test("says between what when the curve has no point just there, and about when that is the same", () => {
    const change = nextThresholdChange(net, stairs, "edge", 0);
    expect(wordsOfNext(net, names, change, 0, true, tradeoff)).toContain("→ between 0.02360 and 0.05000, 14");
    const flat = { ...tradeoff, lossKept: Float64Array.of(0.0234, 0.0236, 0.0237) };
    expect(wordsOfNext(net, names, change, 0, true, flat)).toContain("→ about 0.02360, 14");
  });
  test("counts equal scores together, and names a node", () => {
    const equal = networkOf([2, 5, 1], new Float64Array(15).fill(0.5));
    const all = nextThresholdChange(equal, stepTableOf(equal, NO_EDITS, "edge"), "edge", 0);
    expect(wordsOfNext(equal, names, all, 0, true, null)).toBe("Next: 15 edges, 0 of 15 edges left");
    const node = nextThresholdChange(net, stepTableOf(net, NO_EDITS, "node"), "node", 0);
    expect(wordsOfNext(net, names, node, 0, true, null)).toBe("Next: h₁,₀ and 3 edges, 12 of 15 edges left");
    expect(wordsOfNext(net, names, null, 1, true, null)).toBe("Nothing is left to remove");
  });
});

test.each([
  ["0.012", 0.012],
  [" 1e-3 ", 0.001],
  [".5", 0.5],
  ["off", 0],
  ["OFF", 0],
  ["0", 0],
  ["", 0],
  ["  ", 0],
  ["0,01", 0.01],
  [",5", 0.5],
  ["1,5e-3", 0.0015],
  ["-1", null],
  ["1e999", null],
  ["0x10", null],
  ["1,000,000", null],
  ["1,000.5", null],
  [",", null],
  ["Infinity", null],
  ["abc", null],
])("typed as a threshold, %j is %j", (text, value) => {
  expect(parseThreshold(text)).toBe(value);
});

test("changes are said as a person would say them", () => {
  expect([formatRatio(0.13, 0.4412), formatRatio(0.13, 0.1326), formatRatio(0.13, 0.12)]).toEqual([
    "×3.4",
    "+2%",
    "−7.7%",
  ]);
  expect([
    formatRatio(0.1, 1e9),
    formatRatio(0.1, Number.NaN),
    formatRatio(0, 1),
    formatRatio(0.1, 0.1),
  ]).toEqual(["×10,000 or more", "", "", ""]);
  expect([0.05, 0.005, 1.5, 0, 0.00001].map(formatChange)).toEqual(["+5%", "+0.5%", "+150%", "±0%", "±0%"]);
  expect(formatRatio(498, 0.04)).toBe("−99.9%");
  expect([0, 0.023, 0.00001].map(formatShare)).toEqual(["0%", "2.3%", "< 0.1%"]);
});

test("where no loss is drawn over a threshold, what will come is told from what never will", () => {
  const curve = lossCurveFrom(Float64Array.of(0, 3, Number.NaN, Number.NaN));
  const words = (loss: number | null, computes: boolean | undefined, tradeoff: typeof curve | null = null) =>
    unknownWords("", { loss, computes }, tradeoff);
  expect(words(0.1, undefined)).toContain("still being computed");
  expect(words(null, undefined)).toBe("The loss is not a number");
  // A page tells nothing of a large network before it has computed it.
  expect(words(null, true)).toContain("still being computed");
  expect([words(null, false), words(0.1, false)]).toEqual(
    new Array(2).fill("This page does not know the loss along this threshold"),
  );
  for (const computes of [undefined, true, false])
    expect(words(null, computes, curve)).toBe("The loss is not a number");
});

test("the tolerance is a percentage, but of a best loss of 0 it is the loss that is allowed", () => {
  const words = (kept: number[], higherIsBetter = false) => {
    const rows = [kept.keys(), kept.map((_, k) => kept.length - k), kept, kept];
    const tradeoff = lossCurveFrom(Float64Array.from(rows.flatMap((row) => [...row])), higherIsBetter);
    return limitWords({ curve: tradeoff, tolerance: 0.05, keepMean: true, higherIsBetter });
  };
  expect([words([0.2, 0.1, 0.3]), words([0.9, 0.8], true)]).toEqual(["+5%", "−5%"]);
  expect([words([0.5, 0, 0.3]), words([0, -0.5], true), words([Number.NaN])]).toEqual([
    "0.025",
    "−0.025",
    "+5%",
  ]);
});

test("the button names what it allows: a share of the best loss or metric, or of a best of 0 the value", () => {
  const words = (kept: number[], higherIsBetter: boolean, name: string) => {
    const rows = [kept.keys(), kept.map((_, k) => kept.length - k), kept, kept];
    const tradeoff = lossCurveFrom(Float64Array.from(rows.flatMap((row) => [...row])), higherIsBetter);
    return allowWords({ curve: tradeoff, tolerance: 0.05, keepMean: true, higherIsBetter }, name);
  };
  expect(words([0.2, 0.1], false, "test RMSE")).toBe("Allow +5% loss");
  expect(words([0.9, 0.8], true, "accuracy, 256 rows")).toBe("Allow −5% accuracy");
  expect(words([0.9, 0.8], true, "a_score_with_a_long_name")).toBe("Allow −5% a_score_with_a_…");
  expect(words([0.5, 0], false, "")).toBe("Allow loss up to 0.025");
  expect(words([0, -0.5], true, "R2")).toBe("Allow R2 down to −0.025");
});

test("a number that rounds up to the next power of ten is written as that", () => {
  expect([99999.7, 9999.97, 0.99996].map(formatFigures)).toEqual(["100000", "10000", "1.000"]);
});

test("what a node sums adds up as it is written", () => {
  const terms = [
    [0.12, ""],
    [0.25, ""],
    [-0.06, "bias"],
  ] as const;
  expect(formatSum(0.31, terms)).toBe("0.31 = 0.12 + 0.25 − 0.06 (bias)");
  expect(formatSum(-2, [[-2, "bias"]])).toBe("−2.00 = −2.00 (bias)");
  const random = randomNumbers(9);
  for (let round = 0; round < 200; round++) {
    const some = Array.from({ length: 4 }, () => [random() - 0.5, ""] as const);
    const total = some.reduce((sum, [value]) => sum + value, 0);
    const [left, right] = formatSum(total, some).replaceAll("−", "-").split(" = ");
    const sum = right!
      .replaceAll(" - ", " + -")
      .split(" + ")
      .reduce((all, term) => all + Number(term), 0);
    expect(Math.abs(sum - Number(left))).toBeLessThan(1.5e-4);
  }
});

test("the strongest edge has rank 1, and equal ones share a rank", () => {
  expect(rankOf(net, edgeId(net, [1, 4, 0]))).toBe(1);
  expect(rankOf(networkOf([1, 2], Float64Array.of(0.5, 0.5)), 1)).toBe(1);
});

test("a second branch of the history gets a column of its own", () => {
  const step = (id: number, parent: number | null) => ({ id, parent }) as HistoryStep;
  expect(columnsOf([step(0, null), step(1, 0), step(2, 1), step(3, 1), step(4, 3), step(5, 2)])).toEqual([
    0, 0, 0, 1, 1, 0,
  ]);
});
