/** What a view reads from the synced traits: decoded, checked, and the same object as long as it is the same. */

import type { Cells } from "../model/forward";
import { DEFAULT_BETA } from "../model/importance";
import { type LossCurve, lossCurveFrom } from "../model/loss-curve";
import type { Edits } from "../model/mask";
import { functionsOf, type NamedCurve } from "../model/named-curve";
import {
  createTopology,
  type EdgeIndex,
  edgeId,
  type Network,
  type NodeIndex,
  nodeId,
  slotCount,
  type Target,
  withWeights,
} from "../model/network";
import { wrongType } from "./check-type";
import { type Bytes, type Dtype, decode } from "./packed-array";
import {
  type ArrayName,
  type CandidateRow,
  DECISIONS,
  type DtypeOf,
  EDIT_TRAITS,
  type FormulaState,
  type HistoryStep,
  keyOf,
  type Message,
  type Model,
  type NameRow,
  type NamingRun,
  ORIENTATIONS,
  type OrientationChoice,
  REMOVED_LOOKS,
  type RemovedLook,
  TABLE,
  type TrainingRun,
  VIEWS,
  type ViewKind,
} from "./traits";

/** Samples of every edge's function: x belongs to the source node, (sum of w0..w(L-1), n); y to the edge. */
export interface Curves {
  readonly samples: number;
  readonly x: Float32Array;
  /** The values of one edge, (n,). */
  of(edge: number): Float32Array;
  /** The values as they came, if in steps of 1/255 of the range of each edge, (E, n), and these ranges, (E, 2). */
  readonly steps: { readonly y: Uint8Array; readonly ranges: Float32Array } | null;
  /** Their base part alone, where the library has parts. */
  baseOf(edge: number): Float32Array | null;
}

/** The data that went through the network, by source node. */
export interface Data {
  /** Shares of the rows in bins over the range of a source's curves, (sources, bins). */
  readonly bins: number;
  readonly density: Float32Array;
  /** First and last grid point, NaN if none, and the share of rows outside, (sources, 3). */
  readonly grid: Float32Array | null;
}

/** Some rows of the loss' data. */
export interface Rows {
  readonly count: number;
  /** Which rows of the data they are, counted from 0 and rising, (count,). */
  readonly numbers: Float64Array;
  /** (count, inputs) */
  readonly inputs: Float32Array;
  /** (count, outputs) */
  readonly labels: Float32Array | null;
  /** The classes that they have, (count,), if the labels are numbers of classes. */
  readonly classes: Float32Array | null;
}

/**
 * What outputs say of classes: their softmax or each one's sigmoid is a probability, or the largest is the predicted
 * class and no more is known; "": nothing.
 */
const PREDICTIONS = ["", "softmax", "sigmoid", "class"] as const;
export type PredictionKind = (typeof PREDICTIONS)[number];

/** A metric on the test rows, and on the training rows if these are others. */
export interface Metric {
  readonly name: string;
  readonly test: number | null;
  readonly train: number | null;
}

/** The last training by the session. */
export interface Training extends TrainingRun {
  /** Of its steps, or some of them, counted from 0. */
  readonly losses: {
    readonly step: Float64Array;
    readonly train: Float64Array;
    readonly test: Float64Array;
    readonly reg: Float64Array;
  } | null;
}

/** A function that might name a curve, and the curve it makes. */
export interface Candidate extends CandidateRow {
  /** Over the samples of the edge's own curve. */
  readonly y: Float32Array;
}

/** What might name an edge, the best first. */
export interface Candidates {
  /** Whether losses are still being measured. */
  readonly busy: boolean;
  /** Why there are none, "" if there are. */
  readonly error: string;
  readonly rows: readonly Candidate[];
}

export interface Snapshot {
  /** What could not be read, in words: it is replaced by empty values. "" if all could. */
  readonly problem: string;
  readonly net: Network;
  readonly curves: Curves;
  readonly edits: Edits;
  readonly kernelMask: Uint8Array;
  readonly inVars: readonly string[];
  readonly outVars: readonly string[];
  readonly loss: number | null;
  readonly baselineLoss: number | null;
  readonly lossName: string;
  /** The loss is a metric such as accuracy, of which more is better. */
  readonly higherIsBetter: boolean;
  /** On a page without Python, whether it computes the loss of any state; undefined with Python. */
  readonly computes: boolean | undefined;
  /** On a page without Python: functions of the edges that can have their name or their spline. */
  readonly switchable: ReadonlyMap<number, string> | undefined;
  readonly error: string;
  /** Whether the model has been given back: nothing that is done here reaches it any more. */
  readonly closed: boolean;
  /** What is wrong with what the model has now. */
  readonly warnings: readonly Message[];
  readonly keepMean: boolean;
  /** What the scores are, and what else they could be. */
  readonly score: string;
  readonly scores: readonly string[];
  readonly selected: readonly Target[];
  readonly view: ViewKind;
  readonly orientation: OrientationChoice;
  readonly tolerance: number;
  /** How dark weak edges are, as in pykan's `plot`. */
  readonly beta: number;
  readonly removed: RemovedLook;
  /** Curves into one node have one scale. */
  readonly sharedScale: boolean;
  /** The followed sample, one value for each input; null if none is. */
  readonly probe: readonly number[] | null;
  readonly inputShape: readonly [number, number] | null;
  /** Text of edges with a fixed formula. */
  readonly symbolic: ReadonlyMap<number, string>;
  readonly data: Data | null;
  readonly rows: Rows | null;
  readonly prediction: PredictionKind;
  /** All metrics of what Python has now, the one that decides first; none as long as they are not measured. */
  readonly metrics: readonly Metric[];
  /** Parts of the view that are not there. */
  readonly hide: readonly string[];
  /** What the browser needs to compute the network by itself. */
  readonly cells: Cells | null;
  readonly tradeoff: { readonly node: LossCurve | null; readonly edge: LossCurve | null };
  /** Loss if it were toggled, of selected targets: `edge12`, `node3`. */
  readonly prices: ReadonlyMap<string, number>;
  readonly history: readonly HistoryStep[];
  readonly current: number;
  readonly script: string;
  /** Null if there was none. */
  readonly training: Training | null;
  /** Bit 0: on in the first of two compared commands, bit 1: in the second. */
  readonly compared: Uint8Array | null;
  /** The functions of edges that have names. */
  readonly named: ReadonlyMap<number, NamedCurve>;
  /** What might name the edges whose cards are open. */
  readonly candidates: ReadonlyMap<number, Candidates>;
  /** Null as long as nobody has asked for it. */
  readonly formula: FormulaState | null;
  /** The last search for names for all edges, null if there was none. */
  readonly naming: NamingRun | null;
}

/** Without these there is no network, or another one: all others may be missing. */
const NEEDED: ReadonlySet<string> = new Set([
  ...DECISIONS,
  "_width",
  "_slots",
  "_scores",
  "_baseline",
  "_mask",
  "_curves_x",
  "_curves_y",
  "_curves_range",
]);

/** Reads the whole model; what did not change is the same object, so that reading is cheap and change is seen. */
export function createSnapshotReader(host: Pick<Model, "get" | "computes" | "switchable">): () => Snapshot {
  let problems: string[] = [];
  /** A model whose traits are of the right form, or missing. */
  const model: Pick<Model, "get"> = {
    get(name) {
      const value = host.get(name);
      const wrong = wrongType(name, TABLE[name as keyof typeof TABLE].check, value);
      if (!wrong) return value;
      if (NEEDED.has(name)) throw new Error(wrong);
      if (!problems.includes(wrong)) problems.push(wrong);
      return undefined as unknown as typeof value;
    },
  };
  /** What may be missing, and is if it cannot be read. */
  function optional<T>(read: () => T): T | null {
    try {
      return read();
    } catch (error) {
      problems.push(error instanceof Error ? error.message : `${error}`);
      return null;
    }
  }
  const memo = new Map<string, { from: readonly unknown[]; value: unknown }>();
  function once<T>(name: string, from: readonly unknown[], make: () => T): T {
    const seen = memo.get(name);
    if (seen?.from.every((value, k) => value === from[k])) return seen.value as T;
    const value = make();
    memo.set(name, { from, value });
    return value;
  }
  /** A packed array that may be missing: no bytes, or a host that does not know the trait. */
  const maybe = <K extends ArrayName, D extends Dtype = Extract<DtypeOf<K>, Dtype>>(
    name: K,
    shape: (number | null)[],
    dtype = TABLE[name].dtype as D,
  ) => {
    const bytes = model.get(name) as Bytes | undefined;
    if (!bytes?.byteLength) return null;
    const packed = once(name, [bytes], () => decode(bytes, dtype, name));
    if (packed.shape.length !== shape.length || shape.some((n, d) => n !== null && n !== packed.shape[d])) {
      const wanted = shape.map((n) => n ?? "n").join(", ");
      throw new Error(`${name}: shape [${packed.shape.join(", ")}] came where [${wanted}] belongs`);
    }
    return packed;
  };
  const array = <K extends ArrayName, D extends Dtype = Extract<DtypeOf<K>, Dtype>>(
    name: K,
    shape: (number | null)[],
    dtype = TABLE[name].dtype as D,
  ) => {
    const packed = maybe(name, shape, dtype);
    if (!packed) throw new Error(`${name}: no bytes came`);
    return packed;
  };
  /** The same JSON is the same object. */
  const json = <T>(name: string, from: readonly unknown[], of: unknown, make: () => T) =>
    once(name, [...from, JSON.stringify(of)], make);

  /** While a large network is trained the curves of selected edges are newer than the others. */
  function readCurves(net: Network): Curves {
    const curves = readAllCurves(net);
    const packed = optional(() => maybe("_selected_curves", [null, curves.samples + 1]));
    if (!packed) return curves;
    return once("curves with newer ones", [curves, packed], () => {
      const length = curves.samples + 1;
      const newer = new Map<number, Float32Array>();
      for (let at = 0; at < packed.data.length; at += length)
        newer.set(packed.data[at]!, packed.data.subarray(at + 1, at + length));
      return { ...curves, of: (edge: number) => newer.get(edge) ?? curves.of(edge), steps: null };
    });
  }

  function readAllCurves(net: Network): Curves {
    const sources = net.nodeOffset[net.depth]!;
    const x = array("_curves_x", [sources, null]);
    const samples = x.shape[1]!;
    const shape = [net.edgeCount, samples];
    const row = (all: Float32Array, edge: number) => all.subarray(edge * samples, (edge + 1) * samples);
    const range = maybe("_curves_range", [net.edgeCount, 2]);
    if (range) {
      const y = array("_curves_y", shape, "uint8");
      return once("curves", [x, y, range], () => ({
        samples,
        x: x.data,
        of(edge) {
          const [low, high] = [range.data[2 * edge]!, range.data[2 * edge + 1]!];
          const values = new Float32Array(samples);
          for (let k = 0; k < samples; k++)
            values[k] = low + (y.data[edge * samples + k]! / 255) * (high - low);
          return values;
        },
        steps: { y: y.data, ranges: range.data },
        baseOf: () => null,
      }));
    }
    const y = array("_curves_y", shape, "float32");
    const base = optional(() => maybe("_base_y", shape));
    return once("curves", [x, y, base], () => ({
      samples,
      x: x.data,
      of: (edge) => row(y.data, edge),
      steps: null,
      baseOf: (edge) => base && row(base.data, edge),
    }));
  }

  function readData(net: Network): Data | null {
    const sources = net.nodeOffset[net.depth]!;
    const density = maybe("_density", [sources, null]);
    const grid = maybe("_grid", [sources, 3]);
    if (!density) return null;
    return once("data", [density, grid], () => ({
      bins: density.shape[1]!,
      density: density.data,
      grid: grid?.data ?? null,
    }));
  }

  function readRows(net: Network): Rows | null {
    const inputs = maybe("_rows", [null, net.width[0]!]);
    if (!inputs) return null;
    const count = inputs.shape[0]!;
    const labels = maybe("_row_labels", [count, net.width[net.depth]!]);
    const numbers = maybe("_row_numbers", [count]);
    const classes = maybe("_row_classes", [count]);
    return once("rows", [inputs, labels, numbers, classes], () => ({
      count,
      numbers: numbers?.data ?? Float64Array.from({ length: count }, (_, k) => k),
      inputs: inputs.data,
      labels: labels?.data ?? null,
      classes: classes?.data ?? null,
    }));
  }

  function readCells(net: Network, named: Snapshot["named"]): Cells | null {
    const edges = net.edgeCount;
    const x = maybe("_cells_x", [net.nodeOffset[net.depth]!, null]);
    if (!x) return null;
    const count = x.shape[1]! - 1;
    const parts = [
      x,
      array("_cells_y", [edges, count, 4]),
      array("_bias", [null]),
      array("_offset", [net.nodeCount]),
      array("_means", [edges]),
      array("_folded", [edges]),
    ] as const;
    return once("cells", [...parts, named], () => {
      const [at, y, bias, offset, means, folded] = parts.map((part) => part.data);
      const constants = { bias: bias!, offset: offset!, means: means!, folded: folded! };
      return { count, x: at!, y: y!, functions: functionsOf(named), ...constants };
    });
  }

  function readTraining(): Training | null {
    const run = model.get("_run");
    if (!isRun(run)) return null;
    const packed = optional(() => maybe("_run_losses", [4, null]));
    const losses =
      packed &&
      once("run losses", [packed], () => {
        const n = packed.shape[1]!;
        const [step, train, test, reg] = [0, 1, 2, 3].map((k) => packed.data.subarray(k * n, (k + 1) * n));
        return { step: step!, train: train!, test: test!, reg: reg! };
      });
    return json("training", [losses], run, () => ({ ...run, losses }));
  }

  function readCandidates(net: Network, samples: number): ReadonlyMap<number, Candidates> {
    const given = model.get("_candidates") ?? [];
    const count = given.reduce((sum, { rows }) => sum + rows.length, 0);
    const packed = count > 0 ? maybe("_candidates_y", [count, samples]) : null;
    return json("candidates", [net.topology, packed], given, () => {
      const found = new Map<number, Candidates>();
      let at = 0;
      for (const { edge, busy, error, rows } of given) {
        const first = at;
        at += rows.length;
        if (!isEdge(net, edge)) continue;
        const curveOf = (k: number) =>
          packed?.data.subarray((first + k) * samples, (first + k + 1) * samples) ?? new Float32Array();
        found.set(edgeId(net, edge), {
          busy,
          error,
          rows: rows.map((row, k) => ({
            ...row,
            loss: number(row.loss),
            loss_after: number(row.loss_after),
            y: curveOf(k),
          })),
        });
      }
      return found;
    });
  }

  function readTradeoff(name: "_tradeoff_node" | "_tradeoff_edge"): LossCurve | null {
    const packed = maybe(name, [4, null]);
    const better = model.get("higher_is_better") === true;
    return packed && once(`${name} rows ${better}`, [packed], () => lossCurveFrom(packed.data, better));
  }

  return () => {
    problems = [];
    const width = [...(model.get("_width") ?? [])];
    const slots = model.get("_slots") ?? [];
    const edges = width.slice(1).reduce((sum, w, l) => sum + (slots[l]?.length ?? w) * width[l]!, 0);
    const scores = array("_scores", [edges]).data;
    const baseline = array("_baseline", [edges]).data;
    const topology = json("topology", [], [width, slots], () => createTopology(width, slots));
    const net = once("net", [topology, scores, baseline], () => withWeights(topology, scores, baseline));
    const curves = readCurves(net);
    const shape = model.get("input_shape") ?? [];
    const symbolic = model.get("_symbolic") ?? [];
    const prices = model.get("_prices") ?? [];
    const selected = model.get("selected") ?? [];
    const probe = model.get("probe") ?? [];
    const history = model.get("_history") ?? [];
    const metrics = model.get("_metrics") ?? [];
    const hide = model.get("hide") ?? [];
    const tolerance = number(model.get("tolerance")) ?? DEFAULT_TOLERANCE;
    const names = model.get("_names") ?? [];
    const named = json("named", [topology], names, () => namesFrom(net, names));
    const [formula, naming] = [model.get("_formula"), model.get("_naming")];
    const compared = optional(() => maybe("_compared", [edges]));
    const snapshot: Snapshot = {
      problem: "",
      net,
      curves,
      // The same decisions are the same object, so that an echo changes nothing.
      edits: json(
        "edits",
        [net],
        EDIT_TRAITS.map((name) => model.get(name)),
        () => readEdits(model, net),
      ),
      kernelMask: array("_mask", [edges]).data,
      inVars: json("in_vars", [], model.get("in_vars"), () => model.get("in_vars") ?? []),
      outVars: json("out_vars", [], model.get("out_vars"), () => model.get("out_vars") ?? []),
      loss: number(model.get("loss")),
      baselineLoss: number(model.get("baseline_loss")),
      lossName: model.get("loss_name") ?? "",
      higherIsBetter: model.get("higher_is_better") === true,
      computes: host.computes,
      switchable: host.switchable,
      error: model.get("error") ?? "",
      closed: model.get("_closed") === true,
      warnings: json("warnings", [], model.get("_warnings"), () => model.get("_warnings") ?? []),
      keepMean: model.get("keep_mean") ?? true,
      score: model.get("score") ?? "",
      scores: json("scores known", [], model.get("_scores_known"), () => model.get("_scores_known") ?? []),
      selected: json("selected", [topology], selected, () =>
        selected.flatMap((index) => targetOf(net, index) ?? []),
      ),
      view: oneOf(VIEWS, model.get("view")),
      orientation: oneOf(ORIENTATIONS, model.get("orientation")),
      tolerance: tolerance >= 0 && tolerance < Number.POSITIVE_INFINITY ? tolerance : DEFAULT_TOLERANCE,
      beta: number(model.get("beta")) ?? DEFAULT_BETA,
      removed: oneOf(REMOVED_LOOKS, model.get("removed")),
      sharedScale: model.get("shared_scale") === true,
      probe: json("probe", [topology], probe, () => (probe.length === width[0] ? probe : null)),
      inputShape: json("shape", [topology], shape, () =>
        shape.length === 2 && shape[0]! * shape[1]! === width[0] ? ([shape[0]!, shape[1]!] as const) : null,
      ),
      symbolic: json(
        "symbolic",
        [topology],
        symbolic,
        () =>
          new Map(
            symbolic
              .filter(([l, i, j, text]) => isEdge(net, [l, i, j]) && typeof text === "string")
              .map(([l, i, j, text]) => [edgeId(net, [l, i, j]), text]),
          ),
      ),
      data: optional(() => readData(net)),
      rows: optional(() => readRows(net)),
      prediction: oneOf(PREDICTIONS, model.get("_prediction") as PredictionKind),
      metrics: json("metrics", [], metrics, () =>
        metrics.map(([name, test, train]) => ({ name, test: number(test), train: number(train) })),
      ),
      hide: json("hide", [], hide, () => hide),
      cells: optional(() => readCells(net, named)),
      tradeoff: {
        node: optional(() => readTradeoff("_tradeoff_node")),
        edge: optional(() => readTradeoff("_tradeoff_edge")),
      },
      prices: json("prices", [topology], prices, () => {
        const known = new Map<string, number>();
        for (const [index, loss] of prices) {
          const target = Array.isArray(index) ? targetOf(net, index) : null;
          if (target) known.set(keyOf(target), number(loss) ?? Number.NaN);
        }
        return known;
      }),
      history: json("history", [], history, () =>
        history.map((step) => ({
          ...step,
          loss_before: number(step.loss_before),
          loss_after: number(step.loss_after),
        })),
      ),
      current: model.get("_current") ?? 0,
      script: model.get("_script") ?? "",
      training: readTraining(),
      compared: compared?.data ?? null,
      named,
      candidates: optional(() => readCandidates(net, curves.samples)) ?? new Map(),
      formula: json("formula", [topology], formula, () => filled(formula)),
      naming: json("naming", [topology], naming, () => filled(naming)),
    };
    return { ...snapshot, problem: problems.join("; ") };
  };
}

const DEFAULT_TOLERANCE = 0.05;

function isRun(run: TrainingRun | Record<string, never> | undefined): run is TrainingRun {
  return run !== undefined && run !== null && "state" in run;
}

/** An object that is not empty, else null. */
function filled<T extends object>(value: T | Record<string, never> | undefined): T | null {
  return value !== undefined && value !== null && Object.keys(value).length > 0 ? (value as T) : null;
}

export function namesFrom(net: Network, rows: readonly NameRow[]): ReadonlyMap<number, NamedCurve> {
  const found = new Map<number, NamedCurve>();
  for (const [l, i, j, name, ...constants] of rows) {
    const [a, b, c, d] = constants.map(number);
    const whole = [a, b, c, d].every((value) => Number.isFinite(value)) && typeof name === "string";
    if (isEdge(net, [l, i, j]) && whole)
      found.set(edgeId(net, [l, i, j]), { function: name, a: a!, b: b!, c: c!, d: d! });
  }
  return found;
}

/** The first, where what came is none of them: a newer Python may know more. */
function oneOf<T>(known: readonly T[], value: T): T {
  return known.includes(value) ? value : known[0]!;
}

function inside(k: number | undefined, n: number | undefined): boolean {
  return Number.isInteger(k) && n !== undefined && k! >= 0 && k! < n;
}

function isEdge(net: Network, [l, i, j]: EdgeIndex): boolean {
  if (!inside(l, net.depth) || !inside(i, net.width[l])) return false;
  return inside(j, slotCount(net, l));
}

function isNode(net: Network, [l, i]: NodeIndex): boolean {
  return inside(l, net.depth + 1) && inside(i, net.width[l]);
}

/** An index outside the network belongs to another state of the model: it is dropped, not wrapped. */
function targetOf(net: Network, index: EdgeIndex | NodeIndex): Target | null {
  if (index.length === 3) return isEdge(net, index) ? { kind: "edge", id: edgeId(net, index) } : null;
  return isNode(net, index) ? { kind: "node", id: nodeId(net, index) } : null;
}

function readEdits(model: Pick<Model, "get">, net: Network): Edits {
  const threshold = (value: unknown) => Math.max(0, number(value) || 0);
  const edges = (list: EdgeIndex[] | undefined) =>
    new Set((list ?? []).filter((index) => isEdge(net, index)).map((index) => edgeId(net, index)));
  const nodes = (list: NodeIndex[] | undefined) =>
    new Set((list ?? []).filter((index) => isNode(net, index)).map((index) => nodeId(net, index)));
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
  if (typeof value === "number") return value;
  if (typeof value !== "string") return Number.NaN;
  const endless = /^\s*([+-]?)inf(inity)?\s*$/i.exec(value);
  return endless ? Number(`${endless[1]}Infinity`) : Number(value);
}
