/** The golden files' networks, with the tables that compute them. */
import { readFileSync } from "node:fs";
import type { Cells } from "../src/forward";
import { createNetwork, type Network } from "../src/network";

export function golden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../tests/golden/${name}`, import.meta.url), "utf8")) as T;
}

export interface Tables {
  width: number[];
  slots?: number[][];
  scores: number[];
  baseline: number[];
  cells: { count: number } & Record<Exclude<keyof Cells, "count">, number[]>;
  rows: number[];
  labels: number[];
}

export function networkFrom({ width, slots, scores, baseline, cells }: Tables): {
  net: Network;
  cells: Cells;
} {
  const { count, ...arrays } = cells;
  const packed = Object.fromEntries(
    Object.entries(arrays).map(([name, values]) => [name, Float64Array.from(values)]),
  ) as unknown as Omit<Cells, "count">;
  return {
    net: createNetwork(width, Float64Array.from(scores), Uint8Array.from(baseline), slots),
    cells: { count, ...packed },
  };
}

/** The largest difference of two lists of numbers; infinite if one is longer. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Array.from(a).reduce((most, value, k) => Math.max(most, Math.abs(value - b[k]!)), 0);
}
