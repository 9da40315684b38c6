/** The order of hidden nodes: fewer lines cross, and it is the same order each time. */
import { expect, test } from "vitest";
import { countCrossings, nodeOrder } from "../../src/views/network/node-order";
import { networkOf, randomNumbers } from "../fake";
import { golden } from "../golden";

const { nets } = golden<{ nets: { width: number[]; scores: number[]; mask: number[] }[] }>("trained.json");
const ownOrder = (width: number[]) => width.map((n) => Array.from({ length: n }, (_, i) => i));

test("in ten trained and pruned networks few lines cross that need not", () => {
  const counts = nets.map(({ width, scores, mask }) => {
    const net = networkOf(width, Float64Array.from(scores));
    const on = Uint8Array.from(mask);
    const of = (order: number[][]) => countCrossings(net, on, order);
    return { name: `[${width}]`, before: of(ownOrder(width)), after: of(nodeOrder(net, on)) };
  });
  console.log(counts.map(({ name, before, after }) => `${name} ${before} -> ${after}`).join(", "));
  for (const { name, before, after } of counts) expect(after, name).toBeLessThanOrEqual(before);
  const sum = (of: "before" | "after") => counts.reduce((total, each) => total + each[of], 0);
  expect(sum("after")).toBeLessThan(0.7 * sum("before"));
});

test("inputs and outputs stay, each hidden node is there once, and what is off keeps its place", () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = randomNumbers(seed);
    const width = Array.from({ length: 2 + Math.floor(4 * random()) }, () => 1 + Math.floor(9 * random()));
    const net = networkOf(width);
    const keep = random();
    const mask = Uint8Array.from({ length: net.edgeCount }, () => (random() < keep ? 1 : 0));
    const used = new Set<number>();
    mask.forEach((on, e) => {
      if (on) used.add(net.source[e]!).add(net.target[e]!);
    });
    const order = nodeOrder(net, mask);
    expect(order[0]).toEqual(ownOrder(width)[0]);
    expect(order.at(-1)).toEqual(ownOrder(width).at(-1));
    order.forEach((nodes, l) => {
      expect(nodes.toSorted((a, b) => a - b)).toEqual(ownOrder(width)[l]);
      nodes.forEach((node, place) => {
        if (!used.has(net.nodeOffset[l]! + node)) expect(node).toBe(place);
      });
    });
    expect(nodeOrder(net, mask)).toEqual(order);
    expect(countCrossings(net, mask, order)).toBeLessThanOrEqual(countCrossings(net, mask, ownOrder(width)));
  }
});

test("two chains that cross are parted", () => {
  const net = networkOf([2, 2, 2]);
  // Input 0 to node 1 to output 0, input 1 to node 0 to output 1.
  const mask = Uint8Array.of(0, 1, 1, 0, 0, 1, 1, 0);
  expect(countCrossings(net, mask, ownOrder([2, 2, 2]))).toBe(2);
  expect(nodeOrder(net, mask)).toEqual([
    [0, 1],
    [1, 0],
    [0, 1],
  ]);
});
