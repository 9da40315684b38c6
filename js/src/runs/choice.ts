/** Which runs are shown, and in which order. Pure. */
import { hasNetwork, lowestPlace, type RunData } from "./run-data";

export type Group = "all" | "front" | "good" | "failed";

export interface Filter {
  readonly group: Group;
  /** By the place of a setting: which of its values. */
  readonly values: ReadonlyMap<number, number>;
  readonly mostEdges: number;
  readonly mostLoss: number;
}

export const NO_FILTER: Filter = {
  group: "all",
  values: new Map(),
  mostEdges: Number.POSITIVE_INFINITY,
  mostLoss: Number.POSITIVE_INFINITY,
};

/** By which share the loss of a good run is above the lowest, as in `Sweep.best`. */
const GOOD = 0.05;

/** Places of the runs that pass a filter. */
export function passing(data: RunData, filter: Filter): Uint32Array {
  const front = new Set(data.front);
  const lowest = data.test[lowestPlace(data)] ?? Number.NaN;
  const limit = lowest + GOOD * Math.abs(lowest);
  const groups: Record<Group, (place: number) => boolean> = {
    all: () => true,
    front: (place) => front.has(place),
    good: (place) => hasNetwork(data, place) && data.test[place]! <= limit,
    failed: (place) => !hasNetwork(data, place),
  };
  const inGroup = groups[filter.group];
  const values = [...filter.values];
  const found: number[] = [];
  for (let place = 0; place < data.count; place++) {
    const number = data.number[place]!;
    const passes =
      inGroup(place) &&
      values.every(([setting, value]) => data.settings[setting]?.codes[number] === value) &&
      (filter.mostEdges === Number.POSITIVE_INFINITY || data.edges[place]! <= filter.mostEdges) &&
      (filter.mostLoss === Number.POSITIVE_INFINITY || data.test[place]! <= filter.mostLoss);
    if (passes) found.push(place);
  }
  return Uint32Array.from(found);
}

/** A column of the table: one of the arrays, or the place of a setting. */
export type Column = "number" | "test" | "train" | "edges" | "seconds" | number;

export interface Sorting {
  readonly column: Column;
  readonly descending: boolean;
}

/** Places in the order of a column; what is not a number comes last, and equal ones by their numbers. */
export function sorted(data: RunData, places: Uint32Array, { column, descending }: Sorting): Uint32Array {
  const key =
    typeof column === "number"
      ? (place: number) => data.settings[column]?.codes[data.number[place]!] ?? Number.NaN
      : (place: number) => data[column][place]!;
  const keys = Float64Array.from({ length: data.count }, (_, place) => key(place));
  const sign = descending ? -1 : 1;
  return places.slice().sort((a, b) => {
    const [x, y] = [keys[a]!, keys[b]!];
    if (x === y) return a - b;
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) ? (Number.isNaN(y) ? a - b : 1) : -1;
    return sign * (x - y);
  });
}

/** The whole table as CSV, in the order of the places. */
export function toCsv(data: RunData, places: Uint32Array): string {
  const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const head = ["run", ...data.settings.map(({ name }) => name), "train_loss", "test_loss", "active_edges"];
  const rows = Array.from(places, (place) => {
    const number = data.number[place]!;
    const figure = (value: number) => (Number.isFinite(value) ? `${value}` : "");
    return [
      `${number}`,
      ...data.settings.map((setting) => setting.values[setting.codes[number]!] ?? ""),
      ...[data.train[place]!, data.test[place]!, data.edges[place]!, data.seconds[place]!].map(figure),
      data.errors.get(number) ?? "",
    ];
  });
  return [[...head, "seconds", "error"], ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}
