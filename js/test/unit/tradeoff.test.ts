/** What the browser reads off a trade-off, and computes of one, against what Python does. */
import { describe, expect, test } from "vitest";
import { edgeIds, nodeIds } from "../../src/kernel/wishes";
import type { EdgeIndex, Edits, NodeIndex } from "../../src/network";
import {
  knee,
  lossAt,
  MOST_POINTS,
  pointAt,
  type TradeOff,
  thresholdFor,
  tradeoffFrom,
  tradeoffOf,
} from "../../src/tradeoff";
import { randomNumbers } from "../fake";
import { distance, golden, networkFrom, type Tables } from "../golden";

interface Curves {
  thresholds: number[];
  active_edges: number[];
  loss_zeroed: (number | string)[];
  loss_kept: (number | string)[];
}

interface Measured extends Curves {
  axis: "node" | "edge";
  state: {
    node_threshold: number;
    edge_threshold: number;
    removed_edges: EdgeIndex[];
    kept_edges: EdgeIndex[];
    removed_nodes: NodeIndex[];
    kept_nodes: NodeIndex[];
  };
}

/** JSON cannot say nan and inf: the file has words for them. */
const numbers = (values: (number | string)[]) =>
  Float64Array.from(values, (v) => Number(v === "inf" ? "Infinity" : v));

function read(curves: Curves): TradeOff {
  return {
    thresholds: Float64Array.from(curves.thresholds),
    activeEdges: Float64Array.from(curves.active_edges),
    lossZeroed: numbers(curves.loss_zeroed),
    lossKept: numbers(curves.loss_kept),
  };
}

const { cases } = golden<{
  cases: (Curves & { threshold_for: [number, boolean, number][]; knee: [number, number] })[];
}>("tradeoff.json");

describe("both languages read the same off a trade-off", () => {
  test("the threshold for a tolerance, whatever the losses are", () => {
    for (const one of cases) {
      for (const [tolerance, keep, expected] of one.threshold_for) {
        const said = `${JSON.stringify(one)} at ${tolerance}, ${keep}`;
        expect(thresholdFor(read(one), tolerance, keep), said).toBe(expected);
      }
    }
  });

  test("the knee, whatever the losses are", () => {
    for (const one of cases) {
      expect(
        [false, true].map((keep) => knee(read(one), keep)),
        JSON.stringify(one),
      ).toEqual(one.knee);
    }
  });

  test("and the file has knees and thresholds of more than 0", () => {
    expect(cases.filter((one) => one.knee[1] > 0).length).toBeGreaterThan(10);
    expect(cases.filter((one) => one.threshold_for.some(([, , at]) => at > 0)).length).toBeGreaterThan(10);
    expect(JSON.stringify(cases)).toContain('"nan"');
  });
});

test("the knee may be shallow, but a straight line has none", () => {
  const line = (middle: number) =>
    tradeoffFrom(Float64Array.of(0, 1, 2, 2, 1, 0, 0, middle, 1, 0, middle, 1));
  expect([0.5, 0.4999, 0.5 - 1e-14, 0.6].map((middle) => knee(line(middle)))).toEqual([0, 1, 0, 0]);
});

test.each([-1, NaN])("a tolerance of %d is refused in words", (tolerance) => {
  expect(() => thresholdFor(read(cases[2]!), tolerance)).toThrow("at least 0");
});

test("between two points the loss is that of the lower one, and past the end that of the last", () => {
  const tradeoff = tradeoffFrom(Float64Array.of(0, 0.1, 0.5, 9, 6, 2, 1, 2, 3, 4, 5, 6));
  expect([0, 0.05, 0.1, 0.3, 0.5, 9].map((at) => lossAt(tradeoff, at, false))).toEqual([1, 1, 2, 2, 3, 3]);
  expect([0, 0.05, 0.1, 0.3, 0.5, 9].map((at) => lossAt(tradeoff, at, true))).toEqual([4, 4, 5, 5, 6, 6]);
  expect(tradeoff.activeEdges[pointAt(tradeoff, 0.2)]).toBe(6);
});

describe("the curves that a page computes by itself", () => {
  const nets = golden<{ cases: (Tables & { tradeoffs: Measured[] })[] }>("forward.json").cases;

  test("are those that Python measures", () => {
    let compared = 0;
    for (const one of nets) {
      const { net, cells } = networkFrom(one);
      const measure = { rows: Float64Array.from(one.rows), labels: Float64Array.from(one.labels) };
      for (const { axis, state, ...curves } of one.tradeoffs) {
        const edits: Edits = {
          nodeThreshold: state.node_threshold,
          edgeThreshold: state.edge_threshold,
          removedEdges: edgeIds(net, state.removed_edges),
          keptEdges: edgeIds(net, state.kept_edges),
          removedNodes: nodeIds(net, state.removed_nodes),
          keptNodes: nodeIds(net, state.kept_nodes),
        };
        const found = tradeoffOf(net, cells, measure, edits, axis);
        const expected = read(curves);
        for (const name of Object.keys(expected) as (keyof TradeOff)[]) {
          expect(distance(found[name], expected[name]), `${net.width} ${axis} ${name}`).toBeLessThan(1e-6);
        }
        compared += found.thresholds.length;
      }
    }
    expect(compared).toBeGreaterThan(100);
  });

  test("have as many points as asked for at most, the last one among them, and are right at each", () => {
    const { net, cells } = networkFrom(nets[4]!);
    const random = randomNumbers(3);
    const rows = Float64Array.from({ length: 80 }, () => 2 * random() - 1);
    const measure = { rows, labels: new Float64Array(20) };
    const edits: Edits = {
      nodeThreshold: 0,
      edgeThreshold: 0,
      removedEdges: new Set(),
      keptEdges: new Set(),
      removedNodes: new Set(),
      keptNodes: new Set(),
    };
    const all = tradeoffOf(net, cells, measure, edits, "edge");
    expect(all.thresholds.length).toBeLessThanOrEqual(MOST_POINTS);
    expect(all.thresholds.length).toBe(new Set(net.scores).size + 1);
    const few = tradeoffOf(net, cells, measure, edits, "edge", 12);
    expect(few.thresholds.length).toBe(12);
    expect(few.thresholds[0]).toBe(0);
    expect(few.activeEdges.at(-1)).toBe(0);
    for (const [k, threshold] of few.thresholds.entries()) {
      expect(few.lossKept[k]).toBe(lossAt(all, threshold, true));
      expect(few.activeEdges[k]).toBe(all.activeEdges[pointAt(all, threshold)]);
    }
  });
});
