/** What an exported page carries, read once: the network, and what its loss is computed with. */
import { type Cells, predict, rmse, sharedCells } from "../model/forward";
import { LOSSES } from "../model/losses";
import { functionsOf } from "../model/named-curve";
import { createNetwork, type Network } from "../model/network";
import { type Bytes, decode } from "../wire/packed-array";
import { namesFrom } from "../wire/snapshot";
import type { NameRow, PageOrigin } from "../wire/traits";
import type { PageMeasure } from "./session";

export type PageData = Readonly<Record<string, unknown>>;

export function isBytes(value: unknown): value is Bytes {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

export function networkOf(page: PageData): Network {
  const baseline = decode(page._baseline as Bytes, "uint8", "_baseline").data;
  const scores = decode(page._scores as Bytes, "float64", "_scores").data;
  return createNetwork(page._width as number[], scores, baseline, (page._slots as number[][]) ?? []);
}

/** Null unless the page carries rows and all that computes the network. */
export function measureOf(page: PageData, net: Network): PageMeasure | null {
  const [rows, labels] = ["_rows", "_row_labels"].map((name) => numbers(page, name, "float32"));
  const cells = rows ? cellsOf(page, net) : null;
  if (!rows || !cells) return null;
  const count = rows.length / net.width[0]!;
  if (!Number.isInteger(count)) throw misfit(net);
  const formula = lossFormula(page);
  const loss = formula === "change" ? rmse : LOSSES.get(formula);
  const [labelsOrClasses, size] =
    formula === "cross_entropy"
      ? [numbers(page, "_row_classes", "float32"), count]
      : [labels, count * net.width[net.depth]!];
  // Without labels they are the model's outputs at first: nothing has moved where Python says so.
  const still = formula === "change" && page.baseline_loss === 0;
  if (loss && labelsOrClasses?.length === size && !still)
    return { cells, measure: { rows, labels: labelsOrClasses, loss } };
  // As a session does without labels: what counts is how far the outputs move.
  const outputs = predict(net, cells, net.baseline, true, rows);
  return { cells, measure: { rows, labels: outputs, loss: rmse } };
}

/** By which formula Python's loss is computed: "change" is how far the outputs move, "" that it stayed there. */
const lossFormula = (page: PageData) => (typeof page._page_loss === "string" ? page._page_loss : "");

/** The name that Python gives the loss of a model without labels. */
const CHANGE = "RMS change of the outputs";

/** Where the history of the page begins. */
export function originOf(page: PageData): PageOrigin {
  const { script, keep_mean, committed } = Object(page._origin) as Partial<PageOrigin>;
  return {
    script: typeof script === "string" ? script : FRESH,
    keep_mean: keep_mean !== false,
    committed: committed === true,
  };
}

const FRESH = "from kanwidget import PruningSession\n\nsession = PruningSession(model, dataset)\n";

function cellsOf(page: PageData, net: Network): Cells | null {
  const double = (name: string) => numbers(page, name, "float64");
  const [bias, offset, means] = ["_bias", "_offset", "_means"].map(double);
  if (!(bias && offset && means)) return null;
  const folded = double("_folded") ?? new Float64Array(net.edgeCount);
  const rows = Array.isArray(page._names) ? (page._names as NameRow[]) : [];
  const constants = { bias, offset, means, folded, functions: functionsOf(namesFrom(net, rows)) };
  const sizes = [
    [bias, net.slotNode.length],
    [offset, net.nodeCount],
    [means, net.edgeCount],
    [folded, net.edgeCount],
  ] as const;
  if (sizes.some(([array, n]) => array.length !== n)) throw misfit(net);
  const [parts, weights] = ["_parts_y", "_parts_w"].map((name) => numbers(page, name, "float32"));
  const breaks = double("_parts_x");
  if (breaks && parts && weights) {
    return sharedCells(net, page._parts_counts as number[], { x: breaks, y: parts, weights, ...constants });
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

function numbers<N extends "float32" | "float64">(page: PageData, name: string, dtype: N) {
  const bytes = page[name];
  if (!isBytes(bytes) || bytes.byteLength === 0) return null;
  return decode(bytes, dtype, name).data;
}

/** The name of the loss on the page, and of how many rows it is. */
export function lossNameOf(page: PageData, net: Network, evaluation: PageMeasure | null): string {
  const name = typeof page.loss_name === "string" ? page.loss_name : "";
  if (evaluation === null) return name;
  const rows = evaluation.measure.rows.length / net.width[0]!;
  // A metric of one's own stays in Python: the page says what it shows in its place.
  const ours = LOSSES.has(lossFormula(page)) ? name : CHANGE;
  return `${ours} (${rows} ${rows === 1 ? "row" : "rows"})`;
}
