/** What a person does on a page without a kernel, and what it costs: `kanwidget/session.py` on a network that stands still. */
import { type Cells, predict, rmse } from "../forward";
import { countOn, deadEnds, maskOf, type Network, sameMask } from "../network";
import { removeNode, type Target, toggle } from "../state";
import type { Measure } from "../tradeoff";
import { type Command, changed, count, describe, History, START, type State, told } from "./history";
import { general } from "./pynumber";

/** What the loss is computed with; a page may carry none. */
export interface Bench {
  readonly cells: Cells;
  readonly measure: Measure;
}

/** A loss that Python measured, for pages that cannot compute it. */
export interface Measured {
  readonly mask: Uint8Array;
  readonly keepMean: boolean;
  readonly loss: number;
}

export class Session {
  readonly net: Network;
  readonly bench: Bench | null;
  readonly history: History;
  readonly #lossName: string;
  readonly #measured: readonly Measured[];
  #mask: Uint8Array;
  #loss: number;
  #rested = false;

  constructor(
    net: Network,
    bench: Bench | null,
    first: { text: string; state: State; lossName: string; measured: readonly Measured[] },
  ) {
    this.net = net;
    this.bench = bench;
    this.#lossName = first.lossName;
    this.#measured = first.measured;
    this.#mask = maskOf(net, first.state.edits);
    this.#loss = this.lossOf(this.#mask, first.state.keepMean);
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

  lossOf(mask: Uint8Array, keepMean: boolean): number {
    if (this.bench === null) {
      const { baseline } = this.net;
      const same = (one: Measured) =>
        sameMask(one.mask, mask) && (one.keepMean === keepMean || sameMask(mask, baseline));
      return this.#measured.find(same)?.loss ?? Number.NaN;
    }
    const { cells, measure } = this.bench;
    return rmse(predict(this.net, cells, mask, keepMean, measure.rows), measure.labels);
  }

  /** The loss with one edge or node the other way round. */
  price(target: Target): number {
    const { edits, keepMean } = this.state;
    return this.lossOf(maskOf(this.net, toggle(this.net, edits, target)), keepMean);
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
      !this.#rested &&
      start !== undefined &&
      !before.note &&
      this.history.after() === undefined &&
      changed(this.net, start.state, before.state).join() === now.join();
    this.#rested = false;
    this.#show(state);
    const after = { state, lossAfter: this.#loss, activeEdges: countOn(this.#mask) };
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
  rest(): void {
    this.#rested = true;
  }

  reset(): void {
    this.go({ ...START, keepMean: this.state.keepMean }, "reset");
  }

  /** Switches off all dead ends, and tells whether there were any; no output changes. */
  sweep(): boolean {
    const dead = deadEnds(this.net, this.#mask);
    const edits = dead.reduce((swept, node) => removeNode(this.net, swept, node), this.state.edits);
    this.go({ ...this.state, edits }, `${count(dead.length, "dead end")} swept`);
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
    this.#loss = this.lossOf(this.#mask, state.keepMean);
  }

  #told(text: string, before: Command): string {
    const said = `${text}${told(before.activeEdges - countOn(this.#mask))}`;
    if (Number.isNaN(this.#loss) && this.bench === null) return said;
    return `${said}, ${this.#lossName} ${general(before.lossAfter, 4)} -> ${general(this.#loss, 4)}`;
  }
}
