/** What the browser computes, against the file that Python's tests read too. */

import { describe, expect, test } from "vitest";
import { type Cells, predict, rmse, sharedCells, trace } from "../../src/model/forward";
import { maskOf, NO_EDITS, nodesOn } from "../../src/model/mask";
import { createNetwork, type Network } from "../../src/model/network";
import { randomNumbers } from "../fake";
import { distance, golden, networkFrom, sharedFrom, type Tables } from "../golden";

interface Case extends Tables {
  slots: number[][];
  tolerance: number;
  steps: {
    mask: number[];
    keep_mean: boolean;
    loss?: number;
    outputs: number[];
    nodes: number[][];
    edges: number[][];
    on?: number[];
  }[];
}

const { cases } = golden<{ cases: Case[] }>("forward.json");
const { cases: named } = golden<{ cases: Case[] }>("named.json");

describe.each([...cases, ...named])(
  "Python and the browser agree on a $width network with slots $slots",
  (one) => {
    const { net, cells } = networkFrom(one);
    const rows = Float64Array.from(one.rows);

    test("about the outputs of every row, and the loss, under every mask", () => {
      for (const step of one.steps) {
        const pred = predict(net, cells, Uint8Array.from(step.mask), step.keep_mean, rows);
        expect(distance(pred, step.outputs)).toBeLessThan(one.tolerance);
        if (step.loss !== undefined)
          expect(Math.abs(rmse(pred, one.labels) - step.loss)).toBeLessThan(one.tolerance);
      }
    });

    test("about the value of every node and of every edge, on or off", () => {
      for (const { mask, keep_mean, nodes, edges } of one.steps) {
        for (const row of [0, 1]) {
          const sample = one.rows.slice(row * net.width[0]!, (row + 1) * net.width[0]!);
          const found = trace(net, cells, Uint8Array.from(mask), keep_mean, sample);
          expect(distance(found.nodes, nodes[row]!)).toBeLessThan(one.tolerance);
          expect(distance(found.edges, edges[row]!)).toBeLessThan(one.tolerance);
        }
      }
    });

    test("whether they are float32 or float64 makes no difference for rows that both can hold", () => {
      const mask = Uint8Array.from(one.steps[0]!.mask);
      expect(predict(net, cells, mask, true, Float32Array.from(rows))).toEqual(
        predict(net, cells, mask, true, rows),
      );
    });
  },
);

describe.each(cases)("tables that edges share, on a $width network with slots $slots", (one) => {
  const { net, cells } = networkFrom(one);
  const { count, ...tables } = sharedFrom(one, net);
  const { y: _, ...others } = cells;
  const whole = {
    ...others,
    ...tables,
    y: Float64Array.from(tables.y),
    weights: Float32Array.from(tables.weights),
  };

  test("give the values that a table of each edge gives", () => {
    const shared = sharedCells(net, count, whole);
    for (const { mask: on, keep_mean } of one.steps) {
      const mask = Uint8Array.from(on);
      const rows = Float64Array.from(one.rows);
      expect(predict(net, shared, mask, keep_mean, rows)).toEqual(predict(net, cells, mask, keep_mean, rows));
      const sample = one.rows.slice(0, net.width[0]!);
      expect(trace(net, shared, mask, keep_mean, sample)).toEqual(trace(net, cells, mask, keep_mean, sample));
    }
  });

  test("that do not fit the network are refused", () => {
    for (const wrong of [
      [count.slice(1), whole],
      [count.map((c) => c + 1), whole],
      [count.map(() => 0), whole],
      [count, { ...whole, weights: whole.weights.subarray(1) }],
      [count, { ...whole, y: whole.y.subarray(4) }],
    ] as const) {
      expect(() => sharedCells(net, wrong[0], wrong[1])).toThrow(/do not fit/);
    }
  });
});

test("the file has masks, kept and folded means, and products to agree on", () => {
  const steps = cases.flatMap((one) => one.steps);
  expect(steps.some((step) => step.keep_mean) && steps.some((step) => !step.keep_mean)).toBe(true);
  expect(cases.some((one) => one.cells.folded.some((value) => value !== 0) && one.steps.length > 4)).toBe(
    true,
  );
  expect(cases.some((one) => one.slots.length > 0)).toBe(true);
});

test("a product without edges into one of its factors is not on", () => {
  for (const one of cases.filter((c) => c.slots.length > 0)) {
    const { net } = networkFrom(one);
    for (const { mask, on } of one.steps) expect([...nodesOn(net, Uint8Array.from(mask))]).toEqual(on);
  }
});

/** One edge with cells 1 + u, an empty one, 5 u^2. */
function single(): { net: Network; cells: Cells } {
  const one = (...values: number[]) => Float64Array.from(values);
  return {
    net: createNetwork([1, 1], one(1), Uint8Array.of(1)),
    cells: {
      count: 4,
      x: one(0, 1, 1, 3, 3),
      y: one(1, 1, 0, 0, 7, 0, 0, 0, 0, 0, 5, 0, 9, 0, 0, 0),
      bias: one(0),
      offset: one(0, 0),
      means: one(0.5),
      folded: one(0),
    },
  };
}

test("beyond its ends a function stays what it is there, and cells without width do no harm", () => {
  const { net, cells } = single();
  const rows = Float64Array.of(-9, 0, 0.5, 1, 2, 3, 99, Infinity, -Infinity);
  expect([...predict(net, cells, Uint8Array.of(1), false, rows)]).toEqual([1, 1, 1.5, 0, 1.25, 5, 5, 5, 1]);
});

test("a value that is no number comes out as none, and only in its row", () => {
  const { net, cells } = single();
  expect([...predict(net, cells, Uint8Array.of(1), false, Float64Array.of(0.5, NaN, 2))]).toEqual([
    1.5,
    NaN,
    1.25,
  ]);
});

test("an edge that is off leaves its mean or nothing", () => {
  const { net, cells } = single();
  const off = Uint8Array.of(0);
  expect(predict(net, cells, off, false, Float64Array.of(2))).toEqual(Float64Array.of(0));
  expect(predict(net, cells, off, true, Float64Array.of(2))).toEqual(Float64Array.of(0.5));
});

test("rows of another width, and labels of another number, are refused in words", () => {
  const { net, cells } = networkFrom(cases[0]!);
  expect(() => predict(net, cells, net.baseline, true, new Float64Array(3))).toThrow("rows of 2");
  expect(() => rmse([1, 2], [1])).toThrow("2 predictions");
});

/** Tables of a network with nothing but noise in them. */
function noise(width: number[], count: number): { net: Network; cells: Cells } {
  const random = randomNumbers(7);
  const some = (n: number) => Float64Array.from({ length: n }, () => random() - 0.5);
  const edges = width.slice(1).reduce((sum, w, l) => sum + w * width[l]!, 0);
  const net = createNetwork(width, some(edges).map(Math.abs), new Uint8Array(edges).fill(1));
  const breaks = Array.from(
    { length: net.nodeOffset[net.depth]! * (count + 1) },
    (_, k) => (k % (count + 1)) - count / 2,
  );
  const slots = net.slotNode.length;
  return {
    net,
    cells: {
      count,
      x: Float64Array.from(breaks),
      y: some(edges * count * 4),
      bias: some(slots),
      offset: new Float64Array(net.nodeCount),
      means: some(edges),
      folded: new Float64Array(edges),
    },
  };
}

test("256 rows through a [4, 10, 5, 1] network take less than 2 ms", () => {
  const { net, cells } = noise([4, 10, 5, 1], 24);
  const rows = Float64Array.from({ length: 4 * 256 }, (_, k) => Math.sin(k));
  const mask = maskOf(net, NO_EDITS);
  const times = Array.from({ length: 60 }, () => {
    const start = performance.now();
    predict(net, cells, mask, true, rows);
    return performance.now() - start;
  });
  const median = times.slice(20).sort((a, b) => a - b)[20]!;
  expect(median).toBeLessThan(2);
});
