/**
 * Commands, undo and redo along a tree, and the Python lines that replay them, as `kanwidget/session/history.py` has them.
 *
 * For pages without a kernel; with one, Python does this. Nothing is forgotten: undoing and then doing something
 * else starts a branch.
 */
import { type Edits, NO_EDITS } from "../model/mask";
import type { EdgeIndex, Network, NodeIndex } from "../model/network";
import { handEdits } from "../wire/traits";
import { exponentOf, general, nearest, repr } from "./python-format";

/** All that a person has decided, on top of the baseline. */
export interface State {
  readonly edits: Edits;
  readonly keepMean: boolean;
}

export const START: State = { edits: NO_EDITS, keepMean: true };

export interface Command {
  readonly id: number;
  readonly parent: number | null;
  readonly kind: "start" | "set";
  /** What was done and what it cost, in words. */
  readonly text: string;
  /** A person's own words. */
  readonly note: string;
  readonly state: State;
  readonly lossBefore: number;
  readonly lossAfter: number;
  readonly activeEdges: number;
}

export class History {
  readonly commands: Command[];
  #current = 0;
  /** The child that redo goes to. */
  readonly #next = new Map<number, number>();

  constructor(first: Command) {
    this.commands = [first];
  }

  get current(): Command {
    return this.commands[this.#current]!;
  }

  /** Adds a command after the current one, and stands there. */
  add(command: Omit<Command, "id" | "parent" | "note">): void {
    const [id, parent] = [this.commands.length, this.#current];
    this.commands.push({ ...command, id, parent, note: "" });
    this.#next.set(parent, id);
    this.#current = id;
  }

  /** Changes the current command. */
  amend(changes: Partial<Command>): void {
    this.commands[this.#current] = { ...this.current, ...changes };
  }

  /** Drops the last command, if it is that and nothing stands on it. */
  forget(command: Command): void {
    if (command.id !== this.commands.length - 1 || this.#current === command.id) return;
    this.commands.pop();
    for (const [parent, child] of this.#next) if (child === command.id) this.#next.delete(parent);
  }

  note(id: number, note: string): void {
    this.commands[id] = { ...this.get(id), note };
  }

  get(id: number): Command {
    const found = this.commands[id];
    if (found) return found;
    throw new RangeError(`no command ${id}: there are ${this.commands.length}, counted from 0`);
  }

  /** What undo goes to. */
  before(): Command | undefined {
    return this.current.parent === null ? undefined : this.commands[this.current.parent];
  }

  /** What redo goes to. */
  after(): Command | undefined {
    const child = this.#next.get(this.#current);
    return child === undefined ? undefined : this.commands[child];
  }

  /** Stands at a command; redo will come this way again. */
  stand(command: Command): void {
    this.#current = command.id;
    for (let { id, parent } = command; parent !== null; { id, parent } = this.commands[parent]!) {
      this.#next.set(parent, id);
    }
  }
}

/** A state in the form of the traits, in the order in which Python has them. */
export interface Plain {
  node_threshold: number;
  edge_threshold: number;
  keep_mean: boolean;
  removed_edges: EdgeIndex[];
  kept_edges: EdgeIndex[];
  removed_nodes: NodeIndex[];
  kept_nodes: NodeIndex[];
}

export function plain(net: Network, { edits, keepMean }: State): Plain {
  return {
    node_threshold: edits.nodeThreshold,
    edge_threshold: edits.edgeThreshold,
    keep_mean: keepMean,
    ...handEdits(net, edits),
  };
}

/** Which of the traits differ between two states. */
export function changed(net: Network, before: State, state: State): (keyof Plain)[] {
  const [then, now] = [plain(net, before), plain(net, state)];
  const names = Object.keys(now) as (keyof Plain)[];
  return names.filter((name) => JSON.stringify(then[name]) !== JSON.stringify(now[name]));
}

/** Edges and nodes that a text tells apart; more are only hand edits. */
const FEW = 2;

/** What leads from one state to another, in words. */
export function describe(net: Network, before: State, state: State): string {
  const names = new Set(changed(net, before, state));
  const words = [];
  if (names.has("node_threshold")) words.push(`node threshold ${general(state.edits.nodeThreshold, 3)}`);
  if (names.has("edge_threshold")) words.push(`edge threshold ${general(state.edits.edgeThreshold, 3)}`);
  if (names.has("keep_mean")) words.push(state.keepMean ? "means kept" : "means not kept");
  const hand = switched(net, before, state);
  words.push(...(hand.length <= FEW ? hand : ["hand edits"]));
  return words.join(", ");
}

/** Which edges and nodes a hand has switched from one state to another. */
function switched(net: Network, before: State, state: State): string[] {
  const words = [];
  for (const kind of ["edge", "node"] as const) {
    const [was, now] = [before, state].map((each) => {
      const { [`removed_${kind}s` as const]: off, [`kept_${kind}s` as const]: kept } = plain(net, each);
      return { off: off.map(String), kept: kept.map(String) };
    }) as [Record<"off" | "kept", string[]>, Record<"off" | "kept", string[]>];
    const without = (some: string[], others: string[]) => {
      const known = new Set(others);
      return some.filter((id) => !known.has(id));
    };
    const gone = without(now.off, was.off);
    const came = new Set([...without(was.off, now.off), ...without(now.kept, was.kept)]);
    const back = without([...came], gone).sort(inOrder);
    const left = without(was.kept, [...now.kept, ...gone, ...back]);
    for (const [ids, what] of [[gone, "off"] as const, [back, "on"] as const, [left, "not kept"] as const])
      words.push(...ids.map((id) => `${kind} (${id.replaceAll(",", ", ")}) ${what}`));
  }
  return words;
}

/** By the numbers in them. */
function inOrder(a: string, b: string): number {
  const [first, second] = [a, b].map((id) => id.split(",").map(Number)) as [number[], number[]];
  const k = first.findIndex((value, i) => value !== second[i]);
  return k < 0 ? 0 : first[k]! - second[k]!;
}

export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** How many edges go, or come back if the number is negative. */
export function told(gone: number): string {
  if (gone === 0) return "";
  const one = Math.abs(gone) === 1;
  const verb = gone > 0 ? (one ? "goes" : "go") : one ? "comes back" : "come back";
  return `: ${count(Math.abs(gone), "edge")} ${verb}`;
}

/** Where a page's first state comes from: the lines that lead there, and the state they leave. */
export interface Origin {
  readonly lines: readonly string[];
  readonly state: State;
}

/** Keeps of Python's script what led to the baseline, on which a page's history begins. */
export function originOf(script: string): Origin {
  const lines = script.split("\n");
  const last = lines.findLastIndex((line) =>
    /^session( = .*|\.(commit\(\)|refresh\(\)|rescore\(.*\)))$/.test(line),
  );
  const head = ["from kanwidget import PruningSession", "", "session = PruningSession(model, dataset)"];
  const kept = last < 0 ? head : lines.slice(0, last + 1);
  const keepMean = kept.join("\n").match(/.*\bkeep_mean=(True|False)/s)?.[1] !== "False";
  return { lines: kept, state: { ...START, keepMean } };
}

/** The shortest Python that leads from the original model to a state. */
export function script(net: Network, origin: Origin, state: State): string {
  const wanted = rounded(net, state);
  const names = changed(net, origin.state, wanted);
  const lines = [...origin.lines];
  if (names.length > 0) {
    const values = plain(net, wanted);
    lines.push(`session.set(${names.map((name) => `${name}=${literal(values[name])}`).join(", ")})`);
    lines.push("session.commit()  # the model stays so when the session is gone");
  }
  return `${lines.join("\n")}\n`;
}

function literal(value: Plain[keyof Plain]): string {
  if (typeof value === "number") return repr(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  return `[${value.map((ids) => `(${ids.join(", ")})`).join(", ")}]`;
}

/** The state with the same mask and the shortest thresholds that lead to it, away from the scores. */
export function rounded(net: Network, { edits, keepMean }: State): State {
  const nodes = net.nodeScores.subarray(net.width[0], net.nodeOffset[net.depth]);
  const nodeThreshold = between(edits.nodeThreshold, nodes);
  const edgeThreshold = between(edits.edgeThreshold, net.scores);
  return { edits: { ...edits, nodeThreshold, edgeThreshold }, keepMean };
}

/** The shortest decimal that takes the same scores as a threshold, well between them. */
function between(threshold: number, scores: Float64Array): number {
  if (threshold === 0) return 0;
  let [low, high] = [0, Number.POSITIVE_INFINITY];
  for (const score of scores) {
    if (score <= threshold) low = Math.max(low, score * (1 + 1e-9));
    else if (score > threshold) high = Math.min(high, score * (1 - 1e-9));
  }
  for (let digits = 1; digits < 16; digits++) {
    const step = Number(`1e${exponentOf(threshold) - digits + 1}`);
    for (const candidate of [nearest(threshold, digits), nearest(threshold + step, digits)]) {
      if (low < candidate && candidate < high) return candidate;
    }
  }
  return threshold;
}
