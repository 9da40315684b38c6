/** Functions that name curves, against Python's numbers. */
import { expect, test } from "vitest";
import { predict, trace } from "../../src/model/forward";
import { FUNCTIONS, functionsOf, type NamedCurve } from "../../src/model/named-curve";
import { curveWords, functionLabel } from "../../src/text/function-names";
import { golden, networkFrom, type Tables } from "../golden";

const { x, values, curves } = golden<{
  x: number[];
  values: Record<string, (number | null)[]>;
  curves: (NamedCurve & { x: number; y: number })[];
}>("functions.json");

const isNear = (found: number, expected: number) =>
  Math.abs(found - expected) <= 1e-12 * Math.max(1, Math.abs(expected));

test("every function of the library has Python's values, and none where Python has none", () => {
  expect([...FUNCTIONS.keys()].sort()).toEqual(Object.keys(values).sort());
  for (const [name, expected] of Object.entries(values)) {
    const f = FUNCTIONS.get(name)!;
    for (const [k, value] of expected.entries()) {
      const found = f(x[k]!);
      if (value === null) expect(Number.isFinite(found), `${name}(${x[k]})`).toBe(false);
      else expect(isNear(found, value), `${name}(${x[k]}): ${found}, ${value}`).toBe(true);
    }
  }
});

test("a curve adds c f(a x + b) + d", () => {
  const found = functionsOf(new Map(curves.map((curve, k) => [k, curve])));
  for (const [k, { function: name, x, y }] of curves.entries())
    expect(isNear(found.get(k)!(x), y), `${name}: ${found.get(k)!(x)}, ${y}`).toBe(true);
});

test("a named edge is computed by its function, beyond the ends of its table too", () => {
  const [one] = golden<{ cases: Tables[] }>("forward.json").cases;
  const { net, cells } = networkFrom(one!);
  const named = { function: "x^2", a: 2, b: 1, c: 3, d: -5 };
  const functions = functionsOf(
    new Map([
      [0, named],
      [1, { ...named, function: "own" }],
    ]),
  );
  expect([...functions.keys()]).toEqual([0]);
  const sample = [100, 0.5];
  const found = trace(net, { ...cells, functions }, net.baseline, true, sample);
  const before = trace(net, cells, net.baseline, true, sample);
  expect(found.edges[0]).toBe(3 * 201 ** 2 - 5);
  expect(found.edges[1]).toBe(before.edges[1]);
  const outputs = predict(net, { ...cells, functions }, net.baseline, true, Float64Array.from(sample));
  expect(outputs[0]).toBe(found.nodes.at(-1));
});

test("functions and curves are written as a person writes them", () => {
  const words = (name: string, constants: Partial<NamedCurve> = {}) =>
    curveWords({ function: name, a: 1, b: 0, c: 1, d: 0, ...constants }, "x");
  expect(["x^2", "1/sqrt(x)", "abs", "0", "sin"].map(functionLabel)).toEqual([
    ...["x²", "1/√x", "|x|", "constant", "sin"],
  ]);
  expect(words("sin", { a: 3.2, b: -0.25, c: -2, d: 0.5 })).toBe("−2 sin(3.2 x − 0.25) + 0.5");
  expect(words("x^2")).toBe("x²");
  expect(words("x^2", { b: 1, c: 2 })).toBe("2 (x + 1)²");
  expect(words("x", { c: 2, d: -1 })).toBe("2 x − 1");
  expect(words("0", { d: 0.25 })).toBe("0.25");
  expect(words("abs", { a: -1, c: -1 })).toBe("−|−x|");
});
