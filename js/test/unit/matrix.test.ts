import { describe, expect, test } from "vitest";
import { maskOf, NO_EDITS, nodesOn, reasonOff } from "../../src/model/mask";
import { createTopology, type Network, withWeights } from "../../src/model/network";
import { reduce, type ViewState } from "../../src/state/view-state";
import type { Rect } from "../../src/util/rect";
import { prefersMatrix } from "../../src/views/choose-view";
import { foldedNodes } from "../../src/views/matrix/axes";
import {
  CELL_STATE,
  cellStatesOf,
  OFF,
  ON,
  REMOVED,
  REMOVING,
  totalScores,
} from "../../src/views/matrix/cell-states";
import { anchorOf, hitMatrix } from "../../src/views/matrix/hit";
import { mapOf } from "../../src/views/matrix/image-maps";
import { layoutMatrix, type MatrixLayout } from "../../src/views/matrix/layout";
import type { NamePlace } from "../../src/views/matrix/parts";
import { layout } from "../../src/views/network/layout";
import { networkOf, randomNumbers, syncedOf } from "../fake";

const room = (width: number) => ({ width, inNames: 24, outNames: 34 });
const all = (net: Network) => new Uint8Array(net.edgeCount).fill(1);
const edgesOf = (width: number[]) => width.slice(1).reduce((sum, w, l) => sum + w * width[l]!, 0);
const made = (width: number[], across: number, shape: [number, number] | null = null) => {
  const random = randomNumbers(width.length + across);
  const net = networkOf(width, Float64Array.from({ length: edgesOf(width) }, random));
  return layoutMatrix(net, room(across), shape);
};

/** Nodes of layer 1 with two slots each, as products have. */
function products([a, b, c]: [number, number, number]): Network {
  const topology = createTopology(
    [a, b, c],
    [Array.from({ length: 2 * b }, (_, s) => s >> 1), [...Array(c).keys()]],
  );
  const scores = Float64Array.from({ length: topology.edgeCount }, (_, e) => e / 9);
  return withWeights(topology, scores, new Uint8Array(topology.edgeCount).fill(1));
}

const CASES: [string, MatrixLayout][] = [];
for (let seed = 0; seed < 60; seed++) {
  const random = randomNumbers(seed);
  const width = Array.from(
    { length: 2 + Math.floor(4 * random()) },
    () => 1 + Math.floor(40 * random() ** 2),
  );
  const across = 320 + Math.floor(1600 * random());
  CASES.push([`[${width}] in ${across}`, made(width, across)]);
  const shape: [number, number] = [1 + Math.floor(12 * random()), 2 + Math.floor(12 * random())];
  const image = [shape[0] * shape[1], ...width.slice(1)];
  CASES.push([`[${image}] as ${shape} in ${across}`, made(image, across, shape)]);
}
for (const across of [320, 500, 900, 2400]) {
  for (const width of [
    [2, 5, 1],
    [4, 10, 5, 1],
    [16, 32, 16, 4],
    [1, 1],
    [3, 100, 1],
    [1000, 5, 1],
  ]) {
    CASES.push([`[${width}] in ${across}`, made(width, across)]);
  }
  CASES.push([`[784,64,10] in ${across}`, made([784, 64, 10], across)]);
  CASES.push([`[784,64,10] as maps in ${across}`, made([784, 64, 10], across, [28, 28])]);
  CASES.push([`[784,10] as maps in ${across}`, made([784, 10], across, [28, 28])]);
  for (const width of [
    [3, 4, 2],
    [12, 2, 1],
  ] as [number, number, number][]) {
    const net = products(width);
    CASES.push([`products [${width}] in ${across}`, layoutMatrix(net, room(across), null)]);
    const maps = layoutMatrix(net, room(across), [width[0] / 3, 3]);
    CASES.push([`products [${width}] as maps in ${across}`, maps]);
  }
}
const centre = ({ x, y, width, height }: Rect) => [x + width / 2, y + height / 2] as const;

describe("for random networks, images, products and rooms", () => {
  test("the middle of every edge's cell, and of the square in its corner, is that edge", () => {
    for (const [name, matrix] of CASES) {
      let wrong = 0;
      for (let id = 0; id < matrix.net.edgeCount; id++) {
        const at = anchorOf(matrix, { kind: "edge", id })!;
        for (const [x, y] of [centre(at), [at.x + at.side / 2, at.y + at.side / 2] as const]) {
          const found = hitMatrix(matrix, x, y);
          if (found?.kind !== "edge" || found.id !== id) wrong += 1;
        }
      }
      expect(wrong, name).toBe(0);
    }
  });

  test("the middle of every node's head is that node", () => {
    for (const [name, matrix] of CASES) {
      for (let id = 0; id < matrix.net.nodeCount; id++) {
        const at = anchorOf(matrix, { kind: "node", id })!;
        expect(hitMatrix(matrix, ...centre(at)), `${name}: ${id}`).toEqual({ kind: "node", id });
      }
    }
  });

  test("no two cells or heads overlap, and all are inside the picture", () => {
    for (const [name, matrix] of CASES) {
      const pixels = new Set<number>();
      let [overlaps, outside, empty] = [0, 0, 0];
      const put = (at: Rect) => {
        if (at.width <= 0 || at.height <= 0) empty += 1;
        if (at.x < 0 || at.y < 0 || at.x + at.width > matrix.width || at.y + at.height > matrix.height)
          outside += 1;
        // Cells lie on whole pixels: the corners are enough to find any two that share one.
        for (const x of [at.x, at.x + at.width - 1]) {
          for (const y of [at.y, at.y + at.height - 1]) {
            const key = y * 65536 + x;
            if (pixels.has(key) && at.width > 1 && at.height > 1) overlaps += 1;
            pixels.add(key);
          }
        }
      };
      for (let id = 0; id < matrix.net.edgeCount; id++) put(anchorOf(matrix, { kind: "edge", id })!);
      for (let id = 0; id < matrix.net.nodeCount; id++) put(anchorOf(matrix, { kind: "node", id })!);
      expect([overlaps, outside, empty], name).toEqual([0, 0, 0]);
      expect(pixels.size, name).toBeGreaterThanOrEqual(matrix.net.edgeCount);
    }
  });

  test("names overlap neither each other nor a matrix, and are inside the picture", () => {
    const boxOf = ({ x, y, align, turned, limit }: NamePlace): [number, number, number, number] => {
      const from = align === "left" ? 0 : align === "right" ? -limit : -limit / 2;
      return turned ? [x - 6, y - from - limit, x + 6, y - from] : [x + from, y - 6, x + from + limit, y + 6];
    };
    for (const [name, matrix] of CASES) {
      const boxes = matrix.names.map(boxOf);
      const parts = [...matrix.blocks, matrix.maps?.total].flatMap((b) => (b ? [b] : []));
      const others = [
        ...parts.map((b) => [b.x, b.y, b.x + b.width, b.y + b.height] as const),
        ...Array.from({ length: matrix.maps?.units.count ?? 0 }, (_, u) => {
          const map = mapOf(matrix.maps!, u);
          return [map.x, map.y, map.x + map.width, map.y + map.height] as const;
        }),
      ];
      boxes.forEach(([x0, y0, x1, y1], k) => {
        expect(x0 >= 0 && y0 >= 0 && x1 <= matrix.width && y1 <= matrix.legend.y, `${name} ${k}`).toBe(true);
        for (const [a0, b0, a1, b1] of [...boxes.slice(k + 1), ...others]) {
          expect(x0 < a1 && a0 < x1 && y0 < b1 && b0 < y1, `${name} ${k}`).toBe(false);
        }
      });
    }
  });
});

test("neighbouring matrices share an axis: a node's column in one is in line with its column in the next", () => {
  const matrix = made([4, 10, 5, 1], 900);
  const [first, second, third] = matrix.blocks;
  expect([second!.x, second!.width]).toEqual([first!.x, first!.width]);
  expect([third!.y, third!.height]).toEqual([second!.y, second!.height]);
  expect(second!.y).toBeGreaterThan(first!.y + first!.height);
  expect(third!.x).toBeGreaterThan(second!.x + second!.width);
});

test("cells have curves from 12 pixels on and colours alone below", () => {
  expect(made([4, 10, 5, 1], 900).blocks.map((b) => b!.kind)).toEqual(["curves", "curves", "curves"]);
  expect(made([4, 10, 5, 1], 320).blocks.map((b) => b!.kind)).toEqual(["curves", "curves", "curves"]);
  expect(made([16, 32, 16, 4], 320).blocks[0]!.kind).toBe("heat");
  expect(made([784, 64, 10], 900).blocks[0]!.kind).toBe("heat");
});

test("a picture is as wide as its room, unless even one pixel a cell is too much", () => {
  for (const width of [
    [2, 5, 1],
    [784, 64, 10],
    [1000, 5, 1],
    [3, 100, 1],
  ]) {
    for (const across of [320, 900, 1920]) expect(made(width, across).width, `[${width}]`).toBe(across);
  }
  expect(made([1000, 900], 600).width).toBeGreaterThan(900);
});

test("a larger room makes larger cells, until there are curves in them", () => {
  const net = networkOf([64, 64, 10], new Float64Array(64 * 64 + 640).fill(1));
  const pitches = [1, 2, 4].map((zoom) => {
    const grown = { ...room(700 * zoom), height: 640 * zoom };
    const matrix = layoutMatrix(net, grown, null);
    expect(matrix.width).toBe(700 * zoom);
    return matrix.axes[1]!.pitch;
  });
  expect(pitches[1]).toBeGreaterThanOrEqual(2 * pitches[0]!);
  expect(pitches[2]).toBeGreaterThanOrEqual(2 * pitches[1]!);
  const large = layoutMatrix(net, { ...room(1400), height: 1280 }, null);
  expect(large.blocks.map((block) => block!.kind)).toEqual(["curves", "curves"]);
});

test("a matrix is as high as the room, and not a little higher, where its curves stay curves", () => {
  for (const [width, across, height] of [
    [[64, 32, 10], 1100, 596],
    [[4, 9, 1], 1100, 596],
    [[13, 8, 4, 3], 800, 480],
    [[10, 40, 3], 1000, 560],
  ] as const) {
    const net = networkOf([...width]);
    const matrix = layoutMatrix(net, { ...room(across), height }, null);
    expect(matrix.height, `[${width}]`).toBeLessThanOrEqual(height);
    expect(matrix.blocks.map((block) => block!.kind)).not.toContain("heat");
  }
});

test("training moves nothing", () => {
  const net = networkOf([16, 32, 16, 4]);
  const { key, blocks, names } = layoutMatrix(net, room(900), null);
  const trained = withWeights(
    net.topology,
    net.scores.map((score) => 1 / score),
    net.baseline,
  );
  expect(layoutMatrix(trained, room(900), null)).toMatchObject({ key, blocks, names });
});

test("a shape that does not fit the inputs is not used", () => {
  expect(made([784, 64, 10], 900, [28, 27]).maps).toBeNull();
  expect(made([784, 64, 10], 900, [28, 28]).maps).not.toBeNull();
});

test("a cell of a map is more than a pixel, where matrices beside the maps can make way", () => {
  for (const across of [900, 930, 960, 1200]) {
    const { maps, width, blocks } = made([784, 64, 10], across, [28, 28]);
    expect(maps!.scale, `${across}`).toBeGreaterThanOrEqual(2);
    expect(width).toBe(across);
    expect(blocks[1]!.width).toBeGreaterThan(120);
  }
});

test("maps of hidden units stand in the order in which a threshold takes them, the first to go last", () => {
  const net = networkOf([12, 9, 2], Float64Array.from({ length: 126 }, randomNumbers(3)));
  const { maps } = layoutMatrix(net, room(900), [3, 4]);
  const strengths = Array.from(maps!.units.node, (i) => net.nodeScores[12 + i]!);
  expect(strengths).toEqual(strengths.toSorted((a, b) => b - a));
});

test("the slots of a product are side by side, and its row in the next matrix is as long as both", () => {
  const net = products([3, 4, 2]);
  const matrix = layoutMatrix(net, room(900), null);
  const [a, b] = [0, 3].map((id) => anchorOf(matrix, { kind: "edge", id })!);
  const next = anchorOf(matrix, { kind: "edge", id: 24 })!;
  const along = matrix.axes[1]!.upright ? (["y", "height"] as const) : (["x", "width"] as const);
  expect(next[along[0]]).toBe(a![along[0]]);
  expect(next[along[0]] + next[along[1]]).toBe(b![along[0]] + b![along[1]]);
});

test("the network view is preferred exactly while no layer has more than 22 edges: each has a box of 24 pixels or more", () => {
  for (let seed = 0; seed < 80; seed++) {
    const random = randomNumbers(seed + 900);
    const width = Array.from({ length: 2 + Math.floor(2 * random()) }, () => 1 + Math.floor(9 * random()));
    const net = networkOf(width, Float64Array.from({ length: edgesOf(width) }, random));
    const keep = random();
    const mask = all(net).map(() => (random() < keep ? 1 : 0));
    const boxes = [...layout(net, mask, room(900)).places.values()].flatMap(({ box }) => box ?? []);
    const on = (of: Uint8Array) => of.reduce((sum, each) => sum + each, 0);
    const fullest = Math.max(
      ...width.slice(1).map((_, l) => on(mask.subarray(net.edgeOffset[l], net.edgeOffset[l + 1]))),
    );
    expect(prefersMatrix(net, mask), `[${width}]`).toBe(fullest > 22);
    expect(boxes, `[${width}]`).toHaveLength(on(mask));
    if (fullest <= 22)
      expect(Math.min(...boxes.map(({ side }) => side)), `[${width}]`).toBeGreaterThanOrEqual(24);
  }
});

describe("looks", () => {
  function random(seed: number): ViewState {
    const next = randomNumbers(seed);
    const pick = (n: number) =>
      new Set(Array.from({ length: Math.floor(3 * next()) }, () => Math.floor(n * next())));
    const width = [3, 5, 4, 2];
    const plain = networkOf(width, Float64Array.from({ length: edgesOf(width) }, next));
    const net = { ...plain, baseline: plain.baseline.map(() => (next() < 0.9 ? 1 : 0)) };
    const edits = {
      ...NO_EDITS,
      ...{ nodeThreshold: next() ** 2, removedEdges: pick(net.edgeCount), keptEdges: pick(net.edgeCount) },
      ...{ removedNodes: pick(net.nodeCount), keptNodes: pick(net.nodeCount) },
    };
    const known = reduce(null, {
      type: "synced",
      reading: syncedOf(net, { edits, kernelMask: maskOf(net, edits) }),
    })!;
    return reduce(known, { type: "dragged", axis: "edge", value: next() * 0.7 })!;
  }

  test("tell what is on, what a threshold is removing or took, and what is gone, as the mask's rule says", () => {
    for (let seed = 0; seed < 100; seed++) {
      const known = random(seed);
      const { net, edits, mask, layoutMask } = known;
      const looks = cellStatesOf(known, false);
      for (let e = 0; e < net.edgeCount; e++) {
        const reason = reasonOff(net, edits, e);
        const wanted =
          reason === null
            ? ON
            : reason === "hand" || reason === "model"
              ? OFF
              : layoutMask[e]
                ? REMOVING
                : REMOVED;
        expect(looks.edges[e]! & CELL_STATE, `seed ${seed}, edge ${e}`).toBe(wanted);
      }
      const live = nodesOn(net, mask);
      expect(Array.from(looks.nodes, (look) => look === ON)).toEqual(Array.from(live, (on) => on === 1));
    }
  });

  test("totals count only what is on", () => {
    const net = networkOf([2, 2, 1], Float64Array.of(1, 2, 4, 8, 16, 32));
    expect([...totalScores(net, Uint8Array.of(1, 0, 1, 1, 1, 0))]).toEqual([5, 8, 1, 12, 16]);
  });
});

test("rows and columns without an edge that is on are folded, and the others grow by that", () => {
  const net = networkOf(
    [13, 8, 3],
    Float64Array.from({ length: 13 * 8 + 24 }, (_, e) => e + 1),
  );
  const mask = all(net).map((_, e) => (net.source[e]! % 3 === 0 && net.target[e]! !== 14 ? 1 : 0));
  const [whole, folded] = [
    layoutMatrix(net, room(900), null),
    layoutMatrix(net, room(900), null, foldedNodes(net, mask)),
  ];
  const cell = (matrix: MatrixLayout, id: number) => anchorOf(matrix, { kind: "edge", id })!;
  const [live, empty] = [0, 1];
  expect(mask[live]).toBe(1);
  expect(cell(folded, live).side).toBeGreaterThan(1.3 * cell(whole, live).side);
  expect(cell(folded, empty).width).toBeLessThan(cell(folded, live).width / 5);
  for (let id = 0; id < net.edgeCount; id++) {
    const at = cell(folded, id);
    expect(hitMatrix(folded, ...centre(at)), `edge ${id}`).toEqual({ kind: "edge", id });
  }
  const named = folded.names.map(({ node }) => node);
  expect(named).toContain(13);
  expect(named).not.toContain(14);
  expect(named).not.toContain(1);
});

test("hidden nodes have their names beside their rows", () => {
  const matrix = made([4, 6, 2], 900);
  expect(matrix.names.map(({ node }) => node).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 12 }, (_, n) => n),
  );
});
