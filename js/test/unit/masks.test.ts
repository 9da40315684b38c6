/** The mask rule and the transitions, against the file that Python's tests read too. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { removeEdge, removeNode, restoreEdge, restoreNode, toggle } from "../../src/model/edits";
import { type Edits, maskOf, NO_EDITS, nodesOn, reasonOff } from "../../src/model/mask";
import {
  createNetwork,
  type EdgeIndex,
  edgeId,
  edgeIndex,
  incoming,
  isHidden,
  type Network,
  type NodeIndex,
  nodeId,
  nodeIndex,
  outgoing,
  slotsOf,
} from "../../src/model/network";
import { deadEnds, isCut } from "../../src/model/reachability";
import { handEdits } from "../../src/wire/traits";
import { networkOf } from "../fake";

type Op =
  | ["thresholds", number, number]
  | ["remove_edge" | "restore_edge", ...EdgeIndex]
  | ["remove_node" | "restore_node", ...NodeIndex];

interface Step {
  op: Op;
  removed_edges: EdgeIndex[];
  kept_edges: EdgeIndex[];
  removed_nodes: NodeIndex[];
  kept_nodes: NodeIndex[];
  mask: number[];
  cut: boolean;
}

interface Case {
  width: number[];
  slots: number[][];
  scores: number[];
  baseline: number[];
  steps: Step[];
}

const golden = new URL("../../../tests/golden/masks.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(golden, "utf8")) as { cases: Case[] };

function apply(net: Network, edits: Edits, op: Op): Edits {
  switch (op[0]) {
    case "thresholds":
      return { ...edits, nodeThreshold: op[1], edgeThreshold: op[2] };
    case "remove_edge":
      return removeEdge(net, edits, edgeId(net, [op[1], op[2], op[3]]));
    case "restore_edge":
      return restoreEdge(net, edits, edgeId(net, [op[1], op[2], op[3]]));
    case "remove_node":
      return removeNode(net, edits, nodeId(net, [op[1], op[2]]));
    case "restore_node":
      return restoreNode(net, edits, nodeId(net, [op[1], op[2]]));
  }
}

function* replay(): Generator<{ name: string; net: Network; edits: Edits; step: Step }> {
  for (const [k, { width, slots, scores, baseline, steps }] of cases.entries()) {
    const net = createNetwork(width, Float64Array.from(scores), Uint8Array.from(baseline), slots);
    let edits = NO_EDITS;
    for (const [s, step] of steps.entries()) {
      edits = apply(net, edits, step.op);
      yield { name: `case ${k} [${width}], step ${s}: ${step.op.join(" ")}`, net, edits, step };
    }
  }
}

describe("both languages agree", () => {
  test("the file has cases to agree on", () => {
    expect([...replay()].length).toBeGreaterThan(50);
  });

  test("on every mask, hand edit and cut, after every step", () => {
    for (const { name, net, edits, step } of replay()) {
      const { removed_edges, kept_edges, removed_nodes, kept_nodes } = step;
      expect(handEdits(net, edits), name).toEqual({ removed_edges, kept_edges, removed_nodes, kept_nodes });
      const mask = maskOf(net, edits);
      expect([...mask], name).toEqual(step.mask);
      expect(isCut(net, mask), name).toBe(step.cut);
    }
  });
});

describe("in every state of that file", () => {
  test("an edge is on exactly when there is no reason for it to be off", () => {
    for (const { name, net, edits } of replay()) {
      const on = [...maskOf(net, edits)].map((_, e) => (reasonOff(net, edits, e) === null ? 1 : 0));
      expect(on, name).toEqual([...maskOf(net, edits)]);
    }
  });

  test("toggling an edge flips it", () => {
    for (const { name, net, edits } of replay()) {
      const before = maskOf(net, edits);
      for (let e = 0; e < net.edgeCount; e++) {
        const after = maskOf(net, toggle(net, edits, { kind: "edge", id: e }));
        expect(after[e], `${name}, edge ${e}`).toBe(1 - before[e]!);
      }
    }
  });

  test("toggling a node that is on switches it off with all its edges", () => {
    for (const { name, net, edits } of replay()) {
      const before = nodesOn(net, maskOf(net, edits));
      for (let n = 0; n < net.nodeCount; n++) {
        if (!before[n]) continue;
        const mask = maskOf(net, toggle(net, edits, { kind: "node", id: n }));
        const touching = [...mask].filter((_, e) => net.source[e] === n || net.target[e] === n);
        expect(
          touching.every((on) => on === 0),
          `${name}, node ${n}`,
        ).toBe(true);
      }
    }
  });
});

test("scores of [2, 5, 1] give each hidden node the lesser of its best sides", () => {
  const net = networkOf([2, 2, 1], Float64Array.from([1, 5, 2, 7, 6, 3]));
  expect([...net.nodeScores]).toEqual([Infinity, Infinity, 5, 3, Infinity]);
  expect([0, 1, 2, 3, 4].filter((n) => isHidden(net, n)).map((n) => nodeIndex(net, n))).toEqual([
    [1, 0],
    [1, 1],
  ]);
});

test("a network of impossible widths, or with too few scores, is refused in words", () => {
  expect(() => networkOf([3], new Float64Array())).toThrow("at least two layers");
  expect(() => networkOf([2, 0, 1], new Float64Array())).toThrow("positive");
  expect(() => networkOf([2, 1], new Float64Array(3))).toThrow("2 edges, but 3 scores");
});

describe("a network in which some nodes multiply", () => {
  // Nodes (1, 0) and (2, 0) have two slots each.
  const slots = [
    [0, 0, 1],
    [0, 1, 0],
  ];
  const scores = Float64Array.of(1, 2, 9, 4, 5, 6, 7, 8, 3, 0.5, 0.25, 0.125);
  const net = createNetwork([2, 2, 2], scores, new Uint8Array(12).fill(1), slots);

  test("has an edge from every node to every slot, and ids lead back to where they came from", () => {
    expect(net.edgeCount).toBe(12);
    expect(net.slotOffset).toEqual([0, 3, 6]);
    expect([...net.slotNode]).toEqual([2, 2, 3, 4, 5, 4]);
    for (let e = 0; e < net.edgeCount; e++) {
      expect(edgeId(net, edgeIndex(net, e))).toBe(e);
      expect(net.slotNode[net.slot[e]!]).toBe(net.target[e]);
      expect(incoming(net, net.target[e]!)).toContain(e);
      expect(outgoing(net, net.source[e]!)).toContain(e);
    }
    expect(incoming(net, 4)).toEqual([6, 7, 10, 11]);
    expect(outgoing(net, 0)).toEqual([0, 2, 4]);
    expect(slotsOf(net, 0)).toEqual([]);
    expect(slotsOf(net, 4)).toEqual([3, 5]);
  });

  test("scores a product by the strongest edge into any of its slots", () => {
    expect([...net.nodeScores.slice(2, 4)]).toEqual([7, 6]);
  });

  test("takes a product with all that leads into any of its slots", () => {
    const mask = maskOf(net, { ...NO_EDITS, removedNodes: new Set([4]) });
    expect([...mask]).toEqual([1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0]);
  });

  test("has lost a product as soon as one of its factors has no edges", () => {
    const mask = maskOf(net, { ...NO_EDITS, removedEdges: new Set([2, 3]) });
    expect([...nodesOn(net, mask)]).toEqual([1, 1, 0, 1, 1, 1]);
  });

  test("toggling a product that is on and off again leaves it as it was", () => {
    const off = toggle(net, NO_EDITS, { kind: "node", id: 2 });
    expect(nodesOn(net, maskOf(net, off))[2]).toBe(0);
    expect([...maskOf(net, toggle(net, off, { kind: "node", id: 2 }))]).toEqual([...net.baseline]);
  });

  test("toggling a product that lacks a factor brings that factor back, and nothing else", () => {
    const lacking = { ...NO_EDITS, removedEdges: new Set([2, 3, 4]) };
    const mask = maskOf(net, toggle(net, lacking, { kind: "node", id: 2 }));
    expect(nodesOn(net, mask)[2]).toBe(1);
    expect([...mask]).toEqual([1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1]);
  });

  test("with slots that leave a node out, or name none, is refused in words", () => {
    for (const wrong of [
      [
        [0, 0, 0],
        [0, 1],
      ],
      [
        [0, 1, 2],
        [0, 1],
      ],
      [[0, 1]],
      [
        [0, 0.5, 1],
        [0, 1],
      ],
    ]) {
      expect(() => createNetwork([2, 2, 2], scores, net.baseline, wrong)).toThrow("needs one or more");
    }
  });
});

test("a dead end is a hidden node with edges in, from which no output can be reached", () => {
  const net = networkOf([2, 3, 2, 1]);
  const mask = maskOf(net, NO_EDITS);
  expect(deadEnds(net, mask)).toEqual([]);
  for (const node of [5, 6]) mask[edgeId(net, [2, node - 5, 0])] = 0;
  expect(deadEnds(net, mask)).toEqual([2, 3, 4, 5, 6]);
  mask[edgeId(net, [2, 0, 0])] = 1;
  for (const e of outgoing(net, 3)) mask[e] = 0;
  for (const e of incoming(net, 3)) mask[e] = 0;
  expect(deadEnds(net, mask)).toEqual([6]);
});
