/** The golden files' networks, with the tables that compute them. */
import { readFileSync } from "node:fs";
import type { Cells } from "../src/model/forward";
import { functionsOf } from "../src/model/named-curve";
import { createNetwork, edgeIndex, type Network } from "../src/model/network";
import { namesFrom } from "../src/wire/snapshot";
import type { NameRow } from "../src/wire/traits";

export function golden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../tests/golden/${name}`, import.meta.url), "utf8")) as T;
}

export interface Tables {
  width: number[];
  slots?: number[][];
  scores: number[];
  baseline: number[];
  cells: { count: number } & Record<Exclude<keyof Cells, "count" | "weights" | "functions">, number[]>;
  rows: number[];
  labels: number[];
  names?: NameRow[];
}

export function networkFrom({ width, slots, scores, baseline, cells, names = [] }: Tables): {
  net: Network;
  cells: Cells;
} {
  const { count, ...arrays } = cells;
  const packed = Object.fromEntries(
    Object.entries(arrays).map(([name, values]) => [name, Float64Array.from(values)]),
  ) as unknown as Omit<Cells, "count">;
  const net = createNetwork(width, Float64Array.from(scores), Uint8Array.from(baseline), slots);
  return { net, cells: { count, ...packed, functions: functionsOf(namesFrom(net, names)) } };
}

/** The same network with tables that edges share: each of a source's parts is half of what one slot takes. */
export function sharedFrom({ width, cells }: Tables, net: Network) {
  const slots = net.slotOffset.slice(1).map((end, l) => end - net.slotOffset[l]!);
  const many = Math.max(...slots);
  const y: number[] = [];
  for (let l = 0; l < net.depth; l++) {
    for (let i = 0; i < width[l]!; i++) {
      for (let k = 0; k < many; k++) {
        const first = (net.edgeOffset[l]! + k * width[l]! + i) * cells.count * 4;
        for (let c = 0; c < cells.count * 4; c++) y.push(k < slots[l]! ? cells.y[first + c]! / 2 : 1e9);
      }
    }
  }
  const weights = Array.from({ length: net.edgeCount }, (_, e) => {
    const [l, , k] = edgeIndex(net, e);
    return Array.from({ length: many }, (_, part) => (part === k && l >= 0 ? 2 : 0));
  }).flat();
  return { count: slots.map(() => cells.count), x: Float64Array.from(cells.x), y, weights };
}

/** The largest difference of two lists of numbers; infinite if one is longer. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Array.from(a).reduce((most, value, k) => Math.max(most, Math.abs(value - b[k]!)), 0);
}
