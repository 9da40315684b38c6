/** A page without a kernel does what a session in Python does, and survives what it does not. */

import { beforeEach, describe, expect, test, vi } from "vitest";
import { predict, rmse, trace } from "../../src/model/forward";
import { lossCurveFrom, thresholdFor } from "../../src/model/loss-curve";
import { maskOf, NO_EDITS } from "../../src/model/mask";
import { edgeIndex, slotCount } from "../../src/model/network";
import { START } from "../../src/standalone/history";
import { type StandaloneModel, standaloneModel } from "../../src/standalone/model";
import { shortestThresholds } from "../../src/standalone/python-script";
import { sanitize } from "../../src/standalone/sanitize";
import { general, repr } from "../../src/text/python-format";
import { INDICES, stepWords } from "../../src/text/session-messages";
import { decode, encode, fromBase64 } from "../../src/wire/packed-array";
import type { HistoryStep, NameRow, PageOrigin } from "../../src/wire/traits";
import { randomNumbers } from "../fake";
import { golden, networkFrom, sharedFrom, type Tables } from "../golden";

type Traits = Record<string, unknown>;

interface Step {
  write?: Traits;
  send?: Traits;
  state: Traits;
  mask: number[];
  loss: number;
  current: number;
  text: string;
  commands: number;
  script: string;
}

const { carried, steps, history, numbers } = golden<{
  carried: Tables & { loss_name: string; origin: PageOrigin };
  steps: Step[];
  history: { texts: string[]; notes: string[]; parents: number[] };
  numbers: [value: number, repr: string, three: string, four: string, node: string, edge: string][];
}>("page.json");

const f32 = (values: number[], columns: number) =>
  encode(Float32Array.from(values), [values.length / columns, columns]);
const f64 = (values: number[]) => encode(Float64Array.from(values));

/** What an exported page carries. */
function traitsOf(tables: Tables, more: Traits = {}): Traits {
  const { width, slots, cells } = tables;
  const mask = encode(Uint8Array.from(tables.baseline));
  return {
    node_threshold: 0,
    edge_threshold: 0,
    removed_edges: [],
    kept_edges: [],
    removed_nodes: [],
    kept_nodes: [],
    keep_mean: true,
    in_vars: width.slice(0, 1).map((n) => `x_${n}`),
    out_vars: ["f(x)"],
    selected: [],
    view: "auto",
    orientation: "right",
    tolerance: 0.05,
    probe: [],
    score: "l1",
    active_edges: tables.baseline.filter(Boolean).length,
    loss: 0.1,
    baseline_loss: 0.1,
    loss_name: "test RMSE",
    _page_loss: "rmse",
    error: "",
    _width: width,
    _slots: slots ?? [],
    _scores: f64(tables.scores),
    _baseline: mask,
    _mask: mask,
    _cells_x: f64(cells.x),
    _cells_y: f64(cells.y),
    _bias: f64(cells.bias),
    _offset: f64(cells.offset),
    _means: f64(cells.means),
    _folded: f64(cells.folded),
    _rows: f32(tables.rows, width[0]!),
    _row_labels: f32(tables.labels, width.at(-1)!),
    ...more,
  };
}

/** Curves of three points, all 0. */
const PLAIN_CURVES = (({ net }) => ({
  _curves_x: encode(
    Float32Array.from({ length: net.nodeOffset[net.depth]! * 3 }, (_, k) => (k % 3) - 1),
    [net.nodeOffset[net.depth]!, 3],
  ),
  _curves_y: encode(new Float32Array(net.edgeCount * 3), [net.edgeCount, 3]),
}))(networkFrom(carried));

const page = (more: Traits = {}) =>
  standaloneModel(
    traitsOf(carried, { keep_mean: carried.origin.keep_mean, _origin: carried.origin, ...more }),
  );
const read = (model: StandaloneModel, name: string) => (model.get as (name: string) => unknown)(name);
const doubles = (model: StandaloneModel, name: string) =>
  decode(read(model, name) as DataView, "float64").data;
const maskIn = (model: StandaloneModel) => [...decode(read(model, "_mask") as DataView, "uint8").data];

function write(model: StandaloneModel, wishes: Traits): void {
  for (const [name, value] of Object.entries(wishes)) {
    (model.set as (name: string, value: unknown) => void)(name, value);
  }
  model.save_changes();
}

const DECIDED = Object.keys(steps[0]!.state);
const decided = (model: StandaloneModel) =>
  Object.fromEntries(DECIDED.map((name) => [name, read(model, name)]));
const commands = (model: StandaloneModel) => read(model, "_history") as HistoryStep[];
/** As Python writes a step: what was done, and what it cost. */
function textOf(model: StandaloneModel, id = commands(model).length - 1): string {
  const step = commands(model)[id]!;
  const [before, after] = [step.loss_before, step.loss_after].map((loss) => general(loss ?? Number.NaN, 4));
  const words = stepWords(step, INDICES);
  return id === 0 ? words : `${words}, ${carried.loss_name} ${before} -> ${after}`;
}

describe("a network that is too large to be computed on the spot", () => {
  const times = 4000; // rows, that it is large
  const many = (values: number[]) => Array.from({ length: times }, () => values).flat();
  const { net } = networkFrom(carried);
  const { count, x, y, weights } = sharedFrom(carried, net);
  const rows = {
    _rows: f32(many(carried.rows), 2),
    _row_labels: f32(many(carried.labels), 2),
  };
  const none = new DataView(new ArrayBuffer(0));
  const large = () =>
    page({
      ...rows,
      _cells_x: none,
      _cells_y: none,
      _parts_counts: count,
      _parts_x: encode(x),
      _parts_y: encode(Float32Array.from(y)),
      _parts_w: encode(Float32Array.from(weights)),
    });
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "performance"] });
    return () => vi.useRealTimers();
  });

  test("tells a loss when nothing has been changed for a moment, and the one that Python gives", () => {
    const [model, small] = [large(), page()];
    const loss = () => read(model, "loss") as number | null;
    const truth = () => read(small, "loss") as number;
    expect(loss()).toBeCloseTo(truth(), 6);
    const first = loss();
    for (const threshold of [0.118, 0.125, 0.2]) {
      for (const one of [model, small]) write(one, { node_threshold: threshold });
      expect(loss()).toBeNull();
      expect(read(model, "active_edges")).toBe(read(small, "active_edges"));
      vi.advanceTimersByTime(200);
      expect(loss()).toBeNull();
    }
    vi.advanceTimersByTime(300);
    expect(loss()).toBeCloseTo(truth(), 6);
    expect(loss()).not.toBeCloseTo(first!, 3);
    const step = commands(model).at(-1)!;
    expect(step.loss_after).toBe(loss());
    expect(stepWords(step, INDICES)).toBe(stepWords(commands(small).at(-1)!, INDICES));
    model.send({ do: "undo" });
    expect(loss()).toBe(first); // it is known
    model.send({ do: "redo" });
    expect(loss()).toBeCloseTo(truth(), 6);
    expect(commands(model).at(-1)).toEqual(step);
  });

  test("gets the curves over its sliders and the prices of its cards in the end", () => {
    const [model, small] = [large(), page()];
    for (const one of [model, small]) write(one, { selected: [[0, 1, 1]] });
    vi.advanceTimersByTime(1000);
    for (const name of ["_tradeoff_node", "_tradeoff_edge"]) {
      const [found, truth] = [doubles(model, name), doubles(small, name)];
      expect(found.length).toBe(truth.length);
      for (const [k, value] of found.entries()) expect(value).toBeCloseTo(truth[k]!, 6);
    }
    const price = (one: StandaloneModel) => (read(one, "_prices") as [unknown, number][])[0]![1];
    expect(price(model)).toBeCloseTo(price(small), 6);
  });
});

test("a page's script keeps the scores that its thresholds are in", () => {
  for (const lines of [
    "session = PruningSession(model, dataset, score='ablation')\n",
    "session = PruningSession(model, dataset)\nsession.rescore('ablation')\n",
  ]) {
    const start = `from kanwidget import PruningSession\n\n${lines}`;
    const model = page({ _origin: { script: start, keep_mean: true, committed: false }, keep_mean: true });
    expect(read(model, "_script")).toBe(start);
    expect(textOf(model, 0)).toBe("the model as it came");
    write(model, { removed_edges: [[0, 1, 2]] });
    expect(read(model, "_script")).toBe(
      `${start}session.set(removed_edges=[(0, 1, 2)])\nsession.commit()  # the model stays so when the session is gone\n`,
    );
  }
});

describe("a long session on a page and the same one in Python", () => {
  test("agree after every step: on state, mask, loss, words and script", () => {
    const model = page();
    for (const [k, step] of steps.entries()) {
      if (step.write) write(model, step.write);
      if (step.send) model.send(step.send);
      const said = `step ${k}: ${JSON.stringify(step.write ?? step.send)}`;
      expect(decided(model), said).toEqual(step.state);
      expect(maskIn(model), said).toEqual(step.mask);
      expect(read(model, "active_edges"), said).toBe(step.mask.filter(Boolean).length);
      expect(read(model, "loss"), said).toBeCloseTo(step.loss, 9);
      expect(read(model, "_current"), said).toBe(step.current);
      expect(commands(model).length, said).toBe(step.commands);
      expect(read(model, "_script"), said).toBe(step.script);
      if (step.current > 0) expect(textOf(model, step.current), said).toBe(step.text);
    }
    expect(commands(model).map(({ note }) => note)).toEqual(history.notes);
    expect(
      commands(model)
        .slice(1)
        .map(({ parent }) => parent),
    ).toEqual(history.parents);
    expect(history.texts.slice(1)).toEqual(history.texts.slice(1).map((_, k) => textOf(model, k + 1)));
    expect(steps.length).toBeGreaterThan(100);
  });
});

describe("undo and redo", () => {
  test("lead back through any session exactly as it came", () => {
    const random = randomNumbers(12);
    const model = page();
    const seen = [decided(model)];
    for (let k = 0; k < 60; k++) {
      const edges = [0, 1, 2].filter(() => random() < 0.5).map((j) => [0, Math.floor(2 * random()), j]);
      const wishes = [{ removed_edges: edges }, { keep_mean: random() < 0.5 }, { kept_nodes: [[1, k % 3]] }];
      write(model, { node_threshold: random(), ...wishes[k % 3] });
      if (read(model, "_current") === seen.length) seen.push(decided(model));
    }
    const counted = () => [read(model, "loss"), read(model, "active_edges"), maskIn(model)];
    const end = counted();
    for (const state of seen.toReversed()) {
      expect(decided(model)).toEqual(state);
      model.send({ do: "undo" });
    }
    for (const state of seen) {
      expect(decided(model)).toEqual(state);
      model.send({ do: "redo" });
    }
    expect(counted()).toEqual(end);
  });

  test("go the way that was last taken, also by a jump", () => {
    const model = page();
    write(model, { removed_edges: [[0, 0, 0]] });
    model.send({ do: "undo" });
    write(model, { removed_edges: [[0, 1, 1]] });
    for (const id of [1, 2, 1]) {
      model.send({ do: "jump", id });
      model.send({ do: "undo" });
      model.send({ do: "redo" });
      expect(read(model, "_current")).toBe(id);
    }
  });

  test("a slider that is dragged is one command, and an act in between ends it", () => {
    const model = page();
    for (const node_threshold of [0.01, 0.02, 0.03]) write(model, { node_threshold });
    expect(commands(model).length).toBe(2);
    write(model, { edge_threshold: 0.01 });
    write(model, { node_threshold: 0.04 });
    expect(commands(model).length).toBe(4);
    model.send({ do: "undo" });
    write(model, { edge_threshold: 0.02 });
    expect(commands(model).length).toBe(5);
    expect(commands(model).at(-1)).toMatchObject({ id: 4, parent: 2 });
  });

  test("two thresholds are one step where the second goes on with the first", () => {
    const model = page();
    const count = commands(model).length;
    write(model, { node_threshold: 0.03 });
    model.send({ do: "same_step" });
    write(model, { edge_threshold: 0.02 });
    expect(commands(model).length).toBe(count + 1);
    write(model, { edge_threshold: 0.01 });
    expect(commands(model).length).toBe(count + 2);
    model.send({ do: "undo" });
    expect(decided(model)).toMatchObject({ node_threshold: 0.03, edge_threshold: 0.02 });
    model.send({ do: "same_step" });
    model.send({ do: "undo" });
    expect(decided(model)).toMatchObject({ node_threshold: 0, edge_threshold: 0 });
    write(model, { edge_threshold: 0.02 });
    expect(commands(model).at(-1)).toMatchObject({ id: count + 2, parent: 0 });
  });

  test("a slider that ends where it began leaves no step", () => {
    const model = page();
    write(model, { node_threshold: 0.01 });
    model.send({ do: "new_step" });
    write(model, { edge_threshold: 0.5 });
    model.send({ do: "undo" });
    write(model, { edge_threshold: 0.02 });
    write(model, { edge_threshold: 0.03 });
    write(model, { edge_threshold: 0 });
    expect(commands(model).map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(read(model, "_current")).toBe(1);
    write(model, { edge_threshold: 0.04 });
    expect(commands(model).at(-1)).toMatchObject({ id: 3, parent: 1 });
    model.send({ do: "undo" });
    model.send({ do: "undo" });
    expect(decided(model)).toMatchObject({ node_threshold: 0, edge_threshold: 0 });
  });
});

describe("numbers", () => {
  test("are written as Python writes them", () => {
    for (const [value, ...said] of numbers) {
      expect([repr(value), general(value, 3), general(value, 4)]).toEqual(said.slice(0, 3));
    }
    expect([NaN, Infinity, -Infinity].map((value) => general(value, 4))).toEqual(["nan", "inf", "-inf"]);
    expect([-0.5, -12345678, 1e22].map(repr)).toEqual(["-0.5", "-12345678.0", "1e+22"]);
  });

  test("in a script are the shortest that lead to the same mask, as Python finds them", () => {
    const { net } = networkFrom(carried);
    for (const [value, , , , node, edge] of numbers) {
      const edits = { ...NO_EDITS, nodeThreshold: value, edgeThreshold: value };
      const { nodeThreshold, edgeThreshold } = shortestThresholds(net, { ...START, edits }).edits;
      expect([repr(nodeThreshold), repr(edgeThreshold)], `${value}`).toEqual([node, edge]);
    }
    expect(numbers.length).toBeGreaterThan(80);
  });
});

describe("names of a page", () => {
  const samples = [-1, 0, 1];
  const net = networkFrom(carried).net;
  const [edge, other] = [...net.baseline.keys()].filter((e) => net.baseline[e]) as [number, number];
  const ids = edgeIndex(net, edge);
  const row: NameRow = [...ids, "sin", 2, 0.5, 1.5, -0.25];
  const named = (more: Traits = {}) =>
    page({ ...PLAIN_CURVES, _splines: true, _names: [row], _symbolic: [[...ids, "sin"]], ...more });
  const loss = (model: StandaloneModel) => read(model, "loss") as number;
  const back = { do: "unname", edge: ids };

  test("go and come back, each as a step whose loss is computed anew", () => {
    const [model, plain] = [named(), page(PLAIN_CURVES)];
    const first = loss(model);
    expect([...model.switchable]).toEqual([[edge, "sin"]]);
    expect(first).not.toBeCloseTo(loss(plain), 6);
    model.send(back);
    expect(read(model, "error")).toBe("");
    expect(loss(model)).toBeCloseTo(loss(plain), 12);
    expect([read(model, "_names"), read(model, "_symbolic")]).toEqual([[], []]);
    expect(textOf(model)).toContain("a spline again");
    expect(read(model, "_script")).toBe(`${carried.origin.script}session.unname(${ids.join(", ")})\n`);
    model.send({ do: "undo" });
    expect(loss(model)).toBe(first);
    expect(read(model, "_names")).toEqual([row]);
    expect(read(model, "_script")).toBe(carried.origin.script);
    model.send({ do: "redo" });
    expect(loss(model)).toBeCloseTo(loss(plain), 12);
    model.send({ do: "name", edge: ids, function: "sin" });
    expect(loss(model)).toBe(first);
    expect(textOf(model)).toContain("named sin");
    expect(commands(model)).toHaveLength(3);
    expect(read(model, "_script")).toBe(carried.origin.script);
  });

  test("leave the drawn curve to the spline", () => {
    const model = named();
    model.send(back);
    const drawn = [...decode(read(model, "_curves_y") as DataView, "float32").data];
    const { cells } = networkFrom(carried);
    for (const [k, x] of samples.entries()) {
      const sample = Array.from({ length: net.width[0]! }, () => x);
      const truth = trace(net, cells, net.baseline, true, sample).edges[edge]!;
      expect(drawn[3 * edge + k]).toBeCloseTo(truth, 5);
    }
    expect(drawn.filter((y, k) => y !== 0 && Math.floor(k / 3) !== edge)).toEqual([]);
    model.send({ do: "undo" });
    expect([...decode(read(model, "_curves_y") as DataView, "float32").data].every((y) => y === 0)).toBe(
      true,
    );
  });

  test("stay when thresholds and hand edits are reset, and stand in the script behind these", () => {
    const model = named();
    model.send(back);
    write(model, { removed_edges: [edgeIndex(net, other)] });
    const script = read(model, "_script") as string;
    expect(script.slice(carried.origin.script.length).split("\n")[0]).toContain(
      `removed_edges=[(${edgeIndex(net, other).join(", ")})]`,
    );
    expect(script).toContain(`)\nsession.unname(${ids.join(", ")})\nsession.commit()`);
    model.send({ do: "reset" });
    expect(read(model, "_names")).toEqual([]);
  });

  test("stay as they are where the page has no splines, and what it cannot do is said in words", () => {
    for (const model of [named({ _splines: false }), named({ _rows: new ArrayBuffer(0) })]) {
      expect(model.switchable.size).toBe(0);
      model.send(back);
      expect(read(model, "error")).toContain("no Python behind this page");
      expect(read(model, "_names")).toEqual([row]);
    }
    const model = named();
    for (const wrong of [[9, 9, 9], [0, 0], "all", null]) {
      model.send({ do: "unname", edge: wrong });
      expect(read(model, "error")).toContain("there is no edge");
    }
    model.send({ do: "name", edge: ids, function: "cos" });
    expect(read(model, "error")).toContain("no edge can be named 'cos'");
    expect(commands(model)).toHaveLength(1);
  });
});

describe("what a page begins with", () => {
  test("is the state in which Python left it, from which undo goes to the baseline", () => {
    const model = page({ node_threshold: 0.125, removed_edges: [[0, 1, 2]], keep_mean: true });
    expect(commands(model).map(({ kind }) => kind)).toEqual(["start", "set"]);
    expect(read(model, "_script")).toContain("removed_edges=[(0, 1, 2)]");
    expect(read(model, "_script")).toContain("keep_mean=True");
    model.send({ do: "undo" });
    expect(decided(model)).toMatchObject({ node_threshold: 0, removed_edges: [], keep_mean: false });
    expect(maskIn(model)).toEqual(carried.baseline);
    expect(read(model, "loss")).toBe(read(model, "baseline_loss"));
  });

  test("says how many rows the loss is of, and keeps no name of a metric that is not its own", () => {
    expect(read(page(), "loss_name")).toBe("test RMSE (12 rows)");
    expect(read(page({ loss_name: "test huber", _page_loss: "" }), "loss_name")).toBe(
      "RMS change of the outputs (12 rows)",
    );
    expect(read(page({ loss_name: "test RMSE", _page_loss: "" }), "loss_name")).toContain("RMS change");
    expect(read(page({ loss_name: "test l1_loss", _page_loss: "l1" }), "loss_name")).toBe(
      "test l1_loss (12 rows)",
    );
  });

  test("a metric that stayed in Python is replaced by how far the outputs move, which at first they have not", () => {
    const model = page({ loss_name: "test huber", _page_loss: "" });
    expect([read(model, "loss"), read(model, "baseline_loss")]).toEqual([0, 0]);
    write(model, { node_threshold: 9 });
    expect(read(model, "loss")).toBeGreaterThan(0.01);
  });

  test("torch's own losses are computed here, at every point of the curves too", () => {
    const usual = read(page(), "loss") as number;
    const model = page({ loss_name: "test mse_loss", _page_loss: "mse" });
    expect(read(model, "loss")).toBeCloseTo(usual ** 2, 12);
    const { lossKept } = lossCurveFrom(doubles(model, "_tradeoff_edge"));
    expect(lossKept[0]).toBe(read(model, "baseline_loss"));
  });

  test("what has not moved in Python has not moved here: rounding is no loss", () => {
    const name = "RMS change of the outputs";
    const model = page({ loss_name: name, _page_loss: "change", baseline_loss: 0 });
    expect([read(model, "baseline_loss"), read(model, "loss_name")]).toEqual([0, `${name} (12 rows)`]);
    const moved = page({ loss_name: name, _page_loss: "change", baseline_loss: 0.3 });
    expect(read(moved, "baseline_loss")).toBeGreaterThan(0);
  });

  test("without labels, the loss is how far the outputs moved", () => {
    const model = page({ _row_labels: new DataView(new ArrayBuffer(0)) });
    expect(read(model, "loss")).toBe(0);
    write(model, { node_threshold: 9 });
    expect(read(model, "loss")).toBeGreaterThan(0.01);
  });

  test("without rows, masks still work, and only losses are told that Python measured", () => {
    const model = page({ _rows: new DataView(new ArrayBuffer(0)), loss_name: "test huber" });
    expect([read(model, "loss"), read(model, "loss_name")]).toEqual([0.1, "test huber"]);
    write(model, { node_threshold: 9 });
    expect([read(model, "loss"), read(model, "active_edges")]).toEqual([null, 0]);
    expect(commands(model)[1]).toMatchObject({ loss_before: 0.1, loss_after: null });
    expect(stepWords(commands(model)[1]!, INDICES)).toMatch(/^node threshold 9: \d+ edges go$/);
    model.send({ do: "undo" });
    expect(read(model, "loss")).toBe(0.1);
  });

  test("without rows, a card's loss is told in the state in which Python measured it, and in no other", () => {
    const prices = [[[0, 1, 1], 0.2]];
    const model = page({
      _rows: new DataView(new ArrayBuffer(0)),
      loss_name: "test huber",
      node_threshold: 0.125,
      selected: [[0, 1, 1]],
      _prices: prices,
    });
    expect(read(model, "_prices")).toEqual(prices);
    write(model, { removed_edges: [[0, 0, 0]] });
    expect(read(model, "_prices")).toEqual([]);
    model.send({ do: "undo" });
    expect(read(model, "_prices")).toEqual(prices);
    model.send({ do: "undo" });
    expect([read(model, "loss"), read(model, "_prices")]).toEqual([0.1, []]);
  });

  test("arrays of another network are refused in words", () => {
    expect(() => page({ _bias: f64([1]) })).toThrow("do not fit a [2,3,1] network");
  });
});

describe("names of curves", () => {
  const formula = { mathml: "<math/>", error: "", loss: 0.5, loss_refit: 0.4, blame: [0, 0, 0, 0.1] };
  // The first edge that is on.
  const on = maskIn(page()).indexOf(1);
  const inputs = carried.width[0]!;
  const row: NameRow = [0, on % inputs, Math.floor(on / inputs), "sin", 2, 0.5, 3, 0];
  const named = { _names: [row], _formula: formula };

  test("are computed by their functions, not by tables", () => {
    const loss = read(page(named), "loss") as number;
    expect(loss).not.toBe(read(page(), "loss"));
    const { net, cells } = networkFrom({ ...carried, names: [row] });
    const mask = Uint8Array.from(maskIn(page()));
    const outputs = predict(net, cells, mask, carried.origin.keep_mean, Float32Array.from(carried.rows));
    expect(loss).toBeCloseTo(rmse(outputs, Float32Array.from(carried.labels)), 12);
  });

  test("make a formula that is told to be of another state as soon as it is", () => {
    const model = page(named);
    expect(read(model, "_formula")).toEqual(formula);
    write(model, { removed_edges: [[0, 1, 0]] });
    const then = read(model, "_formula") as typeof formula;
    expect(then.error).toContain("when the page was made");
    expect([then.loss, then.loss_refit, then.mathml]).toEqual([null, null, "<math/>"]);
    model.send({ do: "undo" });
    expect(read(model, "_formula")).toEqual(formula);
  });

  test("make a formula of another state when one of them goes", () => {
    const model = page({ ...named, ...PLAIN_CURVES, _splines: true });
    const [edge] = model.switchable.keys();
    model.send({ do: "unname", edge: edgeIndex(networkFrom(carried).net, edge!) });
    expect(read(model, "error")).toBe("");
    expect((read(model, "_formula") as typeof formula).error).toContain("when the page was made");
    model.send({ do: "undo" });
    expect(read(model, "_formula")).toEqual(formula);
  });
});

describe("acts", () => {
  let model: StandaloneModel;
  beforeEach(() => {
    model = page();
    write(model, { removed_edges: [[0, 0, 0]] });
  });
  const error = () => read(model, "error");

  test("that need Python are refused in words, and change nothing", () => {
    const before = decided(model);
    model.send({ do: "commit" });
    expect(error()).toMatch(/no Python behind this page/);
    expect(decided(model)).toEqual(before);
    model.send({ do: "undo" });
    expect(error()).toBe("");
    write(model, { score: "attribution", node_threshold: 0.01 });
    expect(error()).toMatch(/scores stay as they are/);
    expect([read(model, "score"), read(model, "node_threshold")]).toEqual(["l1", 0.01]);
    write(model, { node_threshold: 0.02 });
    expect(error()).toBe("");
  });

  test("that name no command are refused with what there is", () => {
    for (const id of [2, -1, 1e9]) {
      model.send({ do: "jump", id });
      expect(error()).toBe(`no command ${id}: there are 2, counted from 0`);
    }
    for (const id of [0.5, "1", null, undefined, NaN, {}, [[0]]]) {
      for (const message of [
        { do: "jump", id },
        { do: "note", id, text: "" },
        { do: "compare", ids: [0, id] },
      ]) {
        model.send(message);
        expect(error()).toMatch(/^a command has a whole number, got /);
      }
    }
  });

  test("that would do nothing are refused in words", () => {
    model.send({ do: "redo" });
    expect(error()).toBe("there is nothing to redo");
    model.send({ do: "undo" });
    expect(error()).toBe("");
    model.send({ do: "undo" });
    expect(error()).toBe("there is nothing to undo");
    model.send({ do: "remove_dead_ends" });
    expect(error()).toBe("there are no dead ends to remove");
  });

  test("compare tells for each edge in which of two commands it is on, and ends", () => {
    write(model, { removed_edges: [[0, 1, 1]] });
    model.send({ do: "compare", ids: [1, 2] });
    const [first, second] = [[0], [3]]; // flat ids of the edges that are off
    const bits = [...decode(read(model, "_compared") as DataView, "uint8").data];
    const on = (e: number, off: number[]) => (carried.baseline[e] && !off.includes(e) ? 1 : 0);
    expect(bits).toEqual(bits.map((_, e) => on(e, first!) + 2 * on(e, second!)));
    model.send({ do: "compare", ids: [] });
    expect((read(model, "_compared") as DataView).byteLength).toBe(0);
    model.send({ do: "compare", ids: [0] });
    expect(error()).toMatch(/two commands/);
  });

  test("a note stays with its command, which then stands by itself", () => {
    write(model, { node_threshold: 0.01 });
    model.send({ do: "note", id: 2, text: "too much" });
    write(model, { node_threshold: 0.02 });
    expect(commands(model).map(({ note }) => note)).toEqual(["", "", "too much", ""]);
    model.send({ do: "note", id: 0, text: `\ud83d\ude00\ud83d${"x".repeat(3000)}` });
    expect(commands(model)[0]!.note).toBe(`\ud83d\ude00?${"x".repeat(1998)}`);
  });

  test("that mean nothing are refused", () => {
    for (const name of ["format", "constructor", 3, null, undefined, {}]) {
      model.send({ do: name });
      expect(error()).toMatch(/^there is no act .*; there are undo, redo, .* and compare$/);
    }
    const before = commands(model);
    for (const content of [null, undefined, 3, "undo", [], {}]) model.send(content);
    expect(commands(model)).toBe(before);
  });
});

describe("costs", () => {
  test("the trade-offs follow all but their own threshold", () => {
    const model = page({ keep_mean: true });
    const [node, edge] = [read(model, "_tradeoff_node"), read(model, "_tradeoff_edge")];
    const curves = lossCurveFrom(doubles(model, "_tradeoff_edge"));
    write(model, { edge_threshold: thresholdFor(curves, 0.2)! });
    expect(read(model, "_tradeoff_edge")).toBe(edge);
    expect(read(model, "_tradeoff_node")).not.toBe(node);
    expect(read(model, "loss")).toBeLessThanOrEqual(1.2 * (read(model, "baseline_loss") as number));
    write(model, { edge_threshold: 0 });
    for (const threshold of curves.thresholds) {
      write(model, { edge_threshold: threshold });
      const k = curves.thresholds.indexOf(threshold);
      expect(read(model, "loss")).toBe(curves.lossKept[k]);
      expect(read(model, "active_edges")).toBe(curves.activeEdges[k]);
    }
  });

  test("a price is the loss after the switch that it is for", () => {
    const model = page();
    write(model, {
      selected: [
        [0, 1, 1],
        [1, 2],
      ],
    });
    const prices = read(model, "_prices") as [number[], number][];
    expect(prices.map(([ids]) => ids)).toEqual([
      [0, 1, 1],
      [1, 2],
    ]);
    write(model, { removed_edges: [[0, 1, 1]] });
    expect(read(model, "loss")).toBe(prices[0]![1]);
    write(model, { removed_edges: [], removed_nodes: [[1, 2]] });
    expect(read(model, "loss")).toBe(prices[1]![1]);
  });

  test("what takes long is unknown at first, comes in slices, and is never of an old state", () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      const { cases } = golden<{ cases: Tables[] }>("forward.json");
      const wide = cases[4]!;
      const rows = Array.from({ length: 4 * 256 }, (_, k) => Math.sin(k));
      const model = standaloneModel(traitsOf({ ...wide, rows, labels: new Array(256).fill(0) }));
      const size = () => (read(model, "_tradeoff_edge") as DataView).byteLength;
      expect(size()).toBe(0);
      write(model, { node_threshold: 0.01 });
      const told = vi.fn();
      model.on("change:_tradeoff_edge", told);
      vi.runAllTimers();
      expect(told).toHaveBeenCalledTimes(1);
      const { lossZeroed, activeEdges } = lossCurveFrom(doubles(model, "_tradeoff_edge"));
      expect(activeEdges[0]).toBe(read(model, "active_edges"));
      write(model, { keep_mean: false });
      expect(lossZeroed[0]).toBeCloseTo(read(model, "loss") as number, 12);
    } finally {
      vi.useRealTimers();
    }
  });

  test("prices of what is no longer selected do not come late", () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      const rows = Array.from({ length: 4 * 256 }, (_, k) => Math.sin(k));
      const wide = golden<{ cases: Tables[] }>("forward.json").cases[4]!;
      const model = standaloneModel(traitsOf({ ...wide, rows, labels: new Array(256).fill(0) }));
      const all = Array.from({ length: 50 }, (_, k) => [1, k % 10, Math.floor(k / 10)]);
      write(model, { selected: all });
      expect(read(model, "_prices")).toEqual([]);
      write(model, { selected: all.slice(0, 1) });
      expect(read(model, "_prices")).toHaveLength(1);
      vi.runAllTimers();
      expect(read(model, "_prices")).toHaveLength(1);
      write(model, { selected: all });
      vi.runAllTimers();
      expect(read(model, "_prices")).toHaveLength(50);
    } finally {
      vi.useRealTimers();
    }
  });

  test("an answer takes less than 10 ms on the demo's network with 256 rows", () => {
    const rows = Array.from({ length: 2 * 256 }, (_, k) => Math.sin(k));
    const demo = golden<{ cases: Tables[] }>("forward.json").cases[0]!;
    const model = standaloneModel(traitsOf({ ...demo, rows, labels: new Array(256).fill(0) }));
    const times = Array.from({ length: 60 }, (_, k) => {
      const start = performance.now();
      write(model, { node_threshold: k / 60, removed_edges: [[0, 0, k % 5]] });
      return performance.now() - start;
    });
    expect(times.slice(20).sort((a, b) => a - b)[20]).toBeLessThan(10);
    expect((read(model, "_tradeoff_edge") as DataView).byteLength).toBeGreaterThan(0);
  });
});

describe("the host's side of the model", () => {
  test("listeners hear of what changed once all of it has, and not again when it has not", () => {
    const model = page();
    const heard: unknown[] = [];
    const listen = () => heard.push([read(model, "active_edges"), maskIn(model).filter(Boolean).length]);
    model.on("change:_mask", listen);
    model.on("change:active_edges", listen);
    write(model, { removed_edges: [[0, 1, 1]] });
    const left = carried.baseline.filter(Boolean).length - 1;
    expect(heard).toEqual([
      [left, left],
      [left, left],
    ]);
    write(model, { removed_edges: [[0, 1, 1]] });
    model.off("change:_mask", listen);
    model.off("change:active_edges", listen);
    model.send({ do: "undo" });
    expect(heard.length).toBe(2);
  });

  test("writing nothing, or what is so already, makes no command", () => {
    const model = page();
    model.save_changes();
    write(model, { node_threshold: 0, keep_mean: carried.origin.keep_mean });
    expect(commands(model).length).toBe(1);
  });

  test("bytes come back as they were packed, alone and from base64", () => {
    const random = randomNumbers(4);
    const some = Array.from({ length: 12 }, () => 256 * random());
    for (const data of [Float32Array.from(some), Float64Array.from(some), Uint8Array.from(some)]) {
      const name = { 1: "uint8", 4: "float32", 8: "float64" }[data.BYTES_PER_ELEMENT] as "float32";
      const bytes = encode(data, [3, 4], 77);
      expect(decode(bytes, name)).toEqual({ sequence: 77, shape: [3, 4], data });
      const base64 = Buffer.from(bytes.buffer).toString("base64");
      expect(decode(fromBase64(base64), name).data).toEqual(data);
    }
  });
});

describe("hostile writes", () => {
  const circular: unknown[] = [];
  circular.push(circular);
  const values = [
    null,
    undefined,
    true,
    -1,
    1e308,
    NaN,
    Infinity,
    -0,
    0.3,
    10n,
    "",
    "up",
    "network",
    Symbol("s"),
    () => 1,
    {},
    [],
    [[]],
    [[0]],
    [[0, 0]],
    [[1, 1]],
    [[0, 0, 0]],
    [
      [0, 1, 2],
      [0, 1, 2],
    ],
    [[0, 2, 0]],
    [[0, -1, 0]],
    [[0.5, 0, 0]],
    [[9, 0, 0]],
    [[0, 0, NaN]],
    [["0", 0, 0]],
    new Array(3),
    [new Array(3)],
    [0.5, -0.5],
    [1, Infinity],
    new Array(10_000).fill([0, 1, 1]),
    circular,
    new Float64Array(3),
    new DataView(new ArrayBuffer(9)),
  ]; // prettier-ignore
  const names = [
    ...Object.keys(traitsOf(carried)),
    "_history",
    "_script",
    "__proto__",
    "constructor",
    "nonsense",
  ];

  test("leave the page in a state that is one, with everything in it in agreement", () => {
    const random = randomNumbers(99);
    const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
    const model = page();
    const { net } = networkFrom(carried);
    const fixed = ["_width", "_scores", "_baseline", "_rows", "in_vars", "score", "loss_name"];
    const before = fixed.map((name) => read(model, name));
    for (let k = 0; k < 2000; k++) {
      const wishes: Traits = {};
      for (let n = 0; n <= k % 3; n++) wishes[pick(n === 0 ? DECIDED : names)] = pick(values);
      write(model, wishes);
      if (k % 5 === 0)
        model.send({
          do: pick(["undo", "redo", "jump", "note", "compare"]),
          id: pick(values),
          ids: pick(values),
          text: pick(values),
        });
      const state = decided(model) as unknown as {
        node_threshold: number;
        edge_threshold: number;
        [name: string]: unknown;
      };
      expect(state.node_threshold).toBeGreaterThanOrEqual(0);
      const ids = (name: string) =>
        new Set(
          (state[name] as number[][]).map(([l, i, j]) =>
            j === undefined ? net.nodeOffset[l!]! + i! : net.edgeOffset[l!]! + j * net.width[l!]! + i!,
          ),
        );
      const mask = maskOf(net, {
        nodeThreshold: state.node_threshold,
        edgeThreshold: state.edge_threshold,
        removedEdges: ids("removed_edges"),
        keptEdges: ids("kept_edges"),
        removedNodes: ids("removed_nodes"),
        keptNodes: ids("kept_nodes"),
      });
      expect(maskIn(model)).toEqual([...mask]);
      expect(read(model, "active_edges")).toBe(mask.filter(Boolean).length);
      expect(Number.isFinite(read(model, "loss"))).toBe(true);
    }
    expect(fixed.map((name) => read(model, name))).toEqual(before);
    expect(["auto", "network", "matrix"]).toContain(read(model, "view"));
    expect(["right", "up"]).toContain(read(model, "orientation"));
    expect(read(model, "nonsense")).toBeUndefined();
    expect(commands(model).length).toBeGreaterThan(100);
  });

  test("of a selection count up to 64 things that exist, each once, in their order", () => {
    const { cases } = golden<{ cases: Tables[] }>("forward.json");
    const model = standaloneModel(traitsOf(cases[4]!));
    const edges = Array.from({ length: 50 }, (_, k) => [1, k % 10, Math.floor(k / 10)]);
    const nodes = Array.from({ length: 20 }, (_, k) => [k < 10 ? 1 : 2, k % 10]);
    write(model, { selected: [...nodes, [0, 9, 9], ...edges, ...nodes] });
    const real = nodes.filter(([l, i]) => l === 1 || i! < 5);
    expect(read(model, "selected")).toEqual([...real, ...edges].slice(0, 64));
  });

  test("of edges into slots are as good as others, and holes are no numbers", () => {
    const { net } = networkFrom(golden<{ cases: Tables[] }>("forward.json").cases.at(-1)!);
    expect(slotCount(net, 0)).toBe(4);
    expect(sanitize(net, "removed_edges", [[0, 1, 3], new Array(3), [0, 1, 4], [1, 0, 2]])).toEqual([
      [0, 1, 3],
      [1, 0, 2],
    ]);
    expect(sanitize(net, "probe", new Array(2))).toBeUndefined();
    expect(sanitize(net, "toString", "x")).toBeUndefined();
  });

  test("do not keep a list of the view's own, which it may change", () => {
    const model = page();
    const list = [[0, 1, 1]];
    write(model, { removed_edges: list });
    list[0]![0] = 7;
    expect(read(model, "removed_edges")).toEqual([[0, 1, 1]]);
  });
});
