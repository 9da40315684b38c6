import { expect, test } from "vitest";
import { toggle, toggleAll } from "../../src/model/edits";
import { countOn, type Edits, maskOf, NO_EDITS } from "../../src/model/mask";
import { edgeId, nodeId, type Target } from "../../src/model/network";
import { type Action, reduce, type ViewState } from "../../src/state/view-state";
import { networkOf, syncedOf } from "../fake";

const net = networkOf([2, 5, 1]);
const synced = (edits: Partial<Edits> = {}): Action => ({
  type: "synced",
  reading: syncedOf(net, { edits: { ...NO_EDITS, ...edits } }),
});
const after = (...actions: Action[]) => actions.reduce(reduce, null as ViewState | null)!;

test("a drag changes what is drawn, not what the layout stands for", () => {
  const known = after(synced(), { type: "dragged", axis: "node", value: 0.05 });
  expect(countOn(known.mask)).toBe(6);
  expect(countOn(known.layoutMask)).toBe(15);
});

test("letting go settles the layout on what is drawn", () => {
  const known = after(synced(), { type: "dragged", axis: "node", value: 0.05 }, { type: "released" });
  expect(known.layoutMask).toBe(known.mask);
  expect(countOn(known.layoutMask)).toBe(6);
  expect(known.drag).toBeNull();
  expect(known.edits.nodeThreshold).toBe(0.05);
});

test("an echo of an older threshold changes nothing while the slider is in the hand", () => {
  const before = after(synced(), { type: "dragged", axis: "node", value: 0.05 });
  const known = reduce(before, synced({ nodeThreshold: 0.0001 }))!;
  expect(known.mask).toBe(before.mask);
  expect(known.edits).not.toBe(NO_EDITS);
  expect(known.edits.nodeThreshold).toBe(0.05);
  expect(known.layoutMask).toBe(before.layoutMask);
});

test("the other threshold and hand edits come in while one slider is in the hand", () => {
  const removedEdges = new Set([edgeId(net, [0, 0, 4])]);
  const known = after(synced(), { type: "dragged", axis: "node", value: 0.05 }, synced({ removedEdges }));
  expect(countOn(known.mask)).toBe(5);
});

test("an equal state is the same object", () => {
  const before = after(synced({ nodeThreshold: 0.005 }));
  const known = reduce(before, synced({ nodeThreshold: 0.005 }))!;
  expect(known.mask).toBe(before.mask);
  expect(known.edits).toBe(before.edits);
});

test("what the pointer was on is forgotten when the model is another", () => {
  const known = after(synced(), { type: "hovered", target: { kind: "edge", id: 14 } });
  expect(known.hover?.id).toBe(14);
  const other = networkOf([1, 1]);
  expect(reduce(known, { type: "synced", reading: syncedOf(other) })!.hover).toBeNull();
});

test("before the model was read there is nothing to drag", () => {
  expect(reduce(null, { type: "dragged", axis: "edge", value: 1 })).toBeNull();
});

const edge = (l: number, i: number, j: number): Target => ({ kind: "edge", id: edgeId(net, [l, i, j]) });
const node = (l: number, i: number): Target => ({ kind: "node", id: nodeId(net, [l, i]) });
const countOf = (edits: Edits) => countOn(maskOf(net, edits));

test("several at once go off together when one of them is on, and come back together", () => {
  const off = toggleAll(net, NO_EDITS, [edge(0, 0, 1), edge(0, 1, 1)]);
  expect(countOf(off)).toBe(13);
  const mixed = toggleAll(net, off, [edge(0, 0, 1), edge(0, 0, 2)]);
  expect(countOf(mixed)).toBe(12);
  expect(countOf(toggleAll(net, mixed, [edge(0, 0, 1), edge(0, 1, 1), edge(0, 0, 2)]))).toBe(15);
});

test("a node that goes with its own edges, or leaves another node without any, stays off, and all come back", () => {
  const targets = [node(1, 3), edge(0, 0, 3), edge(1, 3, 0), edge(0, 0, 0), edge(0, 1, 0), node(1, 0)];
  const off = toggleAll(net, NO_EDITS, targets);
  expect(countOf(off)).toBe(9);
  expect(countOf(toggleAll(net, off, targets))).toBe(15);
  expect(countOf(toggleAll(net, off, [node(1, 3)]))).toBe(12);
});

test("one alone is switched as by a double click", () => {
  expect(toggleAll(net, NO_EDITS, [node(1, 2)])).toEqual(toggle(net, NO_EDITS, node(1, 2)));
});
