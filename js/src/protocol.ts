/** What crosses the wire: the synced traits, typed, and the packed arrays among them, checked as they are decoded. */
import {
  createNetwork,
  type EdgeIndex,
  type Edits,
  edgeId,
  edgeIndex,
  type Network,
  type NodeIndex,
  nodeId,
  nodeIndex,
} from "./network";

/** What the view may write. Everything else is Python's. */
export interface Decisions {
  node_threshold: number;
  edge_threshold: number;
  removed_edges: EdgeIndex[];
  kept_edges: EdgeIndex[];
  removed_nodes: NodeIndex[];
  kept_nodes: NodeIndex[];
}

export interface Traits extends Decisions {
  in_vars: string[];
  out_vars: string[];
  active_edges: number;
  loss: number | null;
  baseline_loss: number | null;
  loss_name: string;
  error: string;
  _width: number[];
  _curves_x: Bytes;
  _curves_y: Bytes;
  _scores: Bytes;
  _baseline: Bytes;
  _mask: Bytes;
}

/** The part of a host's model that a view uses. Callback arguments differ between hosts, so none is declared. */
export interface Model {
  get<K extends keyof Traits>(name: K): Traits[K];
  set<K extends keyof Decisions>(name: K, value: Decisions[K]): void;
  on(event: string, callback: () => void): void;
  off(event: string, callback: () => void): void;
  save_changes(): void;
}

const DECISIONS: readonly (keyof Decisions)[] = [
  "node_threshold",
  "edge_threshold",
  "removed_edges",
  "kept_edges",
  "removed_nodes",
  "kept_nodes",
];

export const TRAITS: readonly (keyof Traits)[] = [
  ...DECISIONS,
  "in_vars",
  "out_vars",
  "active_edges",
  "loss",
  "baseline_loss",
  "loss_name",
  "error",
  "_width",
  "_curves_x",
  "_curves_y",
  "_scores",
  "_baseline",
  "_mask",
];

export type Bytes = ArrayBuffer | ArrayBufferView;

const DTYPES = { 1: Float32Array, 2: Float64Array, 3: Uint8Array } as const;
const DTYPE_NAMES = { float32: 1, float64: 2, uint8: 3 } as const;
type DtypeName = keyof typeof DTYPE_NAMES;
type ArrayOf<N extends DtypeName> = InstanceType<(typeof DTYPES)[(typeof DTYPE_NAMES)[N]]>;

export interface Packed<A = Float32Array | Float64Array | Uint8Array> {
  readonly sequence: number;
  readonly shape: readonly number[];
  readonly data: A;
}

/**
 * Unpacks one array: magic, version, dtype, sequence, shape, padding to 8 bytes, data.
 * The data is copied: the host may hand out a view into a larger buffer at any offset, and reuse it later.
 */
export function decode<N extends DtypeName>(
  bytes: Bytes,
  dtype: N,
  name = "packed array",
): Packed<ArrayOf<N>> {
  const fail = (why: string): never => {
    throw new Error(`${name}: ${why}`);
  };
  const isBuffer = bytes instanceof ArrayBuffer;
  if (!isBuffer && !ArrayBuffer.isView(bytes)) fail("no bytes came");
  const view = isBuffer
    ? new DataView(bytes)
    : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 12) fail(`${view.byteLength} bytes are too few for a header`);
  if (view.getUint8(0) !== 0x4b || view.getUint8(1) !== 0x57) fail('it does not begin with "KW"');
  if (view.getUint8(2) !== 1) fail(`version ${view.getUint8(2)} is not understood, only 1`);
  const code = view.getUint8(3);
  if (code !== DTYPE_NAMES[dtype])
    fail(`dtype code ${code} came where ${dtype} (${DTYPE_NAMES[dtype]}) belongs`);
  const sequence = view.getUint32(4, true);
  const ndim = view.getUint32(8, true);
  if (ndim > 8 || view.byteLength < 12 + 4 * ndim) fail(`${ndim} dimensions do not fit its header`);
  const shape = Array.from({ length: ndim }, (_, d) => view.getUint32(12 + 4 * d, true));
  const start = Math.ceil((12 + 4 * ndim) / 8) * 8;
  const Typed = DTYPES[DTYPE_NAMES[dtype]];
  const expected = start + shape.reduce((product, n) => product * n, 1) * Typed.BYTES_PER_ELEMENT;
  if (view.byteLength !== expected) {
    fail(`${view.byteLength} bytes came, but shape [${shape}] needs ${expected}`);
  }
  for (let k = 12 + 4 * ndim; k < start; k++) if (view.getUint8(k) !== 0) fail("its padding is not zero");
  const copy = view.buffer.slice(view.byteOffset + start, view.byteOffset + expected) as ArrayBuffer;
  return { sequence, shape, data: new Typed(copy) as ArrayOf<N> };
}

/** Samples of every edge's function: x belongs to the source node, (sum of w0..w(L-1), n); y to the edge, (E, n). */
export interface Curves {
  readonly samples: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
}

export interface Reading {
  readonly net: Network;
  readonly curves: Curves;
  readonly edits: Edits;
  readonly confirmed: Uint8Array;
  readonly inVars: readonly string[];
  readonly outVars: readonly string[];
  readonly loss: number | null;
  readonly baselineLoss: number | null;
  readonly lossName: string;
  readonly error: string;
}

/** Reads the whole model; an array is decoded again only when its bytes changed, so that reading is cheap. */
export function createReader(model: Model): () => Reading {
  const memo = new Map<string, { from: readonly unknown[]; value: unknown }>();
  function once<T>(name: string, from: readonly unknown[], make: () => T): T {
    const seen = memo.get(name);
    if (seen?.from.every((value, k) => value === from[k])) return seen.value as T;
    const value = make();
    memo.set(name, { from, value });
    return value;
  }
  const array = <N extends DtypeName>(name: keyof Traits, dtype: N, shape: (number | null)[]) => {
    const bytes = model.get(name) as Bytes;
    const packed = once(name, [bytes], () => decode(bytes, dtype, name));
    if (packed.shape.length !== shape.length || shape.some((n, d) => n !== null && n !== packed.shape[d])) {
      const wanted = shape.map((n) => n ?? "n").join(", ");
      throw new Error(`${name}: shape [${packed.shape.join(", ")}] came where [${wanted}] belongs`);
    }
    return packed;
  };
  return () => {
    const width = [...model.get("_width")];
    const edges = width.slice(1).reduce((sum, w, l) => sum + w * width[l]!, 0);
    const sources = width.slice(0, -1).reduce((sum, w) => sum + w, 0);
    const scores = array("_scores", "float64", [edges]).data;
    const baseline = array("_baseline", "uint8", [edges]).data;
    const net = once("net", [width.join(), scores, baseline], () => createNetwork(width, scores, baseline));
    const x = array("_curves_x", "float32", [sources, null]);
    const y = array("_curves_y", "float32", [edges, x.shape[1]!]);
    return {
      net,
      curves: once("curves", [x, y], () => ({ samples: x.shape[1]!, x: x.data, y: y.data })),
      // The same decisions are the same object, so that an echo changes nothing.
      edits: once("edits", [net, JSON.stringify(DECISIONS.map((name) => model.get(name)))], () =>
        readEdits(model, net),
      ),
      confirmed: array("_mask", "uint8", [edges]).data,
      inVars: model.get("in_vars") ?? [],
      outVars: model.get("out_vars") ?? [],
      loss: number(model.get("loss")),
      baselineLoss: number(model.get("baseline_loss")),
      lossName: model.get("loss_name") ?? "",
      error: model.get("error") ?? "",
    };
  };
}

function readEdits(model: Model, net: Network): Edits {
  const threshold = (value: unknown) => Math.max(0, number(value) || 0);
  // An index outside the network belongs to another state of the model: it is dropped, not wrapped.
  const inside = (k: number | undefined, n: number | undefined) =>
    k !== undefined && n !== undefined && k >= 0 && k < n;
  const edges = (list: EdgeIndex[] | undefined) =>
    new Set(
      (list ?? [])
        .filter(([l, i, j]) => inside(l, net.depth) && inside(i, net.width[l]) && inside(j, net.width[l + 1]))
        .map((index) => edgeId(net, index)),
    );
  const nodes = (list: NodeIndex[] | undefined) =>
    new Set(
      (list ?? [])
        .filter(([l, i]) => inside(l, net.depth + 1) && inside(i, net.width[l]))
        .map((index) => nodeId(net, index)),
    );
  return {
    nodeThreshold: threshold(model.get("node_threshold")),
    edgeThreshold: threshold(model.get("edge_threshold")),
    removedEdges: edges(model.get("removed_edges")),
    keptEdges: edges(model.get("kept_edges")),
    removedNodes: nodes(model.get("removed_nodes")),
    keptNodes: nodes(model.get("kept_nodes")),
  };
}

/** JSON has no NaN: some hosts send the words instead. */
function number(value: unknown): number | null {
  if (value === null || value === undefined) return null;
  return typeof value === "number" ? value : Number(value);
}

/** Writes the decisions that differ and sends them as one message; nothing is sent when nothing differs. */
export function write(model: Model, decisions: Partial<Decisions>): void {
  let changed = false;
  for (const name of Object.keys(decisions) as (keyof Decisions)[]) {
    const value = decisions[name];
    if (value === undefined || JSON.stringify(value) === JSON.stringify(model.get(name))) continue;
    model.set(name, value);
    changed = true;
  }
  if (changed) model.save_changes();
}

/** The hand edits in the form of the traits: sorted lists of indices. */
export function handEdits(net: Network, edits: Edits): Omit<Decisions, "node_threshold" | "edge_threshold"> {
  // By layer, then source, then target: not the order of the flat ids, in which the target comes first.
  const byIndex = (a: number[], b: number[]) => a[0]! - b[0]! || a[1]! - b[1]! || (a[2] ?? 0) - (b[2] ?? 0);
  return {
    removed_edges: [...edits.removedEdges].map((e) => edgeIndex(net, e)).sort(byIndex),
    kept_edges: [...edits.keptEdges].map((e) => edgeIndex(net, e)).sort(byIndex),
    removed_nodes: [...edits.removedNodes].map((n) => nodeIndex(net, n)).sort(byIndex),
    kept_nodes: [...edits.keptNodes].map((n) => nodeIndex(net, n)).sort(byIndex),
  };
}
