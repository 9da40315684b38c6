/** Steps and warnings are said as Python says them, and in the view by the names that a person gave. */
import { expect, test } from "vitest";
import { createNetwork } from "../../src/model/network";
import {
  INDICES,
  stepWords,
  viewNaming,
  warningSentences,
  warningWords,
} from "../../src/text/session-messages";
import type { Message } from "../../src/wire/traits";
import { networkOf } from "../fake";
import { golden } from "../golden";

const { steps, warnings } = golden<{
  steps: { what: Message[]; edges_removed: number; words: string }[];
  warnings: { message: Message; words: string }[];
}>("messages.json");
const net = networkOf([2, 5, 1]);
const names = { inVars: ["price", "x_2"], outVars: ["f(x)"] };
const naming = viewNaming(net, names);
const step = (...what: Message[]) => stepWords({ what, edges_removed: 0 }, naming);

test("Python's words for steps and warnings are the view's, but for names", () => {
  for (const { words, ...each } of steps) expect(stepWords(each, INDICES)).toBe(words);
  for (const { words, message } of warnings) expect(warningWords(message, INDICES)).toBe(words);
  expect(steps.length).toBeGreaterThan(20);
  expect(warnings.length).toBeGreaterThan(15);
});

test("edges and nodes have the view's names", () => {
  expect(step(["edge_off", 0, 0, 3])).toBe("price → h1,3 off");
  expect(step(["edge_off", 1, 4, 0], ["node_on", 1, 2])).toBe("h1,4 → f(x) off, h1,2 on");
  expect(warningWords(["unused_input", 1], naming)).toBe("Input x2 leads nowhere any more.");
  expect(warningWords(["constant_output", 0], naming)).toBe(
    "Output f(x) depends on no input any more: it is constant.",
  );
});

test("inputs that lead nowhere share one sentence, in the place of the first", () => {
  const wide = networkOf([15, 1]);
  const inVars = Array.from({ length: 15 }, (_, i) => `x_${i}`);
  const said = (...messages: Message[]) =>
    warningSentences(messages, viewNaming(wide, { inVars, outVars: ["y"] }));
  const unused = (...inputs: number[]) => inputs.map((i): Message => ["unused_input", i]);
  expect(said(...unused(3))).toEqual(["Input x3 leads nowhere any more."]);
  expect(said(["text", "a"], ...unused(0, 2), ["text", "b"], ...unused(7))).toEqual([
    "a",
    "Inputs x0, x2 and x7 lead nowhere any more.",
    "b",
  ]);
  expect(said(...unused(...inVars.keys()))).toEqual([
    "Inputs x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11 and 3 more lead nowhere any more.",
  ]);
  expect(said()).toEqual([]);
});

test("an edge or a node that the model has no more has its indices", () => {
  expect(step(["edge_off", 0, 9, 3])).toBe("edge (0, 9, 3) off");
  expect(step(["node_off", 7, 0])).toBe("node (7, 0) off");
});

test("an edge into a product is named by its node", () => {
  const product = createNetwork([2, 2, 1], new Float64Array(8).fill(1), new Uint8Array(8).fill(1), [
    [0, 0, 1],
    [0],
  ]);
  const what: Message[] = [
    ["edge_off", 0, 1, 2],
    ["edge_off", 0, 0, 1],
  ];
  expect(stepWords({ what, edges_removed: 0 }, viewNaming(product, names))).toBe(
    "x2 → h1,1 off, price → h1,0 off",
  );
});

test("codes of a newer Python, and values that make no sense, do no harm", () => {
  expect(step(["node_renamed", 1, 2])).toBe("node renamed");
  expect(warningWords(["toString"], naming)).toBe("toString");
  for (const value of [null, "x", [], {}, Number.NaN, -1, 0.5]) {
    for (const { what } of steps) for (const [code] of what) step([code, value, value, value]);
    for (const { message } of warnings) warningWords([message[0], value, value, value, value], naming);
  }
});
