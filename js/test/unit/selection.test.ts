import { describe, expect, test } from "vitest";
import { areaOf } from "../../src/canvas/text";
import { edgeId, type Target } from "../../src/model/network";
import { neighbour } from "../../src/stage/accessible-targets";
import { edgesOf, extend, flip, targetsToSwitch, weakerThan } from "../../src/state/selection";
import { reduce } from "../../src/state/view-state";
import { MAX_SELECTED } from "../../src/util/limits";
import { encloses, loopOf } from "../../src/util/loops";
import { areasOverlap } from "../../src/util/rect";
import { inLoop } from "../../src/views/network/hit";
import { layout } from "../../src/views/network/layout";
import { probeTexts } from "../../src/views/network/marks";
import { buildScene } from "../../src/views/network/scene";
import type { TargetBox } from "../../src/views/target-boxes";
import { networkOf, syncedOf } from "../fake";

const net = networkOf([2, 5, 1]);
const all = new Uint8Array(15).fill(1);
const made = layout(net, all, { width: 900, inNames: 20, outNames: 30 });
const edge = (id: number): Target => ({ kind: "edge", id });
const node = (id: number): Target => ({ kind: "node", id });

test("a second click with Shift takes out what the first one took in", () => {
  const two = flip(flip([], edge(3)), node(3));
  expect(two).toEqual([edge(3), node(3)]);
  expect(flip(two, edge(3))).toEqual([node(3)]);
});

test("a selection has nothing twice, and no more than the session takes", () => {
  expect(extend([edge(1)], [edge(1), edge(2)])).toEqual([edge(1), edge(2)]);
  const many = Array.from({ length: 100 }, (_, id) => edge(id));
  expect(extend([], many)).toHaveLength(MAX_SELECTED);
  expect(flip(many.slice(0, MAX_SELECTED), edge(99))).toHaveLength(MAX_SELECTED);
});

test("a key means the whole selection when the focus is in it, else the focus alone", () => {
  expect(targetsToSwitch([edge(1), edge(2)], edge(2))).toEqual([edge(1), edge(2)]);
  expect(targetsToSwitch([edge(1), edge(2)], edge(3))).toEqual([edge(3)]);
  expect(targetsToSwitch([edge(1)], null)).toEqual([edge(1)]);
});

test("a lasso takes the edges and nodes whose middles it goes around, and no hairlines between curves", () => {
  const around = (x: number, y: number, w: number, h: number) =>
    [
      [x, y],
      [x + w, y],
      [x + w, y + h],
      [x, y + h],
    ] as const;
  const box = made.places.get(edgeId(net, [1, 2, 0]))!.box!;
  expect(inLoop(net, made, around(box.x - 5, box.y - 5, box.side + 10, box.side + 10), all)).toEqual([
    edge(edgeId(net, [1, 2, 0])),
  ]);
  expect(inLoop(net, made, around(0, 0, made.width, made.height), all)).toHaveLength(15 + 8);
  const mask = all.map((_, e) => (e === 4 ? 1 : 0));
  const few = layout(net, mask, { width: 900, inNames: 20, outNames: 30 });
  expect(inLoop(net, few, around(0, 0, few.width, few.height), mask)).toEqual([
    ...Array.from({ length: 8 }, (_, n) => node(n)),
    edge(4),
  ]);
});

test("all edges of a node, and what is weaker in its layer", () => {
  expect(edgesOf(net, 2).map(({ id }) => id)).toEqual([0, 1, 10]);
  const weaker = weakerThan(net, all, edgeId(net, [0, 0, 2])).map(({ id }) => id);
  expect(weaker.sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
});

test("arrow keys reach every spot from every other", () => {
  const spots: TargetBox[] = [...made.places.values()].map(({ edge: id, anchor }) => ({
    target: edge(id),
    box: anchor,
  }));
  for (let n = 0; n < 8; n++) {
    spots.push({ target: node(n), box: { x: made.nodeX[n]! - 5, y: made.nodeY[n]! - 5, side: 10 } });
  }
  const reached = new Set([spots[0]!]);
  for (const spot of reached) {
    for (const way of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ] as const) {
      const next = neighbour(spots, spot, way);
      if (next) reached.add(next);
    }
  }
  expect(reached.size).toBe(spots.length);
  const top = spots.reduce((a, b) => (b.box.y < a.box.y ? b : a));
  expect(neighbour(spots, top, [0, -1])).toBeNull();
});

test.each([[[2, 5, 1]], [[1, 40, 1]]])(
  "of [%s], values overlap neither boxes nor dots nor each other",
  (width) => {
    const net = networkOf(width, new Float64Array(width[0]! * width[1]! + width[1]!).fill(1));
    const made = layout(net, new Uint8Array(net.edgeCount).fill(1), {
      width: 900,
      inNames: 20,
      outNames: 30,
    });
    const known = reduce(null, { type: "synced", reading: syncedOf(net) })!;
    const scene = buildScene(made, known);
    const nodes = Float64Array.from({ length: net.nodeCount }, (_, n) => -1.23456 * n);
    const probe = { nodes, edges: new Float64Array(net.edgeCount) };
    const texts = probeTexts({ scene, layout: made, texts: [] }, probe, (text) => 7 * text.length);
    expect(texts.length).toBeGreaterThanOrEqual(7);
    expect(texts[1]!.runs[0]!.text).toBe("\u22121.23");
    const areas = texts.map((text) => areaOf(text, 7 * text.runs[0]!.text.length));
    areas.forEach((area, k) => {
      for (const other of areas.slice(k + 1)) expect(areasOverlap(area, other)).toBe(false);
      for (const { box } of scene.edges) {
        if (box) expect(areasOverlap(area, { ...box, width: box.side, height: box.side })).toBe(false);
      }
      for (const { x, y, r } of scene.nodes) {
        expect(areasOverlap(area, { x: x - r, y: y - r, width: 2 * r, height: 2 * r })).toBe(false);
      }
    });
  },
);

describe("a line drawn by hand", () => {
  const between = (from: number[], to: number[], n = 20): [number, number][] =>
    Array.from({ length: n + 1 }, (_, k) => [
      from[0]! + ((to[0]! - from[0]!) * k) / n + (k % 3) - 1,
      from[1]! + ((to[1]! - from[1]!) * k) / n + ((k * 2) % 3) - 1,
    ]);
  const area = (loop: readonly (readonly [number, number])[]) =>
    Math.abs(
      loop.reduce((sum, [x, y], k) => {
        const [nextX, nextY] = loop[(k + 1) % loop.length]!;
        return sum + x * nextY - nextX * y;
      }, 0) / 2,
    );

  test("that is nearly straight means a rectangle, also for who went too far and came back", () => {
    const straight = between([10, 10], [210, 110]);
    expect(loopOf(straight)).toHaveLength(4);
    expect(area(loopOf(straight))).toBeGreaterThan(19_000);
    expect(encloses(loopOf(straight), 190, 25)).toBe(true);
    const back = loopOf([...straight, ...between([210, 110], [160, 85])]);
    expect(encloses(back, 150, 20)).toBe(true);
    expect(encloses(back, 190, 25)).toBe(false);
  });

  test("that bends is a loop", () => {
    const corners = [
      [0, 0],
      [200, 0],
      [200, 150],
      [0, 150],
      [5, 5],
    ];
    const loop = corners.slice(1).flatMap((corner, k) => between(corners[k]!, corner));
    expect(loopOf(loop)).toBe(loop);
    const arc = Array.from({ length: 30 }, (_, k): [number, number] => [10 * k, 80 * Math.sin(k / 10)]);
    expect(loopOf(arc)).toBe(arc);
  });
});
