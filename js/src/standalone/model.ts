/**
 * The kernel in the browser: a host's model for a page that has no Python behind it.
 *
 * It answers what a view writes and sends with the same traits as `kanwidget/widget/widget.py`, computed from what the
 * page carries. Whatever else is written is dropped, and the view gets the actual values again.
 */

import { finish, tableValues } from "../model/forward";
import { computeLossCurve, MOST_POINTS } from "../model/loss-curve";
import { countOn } from "../model/mask";
import { type EdgeIndex, edgeId, type NodeIndex, nodeId } from "../model/network";
import { FORMULA } from "../text/labels";
import { type Bytes, decode, encode } from "../wire/packed-array";
import { namesFrom } from "../wire/snapshot";
import { DECISIONS, type FormulaState, type HistoryStep, type Model, type NameRow } from "../wire/traits";
import { comparedSteps, runCommand } from "./actions";
import { createBackgroundTask } from "./background-tasks";
import { type Command, type PlainState, plainState, START, type State } from "./history";
import { keyFramesOf } from "./key-frames";
import { isBytes, lossNameOf, measureOf, networkOf, originOf, type PageData } from "./page-data";
import { pythonScript } from "./python-script";
import { edgeIds, nodeIds, sanitize } from "./sanitize";
import { Session } from "./session";

export interface StandaloneModel extends Model {
  send(content: unknown): void;
  /** Whether it computes the loss of other states than those that Python measured. */
  readonly computes: boolean;
  /** Functions of edges that can have their name or their spline, by edge. */
  readonly switchable: ReadonlyMap<number, string>;
}

const decides: ReadonlySet<string> = new Set(DECISIONS);
/** Edge outputs that are computed at once, a few milliseconds' worth; more comes bit by bit. */
const IMMEDIATE_EDGE_OUTPUTS = 1_000_000;
/** What a large network spends on the loss along one threshold, in the same unit: some seconds. */
const CURVE_EDGE_OUTPUTS = 1_500_000_000;
/** Milliseconds without a change before a large network is computed. */
const QUIET_MS = 250;
const EARLIER = "this is an earlier step of the training: go to its end to try something";
const NO_BYTES = new DataView(new ArrayBuffer(0));

/** Makes a model of the traits as Python had them, packed arrays as their bytes. */
export function standaloneModel(given: PageData): StandaloneModel {
  const net = networkOf(given);
  const evaluation = measureOf(given, net);
  /** Of how many parts an edge is made; 1 in a network that is small enough for a table of each. */
  const parts = (evaluation?.cells.weights?.length ?? net.edgeCount) / net.edgeCount;
  const each =
    evaluation === null ? 0 : (evaluation.measure.rows.length / net.width[0]!) * net.edgeCount * parts;
  const heavy = parts > 1 && each > IMMEDIATE_EDGE_OUTPUTS;
  const { script, keep_mean: keepMean, committed } = originOf(given);
  const origin = { script, state: { ...START, keepMean } };
  const lossName = lossNameOf(given, net, evaluation);
  const wanted = stateFrom(given, origin.state);
  const measuredIn = JSON.stringify(plainState(net, wanted));
  const names = Array.isArray(given._names) ? (given._names as NameRow[]) : [];
  const session = new Session(net, evaluation, {
    heavy,
    switchable: new Map(
      [...namesFrom(net, names)].filter(
        ([e]) => given._splines === true && evaluation?.cells.functions?.has(e),
      ),
    ),
    what: committed ? [["committed"]] : [],
    state: origin.state,
    measured: [
      {
        mask: net.baseline,
        keepMean: origin.state.keepMean,
        loss: Number(given.baseline_loss ?? Number.NaN),
      },
      {
        mask: decode(given._mask as ArrayBuffer, "uint8", "_mask").data,
        keepMean: wanted.keepMean,
        loss: Number(given.loss ?? Number.NaN),
      },
    ],
  });
  session.apply(wanted);

  const keyFrames = keyFramesOf(given, net);
  /** What the view is shown of an earlier step of the training; null where it is shown what is. */
  let frame: { readonly number: number; readonly traits: ReadonlyMap<string, unknown> } | null = null;

  /** The values of the traits, and what the views know of them or have written since. */
  const actual = new Map<string, unknown>(Object.entries(given));
  const shown = new Map(actual);
  const written = new Set<string>();
  const listeners = new Map<string, Set<() => void>>();
  const background = createBackgroundTask(notify, heavy ? QUIET_MS : 0);
  const computedFor = new Map<string, string>();
  const rows = new WeakMap<Command, HistoryStep>();
  let sequence = 1;
  let packed: Uint8Array | null = null;
  /** The splines that the traits are of. */
  let namesOf: ReadonlySet<number> = START.splines;

  function stateFrom(values: PageData, from: State): State {
    const clean = (name: keyof PlainState) => sanitize(net, name, values[name]);
    const { edits } = from;
    const edges = (name: "removed_edges" | "kept_edges", now: ReadonlySet<number>) => {
      const list = clean(name) as EdgeIndex[] | undefined;
      return list ? edgeIds(net, list) : now;
    };
    const nodes = (name: "removed_nodes" | "kept_nodes", now: ReadonlySet<number>) => {
      const list = clean(name) as NodeIndex[] | undefined;
      return list ? nodeIds(net, list) : now;
    };
    return {
      splines: from.splines,
      keepMean: (clean("keep_mean") as boolean | undefined) ?? from.keepMean,
      edits: {
        nodeThreshold: (clean("node_threshold") as number | undefined) ?? edits.nodeThreshold,
        edgeThreshold: (clean("edge_threshold") as number | undefined) ?? edits.edgeThreshold,
        removedEdges: edges("removed_edges", edits.removedEdges),
        keptEdges: edges("kept_edges", edits.keptEdges),
        removedNodes: nodes("removed_nodes", edits.removedNodes),
        keptNodes: nodes("kept_nodes", edits.keptNodes),
      },
    };
  }

  const pack = (data: Float64Array | Uint8Array, shape?: number[]) => encode(data, shape, ++sequence);

  /** What the wire says of a command: the same object as long as it is the same command. */
  function rowOf(command: Command): HistoryStep {
    const known = rows.get(command);
    if (known) return known;
    const { id, parent, kind, what, note, lossBefore, lossAfter, activeEdges, edgesRemoved } = command;
    const row = {
      ...{ id, parent, kind, what, note },
      loss_before: finite(lossBefore),
      loss_after: finite(lossAfter),
      active_edges: activeEdges,
      edges_removed: edgesRemoved,
    };
    rows.set(command, row);
    return row;
  }

  /** Brings the traits to what the session says. */
  function publish(error: string): void {
    const { state, mask, history } = session;
    const traits = {
      ...plainState(net, state),
      active_edges: countOn(mask),
      loss_name: lossName,
      // What is computed here is a loss, whatever Python measured.
      higher_is_better: evaluation === null && given.higher_is_better === true,
      error,
      _current: history.current.id,
      _script: pythonScript(net, origin, state),
    };
    for (const [name, value] of Object.entries(traits)) actual.set(name, value);
    publishLosses();
    publishNames(state.splines);
    actual.set("_formula", formulaIn(state));
    if (packed !== mask) actual.set("_mask", pack(mask));
    packed = mask;
    if (session.lossIsDue) background.start("loss", measured(), true);
    else background.cancel("loss");
    estimate();
    notify();
  }

  /** Brings the curves to what names there are. */
  function publishNames(splines: ReadonlySet<number>): void {
    if (splines === namesOf) return;
    namesOf = splines;
    const left = (rows: unknown) =>
      splines.size === 0
        ? rows
        : (rows as EdgeIndex[]).filter(([l, i, j]) => !splines.has(edgeId(net, [l, i, j])));
    actual.set("_names", left(given._names));
    actual.set("_symbolic", left(given._symbolic ?? []));
    const cells = session.cellsWith(splines);
    if (splines.size === 0 || cells === null) {
      actual.set("_curves_y", given._curves_y);
      return;
    }
    const x = decode(given._curves_x as Bytes, "float32", "_curves_x");
    const y = decode(given._curves_y as Bytes, "float32", "_curves_y");
    const [curves, samples] = [y.data.slice(), x.shape[1]!];
    for (const edge of splines) {
      const from = net.source[edge]! * samples;
      curves.set(tableValues(net, cells, edge, x.data.subarray(from, from + samples)), edge * samples);
    }
    actual.set("_curves_y", encode(curves, y.shape, ++sequence));
  }

  /** It is of the state in which the page was made, and says so in any other. */
  function formulaIn(state: State): unknown {
    const formula = Object(given._formula) as Partial<FormulaState>;
    const same = JSON.stringify(plainState(net, state)) === measuredIn;
    if (same || !formula.mathml) return formula;
    return { ...formula, error: FORMULA.ofThePage, loss: null, loss_refit: null, blame: [] };
  }

  function publishLosses(): void {
    actual.set("loss", finite(session.loss));
    actual.set("_history", session.history.commands.map(rowOf));
  }

  function* measured(): Generator<void, void> {
    yield* session.measure();
    publishLosses();
  }

  /** Computes the losses along thresholds and without each edge, at once or in steps. */
  function estimate(): void {
    const { state } = session;
    if (evaluation === null) {
      // Python measured them in one state; in any other state they are unknown.
      const known = JSON.stringify(plainState(net, state)) === measuredIn;
      actual.set("_prices", known ? (given._prices ?? []) : []);
      return;
    }
    const { measure } = evaluation;
    const cells = session.cellsWith(state.splines)!;
    const most = heavy
      ? Math.max(8, Math.min(MOST_POINTS, Math.floor(CURVE_EDGE_OUTPUTS / each / 2)))
      : MOST_POINTS;
    for (const axis of ["node", "edge"] as const) {
      const name = `_tradeoff_${axis}`;
      const others = { ...plainState(net, state), [`${axis}_threshold`]: 0, keep_mean: true };
      const points = Math.min(MOST_POINTS, axis === "node" ? net.nodeCount : net.edgeCount);
      compute(name, JSON.stringify(others), points * each, NO_BYTES, function* () {
        const { thresholds, ...curves } = yield* computeLossCurve(
          net,
          cells,
          measure,
          state.edits,
          axis,
          most,
        );
        const rows = [thresholds, curves.activeEdges, curves.lossZeroed, curves.lossKept];
        return pack(Float64Array.from(rows.flatMap((row) => [...row])), [4, thresholds.length]);
      });
    }
    const selected = actual.get("selected") as (EdgeIndex | NodeIndex)[];
    const key = JSON.stringify([selected, plainState(net, state)]);
    compute("_prices", key, selected.length * each, [], function* () {
      const prices = [];
      for (const ids of selected) {
        const edge = ids.length === 3;
        const id = edge ? edgeId(net, ids) : nodeId(net, ids);
        prices.push([ids, finite(yield* session.lossIfToggled({ kind: edge ? "edge" : "node", id }))]);
        yield;
      }
      return prices;
    });
  }

  function compute(
    name: string,
    key: string,
    work: number,
    unknown: unknown,
    make: () => Generator<void, unknown>,
  ): void {
    if (computedFor.get(name) === key) return;
    computedFor.set(name, key);
    background.cancel(name);
    const job = (function* () {
      actual.set(name, yield* make());
    })();
    if (work <= IMMEDIATE_EDGE_OUTPUTS) {
      while (!job.next().done);
    } else {
      actual.set(name, unknown);
      background.start(name, job);
    }
  }

  /** Sends the views the values that they do not know yet. */
  function notify(): void {
    const values = new Map([...actual, ...(frame?.traits ?? [])]);
    const news = [...values].filter(([name, value]) => !same(shown.get(name), value));
    // Equal values too: an object that a view wrote belongs to the view, which may change it.
    for (const [name, value] of values) shown.set(name, value);
    for (const [name] of news) emit(`change:${name}`);
    if (news.length > 0) emit("change");
  }

  function emit(event: string): void {
    for (const callback of [...(listeners.get(event) ?? [])]) callback();
  }

  /** Does what may fail, and says how it went. */
  function attempt(act: () => void): void {
    let error = "";
    try {
      act();
    } catch (reason) {
      error = reason instanceof Error ? reason.message : String(reason);
    }
    publish(error);
  }

  function save(): void {
    const changes: Record<string, unknown> = {};
    for (const name of written) {
      const clean = actual.has(name) ? sanitize(net, name, shown.get(name)) : undefined;
      if (clean !== undefined) changes[name] = clean;
      if (!actual.has(name)) shown.delete(name);
    }
    const rescored = written.has("score") && !same(shown.get("score"), actual.get("score"));
    written.clear();
    for (const [name, value] of Object.entries(changes)) if (!decides.has(name)) actual.set(name, value);
    const dragged = /^(node|edge)_threshold$/.test(Object.keys(changes).join());
    attempt(() => {
      // What is decided is decided of the network as it is.
      if (frame && Object.keys(changes).some((name) => decides.has(name))) throw new Error(EARLIER);
      session.apply(stateFrom(changes, session.state), [], dragged);
      if (rescored) throw new Error("there is no Python behind this page, so its scores stay as they are");
    });
  }

  /** Shows the network as it was at a step of the training, or as it is now. */
  function showFrame(number: unknown): void {
    const known = keyFrames && Number.isInteger(number) && (number as number) in keyFrames.steps;
    const { edits, traits } = known ? keyFrames.show(number as number) : { edits: null, traits: null };
    frame = edits && {
      number: number as number,
      traits: new Map([...traits, ...Object.entries(plainState(net, { ...START, edits, keepMean }))]),
    };
    const run = Object(given._run) as Record<string, unknown>;
    if (keyFrames) actual.set("_run", { ...run, frames: keyFrames.steps, frame: frame?.number ?? -1 });
  }

  function answer(message: Readonly<Record<string, unknown>>): void {
    if (message.do === "frame") {
      showFrame(message.number);
      return;
    }
    if (message.do !== "new_step" && message.do !== "note") showFrame(-1);
    if (message.do !== "compare") {
      runCommand(session, message);
    } else {
      const ids = comparedSteps(session, message.ids);
      actual.set("_compared", ids ? pack(session.compare(...ids)) : NO_BYTES);
    }
  }

  actual.set("selected", sanitize(net, "selected", given.selected) ?? []);
  actual.set("baseline_loss", finite(finish(session.lossOf(net.baseline, START))));
  actual.set("_compared", NO_BYTES);
  showFrame(-1);
  publish("");

  const model = {
    standalone: true,
    computes: evaluation !== null,
    switchable: new Map([...session.switchable].map(([e, { function: name }]) => [e, name])),
    get: (name: string) => shown.get(name),
    set(name: string, value: unknown) {
      written.add(name);
      const news = !same(shown.get(name), value);
      shown.set(name, value);
      if (news) for (const event of [`change:${name}`, "change"]) emit(event);
    },
    on(event: string, callback: () => void) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(callback));
    },
    off(event: string, callback: () => void) {
      listeners.get(event)?.delete(callback);
    },
    save_changes: save,
    send(content: unknown) {
      if (typeof content !== "object" || content === null || !("do" in content)) return;
      attempt(() => answer(content));
    },
  };
  return model as unknown as StandaloneModel;
}

/** JSON has no NaN: the wire says null. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isBytes(a) || isBytes(b)) return false;
  // A long history is not spelt out to find that it has grown.
  if (Array.isArray(a) && Array.isArray(b) && (a.length !== b.length || a.every((one, k) => one === b[k]))) {
    return a.length === b.length;
  }
  try {
    return JSON.stringify(a) === JSON.stringify(b);
  } catch {
    return false;
  }
}
