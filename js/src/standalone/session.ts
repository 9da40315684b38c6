/** What a person does on a page without a kernel, and what it costs: `kanwidget/session/session.py` on a network that stands still. */
import { removeNode, toggle } from "../model/edits";
import { type Cells, finish, predicting } from "../model/forward";
import type { Measure } from "../model/loss-curve";
import { countOn, maskOf, sameMask } from "../model/mask";
import type { NamedCurve } from "../model/named-curve";
import { edgeIndex, type Network, type Target } from "../model/network";
import { deadEnds } from "../model/reachability";
import type { Message } from "../wire/traits";
import { type Command, changedTraits, changesBetween, History, START, type State } from "./history";

/** What the loss is computed with; a page may carry none. */
export interface PageMeasure {
  readonly cells: Cells;
  readonly measure: Measure;
}

/** A loss that is known: from Python, on pages that cannot compute it, or since it was computed here. */
export interface MeasuredState {
  readonly mask: Uint8Array;
  readonly keepMean: boolean;
  readonly loss: number;
}

/** Losses remembered of those that take a while. */
const MAX_KNOWN_LOSSES = 64;

export class Session {
  readonly net: Network;
  readonly evaluation: PageMeasure | null;
  readonly history: History;
  /** Edges that can have their name or their spline. */
  readonly switchable: ReadonlyMap<number, NamedCurve>;
  /** The tables that were asked for last, of edges that had their splines. */
  #cells: { readonly splines: ReadonlySet<number>; readonly cells: Cells } | null = null;
  readonly #measured: MeasuredState[];
  /** Whether a loss takes longer than a person waits: it is unknown then until somebody computes it. */
  readonly #heavy: boolean;
  #mask: Uint8Array;
  #loss: number;
  #newStep = false;
  /** The step that the next change goes on with. */
  #continued: Command | null = null;

  constructor(
    net: Network,
    evaluation: PageMeasure | null,
    first: {
      what: readonly Message[];
      state: State;
      measured: readonly MeasuredState[];
      heavy: boolean;
      switchable?: ReadonlyMap<number, NamedCurve>;
    },
  ) {
    this.switchable = (evaluation && first.switchable) ?? new Map();
    this.net = net;
    this.evaluation = evaluation;
    this.#measured = evaluation ? [] : [...first.measured];
    this.#heavy = first.heavy && evaluation !== null;
    this.#mask = maskOf(net, first.state.edits);
    this.#loss = finish(this.lossOf(this.#mask, first.state));
    this.history = new History({
      id: 0,
      parent: null,
      kind: "start",
      what: first.what,
      note: "",
      state: first.state,
      lossBefore: this.#loss,
      lossAfter: this.#loss,
      activeEdges: countOn(this.#mask),
      edgesRemoved: 0,
    });
  }

  get state(): State {
    return this.history.current.state;
  }

  /** The effective mask; the same object as long as it is the same mask. */
  get mask(): Uint8Array {
    return this.#mask;
  }

  /** NaN if the page cannot tell. */
  get loss(): number {
    return this.#loss;
  }

  /** The loss under a mask, NaN if the page cannot tell; in steps, which take a while where it is large. */
  *lossOf(
    mask: Uint8Array,
    { keepMean, splines }: Pick<State, "keepMean" | "splines">,
  ): Generator<void, number> {
    const known = this.#known(mask, keepMean);
    if (known !== undefined || this.evaluation === null) return known ?? Number.NaN;
    const { measure } = this.evaluation;
    const cells = this.cellsWith(splines)!;
    const loss = measure.loss(
      yield* predicting(this.net, cells, mask, keepMean, measure.rows),
      measure.labels,
    );
    if (this.#heavy) {
      if (this.#measured.length === MAX_KNOWN_LOSSES) this.#measured.shift();
      this.#measured.push({ mask, keepMean, loss });
    }
    return loss;
  }

  /**
   * The tables with which edges have their splines back; null if the page cannot compute.
   *
   * Means stay: what Python has put in the place of an edge stays there when a name goes, and a page's script takes
   * names away last.
   */
  cellsWith(splines: ReadonlySet<number>): Cells | null {
    if (this.evaluation === null || splines.size === 0) return this.evaluation?.cells ?? null;
    if (this.#cells?.splines !== splines) {
      const { cells } = this.evaluation;
      const functions = new Map([...(cells.functions ?? [])].filter(([e]) => !splines.has(e)));
      this.#cells = { splines, cells: { ...cells, functions } };
    }
    return this.#cells.cells;
  }

  #known(mask: Uint8Array, keepMean: boolean): number | undefined {
    const { baseline } = this.net;
    const same = (one: MeasuredState) =>
      sameMask(one.mask, mask) && (one.keepMean === keepMean || sameMask(mask, baseline));
    return this.#measured.find(same)?.loss;
  }

  /** Whether the present loss could be known, and is not yet. */
  get lossIsDue(): boolean {
    return this.#heavy && Number.isNaN(this.#loss);
  }

  /** Finds out the present loss, and writes it to the present command; in steps. */
  *measure(): Generator<void, void> {
    const { current } = this.history;
    const loss = yield* this.lossOf(this.#mask, this.state);
    if (this.history.current !== current) return;
    this.#loss = loss;
    this.history.amend({ lossAfter: loss });
  }

  /** The loss with one edge or node the other way round; in steps. */
  *lossIfToggled(target: Target): Generator<void, number> {
    const { edits } = this.state;
    return yield* this.lossOf(maskOf(this.net, toggle(this.net, edits, target)), this.state);
  }

  /** Goes to a state and records how; `merge` goes on with the last command if that changed the same things. */
  apply(state: State, what: readonly Message[] = [], merge = false): void {
    const now = changedTraits(this.net, this.state, state);
    if (now.length === 0) return;
    const { current: before } = this.history;
    const start = this.history.before();
    const goesOn =
      start !== undefined &&
      !before.note &&
      this.history.after() === undefined &&
      (before === this.#continued ||
        (merge &&
          !this.#newStep &&
          changedTraits(this.net, start.state, before.state).join() === now.join()));
    this.#newStep = false;
    this.#continued = null;
    this.#show(state);
    // Out and back is no step, and what follows does not go on with the step before.
    if (goesOn && changedTraits(this.net, start.state, state).length === 0) {
      this.history.moveTo(start);
      this.history.forget(before);
      this.#newStep = true;
      return;
    }
    const parent = goesOn ? start : before;
    const activeEdges = countOn(this.#mask);
    const changes = changesBetween(this.net, parent.state, state);
    const step = {
      what: what.length > 0 ? what : changes,
      state,
      lossAfter: this.#loss,
      activeEdges,
      edgesRemoved: parent.activeEdges - activeEdges,
    };
    if (goesOn) this.history.amend(step);
    else this.history.add({ ...step, kind: "set", lossBefore: before.lossAfter });
  }

  /** Makes the next change a separate step, even if it could be merged with the last one. */
  endDrag(): void {
    this.#newStep = true;
    this.#continued = null;
  }

  /** Makes the next change go on with the last step, whatever that changed. */
  continueStep(): void {
    this.#continued = this.history.current;
  }

  reset(): void {
    this.apply({ ...this.state, edits: START.edits }, [["reset"]]);
  }

  /** Gives an edge its name back that it had when the page was made, or its spline. */
  setNamed(edge: number, named: boolean): void {
    const curve = this.switchable.get(edge);
    if (!curve) throw new Error("there is no Python behind this page, and no other curve of this edge in it");
    const splines = new Set(this.state.splines);
    if (named) splines.delete(edge);
    else splines.add(edge);
    const ids = edgeIndex(this.net, edge);
    this.apply({ ...this.state, splines }, [named ? ["name", ...ids, curve.function] : ["unname", ...ids]]);
  }

  /** Switches off all dead ends, and tells whether there were any; no output changes. */
  removeDeadEnds(): boolean {
    const dead = deadEnds(this.net, this.#mask);
    const edits = dead.reduce((edits, node) => removeNode(this.net, edits, node), this.state.edits);
    this.apply({ ...this.state, edits }, [["dead_ends_removed", dead.length]]);
    return dead.length > 0;
  }

  /** Goes back by one command, and tells whether there was one. */
  undo(): boolean {
    return this.#goTo(this.history.before());
  }

  /** Goes forward to the command last come from, and tells whether there was one. */
  redo(): boolean {
    return this.#goTo(this.history.after());
  }

  jump(id: number): void {
    this.#goTo(this.history.get(id));
  }

  /** For each edge 1 where the first of two commands has it on, and 2 where the second has, (E,). */
  compare(first: number, second: number): Uint8Array {
    const maskAt = (id: number) => maskOf(this.net, this.history.get(id).state.edits);
    const other = maskAt(second);
    return maskAt(first).map((on, e) => on | (other[e]! << 1));
  }

  #goTo(command: Command | undefined): boolean {
    if (command === undefined) return false;
    this.#show(command.state);
    this.history.moveTo(command);
    return true;
  }

  #show(state: State): void {
    const mask = maskOf(this.net, state.edits);
    if (!sameMask(mask, this.#mask)) this.#mask = mask;
    const known = this.#known(this.#mask, state.keepMean);
    this.#loss = known ?? (this.#heavy ? Number.NaN : finish(this.lossOf(this.#mask, state)));
  }
}
