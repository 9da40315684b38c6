import { expect, test } from "vitest";
import { alphaOf, lineWidthOf } from "../../src/canvas/ink";
import { type Edits, NO_EDITS } from "../../src/model/mask";
import { edgeId } from "../../src/model/network";
import { type Action, reduce, type ViewState } from "../../src/state/view-state";
import { type Layout, layout } from "../../src/views/network/layout";
import { between, buildScene, createNormalizedCurves, inBox } from "../../src/views/network/scene";
import { networkOf, SAMPLES, sampleCurves, syncedOf } from "../fake";

const net = networkOf([2, 5, 1]);
const room = { width: 900, inNames: 20, outNames: 30 };
const synced = (edits: Partial<Edits> = {}): Action => ({
  type: "synced",
  reading: syncedOf(net, { edits: { ...NO_EDITS, ...edits } }),
});
const after = (...actions: Action[]) => actions.reduce(reduce, null as ViewState | null)!;

function shapesOf(known: ViewState, from: { made: Layout } | null = null, t = 1) {
  const made = layout(known.net, known.layoutMask, room);
  const scene = buildScene(from ? between(from.made, made, t) : made, known);
  return { made, scene, edge: (id: number) => scene.edges.find((shape) => shape.edge === id)! };
}

test("what a drag would take keeps its box and its place, and is marked", () => {
  const fresh = shapesOf(after(synced()));
  const { scene, edge } = shapesOf(after(synced(), { type: "dragged", axis: "node", value: 0.05 }));
  expect(scene.edges.filter((shape) => shape.look === "removing")).toHaveLength(9);
  for (const { edge: e, box } of fresh.scene.edges) expect(edge(e).box).toEqual(box);
  expect(scene.nodes.slice(2, 7).map((node) => node.look)).toEqual([
    "removing",
    "removing",
    "removing",
    "on",
    "on",
  ]);
});

test("once let go, what the threshold took is a line without a box", () => {
  const { scene } = shapesOf(after(synced({ nodeThreshold: 0.05 })));
  const removed = scene.edges.filter((shape) => shape.look === "removed");
  expect(removed).toHaveLength(9);
  expect(removed.every((shape) => shape.box === null)).toBe(true);
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
  expect(edge(edgeId(net, [0, 1, 0])).look).toBe("removed");
  expect(edge(kept)).toMatchObject({ look: "on", kept: true });
});

test("easing begins where the old layout was and ends where the new one is, nodes too", () => {
  const from = shapesOf(after(synced()));
  const known = after(synced({ nodeThreshold: 0.05 }));
  const to = shapesOf(known);
  const start = shapesOf(known, from, 0);
  const nearly = shapesOf(known, from, 1 - 1e-9);
  const end = shapesOf(known, from, 1);
  for (const { edge: e, path, box } of from.scene.edges) {
    expect(start.edge(e).path).toEqual(path);
    expect(start.edge(e).box).toEqual(box);
    expect(end.edge(e).path).toEqual(to.edge(e).path);
  }
  expect(start.scene.nodes.map(({ x, y, r }) => [x, y, r])).toEqual(
    from.scene.nodes.map(({ x, y, r }) => [x, y, r]),
  );
  expect(end.scene.nodes).toEqual(to.scene.nodes);
  expect(to.scene.nodes[2]).not.toEqual(from.scene.nodes[2]);
  expect(nearly.edge(edgeId(net, [0, 0, 0])).presence).toBeCloseTo(0, 6);
  expect(end.edge(edgeId(net, [0, 0, 0])).box).toBeNull();
});

test("upwards, nodes ease along their rows", () => {
  const up = (known: ViewState) => layout(net, known.layoutMask, { ...room, orientation: "up" });
  const [from, to] = [up(after(synced())), up(after(synced({ nodeThreshold: 0.05 })))];
  const halfway = between(from, to, 0.5);
  expect(from.nodeX[2]).not.toBe(to.nodeX[2]);
  expect(halfway.nodeX[2]).toBeCloseTo((from.nodeX[2]! + to.nodeX[2]!) / 2, 9);
});

test("an easing that is interrupted goes on from where it was", () => {
  const [all, few] = [after(synced()), after(synced({ nodeThreshold: 0.05 }))];
  const halfway = shapesOf(few, shapesOf(all), 0.6);
  const there = between(shapesOf(all).made, shapesOf(few).made, 0.6);
  const back = shapesOf(all, { made: there }, 0);
  for (const { edge: e, path, presence } of halfway.scene.edges) {
    expect(back.edge(e).path).toEqual(path);
    expect(back.edge(e).presence).toBeCloseTo(presence, 12);
  }
});

test("a hidden node that feeds only dead nodes, or is fed by none, is hollow", () => {
  const deep = networkOf([1, 2, 2, 1]);
  const removedEdges = new Set([edgeId(deep, [1, 0, 1]), edgeId(deep, [2, 0, 0])]);
  const reading = syncedOf(deep, { edits: { ...NO_EDITS, removedEdges } });
  const { scene } = shapesOf(reduce(null, { type: "synced", reading })!);
  expect(scene.nodes.map(({ look }) => look)).toEqual(["on", "idle", "on", "off", "on", "on"]);
});

test("a formula is with its edge, and where two compared states differ is said", () => {
  const known = after({ type: "synced", reading: syncedOf(net, { symbolic: new Map([[3, "x^2"]]) }) });
  const bits = new Uint8Array(15).fill(3);
  bits.set([1, 2, 0], 4);
  const scene = buildScene(layout(net, known.layoutMask, room, known.symbolic), known, { compared: bits });
  expect(scene.comparing).toBe(true);
  const edge = (id: number) => scene.edges.find((shape) => shape.edge === id)!;
  expect([3, 4, 5, 6].map((id) => edge(id).difference)).toEqual([null, "first", "second", null]);
  expect([edge(3).formula, edge(3).label, edge(4).formula]).toEqual(["x^2", "under", null]);
});

test("an edge that is on is legible however small its score, and the strongest has a line four times as wide", () => {
  expect([alphaOf(0), alphaOf(1)]).toEqual([0.5, 1]);
  expect([lineWidthOf(0), lineWidthOf(1)]).toEqual([0.75, 3]);
});

test("a curve fills the unit square; a constant one is in the middle", () => {
  const curves = sampleCurves(net);
  const { y } = curves;
  y.fill(0.1, 3 * SAMPLES, 4 * SAMPLES);
  const curve = createNormalizedCurves(net, curves);
  const [u, v] = [0, 1].map((d) => [...curve(4)].filter((_, k) => k % 2 === d)) as [number[], number[]];
  expect([Math.min(...u), Math.max(...u), Math.min(...v), Math.max(...v)]).toEqual([0, 1, 0, 1]);
  const greatest = y
    .subarray(4 * SAMPLES, 5 * SAMPLES)
    .reduce((best, value, k, all) => (value > all[best]! ? k : best), 0);
  expect(v[greatest]).toBe(1);
  expect([...curve(3)].filter((_, k) => k % 2 === 1)).toEqual(Array(SAMPLES).fill(0.5));
});

test("a point of an edge's function lies on its curve in the box, and on the border beyond the drawn range", () => {
  const curves = sampleCurves(net);
  const curve = createNormalizedCurves(net, curves);
  const k = 20;
  const [x, y] = [curves.x[net.source[7]! * SAMPLES + k]!, curves.of(7)[k]!];
  const [u, v] = curve.at(7, x, y);
  expect(u).toBeCloseTo(curve(7)[2 * k]!, 6);
  expect(v).toBeCloseTo(curve(7)[2 * k + 1]!, 6);
  expect(curve.at(7, 5, -100)).toEqual([1, 0]);
  expect(inBox({ x: 10, y: 20, side: 100 }, 0, 0)).toEqual([22, 108]);
  expect(inBox({ x: 10, y: 20, side: 100 }, 1, 1)).toEqual([98, 32]);
});

test("what has just been switched off by hand is a ghost in its place until the pointer leaves", () => {
  const removed = edgeId(net, [0, 1, 3]);
  const held = after(synced(), { type: "held", held: true }, synced({ removedEdges: new Set([removed]) }));
  const [before, ghost] = [shapesOf(after(synced())), shapesOf(held)];
  expect(ghost.edge(removed)).toMatchObject({ look: "off", ghost: true, visible: true });
  expect(ghost.edge(removed).box).toEqual(before.edge(removed).box);
  const gone = shapesOf(reduce(held, { type: "held", held: false })!).edge(removed);
  expect(gone).toMatchObject({ look: "off", ghost: false, box: null });
});

test("what is off can be hidden, but for ghosts, for what a drag removes and for what differs", () => {
  const known = after(synced({ nodeThreshold: 0.05 }));
  const made = layout(net, known.layoutMask, room);
  const hidden = buildScene(made, known, { hidesRemoved: true });
  for (const { edge, visible } of hidden.edges) expect(visible, `${edge}`).toBe(known.mask[edge] === 1);
  expect(hidden.nodes.map(({ visible }) => visible)).toEqual([...known.nodesOn].map((on) => on === 1));
  expect(buildScene(made, known).edges.every(({ visible }) => visible)).toBe(true);
  const bits = new Uint8Array(15).fill(3);
  bits[0] = 1;
  const compared = buildScene(made, known, { hidesRemoved: true, compared: bits });
  expect(compared.edges.find(({ edge }) => edge === 0)!.visible).toBe(true);
  const dragged = after(synced(), { type: "dragged", axis: "node", value: 0.05 });
  const taken = buildScene(layout(net, dragged.layoutMask, room), dragged, { hidesRemoved: true });
  expect(taken.edges.every(({ visible }) => visible)).toBe(true);
});

test("sums and products have their signs, inputs have none", () => {
  const { scene } = shapesOf(after(synced()));
  expect(scene.nodes.map(({ sign }) => sign)).toEqual([null, null, ...Array(6).fill("sum")]);
});

test("with one scale for each node a flat curve looks flat beside a steep one", () => {
  const curves = sampleCurves(net);
  const into = [0, 1].map((i) => edgeId(net, [0, i, 2]));
  for (let k = 0; k < SAMPLES; k++) {
    curves.y[into[0]! * SAMPLES + k] = -1 + (4 * k) / (SAMPLES - 1);
    curves.y[into[1]! * SAMPLES + k] = 0.1 * Math.sin(k);
  }
  const height = (curve: ReturnType<typeof createNormalizedCurves>, e: number) => {
    const v = [...curve(e)].filter((_, k) => k % 2 === 1);
    return Math.max(...v) - Math.min(...v);
  };
  const [own, shared] = [false, true].map((each) => createNormalizedCurves(net, curves, each));
  expect(into.map((e) => height(own!, e))).toEqual([1, 1]);
  expect(height(shared!, into[0]!)).toBe(1);
  expect(height(shared!, into[1]!)).toBeLessThan(0.06);
  expect(shared!.range(into[1]!)).toEqual([-1, 3]);
  // Zero is at one height in both.
  expect(into.map((e) => shared!.at(e, 0, 0)[1])).toEqual([0.25, 0.25]);
});

test("curves that came in steps have the form of the same values as numbers", () => {
  const net = networkOf([2, 3]);
  const samples = 5;
  const x = Float32Array.from([-2, -1, 0, 1, 2, 0, 1, 2, 3, 4]);
  const ranges = Float32Array.from([-1, 1, 0, 0, 3, 4, 1e6, 1e6 + 0.1, -5, 20, 0, 1e-9]);
  const y = Uint8Array.from({ length: 30 }, (_, k) => [0, 255, 13, 200, 77][k % 5]!);
  const of = (e: number) =>
    Float32Array.from({ length: 5 }, (_, k) => {
      const [low, high] = [ranges[2 * e]!, ranges[2 * e + 1]!];
      return low + (y[5 * e + k]! / 255) * (high - low);
    });
  const baseOf = () => null;
  for (const shared of [false, true]) {
    const packed = createNormalizedCurves(net, { samples, x, of, baseOf, steps: { y, ranges } }, shared);
    const plain = createNormalizedCurves(net, { samples, x, of, baseOf, steps: null }, shared);
    for (let e = 0; e < 6; e++) {
      expect(packed.range(e)).toEqual(plain.range(e));
      packed(e).forEach((value, k) => {
        expect(value).toBeCloseTo(plain(e)[k]!, 6);
      });
      expect(packed(e)[4]).toBeCloseTo(packed.at(e, x[5 * (e % 2) + 2]!, of(e)[2]!)[0], 6);
    }
  }
});
