import { describe, expect, test } from "vitest";
import { createNetwork } from "../../src/model/network";
import { pointAt } from "../../src/util/paths";
import { type Box, overlap } from "../../src/util/rect";
import { hit } from "../../src/views/network/hit";
import { type Layout, layout } from "../../src/views/network/layout";
import { column, stack } from "../../src/views/network/stacking";
import { networkOf, randomNumbers } from "../fake";

const room = (width: number) => ({ width, inNames: 20, outNames: 30 });
const boxesOf = (made: Layout) => [...made.places.values()].flatMap(({ box }) => box ?? []);
const sidesOf = (made: Layout) => boxesOf(made).map(({ side }) => side);
const all = (n: number) => new Uint8Array(n).fill(1);

function randomNetwork(seed: number) {
  const random = randomNumbers(seed);
  const width = Array.from({ length: 2 + Math.floor(4 * random()) }, () => 1 + Math.floor(8 * random()));
  const edges = width.slice(1).reduce((sum, w, l) => sum + w * width[l]!, 0);
  const net = networkOf(width, Float64Array.from({ length: edges }, random));
  const keep = random();
  const mask = Uint8Array.from({ length: edges }, () => (random() < keep ? 1 : 0));
  const across = room(320 + Math.floor(1200 * random()));
  return {
    net,
    mask,
    made: layout(
      net,
      mask,
      random() < 0.5 ? across : { ...across, height: 250 + Math.floor(800 * random()) },
    ),
    name: `seed ${seed}: [${width}]`,
  };
}
const NETWORKS = Array.from({ length: 60 }, (_, seed) => randomNetwork(seed));

test("fifteen edges in a notebook's width have boxes of 50 to 60 pixels, or more where there is room", () => {
  const sides = sidesOf(layout(networkOf([2, 5, 1]), all(15), room(900)));
  expect(sides).toHaveLength(15);
  expect(Math.min(...sides)).toBeGreaterThanOrEqual(50);
  expect(Math.min(...sides)).toBeLessThanOrEqual(60);
});

test("three edges that are left get large boxes", () => {
  const mask = all(15).map((_, e) => (e === 4 || e === 5 || e === 12 ? 1 : 0));
  const sides = sidesOf(layout(networkOf([2, 5, 1]), mask, room(900)));
  expect(sides).toEqual([170, 170, 170]);
});

test("pruning gives its room to the nodes that are left, and to the page what they do not need", () => {
  const net = networkOf([2, 5, 1]);
  const before = layout(net, all(15), room(900));
  const only3 = all(15).map((_, e) => (net.source[e] === 5 || net.target[e] === 5 ? 1 : 0));
  const after = layout(net, only3, room(900));
  expect([before.width, before.height]).toEqual([900, 640]);
  expect(after.width).toBe(900);
  expect(after.height).toBeLessThan(410);
  expect(after.nodeX).toEqual(before.nodeX);
  expect(after.nodeY[5]).toBe(after.height / 2);
  const others = [2, 3, 4, 6];
  for (const n of others) expect(after.nodeR[n]).toBeLessThan(0.6 * after.nodeR[5]!);
  const rows = [...after.nodeY.slice(2, 7)];
  expect(rows).toEqual([...rows].sort((a, b) => a - b));
  expect(rows[1]! - rows[0]!).toBeLessThan(15);
});

test("the height leaves nothing empty above the boxes and below, however few or small they are", () => {
  for (const width of [320, 560, 960, 1600]) {
    for (const net of [
      networkOf([1, 1]),
      networkOf([2, 1]),
      networkOf([2, 5, 1]),
      networkOf([4, 10, 5, 1]),
    ]) {
      const made = layout(net, all(net.edgeCount), room(width));
      const boxes = boxesOf(made);
      const top = Math.min(...boxes.map(({ y }) => y));
      const bottom = Math.max(...boxes.map(({ y, side }) => y + side));
      const name = `[${net.width}] in ${width}`;
      // The smallest has room for a name and a hover card.
      if (made.height > 200) expect(top + made.height - bottom, name).toBeLessThan(80);
      expect(made.height, name).toBeLessThanOrEqual(640);
    }
  }
});

test("a few edges are as large as a given room lets them be, in its middle", () => {
  const few = all(15).map((_, e) => (e === 4 || e === 5 || e === 12 ? 1 : 0));
  for (const [net, mask] of [
    [networkOf([1, 1]), all(1)],
    [networkOf([2, 1, 1]), all(3)],
    [networkOf([2, 5, 1]), few],
  ] as const) {
    for (const [width, height] of [
      [1227, 776],
      [855, 596],
    ] as const) {
      const made = layout(net, mask, { width, height, inNames: 30, outNames: 30 });
      const boxes = boxesOf(made);
      const [left, right] = [Math.min(...made.nodeX), Math.max(...made.nodeX)];
      const name = `[${net.width}] in ${width} x ${height}`;
      // Beside each box its line has nearly as much room again.
      const most = Math.min(340, 0.54 * ((right - left) / net.depth), 0.44 * height);
      expect(Math.max(...boxes.map(({ side }) => side)), name).toBeGreaterThanOrEqual(Math.floor(most));
      expect(Math.abs(left + right - width), name).toBeLessThan(1);
      expect(right - left, name).toBeGreaterThan(0.7 * width);
    }
  }
});

test("a height that is given stays, and what is on fills it", () => {
  const net = networkOf([2, 5, 1]);
  const only3 = all(15).map((_, e) => (net.source[e] === 5 || net.target[e] === 5 ? 1 : 0));
  expect(layout(net, only3, { ...room(900), height: 640 }).height).toBe(640);
});

test("a column keeps its order, and gives its live nodes equal shares", () => {
  const { at, live } = column(Uint8Array.of(0, 1, 0, 0, 1, 0), 400);
  expect([at[1], at[4]]).toEqual([100, 300]);
  expect([...at]).toEqual([...at].sort((a, b) => a - b));
  expect([at[0], (at[2]! + at[3]!) / 2, at[5]]).toEqual([50, 200, 350]);
  expect([...live]).toEqual([0, 1, 0, 0, 1, 0]);
  expect([...column(new Uint8Array(4), 400).at]).toEqual([50, 150, 250, 350]);
  for (const y of column(new Uint8Array(300).fill(1, 0, 1), 200).at) {
    expect(y).toBeGreaterThan(0);
    expect(y).toBeLessThan(200);
  }
});

test("upwards, inputs are at the bottom, outputs on top, and each layer is a row", () => {
  const net = networkOf([2, 5, 1]);
  for (const width of [320, 560, 900, 1800]) {
    const made = layout(net, all(15), { ...room(width), orientation: "up" });
    const [inputs, hidden, outputs] = [made.nodeY[0]!, made.nodeY[2]!, made.nodeY[7]!];
    expect(inputs).toBeGreaterThan(hidden);
    expect(hidden).toBeGreaterThan(outputs);
    expect(new Set(made.nodeY).size).toBe(3);
    expect([...made.nodeX.slice(2, 7)]).toEqual([...made.nodeX.slice(2, 7)].sort((a, b) => a - b));
    expect(made.width).toBe(width);
    expect(sidesOf(made)).toHaveLength(15);
    for (const { edge, box } of made.places.values()) {
      expect(box!.x).toBeGreaterThanOrEqual(0);
      expect(box!.x + box!.side).toBeLessThanOrEqual(width);
      expect(box!.y).toBeGreaterThan(made.nodeY[net.target[edge]!]!);
      expect(box!.y + box!.side).toBeLessThan(made.nodeY[net.source[edge]!]!);
    }
  }
});

test("formulas have room under their boxes, where no other box is", () => {
  const net = networkOf([2, 5, 1]);
  const labelled = new Set([0, 3, 4, 12]);
  const made = layout(net, all(15), room(900), labelled);
  const boxes = [...made.places.values()];
  for (const { edge, box, label } of boxes) {
    expect(label).toBe(labelled.has(edge));
    if (!label) continue;
    const under: Box = { x: box!.x, y: box!.y + box!.side, side: 14 };
    for (const other of boxes) {
      if (other.edge !== edge) expect(overlap(under, other.box!), `${edge} and ${other.edge}`).toBe(false);
    }
    expect(under.y + under.side).toBeLessThanOrEqual(made.height);
  }
});

test("in full screen it takes the height it is given", () => {
  const net = networkOf([2, 5, 1]);
  for (const orientation of ["right", "up"] as const) {
    const made = layout(net, all(15), { ...room(1800), height: 1000, orientation });
    expect([made.width, made.height]).toEqual([1800, 1000]);
    expect(Math.min(...sidesOf(made))).toBeGreaterThan(80);
  }
});

test("the sums of a product node have their dots before it, and edges end in them", () => {
  const net = createNetwork([2, 2], new Float64Array(6).fill(1), new Uint8Array(6).fill(1), [[0, 0, 1]]);
  const made = layout(net, all(6), room(600));
  expect([...made.slots.keys()]).toEqual([0, 1]);
  for (const { node, x, y } of made.slots.values()) {
    expect(node).toBe(2);
    expect(x).toBeLessThan(made.nodeX[2]! - 10);
    expect(Math.abs(y - made.nodeY[2]!)).toBeGreaterThan(4);
  }
  const second = made.slots.get(1)!;
  expect(pointAt(made.places.get(2)!.path, 1)).toEqual([second.x, second.y]);
  expect(pointAt(made.places.get(4)!.path, 1)).toEqual([made.nodeX[3], made.nodeY[3]]);
});

describe("for random networks, masks and widths", () => {
  test("boxes overlap neither each other nor a node, and stay inside", () => {
    for (const { made, net, name } of NETWORKS) {
      const boxes = [...made.places.values()].flatMap(({ box }) => box ?? []);
      boxes.forEach((a, k) => {
        for (const b of boxes.slice(k + 1)) expect(overlap(a, b), name).toBe(false);
        expect(a.x >= 0 && a.y >= 0 && a.x + a.side <= made.width && a.y + a.side <= made.height, name).toBe(
          true,
        );
        for (let n = 0; n < net.nodeCount; n++) {
          const dot: Box = { x: made.nodeX[n]! - 6, y: made.nodeY[n]! - 6, side: 12 };
          expect(overlap(a, dot), name).toBe(false);
        }
      });
    }
  });

  test("a box is never under 16 pixels, and only edges that are on have one", () => {
    for (const { made, mask, name } of NETWORKS) {
      for (const { edge, box } of made.places.values()) {
        if (!box) continue;
        expect(box.side, name).toBeGreaterThanOrEqual(16);
        expect(mask[edge], name).toBe(1);
      }
    }
  });

  test("every edge is drawn, from its node through its box to its node", () => {
    for (const { made, net, name } of NETWORKS) {
      expect(made.places.size, name).toBe(net.edgeCount);
      for (const { edge, path, anchor, box } of made.places.values()) {
        const [a, b] = [net.source[edge]!, net.target[edge]!];
        expect(pointAt(path, 0), name).toEqual([made.nodeX[a], made.nodeY[a]]);
        expect(pointAt(path, 1)[0], name).toBeCloseTo(made.nodeX[b]!, 6);
        expect(pointAt(path, 1)[1], name).toBeCloseTo(made.nodeY[b]!, 6);
        if (box) expect(anchor, name).toEqual(box);
      }
    }
  });

  test("lines part at their nodes and cross their boxes level, but where three or more stacks leave no room they are straight", () => {
    let straight = 0;
    for (const { made, net, name } of NETWORKS) {
      for (let l = 0; l < net.depth; l++) {
        const boxed = [...made.places.values()].flatMap(({ edge, path, box }) =>
          box && edge >= net.edgeOffset[l]! && edge < net.edgeOffset[l + 1]! ? [{ path, box }] : [],
        );
        const stacks = new Set(boxed.map(({ box }) => box.x)).size;
        for (const { path, box } of boxed) {
          const middle = box.y + box.side / 2;
          expect([path[5], path[7], path[9], path[11]], name).toEqual([middle, middle, middle, middle]);
          if (stacks > 2) {
            expect([...path.slice(2, 4), ...path.slice(12, 14)], name).toEqual([
              ...path.slice(0, 2),
              ...path.slice(14),
            ]);
            straight++;
            continue;
          }
          for (const [end, near] of [
            [0, 0.05],
            [1, 0.95],
          ] as const) {
            const [from, at] = [pointAt(path, end)[1], pointAt(path, near)[1]];
            expect(Math.abs(at - from), name).toBeGreaterThanOrEqual(0.05 * Math.abs(middle - from));
          }
        }
      }
    }
    expect(straight).toBeGreaterThan(20);
  });

  test("names have their room on both sides", () => {
    for (const { made, net, name } of NETWORKS) {
      expect(Math.min(...made.nodeX), name).toBeGreaterThanOrEqual(20 + 14);
      expect(Math.max(...made.nodeX), name).toBeLessThanOrEqual(made.width - 30 - 14);
      expect(net.nodeCount, name).toBe(made.nodeX.length);
    }
  });

  test("the middle of a box is its edge, the middle of a dot its node", () => {
    for (const { made, net, name } of NETWORKS) {
      for (const { edge, box } of made.places.values()) {
        if (box)
          expect(hit(made, box.x + box.side / 2, box.y + box.side / 2), name).toEqual({
            kind: "edge",
            id: edge,
          });
      }
      for (let n = 0; n < net.nodeCount; n++) {
        expect(hit(made, made.nodeX[n]!, made.nodeY[n]!), name).toEqual({ kind: "node", id: n });
      }
    }
  });
});

test("the middle of the square on a line is that line, though others cross it", () => {
  for (const width of [
    [2, 5, 1],
    [2, 2, 1],
    [3, 3, 3, 2],
  ]) {
    const net = networkOf(width);
    const made = layout(net, new Uint8Array(net.edgeCount), room(900));
    for (const { edge, anchor } of made.places.values()) {
      const at = [anchor.x + anchor.side / 2, anchor.y + anchor.side / 2] as const;
      expect(hit(made, ...at), `[${width}] ${edge}`).toEqual({ kind: "edge", id: edge });
    }
  }
});

test("a line can be missed by six pixels, not by nine", () => {
  const made = layout(networkOf([1, 1]), new Uint8Array(1), room(600));
  const [x, y] = pointAt(made.places.get(0)!.path, 0.3);
  expect(hit(made, x, y + 5.5)).toEqual({ kind: "edge", id: 0 });
  expect(hit(made, x, y - 9)).toBeNull();
  expect(hit(made, 2, 2)).toBeNull();
});

test("a box under a line's square or a node's reach comes first", () => {
  const made = layout(networkOf([2, 5, 1]), all(15), room(320));
  for (const { edge, box } of made.places.values()) {
    if (box) expect(hit(made, box.x + 1, box.y + box.side / 2)).toEqual({ kind: "edge", id: edge });
  }
});

describe("an image classifier of 50,816 edges", () => {
  const width = [784, 64, 10];
  const random = randomNumbers(3);
  const net = networkOf(width, Float64Array.from({ length: 50816 }, random));
  const made = layout(net, all(50816), room(900));

  test("is drawn by its strongest lines, in both gaps", () => {
    expect(made.places.size).toBe(2000);
    const drawn = [...made.places.keys()];
    expect(drawn.filter((e) => e >= 50176)).toHaveLength(640);
    const weakest = Math.min(...drawn.filter((e) => e < 50176).map((e) => net.scores[e]!));
    expect(net.scores.subarray(0, 50176).filter((s) => s > weakest).length).toBeLessThan(1360);
  });

  test("shows the curves of as many as fit, the strongest", () => {
    expect(sidesOf(made).length).toBeGreaterThan(30);
    expect(Math.min(...sidesOf(made))).toBeGreaterThanOrEqual(16);
    expect(made.height).toBe(640);
  });
});

test("a stack of boxes keeps its wishes where it can, and shares the way where it cannot", () => {
  expect(stack([10, 50, 200], [30, 30, 30], 0, 300)).toEqual([10, 50, 200]);
  expect(stack([100, 100], [30, 30], 0, 300)).toEqual([85, 115]);
  expect(stack([100, 100, 100], [30, 60, 30], 0, 300)).toEqual([60, 90, 150]);
  expect(stack([-50, 10], [30, 30], 0, 300)).toEqual([0, 30]);
  expect(stack([290, 299], [30, 30], 0, 300)).toEqual([270, 300]);
  expect(stack([], [], 0, 300)).toEqual([]);
});

test("where one stack is full, a second one beside it holds twice as many boxes, and lines pass between", () => {
  for (const orientation of ["right", "up"] as const) {
    const net = networkOf([10, 4, 1]);
    const made = layout(net, new Uint8Array(net.edgeCount).fill(1), {
      width: orientation === "up" ? 640 : 900,
      ...{ orientation, inNames: 20, outNames: 20 },
    });
    const boxes = [...made.places.values()].filter(({ edge }) => edge < 40).map(({ box }) => box);
    expect(boxes.every((box) => box !== null)).toBe(true);
    const all = boxes.flatMap((box) => box ?? []);
    const along = new Set(all.map(({ x, y }) => (orientation === "up" ? y : x)));
    expect(along.size).toBe(2);
    all.forEach((box, k) => {
      expect(box.x >= 0 && box.y >= 0 && box.x + box.side <= made.width).toBe(true);
      for (const other of all.slice(k + 1)) expect(overlap(box, other)).toBe(false);
      // The line through a box, level beside it, meets no box of the other stack.
      for (const other of all) {
        const across = orientation === "up" ? "x" : "y";
        if (other === box || other[across] === box[across]) continue;
        expect(Math.abs(other[across] - box[across])).toBeGreaterThan(box.side / 2);
      }
    });
  }
});

test("each of up to 150 edges that are on has its curve drawn, in a notebook's width and in twice that", () => {
  for (const width of [
    [13, 8, 4, 3],
    [4, 9, 1],
    [12, 12],
    [6, 10, 9],
    [7, 7, 7, 1],
    [25, 5, 3],
  ]) {
    const net = networkOf(width);
    for (const across of [900, 1600]) {
      const made = layout(net, all(net.edgeCount), room(across));
      expect(net.edgeCount).toBeLessThanOrEqual(150);
      expect(boxesOf(made), `[${width}] in ${across}`).toHaveLength(net.edgeCount);
      boxesOf(made).forEach((box, k) => {
        for (const other of boxesOf(made).slice(k + 1)) expect(overlap(box, other), `[${width}]`).toBe(false);
      });
    }
  }
});
