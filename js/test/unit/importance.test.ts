/** Importance is what Python finds, and both ways to draw a network show it. */
import { expect, test } from "vitest";
import { alphaOf, lineWidthOf } from "../../src/canvas/ink";
import { comparedEdges, importanceOf, importanceScale, scoreAt } from "../../src/model/importance";
import { networkOf } from "../fake";
import { distance, golden } from "../golden";

interface Case {
  count: number;
  scores?: string[];
  baseline: number[];
  beta: number;
  seed: number;
  span: number;
  importance: number[];
  width: number[];
  alpha: number[];
}

const { cases, pruned } = golden<{
  cases: Case[];
  pruned: { beta: number; on: number[]; importance: number[] }[];
}>("importance.json");

function given({ count, scores, baseline, seed, span }: Case) {
  if (scores)
    return {
      scores: Float64Array.from(scores, (score) =>
        score === "inf" ? Number.POSITIVE_INFINITY : Number(score),
      ),
      baseline: Uint8Array.from(baseline),
    };
  return {
    scores: Float64Array.from({ length: count }, (_, k) => 10 ** ((-span * ((k * seed) % 1009)) / 1009)),
    baseline: Uint8Array.from({ length: count }, (_, k) => (k % 11 === 3 ? 0 : 1)),
  };
}

test.each(cases.map((each, k) => [`${k}: ${each.count} edges, beta ${each.beta}`, each] as const))(
  "each edge is as important as Python finds it, and its line as wide and dark: %s",
  (_, each) => {
    const { scores, baseline } = given(each);
    const scale = importanceScale({ scores, baseline }, each.beta);
    const found = [...scores.subarray(0, 40)].map((score) => importanceOf(scale, score));
    expect(distance(found, each.importance)).toBeLessThan(1e-8);
    expect(distance(found.map(lineWidthOf), each.width)).toBeLessThan(1e-5);
    expect(distance(found.map(alphaOf), each.alpha)).toBeLessThan(1e-5);
  },
);

test("few edges that are left are compared with each other, as Python does, and many with all there were", () => {
  const net = given({ count: 120, seed: 347, span: 4, baseline: [] } as unknown as Case);
  for (const { beta, on, importance } of pruned) {
    const mask = Uint8Array.from(net.scores, (_, e) => (on.includes(e) ? 1 : 0));
    const scale = importanceScale(net, beta, comparedEdges(net, mask));
    const found = [...net.scores].map((score) => importanceOf(scale, score));
    expect(distance(found.slice(0, 40), importance)).toBeLessThan(1e-8);
    if (on.length < 2) continue;
    const live = on.map((e) => found[e]!);
    // The strongest of few has all the ink, and the weakest has a good deal less.
    if (on.length <= 50) expect(Math.max(...live)).toBe(1);
    if (on.length <= 50 && beta === 3) expect(Math.min(...live)).toBeLessThan(0.5);
  }
});

test("it leads from 0 to the strongest score, never down, and back", () => {
  const scale = importanceScale(networkOf([4, 10, 5, 1]));
  expect(importanceOf(scale, 0)).toBe(0);
  expect(importanceOf(scale, scale.high)).toBe(1);
  for (const t of [0.1, 0.5, 0.9]) expect(importanceOf(scale, scoreAt(scale, t))).toBeCloseTo(t, 9);
});

test("scores that are no numbers have none, nor has any when none is positive", () => {
  const scale = importanceScale(networkOf([1, 2], Float64Array.of(0, Number.NaN)));
  for (const score of [0, 1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(importanceOf(scale, score)).toBe(0);
  const odd = importanceScale(networkOf([1, 3], Float64Array.of(Number.POSITIVE_INFINITY, Number.NaN, 2)));
  expect([importanceOf(odd, 2), importanceOf(odd, Number.POSITIVE_INFINITY)]).toEqual([1, 1]);
});

test("a larger beta makes weak edges darker and keeps the order, as in pykan", () => {
  const net = networkOf([2, 5, 1]);
  const of = (beta: number) =>
    [...net.scores].map((score) => importanceOf(importanceScale(net, beta), score));
  const [weak, usual, strong] = [of(0.3), of(3), of(30)];
  usual.forEach((value, e) => {
    if (value === 1) return;
    expect(weak[e]).toBeLessThan(value);
    expect(strong[e]).toBeGreaterThan(value);
  });
  const rank = (values: number[]) => values.map((value) => values.filter((other) => other < value).length);
  expect(rank(weak)).toEqual(rank(usual));
  expect(rank(strong)).toEqual(rank(usual));
});
