/**
 * Commands, with undo and redo along a tree, as `kanwidget/session/history.py` has them.
 *
 * For pages without a kernel; with one, Python does this. Nothing is forgotten: undoing and then doing something
 * else starts a branch.
 */
import { type Edits, NO_EDITS } from "../model/mask";
import { type EdgeIndex, edgeIndex, type Network, type NodeIndex } from "../model/network";
import { byIndex, handEdits, type Message } from "../wire/traits";

/** All that a person has decided, on top of the baseline. */
export interface State {
  readonly edits: Edits;
  readonly keepMean: boolean;
  /** Edges that had a name when the page was made, and have their spline back. */
  readonly splines: ReadonlySet<number>;
}

export const START: State = { edits: NO_EDITS, keepMean: true, splines: new Set() };

export interface Command {
  readonly id: number;
  readonly parent: number | null;
  readonly kind: "start" | "set";
  /** What was done; nothing at the start. */
  readonly what: readonly Message[];
  /** A person's own words. */
  readonly note: string;
  readonly state: State;
  readonly lossBefore: number;
  readonly lossAfter: number;
  readonly activeEdges: number;
  /** How many edges fewer there were then; fewer than 0 came back. */
  readonly edgesRemoved: number;
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

  /** Adds a command after the current one, and makes it current. */
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

  /** Drops a command if it is the last one and not the current one. */
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

  /** Makes a command current; redo will follow the path to it. */
  moveTo(command: Command): void {
    this.#current = command.id;
    for (let { id, parent } = command; parent !== null; { id, parent } = this.commands[parent]!) {
      this.#next.set(parent, id);
    }
  }
}

/** A state in the form of the traits, in the order in which Python has them. */
export interface PlainState {
  node_threshold: number;
  edge_threshold: number;
  keep_mean: boolean;
  removed_edges: EdgeIndex[];
  kept_edges: EdgeIndex[];
  removed_nodes: NodeIndex[];
  kept_nodes: NodeIndex[];
  /** Of a page alone: Python's weights say which edges have a name. */
  _unnamed: EdgeIndex[];
}

export function plainState(net: Network, { edits, keepMean, splines }: State): PlainState {
  return {
    node_threshold: edits.nodeThreshold,
    edge_threshold: edits.edgeThreshold,
    keep_mean: keepMean,
    ...handEdits(net, edits),
    _unnamed: [...splines].sort((a, b) => a - b).map((e) => edgeIndex(net, e)),
  };
}

/** Which of the traits differ between two states. */
export function changedTraits(net: Network, before: State, state: State): (keyof PlainState)[] {
  const [then, now] = [plainState(net, before), plainState(net, state)];
  const names = Object.keys(now) as (keyof PlainState)[];
  return names.filter((name) => JSON.stringify(then[name]) !== JSON.stringify(now[name]));
}

/** Edges and nodes that a step names; more are only hand edits. */
const MOST_NAMED = 2;

/** What leads from one state to another, as messages that `text/session-messages.ts` says. */
export function changesBetween(net: Network, before: State, state: State): Message[] {
  const names = new Set(changedTraits(net, before, state));
  const values = plainState(net, state);
  const switched = switchedByHand(net, before, state);
  return [
    ...(["node_threshold", "edge_threshold", "keep_mean"] as const)
      .filter((name) => names.has(name))
      .map((name): Message => [name, values[name]]),
    ...(switched.length <= MOST_NAMED ? switched : [["hand_edits"] as const]),
  ];
}

/** Which edges and nodes a hand has switched from one state to another. */
function switchedByHand(net: Network, before: State, state: State): Message[] {
  const [was, now] = [plainState(net, before), plainState(net, state)];
  return (["edge", "node"] as const).flatMap((kind) => {
    const lists = { removed: `removed_${kind}s`, kept: `kept_${kind}s` } as const;
    const gone = without(now[lists.removed], was[lists.removed]);
    const came = [
      ...without(was[lists.removed], now[lists.removed]),
      ...without(now[lists.kept], was[lists.kept]),
    ];
    // An edge may be in both.
    const back = without(
      came.filter((ids, k) => came.findIndex((other) => sameIds(ids, other)) === k),
      gone,
    ).sort(byIndex);
    const left = without(was[lists.kept], [...now[lists.kept], ...gone, ...back]);
    return [
      ...gone.map((ids): Message => [`${kind}_off`, ...ids]),
      ...back.map((ids): Message => [`${kind}_on`, ...ids]),
      ...left.map((ids): Message => [`${kind}_not_kept`, ...ids]),
    ];
  });
}

type Ids = EdgeIndex | NodeIndex;

const sameIds = (a: Ids, b: Ids) => a.join() === b.join();

function without(some: readonly Ids[], others: readonly Ids[]): Ids[] {
  const known = new Set(others.map((ids) => ids.join()));
  return some.filter((ids) => !known.has(ids.join()));
}
