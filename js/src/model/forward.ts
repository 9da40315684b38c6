/**
 * The network computed in the browser: every edge's function as a table of cubics. Pure.
 *
 * Python makes the tables; `tests/golden/forward.json` checks their results against the live model.
 */
import { countUpTo } from "../util/bisect";
import type { Network } from "./network";

/** Rows of numbers, one after the other, as they are received or computed. */
export type Rows = Float32Array | Float64Array;

/**
 * The tables that compute a network of E edges, S slots and N nodes; all nodes except outputs are sources.
 */
export interface Cells {
  /** Cells of each function, c; of each layer's, where they differ. */
  readonly count: number | readonly number[];
  /** Breaks between the cells of each source, rising, (sources, c + 1). */
  readonly x: Float64Array;
  /** Coefficients of 1, u, u^2 and u^3 with u = 0..1 in the cell, (E, c, 4); of the parts, if there are weights. */
  readonly y: Rows;
  /** How much of each part of its source is in an edge, (E, parts): then `y` is (sources, parts, c, 4). */
  readonly weights?: Float32Array;
  /** Edges that have a function of their own, which is exact where a table is only close. */
  readonly functions?: ReadonlyMap<number, (x: number) => number>;
  /** What each slot adds in the baseline, (S,). */
  readonly bias: Float64Array;
  /** What each node adds to the product of its slots, (N,). */
  readonly offset: Float64Array;
  /** Mean output of each edge over the data, (E,). */
  readonly means: Float64Array;
  /** What the bias holds for each edge that is off in the baseline, (E,). */
  readonly folded: Float64Array;
}

/** Constants of the slots that go with a mask, (S,), as `Baseline.bias_under` has them. */
function biasUnder(net: Network, cells: Cells, mask: Uint8Array, keepMean: boolean): Float64Array {
  const bias = cells.bias.slice();
  for (let e = 0; e < net.edgeCount; e++) {
    if (net.baseline[e] && !mask[e] && keepMean) bias[net.slot[e]!]! += cells.means[e]!;
    else if (mask[e] && !net.baseline[e]) bias[net.slot[e]!]! -= cells.folded[e]!;
  }
  return bias;
}

/** Values in one sample. */
export interface Trace {
  /** (N,) */
  readonly nodes: Float64Array;
  /** Sums, before they are multiplied, (S,). */
  readonly slots: Float64Array;
  /** Outputs of all edges, also of those that are off, (E,). */
  readonly edges: Float64Array;
}

/** Follows one input sample through the network. */
export function trace(
  net: Network,
  cells: Cells,
  mask: Uint8Array,
  keepMean: boolean,
  sample: ArrayLike<number>,
): Trace {
  const { nodes, slots } = finish(propagating(net, cells, mask, keepMean, Float64Array.from(sample), 1));
  const edges = new Float64Array(net.edgeCount);
  const place = new Place(net, cells, 1);
  for (let l = 0; l < net.depth; l++) {
    place.enter(l);
    for (let i = 0; i < net.width[l]!; i++) {
      const from = net.nodeOffset[l]! + i;
      place.find(from, nodes, from);
      for (let e = net.edgeOffset[l]! + i; e < net.edgeOffset[l + 1]!; e += net.width[l]!)
        place.add(e, edges, e);
    }
  }
  return { nodes, slots, edges };
}

/** Outputs for many rows `(count, n_in)`: `(count, n_out)`. */
export function predict(
  net: Network,
  cells: Cells,
  mask: Uint8Array,
  keepMean: boolean,
  rows: Rows,
  count?: number,
): Float64Array {
  return finish(predicting(net, cells, mask, keepMean, rows, count));
}

/** The same as a generator that pauses about every millisecond, so that it can run in the background. */
export function* predicting(
  net: Network,
  cells: Cells,
  mask: Uint8Array,
  keepMean: boolean,
  rows: Rows,
  count = rows.length / net.width[0]!,
): Generator<void, Float64Array> {
  const { nodes } = yield* propagating(net, cells, mask, keepMean, rows, count);
  const n = net.width[net.depth]!;
  const first = net.nodeOffset[net.depth]!;
  const out = new Float64Array(count * n);
  for (let j = 0; j < n; j++) {
    for (let r = 0; r < count; r++) out[r * n + j] = nodes[(first + j) * count + r]!;
  }
  return out;
}

/** An edge's values in its table, whatever function it has, at points of its source. */
export function tableValues(net: Network, cells: Cells, edge: number, points: Rows): Float64Array {
  const layer = net.edgeOffset.findLastIndex((first) => first <= edge);
  const place = new Place(net, { ...cells, functions: new Map() }, points.length);
  for (let l = 0; l <= layer; l++) place.enter(l);
  place.find(net.source[edge]!, Float64Array.from(points), 0);
  const values = new Float64Array(points.length);
  place.add(edge, values, 0);
  return values;
}

/** Runs a generator to its end and returns its result. */
export function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Root mean squared difference. */
export function rmse(pred: ArrayLike<number>, labels: ArrayLike<number>): number {
  if (pred.length !== labels.length) {
    throw new Error(`${pred.length} predictions came for ${labels.length} labels`);
  }
  let sum = 0;
  for (let k = 0; k < pred.length; k++) sum += (pred[k]! - labels[k]!) ** 2;
  return Math.sqrt(sum / pred.length);
}

/** Values, node after node and slot after slot: (N, count) and (S, count). */
interface Values {
  nodes: Float64Array;
  slots: Float64Array;
}

/** Edges' outputs between two steps. */
const STEP = 200_000;

function* propagating(
  net: Network,
  cells: Cells,
  mask: Uint8Array,
  keepMean: boolean,
  rows: Rows,
  count: number,
): Generator<void, Values> {
  const n = net.width[0]!;
  if (!Number.isInteger(count) || rows.length !== count * n) {
    throw new Error(`${rows.length} numbers came where ${count} rows of ${n} belong`);
  }
  const nodes = new Float64Array(net.nodeCount * count);
  const slots = new Float64Array(net.slotNode.length * count);
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < count; r++) nodes[i * count + r] = rows[r * n + i]!;
  }
  const bias = biasUnder(net, cells, mask, keepMean);
  const place = new Place(net, cells, count);
  let work = 0;
  for (let l = 0; l < net.depth; l++) {
    place.enter(l);
    const [begin, end] = [net.slotOffset[l]!, net.slotOffset[l + 1]!];
    for (let s = begin; s < end; s++) slots.fill(bias[s]!, s * count, (s + 1) * count);
    for (let i = 0; i < net.width[l]!; i++) {
      const from = net.nodeOffset[l]! + i;
      let found = false;
      for (let s = begin; s < end; s++) {
        const e = net.edgeOffset[l]! + (s - begin) * net.width[l]! + i;
        if (!mask[e]) continue;
        if (!found) place.find(from, nodes, from * count);
        found = true;
        place.add(e, slots, s * count);
        work += count;
      }
      if (work > STEP) {
        work = 0;
        yield;
      }
    }
    nodes.fill(1, net.nodeOffset[l + 1]! * count, net.nodeOffset[l + 2]! * count);
    for (let s = begin; s < end; s++) {
      const to = net.slotNode[s]! * count;
      for (let r = 0; r < count; r++) nodes[to + r]! *= slots[s * count + r]!;
    }
    for (let n = net.nodeOffset[l + 1]!; n < net.nodeOffset[l + 2]!; n++) {
      for (let r = 0; r < count; r++) nodes[n * count + r]! += cells.offset[n]!;
    }
  }
  return { nodes, slots };
}

/** Where values of one source lie among its breaks: found once, used by all edges out of it. */
class Place {
  readonly #net: Network;
  readonly #cells: Cells;
  readonly #rows: number;
  readonly #cell: Uint32Array;
  readonly #share: Float64Array;
  /** Values of the source's parts, (rows, parts). */
  readonly #parts: Float64Array;
  readonly #many: number;
  /** The values that were found last, and where they begin. */
  #values: Float64Array = new Float64Array();
  #at = 0;
  /** Of the layer: its number, cells of each function, and where its breaks and its coefficients begin. */
  #layer = -1;
  #count = 0;
  #breaks = 0;
  #cubics = 0;

  constructor(net: Network, cells: Cells, rows: number) {
    this.#net = net;
    this.#cells = cells;
    this.#rows = rows;
    this.#cell = new Uint32Array(rows);
    this.#share = new Float64Array(rows);
    this.#many = cells.weights ? cells.weights.length / net.edgeCount : 0;
    this.#parts = new Float64Array(rows * this.#many);
  }

  /** Goes to the next layer. */
  enter(layer: number): void {
    const { width, edgeOffset } = this.#net;
    const { count } = this.#cells;
    if (layer > 0) {
      const n = width[layer - 1]!;
      const functions = this.#many ? n * this.#many : edgeOffset[layer]! - edgeOffset[layer - 1]!;
      this.#breaks += n * (this.#count + 1);
      this.#cubics += functions * this.#count * 4;
    }
    this.#layer = layer;
    this.#count = typeof count === "number" ? count : count[layer]!;
  }

  find(source: number, values: Float64Array, at: number): void {
    this.#values = values;
    this.#at = at;
    const { x } = this.#cells;
    const c = this.#count;
    const i = source - this.#net.nodeOffset[this.#layer]!;
    const first = this.#breaks + i * (c + 1);
    const [low, high] = [x[first]!, x[first + c]!];
    for (let r = 0; r < this.#rows; r++) {
      let value = values[at + r]!;
      if (value < low) value = low;
      else if (value > high) value = high;
      // The last cell that begins at or before the value.
      let a = countUpTo(x, value, first + 1, first + c) - first - 1;
      // At the very end cells may be empty.
      while (a > 0 && x[first + a] === x[first + a + 1]) a--;
      const begin = x[first + a]!;
      const size = x[first + a + 1]! - begin;
      this.#cell[r] = a;
      this.#share[r] = size > 0 ? (value - begin) / size : value - begin;
    }
    const many = this.#many;
    if (many > 0) this.#parts.fill(0);
    for (let k = 0; k < many; k++) this.#cubic(this.#cubics + (i * many + k) * c * 4, this.#parts, k, many);
  }

  /** Adds an edge's outputs at the values found. */
  add(edge: number, to: Float64Array, at: number): void {
    const { weights, functions } = this.#cells;
    const own = functions?.get(edge);
    if (own) {
      for (let r = 0; r < this.#rows; r++) to[at + r]! += own(this.#values[this.#at + r]!);
      return;
    }
    if (!weights) {
      const e = edge - this.#net.edgeOffset[this.#layer]!;
      this.#cubic(this.#cubics + e * this.#count * 4, to, at, 1);
      return;
    }
    const [parts, many] = [this.#parts, this.#many];
    const first = edge * many;
    for (let r = 0, p = 0; r < this.#rows; r++) {
      let sum = 0;
      for (let k = first; k < first + many; k++, p++) sum += weights[k]! * parts[p]!;
      to[at + r]! += sum;
    }
  }

  /** Adds the values of one function, which begins at `first`, to every `step`-th number. */
  #cubic(first: number, to: Float64Array, at: number, step: number): void {
    const { y } = this.#cells;
    const [cell, share] = [this.#cell, this.#share];
    for (let r = 0; r < this.#rows; r++) {
      const k = first + cell[r]! * 4;
      const u = share[r]!;
      to[at + r * step]! += ((y[k + 3]! * u + y[k + 2]!) * u + y[k + 1]!) * u + y[k]!;
    }
  }
}

/** Cells of a large network, in which the edges out of a source share their parts; they must fit together. */
export function sharedCells(
  net: Network,
  count: readonly number[],
  { x, y, weights, ...rest }: Omit<Cells, "count" | "weights"> & { readonly weights: Float32Array },
): Cells {
  const many = weights.length / net.edgeCount;
  let [breaks, cubics] = [0, 0];
  for (let l = 0; l < net.depth; l++) {
    breaks += net.width[l]! * (count[l]! + 1);
    cubics += net.width[l]! * many * count[l]! * 4;
  }
  const fits = count.length === net.depth && many >= 1 && x.length === breaks && y.length === cubics;
  if (!fits || !count.every((c) => Number.isInteger(c) && c >= 1))
    throw new Error(`The tables on this page do not fit a [${net.width}] network`);
  return { count, x, y, weights, ...rest };
}
