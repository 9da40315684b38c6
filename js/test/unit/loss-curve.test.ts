/** What the browser reads off a trade-off, and computes of one, against what Python does. */

import { describe, expect, test } from "vitest";
import { rmse } from "../../src/model/forward";
import {
  isCurveOf,
  knee,
  type LossCurve,
  lossAt,
  lossCurveFrom,
  lossCurveOf,
  MOST_POINTS,
  pointAt,
  thresholdFor,
} from "../../src/model/loss-curve";
import { countOn, type Edits, maskOf, NO_EDITS } from "../../src/model/mask";
import { createNetwork, type EdgeIndex, type Network, type NodeIndex } from "../../src/model/network";
import { levelsOf, nextThresholdChange, stepped, stepTableOf } from "../../src/model/threshold-steps";
import { edgeIds, nodeIds } from "../../src/standalone/sanitize";
import { formatFigures } from "../../src/text/format";
import { nextWords } from "../../src/text/messages";
import { randomNumbers } from "../fake";
import { distance, golden, networkFrom, type Tables } from "../golden";

const wordsOfNext = (...of: Parameters<typeof nextWords>) => nextWords(...of).join("");

interface Curves {
  thresholds: number[];
  active_edges: number[];
  loss_zeroed: (number | string)[];
  loss_kept: (number | string)[];
  higher_is_better?: boolean;
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

function read(curves: Curves): LossCurve {
  return {
    thresholds: Float64Array.from(curves.thresholds),
    activeEdges: Float64Array.from(curves.active_edges),
    lossZeroed: numbers(curves.loss_zeroed),
    lossKept: numbers(curves.loss_kept),
    higherIsBetter: curves.higher_is_better === true,
  };
}

const { cases } = golden<{
  cases: (Curves & {
    threshold_for: [tolerance: number, keepMean: boolean, mostEdges: number | null, found: number | null][];
    knee: [number, number];
  })[];
}>("tradeoff.json");

describe("both languages read the same off a trade-off", () => {
  test("the threshold for a tolerance, whatever the losses are", () => {
    for (const one of cases) {
      for (const [tolerance, keep, most, expected] of one.threshold_for) {
        const said = `${JSON.stringify(one)} at ${tolerance}, ${keep}, ${most}`;
        expect(thresholdFor(read(one), tolerance, keep, most ?? undefined), said).toBe(expected);
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
    expect(cases.filter((one) => one.knee[1] === 0).length).toBeGreaterThan(10);
    expect(
      cases.filter((one) => one.threshold_for.some(([, , , at]) => (at ?? 0) > 0)).length,
    ).toBeGreaterThan(10);
    expect(cases.filter((one) => one.threshold_for.some(([, , , at]) => at === null)).length).toBeGreaterThan(
      10,
    );
    expect(cases.filter((one) => one.higher_is_better && one.knee[1] > 0).length).toBeGreaterThan(3);
    expect(JSON.stringify(cases)).toContain('"nan"');
  });
});

test.each([
  ["flat, then a cliff", [0.1391, 0.1391, 0.1392, 0.1392, 1.367], 3],
  ["a cliff at once", [0.0214, 0.113, 0.166, 0.212, 1.37], 0],
  ["an error rate", [0.065, 0.07, 0.065, 0.075, 0.065, 0.11, 0.2], 4],
  ["a straight line", [1, 1.02, 1.04, 1.06, 1.08], 0],
])("the knee is the last point before the loss turns up: %s", (_, losses, steps) => {
  const n = losses.length;
  const rows = [losses.keys(), [...losses.keys()].reverse(), new Array(n).fill(1), losses];
  expect(knee(lossCurveFrom(Float64Array.from(rows.flatMap((row) => [...row]))))).toBe(steps);
});

test.each([-1, NaN])("a tolerance of %d is refused in words", (tolerance) => {
  expect(() => thresholdFor(read(cases[2]!), tolerance)).toThrow("at least 0");
});

test("between two points the loss is that of the lower one, and past the end that of the last", () => {
  const tradeoff = lossCurveFrom(Float64Array.of(0, 0.1, 0.5, 9, 6, 2, 1, 2, 3, 4, 5, 6));
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
      const measure = {
        rows: Float64Array.from(one.rows),
        labels: Float64Array.from(one.labels),
        loss: rmse,
      };
      for (const { axis, state, ...curves } of one.tradeoffs) {
        const edits: Edits = {
          nodeThreshold: state.node_threshold,
          edgeThreshold: state.edge_threshold,
          removedEdges: edgeIds(net, state.removed_edges),
          keptEdges: edgeIds(net, state.kept_edges),
          removedNodes: nodeIds(net, state.removed_nodes),
          keptNodes: nodeIds(net, state.kept_nodes),
        };
        const found = lossCurveOf(net, cells, measure, edits, axis);
        const expected = read(curves);
        for (const name of ["thresholds", "activeEdges", "lossZeroed", "lossKept"] as const) {
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
    const measure = { rows, labels: new Float64Array(20), loss: rmse };
    const edits: Edits = {
      nodeThreshold: 0,
      edgeThreshold: 0,
      removedEdges: new Set(),
      keptEdges: new Set(),
      removedNodes: new Set(),
      keptNodes: new Set(),
    };
    const all = lossCurveOf(net, cells, measure, edits, "edge");
    expect(all.thresholds.length).toBeLessThanOrEqual(MOST_POINTS);
    expect(all.thresholds.length).toBe(new Set(net.scores).size + 1);
    const few = lossCurveOf(net, cells, measure, edits, "edge", 12);
    expect(few.thresholds.length).toBe(12);
    expect(few.thresholds[0]).toBe(0);
    expect(few.activeEdges.at(-1)).toBe(0);
    for (const [k, threshold] of few.thresholds.entries()) {
      expect(few.lossKept[k]).toBe(lossAt(all, threshold, true));
      expect(few.activeEdges[k]).toBe(all.activeEdges[pointAt(all, threshold)]);
    }
  });
});

describe("what is told of the next step", () => {
  const random = randomNumbers(8);
  const names = { inVars: [], outVars: [] };
  /** A network whose scores have the digits of either library, some of them equal or one apart. */
  function someNet(): Network {
    const width = [
      [2, 5, 1],
      [4, 5, 3, 2],
      [3, 4],
    ][Math.floor(3 * random())]!;
    const count = width.slice(1).reduce((sum, to, l) => sum + to * width[l]!, 0);
    const single = random() < 0.5;
    const scores = Array.from({ length: count }, () =>
      (single ? Math.fround : Number)(10 ** (-4 * random())),
    );
    for (let e = 1; e < count; e += 4) scores[e] = scores[e - 1]! * (random() < 0.5 ? 1 : 1 + 2 ** -23);
    scores[0] = 0;
    const net = createNetwork(width, Float64Array.from(scores), new Uint8Array(count).fill(1));
    return net;
  }
  const someOf = (n: number) => new Set(Array.from({ length: n }, (_, k) => k).filter(() => random() < 0.15));
  function someEdits(net: Network): Edits {
    const other = random() < 0.5 ? 0 : 10 ** (-4 * random());
    return {
      nodeThreshold: other,
      edgeThreshold: other / 3,
      removedEdges: someOf(net.edgeCount),
      keptEdges: someOf(net.edgeCount),
      removedNodes: someOf(net.nodeCount),
      keptNodes: someOf(net.nodeCount),
    };
  }
  /** Any losses will do: they belong to masks. */
  const lossOf = (mask: Uint8Array) => mask.reduce((sum, on, e) => sum + on * Math.sin(e + 1), 50);
  function measured(net: Network, edits: Edits, axis: "node" | "edge"): LossCurve {
    const name = axis === "node" ? "nodeThreshold" : "edgeThreshold";
    const steps = [0, ...stepTableOf(net, edits, axis).steps];
    const masks = steps.map((at) => maskOf(net, { ...edits, [name]: at }));
    const losses = Float64Array.from(masks, lossOf);
    return {
      thresholds: Float64Array.from(steps),
      activeEdges: Float64Array.from(masks, countOn),
      lossKept: losses,
      lossZeroed: losses,
    };
  }

  test.each(["node", "edge"] as const)(
    "is what the %s threshold comes to that the next tick sets",
    (axis) => {
      const name = axis === "node" ? "nodeThreshold" : "edgeThreshold";
      let [exact, between] = [0, 0];
      for (let n = 0; n < 60; n++) {
        const net = someNet();
        const edits = someEdits(net);
        const levels = levelsOf(net, axis);
        if (!levels) continue;
        const stairs = stepTableOf(net, edits, axis);
        const all = measured(net, edits, axis);
        expect(isCurveOf(all, stairs)).toBe(true);
        const places = [...all.thresholds.keys()].filter(
          (k) => k === 0 || k === all.thresholds.length - 1 || random() < 0.5,
        );
        const pick = (values: Float64Array) => Float64Array.from(places, (k) => values[k]!);
        const some = Object.fromEntries(
          Object.entries(all).map(([key, values]) => [key, pick(values)]),
        ) as unknown as LossCurve;
        for (let threshold = 0; ; ) {
          const change = nextThresholdChange(net, stairs, axis, threshold);
          if (!change) break;
          const next = stepped(levels, stairs, threshold, 1);
          const [truth, now] = [next, threshold].map((at) => lossOf(maskOf(net, { ...edits, [name]: at })));
          const told = wordsOfNext(net, names, change, threshold, true, all);
          expect(told).toContain(`loss ${formatFigures(now!)} → ${formatFigures(truth!)}, ${change.left} of`);
          const roughly = wordsOfNext(net, names, change, threshold, true, some);
          const plain = / → (\d[\d.]*),/.exec(roughly);
          if (plain) {
            expect(plain[1]).toBe(formatFigures(truth!));
            exact++;
          } else between++;
          expect(next).toBeGreaterThan(threshold);
          threshold = next;
        }
      }
      expect(Math.min(exact, between)).toBeGreaterThan(50);
    },
  );

  test("is nothing by a curve of another state", () => {
    const net = someNet();
    const edits = { ...NO_EDITS, removedEdges: new Set([3]) };
    const before = measured(net, NO_EDITS, "edge");
    expect(isCurveOf(before, stepTableOf(net, NO_EDITS, "edge"))).toBe(true);
    expect(isCurveOf(before, stepTableOf(net, edits, "edge"))).toBe(false);
  });
});
