/** A sweep without a page: which runs are shown, in which order, and where their points are. */
import { describe, expect, test } from "vitest";
import { NO_FILTER, passing, sorted, toCsv } from "../../src/runs/choice";
import { createRunReader, lowestPlace, settingsWords } from "../../src/runs/run-data";
import { createPointIndex, layoutScatter, stepFrom } from "../../src/runs/scatter-layout";
import { randomNumbers } from "../fake";
import { fakeSweep, type Runs } from "../fake-sweep";

const SIX: Runs = [
  [3, 0.2],
  [5, 0.1],
  [5, 0.3],
  [9, 0.104],
  [Number.NaN, Number.NaN],
  [12, 0.05],
];
const dataOf = (runs: Runs) => {
  const model = fakeSweep(runs);
  return createRunReader(model.get)();
};

test("a reader keeps what has not changed, and reads what has", () => {
  const model = fakeSweep(SIX.slice(0, 2), 6);
  const read = createRunReader(model.get);
  const first = read();
  expect(first.running).toBe(true);
  model.receive({ ...fakeSweep(SIX).traits, _codes: model.traits._codes, _settings: model.traits._settings });
  const second = read();
  expect([first.count, second.count]).toEqual([2, 6]);
  expect(second.settings).toBe(first.settings);
  expect(second.running).toBe(false);
  expect([...second.placeOf]).toHaveLength(6);
  expect(settingsWords(second, 4)).toBe("seed 1, lamb 0.001");
  expect(second.errors.get(4)).toContain("went wrong");
  expect(lowestPlace(second)).toBe(5);
});

test("before any run has ended there is nothing, and no error", () => {
  const data = dataOf([]);
  expect(data.count).toBe(0);
  expect(lowestPlace(data)).toBe(-1);
  expect(passing(data, { ...NO_FILTER, group: "good" })).toHaveLength(0);
  const layout = layoutScatter(data, 600, 300);
  expect(layout.steps).toEqual([]);
  expect(createPointIndex(layout, new Uint32Array()).nearest(100, 100, 20)).toBe(-1);
  expect(stepFrom(data, new Uint32Array(), -1, "right")).toBe(-1);
});

describe("filters", () => {
  const data = dataOf(SIX);
  const of = (change: object) => [...passing(data, { ...NO_FILTER, ...change })];
  test("each takes what it names, and all of them together", () => {
    expect(of({})).toEqual([0, 1, 2, 3, 4, 5]);
    expect(of({ group: "front" })).toEqual([0, 1, 5]);
    expect(of({ group: "failed" })).toEqual([4]);
    expect(of({ group: "good" })).toEqual([5]);
    expect(of({ mostEdges: 5 })).toEqual([0, 1, 2]);
    expect(of({ mostLoss: 0.104 })).toEqual([1, 3, 5]);
    expect(of({ values: new Map([[0, 1]]) })).toEqual([1, 4]);
    expect(
      of({
        values: new Map([
          [0, 1],
          [1, 1],
        ]),
      }),
    ).toEqual([1]);
  });
});

test("rows are sorted by any column both ways, and what failed is last", () => {
  const data = dataOf(SIX);
  const all = passing(data, NO_FILTER);
  const by = (column: never, descending = false) => [...sorted(data, all, { column, descending })];
  expect(by("test" as never)).toEqual([5, 1, 3, 0, 2, 4]);
  expect(by("test" as never, true)).toEqual([2, 0, 3, 1, 5, 4]);
  expect(by("edges" as never)).toEqual([0, 1, 2, 3, 5, 4]);
  expect(by(0 as never)).toEqual([0, 3, 1, 4, 2, 5]);
});

test("a table is written as spreadsheets read it", () => {
  const model = fakeSweep(SIX);
  model.receive({ _settings: [{ name: 'a "b", c', values: ["[2, 5, 1]", "x", "y"], numbers: false }] });
  const lines = toCsv(createRunReader(model.get)(), Uint32Array.of(1, 4)).split("\r\n");
  expect(lines[0]).toBe('run,"a ""b"", c",train_loss,test_loss,active_edges,seconds,error');
  expect(lines[1]).toBe("1,x,0.05,0.1,5,0.11,");
  expect(lines[2]).toMatch(/^4,x,,,,0\.14,ValueError: it went wrong$/);
  expect(lines[3]).toBe("");
});

describe("the scatter", () => {
  test("losses are on a logarithm, with ticks that are apart", () => {
    const layout = layoutScatter(dataOf(SIX), 700, 380);
    const [a, b] = [layout.y[1]! - layout.y[5]!, layout.y[0]! - layout.y[1]!];
    expect(a).toBeCloseTo(b, 3); // 0.05 to 0.1, and 0.1 to 0.2
    expect(Number.isNaN(layout.x[4]!)).toBe(true);
    for (const ticks of [layout.xTicks, layout.yTicks]) {
      expect(ticks.length).toBeGreaterThan(2);
      const at = ticks.map((tick) => tick.at).sort((p, q) => p - q);
      for (let k = 1; k < at.length; k++) expect(at[k]! - at[k - 1]!).toBeGreaterThan(14);
    }
  });

  test.each([
    [
      "losses below 0",
      [
        [3, -1],
        [4, -2],
        [5, 0],
      ],
    ],
    ["one run", [[3, 0.1]]],
    [
      "many powers of ten",
      [
        [1, 1e-9],
        [900, 1e12],
      ],
    ],
    [
      "nearly the same losses",
      [
        [3, 0.1234],
        [4, 0.12341],
      ],
    ],
    [
      "no edges",
      [
        [0, 1],
        [0, 2],
      ],
    ],
  ] as [string, Runs][])("%s are drawn inside of the axes", (_, runs) => {
    const layout = layoutScatter(dataOf(runs), 400, 260);
    for (let k = 0; k < runs.length; k++) {
      expect(layout.x[k]).toBeGreaterThanOrEqual(layout.left);
      expect(layout.x[k]).toBeLessThanOrEqual(layout.right);
      expect(layout.y[k]).toBeGreaterThanOrEqual(layout.top);
      expect(layout.y[k]).toBeLessThanOrEqual(layout.bottom);
    }
    for (const { at } of layout.yTicks) expect(at >= layout.top && at <= layout.bottom).toBe(true);
    for (const { at } of layout.xTicks) expect(at >= layout.left && at <= layout.right).toBe(true);
  });

  test("the front is drawn as steps", () => {
    const data = dataOf(SIX);
    const { steps, x, y, right } = layoutScatter(data, 700, 380);
    expect(steps).toEqual([
      [x[0], y[0]],
      [x[1], y[0]],
      [x[1], y[1]],
      [x[5], y[1]],
      [x[5], y[5]],
      [right, y[5]],
    ]);
  });

  test("the point next to a place is the one that a search of all finds", () => {
    const random = randomNumbers(3);
    const runs: Runs = Array.from(
      { length: 500 },
      () => [Math.floor(random() * 30), 10 ** (4 * random() - 3)] as const,
    );
    const data = dataOf(runs);
    const layout = layoutScatter(data, 500, 300);
    const shown = passing(data, { ...NO_FILTER, mostEdges: 20 });
    const index = createPointIndex(layout, shown);
    for (let k = 0; k < 300; k++) {
      const [px, py] = [540 * random() - 20, 340 * random() - 20];
      const away = (place: number) => Math.hypot(layout.x[place]! - px, layout.y[place]! - py);
      const found = index.nearest(px, py, 25);
      const least = Math.min(...Array.from(shown, away));
      if (found < 0) expect(least).toBeGreaterThan(25 - 1e-3);
      else expect(away(found)).toBeCloseTo(least, 4);
    }
  });

  test("arrow keys reach every point, and only those that are shown", () => {
    const random = randomNumbers(5);
    const runs: Runs = Array.from(
      { length: 60 },
      () => [Math.floor(random() * 8), Math.ceil(random() * 5) / 10] as const,
    );
    const data = dataOf(runs);
    const shown = passing(data, { ...NO_FILTER, mostEdges: 6 });
    const reached = new Set<number>();
    const waiting = [stepFrom(data, shown, -1, "first")];
    while (waiting.length) {
      const place = waiting.pop()!;
      if (reached.has(place)) continue;
      reached.add(place);
      for (const step of ["left", "right", "up", "down"] as const)
        waiting.push(stepFrom(data, shown, place, step));
    }
    expect([...reached].sort((a, b) => a - b)).toEqual([...shown]);
  });
});
