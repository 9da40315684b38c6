/** A host's model of a sweep, for tests; with no Python behind it unless a test answers. */
import { pack } from "./fake";

export interface FakeSweep {
  readonly traits: Record<string, unknown>;
  readonly sent: unknown[];
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, callback: (...told: never[]) => void): void;
  off(event: string, callback: (...told: never[]) => void): void;
  /** Changes traits as Python does. */
  receive(traits: Record<string, unknown>): void;
  /** Sends a message as Python does. */
  message(content: unknown): void;
  listeners(): number;
}

/** [edges, test loss] of each run; no edges: it failed. */
export type Runs = readonly (readonly [edges: number, loss: number])[];

/** The traits that change as runs end. */
export function runTraits(runs: Runs): Record<string, unknown> {
  const rows = [
    runs.map((_, k) => k),
    runs.map(([, loss]) => loss / 2),
    runs.map(([, loss]) => loss),
    runs.map(([edges]) => edges),
    runs.map((_, k) => 0.1 + k / 100),
  ];
  const order = runs.map((_, k) => k).filter((k) => !Number.isNaN(runs[k]![0]));
  order.sort((a, b) => runs[a]![0] - runs[b]![0] || runs[a]![1] - runs[b]![1]);
  const front: number[] = [];
  for (const k of order) if (!front.length || runs[k]![1] < runs[front.at(-1)!]![1]) front.push(k);
  const errors = runs.flatMap(([edges], k) =>
    Number.isNaN(edges) ? [[k, "ValueError: it went wrong"]] : [],
  );
  const data = Float64Array.from(rows.flat());
  return { _runs: pack(data, [5, runs.length]), _front: front, _errors: errors };
}

/** Two settings: seed 0, 1, 2, and lamb 0.001 or 0.01. */
export function fakeSweep(runs: Runs, total = runs.length): FakeSweep {
  const callbacks = new Map<string, Set<(...told: never[]) => void>>();
  const codes = Float32Array.from({ length: 2 * total }, (_, k) => (k < total ? k % 3 : k % 2));
  const tell = (event: string, ...told: unknown[]) => {
    for (const callback of callbacks.get(event) ?? []) (callback as (...told: unknown[]) => void)(...told);
  };
  const traits: Record<string, unknown> = {
    _total: total,
    _running: runs.length < total,
    _settings: [
      { name: "seed", values: ["0", "1", "2"], numbers: true },
      { name: "lamb", values: ["0.001", "0.01"], numbers: true },
    ],
    _codes: pack(codes, [2, total]),
    _shared: "width [2, 5, 1]",
    _networks: [],
    _agreement: {},
    _comparing: false,
    error: "",
    selected: null,
    ...runTraits(runs),
  };
  const model: FakeSweep = {
    traits,
    sent: [],
    get: (name) => traits[name],
    set(name, value) {
      traits[name] = value;
      tell(`change:${name}`);
    },
    save_changes: () => {},
    send: (content) => model.sent.push(content),
    on: (event, callback) => callbacks.set(event, (callbacks.get(event) ?? new Set()).add(callback)),
    off: (event, callback) => callbacks.get(event)?.delete(callback),
    receive(changes) {
      Object.assign(traits, changes);
      for (const name of Object.keys(changes)) tell(`change:${name}`);
    },
    message: (content) => tell("msg:custom", content),
    listeners: () => [...callbacks.values()].reduce((n, set) => n + set.size, 0),
  };
  return model;
}
