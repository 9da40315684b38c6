import { expect, test } from "vitest";
import { layout } from "../../src/layout";
import { type Edits, edgeId, NO_EDITS } from "../../src/network";
import { between, buildScene, createUnitCurves, type Easing, strengthOf } from "../../src/scene";
import { type Action, type Known, reduce } from "../../src/state";
import { networkOf, SAMPLES, sampleCurves, syncedOf } from "../fake";

const net = networkOf([2, 5, 1]);
const room = { width: 900, inNames: 20, outNames: 30 };
const synced = (edits: Partial<Edits> = {}): Action => ({
  type: "synced",
  reading: syncedOf(net, { edits: { ...NO_EDITS, ...edits } }),
});
const after = (...actions: Action[]) => actions.reduce(reduce, null as Known | null)!;

function shapesOf(known: Known, easing: Easing | null = null) {
  const made = layout(net, known.settled, room);
  const scene = buildScene(made, known, easing);
  return { made, scene, edge: (id: number) => scene.edges.find((shape) => shape.edge === id)! };
}

test("what a drag would take keeps its box and its place, and is marked", () => {
  const fresh = shapesOf(after(synced()));
  const { scene, edge } = shapesOf(after(synced(), { type: "dragged", axis: "node", value: 0.05 }));
  expect(scene.edges.filter((shape) => shape.look === "taking")).toHaveLength(9);
  for (const { edge: e, box } of fresh.scene.edges) expect(edge(e).box).toEqual(box);
  expect(scene.nodes.slice(2, 7).map((node) => node.look)).toEqual([
    "taking",
    "taking",
    "taking",
    "on",
    "on",
  ]);
});

test("once let go, what the threshold took is a line without a box", () => {
  const { scene } = shapesOf(after(synced({ nodeThreshold: 0.05 })));
  const taken = scene.edges.filter((shape) => shape.look === "taken");
  expect(taken).toHaveLength(9);
  expect(taken.every((shape) => shape.box === null)).toBe(true);
});

test("what comes back in a drag has a small box on its line, where its button is", () => {
  const known = after(synced({ nodeThreshold: 0.05 }), { type: "dragged", axis: "node", value: 0.005 });
  const { made, edge } = shapesOf(known);
  const back = edge(edgeId(net, [0, 0, 2]));
  expect(back.look).toBe("on");
  expect(back.box).toEqual(made.places.get(back.edge)!.anchor);
});

test("what is off by hand looks another way than what a threshold took; kept edges are marked", () => {
  const removed = edgeId(net, [0, 0, 4]);
  const kept = edgeId(net, [0, 0, 0]);
  const known = after(
    synced({ nodeThreshold: 0.05, removedEdges: new Set([removed]), keptEdges: new Set([kept]) }),
  );
  const { edge } = shapesOf(known);
  expect(edge(removed).look).toBe("off");
  expect(edge(edgeId(net, [0, 1, 0])).look).toBe("taken");
  expect(edge(kept)).toMatchObject({ look: "on", kept: true });
});

test("easing begins where the old layout was and ends where the new one is", () => {
  const from = shapesOf(after(synced()));
  const known = after(synced({ nodeThreshold: 0.05 }));
  const to = shapesOf(known);
  const start = shapesOf(known, { from: from.made, t: 0 });
  const end = shapesOf(known, { from: from.made, t: 1 });
  for (const { edge: e, path, box } of from.scene.edges) {
    expect(start.edge(e).path).toEqual(path);
    expect(start.edge(e).box).toEqual(box);
    expect(end.edge(e).path).toEqual(to.edge(e).path);
  }
  const gone = end.edge(edgeId(net, [0, 0, 0]));
  expect(gone.presence).toBe(0);
});

test("an easing that is interrupted goes on from where it was", () => {
  const [all, few] = [after(synced()), after(synced({ nodeThreshold: 0.05 }))];
  const [from, to] = [shapesOf(all).made, shapesOf(few).made];
  const halfway = shapesOf(few, { from, t: 0.6 });
  const back = shapesOf(all, { from: between(from, to, 0.6), t: 0 });
  for (const { edge: e, path } of halfway.scene.edges) expect(back.edge(e).path).toEqual(path);
});

test("an edge that is on is legible however small its score", () => {
  expect(strengthOf(0)).toBe(0.35);
  expect(strengthOf(Number.NaN)).toBe(0.35);
  expect(strengthOf(0.3)).toBeCloseTo(Math.tanh(0.9), 12);
  expect(strengthOf(100)).toBe(1);
});

test("a curve fills the unit square; a constant one is in the middle", () => {
  const curves = sampleCurves(net);
  const { y } = curves;
  y.fill(0.1, 3 * SAMPLES, 4 * SAMPLES);
  const curve = createUnitCurves(net, curves);
  const [u, v] = [0, 1].map((d) => [...curve(4)].filter((_, k) => k % 2 === d)) as [number[], number[]];
  expect([Math.min(...u), Math.max(...u), Math.min(...v), Math.max(...v)]).toEqual([0, 1, 0, 1]);
  const greatest = y
    .subarray(4 * SAMPLES, 5 * SAMPLES)
    .reduce((best, value, k, all) => (value > all[best]! ? k : best), 0);
  expect(v[greatest]).toBe(1);
  expect([...curve(3)].filter((_, k) => k % 2 === 1)).toEqual(Array(SAMPLES).fill(0.5));
});
