/** What the view knows of a sweep: its traits, checked and put into columns. Pure. */
import { type Bytes, decode } from "../wire/packed-array";

/** A setting by which runs differ. */
export interface Setting {
  readonly name: string;
  /** In words, in their order. */
  readonly values: readonly string[];
  /** Whether that is an order of numbers. */
  readonly numbers: boolean;
  /** Which of them a run has, by the number of the run. */
  readonly codes: Float32Array;
}

export interface RunData {
  readonly total: number;
  readonly running: boolean;
  readonly settings: readonly Setting[];
  readonly shared: string;
  /** How many have ended. The arrays below have one place for each of them. */
  readonly count: number;
  readonly number: Float64Array;
  readonly train: Float64Array;
  readonly test: Float64Array;
  /** NaN if it failed. */
  readonly edges: Float64Array;
  readonly seconds: Float64Array;
  /** Where a run is in the arrays, by its number. */
  readonly placeOf: ReadonlyMap<number, number>;
  /** Places of the runs that no other beats, fewest edges first. */
  readonly front: readonly number[];
  readonly errors: ReadonlyMap<number, string>;
}

type Read = (name: string) => unknown;

/** Returns a reader that decodes what has changed only. */
export function createRunReader(read: Read): () => RunData {
  const once = remember();
  const settings = remember();
  return () => {
    const [codes, words] = [read("_codes"), read("_settings")];
    const known = settings([codes, words], () => settingsOf(words, codes as Bytes)) as Setting[];
    const runs = read("_runs");
    const columns = once([runs], () => columnsOf(runs as Bytes)) as ReturnType<typeof columnsOf>;
    const { placeOf } = columns;
    const front = list(read("_front")).flatMap((number) => placeOf.get(Number(number)) ?? []);
    return {
      ...columns,
      total: Number(read("_total")) || 0,
      running: read("_running") === true,
      settings: known,
      shared: String(read("_shared") ?? ""),
      front,
      errors: new Map(list(read("_errors")).map((each) => [Number(list(each)[0]), String(list(each)[1])])),
    };
  };
}

/** Computes anew when one of these is another object. */
function remember() {
  let from: readonly unknown[] = [];
  let made: unknown;
  return (now: readonly unknown[], make: () => unknown) => {
    if (made === undefined || now.some((each, k) => each !== from[k])) {
      made = make();
      from = now;
    }
    return made;
  };
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function settingsOf(words: unknown, bytes: Bytes): Setting[] {
  const { data, shape } = decode(bytes, "float32", "_codes");
  const total = shape[1] ?? 0;
  return list(words).map((each, k) => {
    const { name, values, numbers } = each as { name: unknown; values: unknown; numbers: unknown };
    return {
      name: String(name),
      values: list(values).map(String),
      numbers: numbers === true,
      codes: data.subarray(k * total, (k + 1) * total),
    };
  });
}

function columnsOf(bytes: Bytes) {
  const { data, shape } = decode(bytes, "float64", "_runs");
  const count = shape[1] ?? 0;
  const row = (k: number) => data.subarray(k * count, (k + 1) * count);
  const number = row(0);
  const placeOf = new Map(Array.from(number, (each, k) => [each, k] as const));
  return { count, number, train: row(1), test: row(2), edges: row(3), seconds: row(4), placeOf };
}

export const hasNetwork = (data: RunData, place: number): boolean =>
  Number.isFinite(data.edges[place]!) && Number.isFinite(data.test[place]!);

/** The value of a setting of a run, in words. */
export const valueInWords = (setting: Setting, number: number): string =>
  setting.values[setting.codes[number] ?? -1] ?? "";

/** "lamb 0.01, seed 3". */
export const settingsWords = (data: RunData, number: number): string =>
  data.settings.map((setting) => `${setting.name} ${valueInWords(setting, number)}`).join(", ");

/** Place of the run with the lowest test loss, and the fewest edges among several; -1 if there is none. */
export function lowestPlace(data: RunData): number {
  return data.front.at(-1) ?? -1;
}
