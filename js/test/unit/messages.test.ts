import { expect, test } from "vitest";
import { maskOf, NO_EDITS } from "../../src/model/mask";
import { edgeId, nodeId } from "../../src/model/network";
import { logAxisOf, POSITIONS, positionOf, thresholdAt } from "../../src/model/scales";
import { countRemoved } from "../../src/panels/threshold/removed-count";
import { reduce } from "../../src/state/view-state";
import { formatFigures, formatShort } from "../../src/text/format";
import {
  accessibleName,
  countSentence,
  describeTarget as description,
  lossSentence,
  removesWords,
} from "../../src/text/messages";
import { isolated, nameOf, plainText, textRuns } from "../../src/text/node-names";
import { networkOf, syncedOf } from "../fake";

const names = { inVars: ["x_1", "x_2"], outVars: ["f(x)"] };
const net = networkOf([2, 5, 1]);
const knownOf = (edits = NO_EDITS) =>
  reduce(null, { type: "synced", reading: syncedOf(net, { edits, kernelMask: maskOf(net, edits) }) })!;

test.each([
  ["x1", "x1", ""],
  ["x_1", "x", "1 sub"],
  ["x_{10}", "x", "10 sub"],
  ["$x_1$", "x", "1 sub"],
  ["x^2", "x", "2 sup"],
  ["x_1^2", "x", "1 sub 2 sup"],
  ["$\\alpha_0$", "α", "0 sub"],
  ["v_x", "v", "x sub"],
  ["house_age", "house_age", ""],
  ["length_m", "length_m", ""],
  ["$ab_x$", "ab", "x sub"],
  ["$\\frac{a}{b}$", "$\\frac{a}{b}$", ""],
  ["$\\hbar$", "$\\hbar$", ""],
  ["_private", "_private", ""],
  ["a_{b", "a_{b", ""],
  ["<b>x</b>", "<b>x</b>", ""],
  ["", "", ""],
])("the name %j is written %j with scripts %j", (name, base, scripts) => {
  const runs = textRuns(name);
  expect(
    runs
      .filter((run) => run.shift === "none")
      .map((run) => run.text)
      .join(""),
  ).toBe(base);
  expect(
    runs
      .filter((run) => run.shift !== "none")
      .map((run) => `${run.text} ${run.shift}`)
      .join(" "),
  ).toBe(scripts);
  expect(plainText(name)).toBe(runs.map((run) => run.text).join(""));
});

test("nodes have the names they were given; hidden ones are called as remove_edge calls them", () => {
  const all = Array.from({ length: net.nodeCount }, (_, n) => nameOf(net, names, n));
  expect(all).toEqual(["x_1", "x_2", "h_{1,0}", "h_{1,1}", "h_{1,2}", "h_{1,3}", "h_{1,4}", "f(x)"]);
});

test("the slider's ends are zero and a tenth above the largest score", () => {
  const axis = logAxisOf([0.2, 0, 5])!;
  expect(thresholdAt(axis, 0)).toBe(0);
  expect(thresholdAt(axis, 1)).toBeCloseTo(0.1, 12);
  expect(thresholdAt(axis, POSITIONS)).toBeCloseTo(5.5, 12);
  for (const p of [0, 1, 2, 500, 999, 1000]) expect(positionOf(axis, thresholdAt(axis, p))).toBeCloseTo(p, 6);
  expect(positionOf(axis, 1e-9)).toBe(1);
  expect(positionOf(axis, 1e9)).toBe(POSITIONS);
});

test("without a positive score there is no axis", () => {
  expect(logAxisOf([0, 0, Number.POSITIVE_INFINITY, Number.NaN])).toBeNull();
});

test("a threshold's sentence counts what it removes by itself", () => {
  const words = (edits: typeof NO_EDITS, axis: "node" | "edge") =>
    removesWords(countRemoved(net, edits, axis));
  expect(words(NO_EDITS, "node")).toBe("removes nothing");
  expect(words({ ...NO_EDITS, nodeThreshold: 1e-9 }, "node")).toBe("removes nothing");
  const both = { ...NO_EDITS, nodeThreshold: 0.005, edgeThreshold: 0.00015 };
  expect(words(both, "node")).toBe("removes 2 nodes, 6 edges");
  expect(words(both, "edge")).toBe("removes 3 edges");
  const kept = { ...both, keptNodes: new Set([nodeId(net, [1, 0])]) };
  expect(words(kept, "node")).toBe("removes 1 node, 3 edges");
});

test("an edge is described by its ends, its score and why it is off", () => {
  const edge = { kind: "edge", id: edgeId(net, [0, 0, 3]) } as const;
  expect(description(knownOf(), names, edge)).toEqual({
    names: ["x_1", "h_{1,3}"],
    details: ["score 0.1030", "on"],
  });
  const say = (edits: Partial<typeof NO_EDITS>) =>
    description(knownOf({ ...NO_EDITS, ...edits }), names, edge).details[1];
  expect(say({ removedEdges: new Set([edge.id]) })).toBe("off by hand");
  expect(say({ edgeThreshold: 0.2 })).toBe("removed by the edge threshold");
  expect(say({ nodeThreshold: 0.2 })).toBe("removed by the node threshold");
  expect(say({ nodeThreshold: 0.2, keptEdges: new Set([edge.id]) })).toBe("on, kept by hand");
});

test("accessible names say which edge, from where to where", () => {
  expect(accessibleName(net, names, { kind: "edge", id: 7 })).toBe("Edge 0, 1, 3: x2 to h1,3, score 0.1130");
  expect(accessibleName(net, names, { kind: "node", id: 0 })).toBe("Input x1");
  expect(accessibleName(net, names, { kind: "node", id: 3 })).toBe("Node h1,1, score 0.001100");
  expect(accessibleName(net, names, { kind: "node", id: 7 })).toBe("Output f(x)");
});

test("the status names the edges that are on and the loss", () => {
  expect(countSentence(knownOf({ ...NO_EDITS, nodeThreshold: 0.005 }))).toBe("9 of 15 edges");
  expect(lossSentence(0.13, "test RMSE")).toBe("test RMSE 0.1300");
  expect(lossSentence(0.13, "")).toBe("loss 0.1300");
  expect(lossSentence(null, "")).toBe("");
  expect(lossSentence(Number.NaN, "RMSE")).toBe("RMSE not a number");
});

test("numbers are short and keep their figures", () => {
  expect([0, 1.23e-7, 12.3456, 123456].map(formatFigures)).toEqual(["0", "1.23e-7", "12.35", "1.23e+5"]);
  expect([0, 0.012345, 1.5e-5].map(formatShort)).toEqual(["0", "0.0123", "1.5e-5"]);
});

test("a name that runs from the right turns nothing around but itself", () => {
  expect(isolated("x1")).toBe("x1");
  for (const name of ["\u05d0\u05d1", "\u202eabc"]) {
    expect(isolated(name)).toBe(`\u2068${name}\u2069`);
    const turned = { ...names, inVars: [name, "x_2"] };
    expect(accessibleName(net, turned, { kind: "edge", id: 6 })).toContain(`: \u2068${name}\u2069 to h1,3`);
  }
});
