/**
 * Cleans what a view writes: for each trait the valid value, or undefined if there is none. As
 * `kanwidget/widget/traits.py` does it, for pages without a kernel. Pure.
 */

import { type EdgeIndex, edgeId, type Network, type NodeIndex, nodeId, slotCount } from "../model/network";
import { MAX_SELECTED } from "../util/limits";
import { byIndex, ORIENTATIONS, REMOVED_LOOKS, VIEWS, type WritableTraits } from "../wire/traits";

type Sanitizer = (net: Network, value: unknown) => unknown;

const threshold: Sanitizer = (_net, value) =>
  typeof value === "number" && Number.isFinite(value) ? Math.max(0, value) : undefined;
const oneOf =
  (values: readonly string[]): Sanitizer =>
  (_net, value) =>
    values.includes(value as string) ? value : undefined;

/** Ids in the order of layer, source and target, each once. */
function sorted(of: (net: Network, value: unknown) => number[] | undefined): Sanitizer {
  return (net, value) => {
    if (!Array.isArray(value)) return undefined;
    const known = new Map<string, number[]>();
    for (const one of value) {
      const ids = of(net, one);
      if (ids) known.set(ids.join(), ids);
    }
    return [...known.values()].sort(byIndex);
  };
}

const selected: Sanitizer = (net, value) => {
  if (!Array.isArray(value)) return undefined;
  const known = new Map<string, number[]>();
  for (const one of value) {
    const ids = edgeOf(net, one) ?? nodeOf(net, one);
    if (ids) known.set(ids.join(), ids);
    if (known.size === MAX_SELECTED) break;
  }
  return [...known.values()];
};

const probe: Sanitizer = (net, value) =>
  Array.isArray(value) &&
  (value.length === 0 || value.length === net.width[0]) &&
  Array.from(value).every((x) => typeof x === "number" && Number.isFinite(x))
    ? [...value]
    : undefined;

const SANITIZERS = {
  node_threshold: threshold,
  edge_threshold: threshold,
  keep_mean: (_net, value) => (typeof value === "boolean" ? value : undefined),
  removed_edges: sorted(edgeOf),
  kept_edges: sorted(edgeOf),
  removed_nodes: sorted(nodeOf),
  kept_nodes: sorted(nodeOf),
  selected,
  view: oneOf(VIEWS),
  orientation: oneOf(ORIENTATIONS),
  tolerance: threshold,
  beta: threshold,
  removed: oneOf(REMOVED_LOOKS),
  shared_scale: (_net, value) => (typeof value === "boolean" ? value : undefined),
  probe,
  // The scores of a page stay as they are.
  score: () => undefined,
} satisfies Record<keyof WritableTraits, Sanitizer>;

export function sanitize(net: Network, name: string, value: unknown): unknown {
  return Object.hasOwn(SANITIZERS, name)
    ? SANITIZERS[name as keyof typeof SANITIZERS](net, value)
    : undefined;
}

function edgeOf(net: Network, value: unknown): EdgeIndex | undefined {
  if (!isIndex(value, 3)) return undefined;
  const [l, i, j] = value as EdgeIndex;
  return l < net.depth && i < net.width[l]! && j < slotCount(net, l) ? [l, i, j] : undefined;
}

function nodeOf(net: Network, value: unknown): NodeIndex | undefined {
  if (!isIndex(value, 2)) return undefined;
  const [l, i] = value as NodeIndex;
  return l <= net.depth && i < net.width[l]! ? [l, i] : undefined;
}

function isIndex(value: unknown, length: number): value is number[] {
  // Array.from, since `every` skips the holes of an array.
  const whole = (n: unknown) => Number.isInteger(n) && (n as number) >= 0;
  return Array.isArray(value) && value.length === length && Array.from(value).every(whole);
}

export function edgeIds(net: Network, list: EdgeIndex[]): Set<number> {
  return new Set(list.map((index) => edgeId(net, index)));
}

export function nodeIds(net: Network, list: NodeIndex[]): Set<number> {
  return new Set(list.map((index) => nodeId(net, index)));
}
