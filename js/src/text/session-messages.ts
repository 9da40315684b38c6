/**
 * The words for what Python keeps as codes and numbers: steps of the history, and warnings. Pure.
 *
 * `kanwidget/session/words.py` says the same in Python, with indices in the place of names.
 */
import { type Network, slotCount } from "../model/network";
import { cutToLength } from "../util/graphemes";
import type { HistoryStep, Message } from "../wire/traits";
import { isolated, type NodeNames, nameOf, plainText } from "./node-names";
import { general } from "./python-format";

/** How edges and nodes are called. */
export interface Naming {
  edge(l: number, i: number, j: number): string;
  node(l: number, i: number): string;
  input(i: number): string;
  output(j: number): string;
}

/** Characters of a name; it is whole on cards. */
const LONGEST_NAME = 16;
/** Of inputs in one sentence. */
const MOST_NAMES = 12;

/** By the names in the view; by indices if the model has changed and no longer has the edge or node. */
export function viewNaming(net: Network, names: NodeNames): Naming {
  const has = (l: number, i: number) => i >= 0 && i < (net.width[l] ?? 0);
  const name = (l: number, i: number) =>
    isolated(cutToLength(plainText(nameOf(net, names, net.nodeOffset[l]! + i)), LONGEST_NAME));
  return {
    edge(l, i, j) {
      if (!(l < net.depth && has(l, i) && j >= 0 && j < slotCount(net, l))) return INDICES.edge(l, i, j);
      const target = net.slotNode[net.slotOffset[l]! + j]! - net.nodeOffset[l + 1]!;
      return `${name(l, i)} → ${name(l + 1, target)}`;
    },
    node: (l, i) => (has(l, i) ? name(l, i) : INDICES.node(l, i)),
    input: (i) => (has(0, i) ? name(0, i) : `${i}`),
    output: (j) => (has(net.depth, j) ? name(net.depth, j) : `${j}`),
  };
}

/** As Python calls them. */
export const INDICES: Naming = {
  edge: (...ids) => `edge (${ids.join(", ")})`,
  node: (...ids) => `node (${ids.join(", ")})`,
  input: String,
  output: String,
};

type Say = (naming: Naming, ...values: never[]) => string;

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;

const figures = (value: number) => general(value, 3);

const OUTSIDE: Readonly<Record<string, string>> = {
  layers: "layers changed",
  type: "dtype or device changed",
  formulas: "formulas changed",
  trained: "trained",
  edges: "edges switched",
};

const CHANGES: Readonly<Record<string, Say>> = {
  text: (_, words: string) => words,
  reset: () => "reset",
  commit: () => "set as new start",
  committed: () => "the model as last committed",
  score: (_, score: string) => `scores by ${score}`,
  node_threshold: (_, value: number) => `node threshold ${figures(value)}`,
  edge_threshold: (_, value: number) => `edge threshold ${figures(value)}`,
  keep_mean: (_, keep: boolean) => (keep ? "means kept" : "means not kept"),
  hand_edits: () => "hand edits",
  edge_off: (naming, l: number, i: number, j: number) => `${naming.edge(l, i, j)} off`,
  edge_on: (naming, l: number, i: number, j: number) => `${naming.edge(l, i, j)} on`,
  edge_not_kept: (naming, l: number, i: number, j: number) => `${naming.edge(l, i, j)} not kept`,
  node_off: (naming, l: number, i: number) => `${naming.node(l, i)} off`,
  node_on: (naming, l: number, i: number) => `${naming.node(l, i)} on`,
  node_not_kept: (naming, l: number, i: number) => `${naming.node(l, i)} not kept`,
  dead_ends_removed: (_, number: number) => `${count(number, "dead end")} removed`,
  fit: (_, steps: number, opt: string, _lr: number, lamb: number) =>
    `retrained, ${count(steps, "step")} of ${opt}${lamb > 0 ? `, lamb ${figures(lamb)}` : ""}`,
  refine: (_, grid: number, change: number) =>
    `refined to grid ${grid}, outputs move by ${figures(change)} at most`,
  name: (naming, l: number, i: number, j: number, name: string) => `${naming.edge(l, i, j)} named ${name}`,
  unname: (naming, l: number, i: number, j: number) => `${naming.edge(l, i, j)} a spline again`,
  name_all: (_, named: number, left: number) =>
    `${count(named, "curve")} named${left > 0 ? `, ${left} left as they are` : ""}`,
  outside: (_, ...changes: string[]) => `${changesIn(changes) || "changed"} in a cell`,
  threshold_lowered: (_, kind: string, value: number) => `${kind} threshold lowered to ${figures(value)}`,
  kept_off: (_, number: number) => `${count(number, "edge")} off by hand now`,
};

const changesIn = (changes: readonly string[]) =>
  Object.keys(OUTSIDE)
    .filter((change) => changes.includes(change))
    .map((change) => OUTSIDE[change])
    .join(" and ");

const WARNINGS: Readonly<Record<string, Say>> = {
  text: (_, words: string) => words,
  constant_model: (_, ...empty: number[]) => {
    const why = empty.length > 0 ? ` (node layer ${empty.join(", ")} is empty)` : "";
    return `Nothing leads from the inputs to the outputs any more${why}: the model is constant.`;
  },
  constant_output: (naming, j: number) =>
    `Output ${naming.output(j)} depends on no input any more: it is constant.`,
  unused_input: (naming, ...inputs: number[]) => {
    const names = inputs.slice(0, MOST_NAMES).map((i) => naming.input(i));
    const more = inputs.length - names.length;
    if (more > 0) names.push(`${more} more`);
    const last = names.pop()!;
    return names.length > 0
      ? `Inputs ${names.join(", ")} and ${last} lead nowhere any more.`
      : `Input ${last} leads nowhere any more.`;
  },
  lost_factor: (naming, l: number, i: number, isOutput: boolean, factor: number, value: number | null) => {
    const name = isOutput ? `output ${naming.output(i)}` : `h${l},${i}`;
    const start = `Factor ${factor + 1} of the product ${name} has lost its last edge`;
    if (value === null) return `${start}: it is constant.`;
    if (value === 0) return `${start} and is 0: the whole product is.`;
    return `${start}: it is always ${figures(value)}, and only scales the others.`;
  },
  broken_edge: (naming, l: number, i: number, j: number, more: number) => broken(naming.edge(l, i, j), more),
  broken_bias: (_, l: number, j: number) => broken(`bias ${j} of layer ${l}`, 0),
  inputs_do_not_vary: (naming, i: number, more: number) => {
    const others = more > 0 ? ` (and ${more} more) do` : " does";
    return `Input ${naming.node(0, i)}${others} not vary in these data: edges from there add a constant, whatever they score.`;
  },
  layer_norm: () =>
    "A LayerNorm lets every edge depend on all nodes of its layer: curves show it at the mean and spread that the others have on the average, and nodes that lead nowhere still count.",
  may_be_better: (_, metric: string) =>
    `Less ${metric} counts as better. If more is better, hand over higher_is_better=True with the metric.`,
  weights_lost: (_, step: number, kept: boolean) =>
    `The weights that step ${step} had ${kept ? "do not fit the model any more" : "are not kept any more"}: it is shown with those of a later step.`,
  thresholds_lowered: (_, ...lowered: [kind: string, before: number, after: number][]) => {
    const said = lowered.map(
      ([kind, before, after]) => `the ${kind} threshold went from ${figures(before)} to ${figures(after)}`,
    );
    return `T${said.join(" and ").slice(1)}: by their new scores it would have removed more.`;
  },
  kept_off: (_, number: number) => {
    const [were, are, them] =
      number === 1 ? ["edge that was", "is", "it"] : ["edges that were", "are", "them"];
    return `${number} ${were} off by a threshold ${are} off by hand now: a double click or Reset brings ${them} back.`;
  },
};

function broken(where: string, more: number): string {
  const others = more > 0 ? ` (and ${more} more)` : "";
  return `The model is broken: ${where}${others} gives numbers that are NaN or infinite on these data, and so does what it leads to.`;
}

/** A newer Python may know other codes: these are shown as they are. */
function say(words: Readonly<Record<string, Say>>, naming: Naming, [code, ...values]: Message): string {
  const spoken = Object.hasOwn(words, code) ? words[code]! : null;
  try {
    return spoken ? spoken(naming, ...(values as never[])) : code.replaceAll("_", " ");
  } catch {
    return code.replaceAll("_", " ");
  }
}

/** What is wrong with the model as it is. */
export const warningWords = (message: Message, naming: Naming): string => say(WARNINGS, naming, message);

/** The same of several: inputs that lead nowhere share one sentence. */
export function warningSentences(messages: readonly Message[], naming: Naming): string[] {
  const [first, ...others] = messages.filter(([code]) => code === "unused_input");
  return messages.flatMap((message) => {
    if (others.includes(message)) return [];
    const more = message === first ? others.flatMap(([, ...inputs]) => inputs) : [];
    return warningWords([...message, ...more], naming);
  });
}

/** In the place of the words above where there is little room; what is not here has no shorter ones. */
const SHORT: Readonly<Record<string, Say>> = {
  ...CHANGES,
  commit: () => "new start",
  node_threshold: (_, value: number) => `nodes ≤ ${figures(value)}`,
  edge_threshold: (_, value: number) => `edges ≤ ${figures(value)}`,
};

/** What a step did, as short as it can be told. */
export const shortStepWords = ({ what }: Pick<HistoryStep, "what">, naming: Naming): string =>
  what.map((message) => say(SHORT, naming, message)).join(", ") || "start";

/** What a step did, and how many edges went or came back. */
export function stepWords(
  { what, edges_removed: removed }: Pick<HistoryStep, "what" | "edges_removed">,
  naming: Naming,
): string {
  const words = what.map((message) => say(CHANGES, naming, message)).join(", ") || "the model as it came";
  if (removed === 0) return words;
  const one = Math.abs(removed) === 1;
  const verb = removed > 0 ? (one ? "goes" : "go") : one ? "comes back" : "come back";
  return `${words}: ${count(Math.abs(removed), "edge")} ${verb}`;
}
