/** What a person does on a page without a kernel, and what it costs: `kanwidget/session/session.py` on a network that stands still. */
import { removeNode, toggle } from "../model/edits";
import { type Cells, finish, predicting } from "../model/forward";
import type { Measure } from "../model/loss-curve";
import { countOn, maskOf, sameMask } from "../model/mask";
import type { Network, Target } from "../model/network";
import { deadEnds } from "../model/reachability";
import { type Command, changed, count, describe, History, START, type State, told } from "./history";
import { general } from "./python-format";

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
const MOST_KNOWN = 64;

export class Session {
  readonly net: Network;
  readonly bench: PageMeasure | null;
  readonly history: History;
  readonly #lossName: string;
  readonly #measured: MeasuredState[];
  /** Whether a loss takes longer than a person waits: it is unknown then until somebody computes it. */
  readonly #heavy: boolean;
  #mask: Uint8Array;
  #loss: number;
  #newStep = false;

  constructor(
    net: Network,
    bench: PageMeasure | null,
    first: {
      text: string;
      state: State;
      lossName: string;
      measured: readonly MeasuredState[];
      heavy: boolean;
    },
  ) {
    this.net = net;
    this.bench = bench;
    this.#lossName = first.lossName;
    this.#measured = bench ? [] : [...first.measured];
    this.#heavy = first.heavy && bench !== null;
    this.#mask = maskOf(net, first.state.edits);
    this.#loss = finish(this.losing(this.#mask, first.state.keepMean));
    this.history = new History({
      id: 0,
      parent: null,
      kind: "start",
      text: first.text,
      note: "",
      state: first.state,
      lossBefore: this.#loss,
      lossAfter: this.#loss,
      activeEdges: countOn(this.#mask),
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
  *losing(mask: Uint8Array, keepMean: boolean): Generator<void, number> {
    const known = this.#known(mask, keepMean);
    if (known !== undefined || this.bench === null) return known ?? Number.NaN;
    const { cells, measure } = this.bench;
    const loss = measure.loss(
      yield* predicting(this.net, cells, mask, keepMean, measure.rows),
      measure.labels,
    );
    if (this.#heavy) {
      if (this.#measured.length === MOST_KNOWN) this.#measured.shift();
      this.#measured.push({ mask, keepMean, loss });
    }
    return loss;
  }

  #known(mask: Uint8Array, keepMean: boolean): number | undefined {
    const { baseline } = this.net;
    const same = (one: MeasuredState) =>
      sameMask(one.mask, mask) && (one.keepMean === keepMean || sameMask(mask, baseline));
    return this.#measured.find(same)?.loss;
  }

  /** Whether the present loss could be known, and is not yet. */
  get waits(): boolean {
    return this.#heavy && Number.isNaN(this.#loss);
  }

  /** Finds out the present loss, and writes it to the present command; in steps. */
  *measure(): Generator<void, void> {
    const { current } = this.history;
    const loss = yield* this.losing(this.#mask, this.state.keepMean);
    if (this.history.current !== current) return;
    this.#loss = loss;
    const before = this.history.before();
    const known = before && !Number.isNaN(before.lossAfter) && Number.isNaN(current.lossAfter);
    const told = known ? `, ${this.#lossName} ${general(before.lossAfter, 4)} -> ${general(loss, 4)}` : "";
    this.history.amend({ text: `${current.text}${told}`, lossAfter: loss });
  }

  /** The loss with one edge or node the other way round; in steps. */
  *pricing(target: Target): Generator<void, number> {
    const { edits, keepMean } = this.state;
    return yield* this.losing(maskOf(this.net, toggle(this.net, edits, target)), keepMean);
  }

  /** Goes to a state and records how; `merge` goes on with the last command if that changed the same things. */
  go(state: State, text = "", merge = false): void {
    const now = changed(this.net, this.state, state);
    if (now.length === 0) return;
    const { current: before } = this.history;
    const start = this.history.before();
    const what = text || describe(this.net, before.state, state);
    const goesOn =
      merge &&
      !this.#newStep &&
      start !== undefined &&
      !before.note &&
      this.history.after() === undefined &&
      changed(this.net, start.state, before.state).join() === now.join();
    this.#newStep = false;
    this.#show(state);
    const after = { state, lossAfter: this.#loss, activeEdges: countOn(this.#mask) };
    // Out and back is no step, and what follows does not go on with the step before.
    if (goesOn && changed(this.net, start.state, state).length === 0) {
      this.history.stand(start);
      this.history.forget(before);
      this.#newStep = true;
      return;
    }
    if (goesOn) {
      this.history.amend({
        ...after,
        text: this.#told(describe(this.net, start.state, state) || what, start),
      });
    } else {
      const lossBefore = before.lossAfter;
      this.history.add({ ...after, kind: "set", text: this.#told(what, before), lossBefore });
    }
  }

  /** Lets the next change be a step of its own, whatever it would go on with. */
  endDrag(): void {
    this.#newStep = true;
  }

  reset(): void {
    this.go({ ...START, keepMean: this.state.keepMean }, "reset");
  }

  /** Switches off all dead ends, and tells whether there were any; no output changes. */
  removeDeadEnds(): boolean {
    const dead = deadEnds(this.net, this.#mask);
    const edits = dead.reduce((edits, node) => removeNode(this.net, edits, node), this.state.edits);
    this.go({ ...this.state, edits }, `${count(dead.length, "dead end")} removed`);
    return dead.length > 0;
  }

  /** Goes back by one command, and tells whether there was one. */
  undo(): boolean {
    return this.#stand(this.history.before());
  }

  /** Goes forward to the command last come from, and tells whether there was one. */
  redo(): boolean {
    return this.#stand(this.history.after());
  }

  jump(id: number): void {
    this.#stand(this.history.get(id));
  }

  /** For each edge 1 where the first of two commands has it on, and 2 where the second has, (E,). */
  compare(first: number, second: number): Uint8Array {
    const maskAt = (id: number) => maskOf(this.net, this.history.get(id).state.edits);
    const other = maskAt(second);
    return maskAt(first).map((on, e) => on | (other[e]! << 1));
  }

  #stand(command: Command | undefined): boolean {
    if (command === undefined) return false;
    this.#show(command.state);
    this.history.stand(command);
    return true;
  }

  #show(state: State): void {
    const mask = maskOf(this.net, state.edits);
    if (!sameMask(mask, this.#mask)) this.#mask = mask;
    const known = this.#known(this.#mask, state.keepMean);
    this.#loss = known ?? (this.#heavy ? Number.NaN : finish(this.losing(this.#mask, state.keepMean)));
  }

  #told(text: string, before: Command): string {
    const said = `${text}${told(before.activeEdges - countOn(this.#mask))}`;
    if (Number.isNaN(this.#loss) && (this.bench === null || this.#heavy)) return said;
    return `${said}, ${this.#lossName} ${general(before.lossAfter, 4)} -> ${general(this.#loss, 4)}`;
  }
}
