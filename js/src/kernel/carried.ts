/** What an exported page carries, read once: the network, and what its loss is computed with. */
import { type Cells, predict, sharedCells } from "../forward";
import { createNetwork, type Network } from "../network";
import { type Bytes, decode } from "../wire";
import type { Bench } from "./session";

export type Given = Readonly<Record<string, unknown>>;

export function isBytes(value: unknown): value is Bytes {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

export function networkOf(given: Given): Network {
  const baseline = decode(given._baseline as Bytes, "uint8", "_baseline").data;
  const scores = decode(given._scores as Bytes, "float64", "_scores").data;
  return createNetwork(given._width as number[], scores, baseline, (given._slots as number[][]) ?? []);
}

/** Null unless the page carries rows and all that computes the network. */
export function benchOf(given: Given, net: Network): Bench | null {
  const [rows, labels] = ["_rows", "_row_labels"].map((name) => numbers(given, name, "float32"));
  const cells = rows ? cellsOf(given, net) : null;
  if (!rows || !cells) return null;
  const count = rows.length / net.width[0]!;
  if (!Number.isInteger(count)) throw misfit(net);
  if (labels?.length === count * net.width[net.depth]!) return { cells, measure: { rows, labels } };
  // As a session does without labels: what counts is how far the outputs move.
  return { cells, measure: { rows, labels: predict(net, cells, net.baseline, true, rows) } };
}

function cellsOf(given: Given, net: Network): Cells | null {
  const double = (name: string) => numbers(given, name, "float64");
  const [bias, offset, means, folded] = ["_bias", "_offset", "_means", "_folded"].map(double);
  if (!(bias && offset && means && folded)) return null;
  const constants = { bias, offset, means, folded };
  const sizes = [
    [bias, net.slotNode.length],
    [offset, net.nodeCount],
    [means, net.edgeCount],
    [folded, net.edgeCount],
  ] as const;
  if (sizes.some(([array, n]) => array.length !== n)) throw misfit(net);
  const [parts, weights] = ["_parts_y", "_parts_w"].map((name) => numbers(given, name, "float32"));
  const breaks = double("_parts_x");
  if (breaks && parts && weights) {
    return sharedCells(net, given._parts_counts as number[], { x: breaks, y: parts, weights, ...constants });
  }
  const [x, y] = ["_cells_x", "_cells_y"].map(double);
  if (!x || !y) return null;
  const sources = net.nodeOffset[net.depth]!;
  const count = x.length / sources - 1;
  if (count < 1 || x.length !== sources * (count + 1) || y.length !== net.edgeCount * count * 4) {
    throw misfit(net);
  }
  return { count, x, y, ...constants };
}

const misfit = ({ width }: Network) => new Error(`The tables on this page do not fit a [${width}] network`);

function numbers<N extends "float32" | "float64">(given: Given, name: string, dtype: N) {
  const bytes = given[name];
  if (!isBytes(bytes) || bytes.byteLength === 0) return null;
  return decode(bytes, dtype, name).data;
}

/** The name of the loss on the page, and of how many rows it is. */
export function lossNameOf(given: Given, net: Network, bench: Bench | null): string {
  const name = typeof given.loss_name === "string" ? given.loss_name : "";
  if (bench === null) return name;
  const rows = bench.measure.rows.length / net.width[0]!;
  // A metric of one's own stays in Python.
  const ours = /(\bRMSE|^RMS change of the outputs)$/.test(name) ? name : "RMSE";
  return `${ours} (${rows} ${rows === 1 ? "row" : "rows"})`;
}
