/** A small network and a host's model that holds it, for tests; with no Python behind it unless `python` is called. */
import { countOn, maskOf, NO_EDITS } from "../src/model/mask";
import { createNetwork, type Network } from "../src/model/network";
import type { Synced } from "../src/state/view-state";
import { encode } from "../src/wire/packed-array";
import { type Curves, createSnapshotReader } from "../src/wire/snapshot";
import type { Command, Model, Pending, Traits } from "../src/wire/traits";

let sequence = 0;

export const pack = (data: Float32Array | Float64Array | Uint8Array, shape: number[]) =>
  encode(data, shape, ++sequence);

export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const SAMPLES = 64;

/** Scores of [2, 5, 1]: node `k` of the hidden layer has about 10 times the score of node `k - 1`. */
export function scoresOf(width: number[]): Float64Array {
  const scores: number[] = [];
  for (let l = 0; l + 1 < width.length; l++) {
    for (let j = 0; j < width[l + 1]!; j++) {
      for (let i = 0; i < width[l]!; i++)
        scores.push(10 ** ((l === 0 ? j : i) - width[1]! + 1) * (1 + 0.1 * i + 0.01 * j));
    }
  }
  return Float64Array.from(scores);
}

export function networkOf(width: number[], scores = scoresOf(width)): Network {
  return createNetwork(width, scores, new Uint8Array(scores.length).fill(1));
}

/** What the model says when nobody has done anything, but for `changes`. */
export const syncedOf = (net: Network, changes: Partial<Synced> = {}): Synced => ({
  net,
  edits: NO_EDITS,
  kernelMask: new Uint8Array(net.edgeCount).fill(1),
  selected: [],
  symbolic: new Map(),
  ...changes,
});

export function sampleCurves(net: Network): Curves & { y: Float32Array } {
  const sources = net.nodeOffset[net.depth]!;
  const x = Float32Array.from(
    { length: sources * SAMPLES },
    (_, k) => -1 + (2 * (k % SAMPLES)) / (SAMPLES - 1),
  );
  const y = Float32Array.from({ length: net.edgeCount * SAMPLES }, (_, k) => {
    const e = Math.floor(k / SAMPLES);
    return Math.sin((1 + (e % 4)) * x[k % SAMPLES]! + e);
  });
  const of = (e: number) => y.subarray(e * SAMPLES, (e + 1) * SAMPLES);
  return { samples: SAMPLES, x, y, of, steps: null, baseOf: () => null };
}

const none = new DataView(new ArrayBuffer(0));
/** Traits that a model without data leaves empty. */
const NOTHING = {
  _closed: false,
  _slots: [],
  _symbolic: [],
  _curves_range: none,
  _selected_curves: none,
  _base_y: none,
  _density: none,
  _grid: none,
  _rows: none,
  _row_numbers: none,
  _row_labels: none,
  _row_classes: none,
  _prediction: "",
  _metrics: [],
  _cells_x: none,
  _cells_y: none,
  _bias: none,
  _offset: none,
  _means: none,
  _folded: none,
  _tradeoff_node: none,
  _tradeoff_edge: none,
  _prices: [],
  _history: [],
  _current: 0,
  _script: "",
  _compared: none,
  _run: {},
  _run_losses: none,
  _names: [],
  _candidates: [],
  _candidates_y: none,
  _formula: {},
  _naming: {},
};

export interface FakeModel extends Model {
  readonly traits: Traits;
  /** What was asked of Python. */
  readonly acts: Command[];
  /** What each of them brought. */
  readonly pending: (Pending | undefined)[];
  /** Whether the line to the kernel is open, where the host tells: as ipywidgets, by the model it hands to listeners. */
  live?: boolean;
  /** How often changes were sent. */
  messages: number;
  /** Callbacks that are still registered. */
  listeners(): number;
  /** Changes traits as Python does, and tells the views. */
  receive(traits: Partial<Traits>): void;
  /** Fires an event of the host's. */
  tell(event: string): void;
  /** Python's answer to the present decisions: the mask, and a loss. */
  python(): void;
}

export function fakeModel(width = [2, 5, 1], scores = scoresOf(width)): FakeModel {
  const net = networkOf(width, scores);
  const { x, y } = sampleCurves(net);
  const all = new Uint8Array(net.edgeCount).fill(1);
  const callbacks = new Map<string, Set<() => void>>();
  const traits: Traits = {
    node_threshold: 0,
    edge_threshold: 0,
    removed_edges: [],
    kept_edges: [],
    removed_nodes: [],
    kept_nodes: [],
    in_vars: Array.from({ length: width[0]! }, (_, i) => `x_${i + 1}`),
    out_vars: Array.from({ length: width.at(-1)! }, (_, i) => (width.at(-1) === 1 ? "f(x)" : `y_${i + 1}`)),
    active_edges: net.edgeCount,
    loss: 0.13,
    baseline_loss: 0.13,
    loss_name: "test RMSE",
    higher_is_better: false,
    error: "",
    keep_mean: true,
    score: "l1",
    _scores_known: ["l1", "ablation"],
    _warnings: [],
    selected: [],
    view: "auto",
    orientation: "right",
    tolerance: 0.05,
    beta: 3,
    removed: "faint",
    shared_scale: false,
    probe: [],
    input_shape: [],
    hide: [],
    ...NOTHING,
    _width: width,
    _curves_x: pack(x, [net.nodeOffset[net.depth]!, SAMPLES]),
    _curves_y: pack(y, [net.edgeCount, SAMPLES]),
    _scores: pack(scores, [net.edgeCount]),
    _baseline: pack(all, [net.edgeCount]),
    _mask: pack(all, [net.edgeCount]),
  };
  const tell = (event: string) => {
    const told = model.live === undefined ? [] : [{ comm_live: model.live }];
    for (const callback of callbacks.get(event) ?? []) (callback as (...told: unknown[]) => void)(...told);
  };
  const model: FakeModel = {
    traits,
    acts: [],
    pending: [],
    messages: 0,
    tell,
    listeners: () => [...callbacks.values()].reduce((n, set) => n + set.size, 0),
    get: (name) => traits[name],
    set(name, value) {
      (traits as unknown as Record<string, unknown>)[name] = value;
      tell(`change:${name}`);
    },
    save_changes() {
      model.messages += 1;
    },
    send({ pending, ...act }) {
      model.acts.push(act as Command);
      model.pending.push(pending);
    },
    on: (event, callback) => callbacks.set(event, (callbacks.get(event) ?? new Set()).add(callback)),
    off: (event, callback) => callbacks.get(event)?.delete(callback),
    receive(changes) {
      Object.assign(traits, changes);
      for (const name of Object.keys(changes)) tell(`change:${name}`);
    },
    python() {
      const mask = maskOf(net, createSnapshotReader(model)().edits);
      model.receive({
        _mask: pack(mask, [net.edgeCount]),
        active_edges: countOn(mask),
        loss: 0.13 + 0.01 * (net.edgeCount - countOn(mask)),
      });
    },
  };
  return model;
}
