/** The fixed words of the view, by the part of it that shows them: names of controls, and what explains them. */

import type { ViewKind } from "../wire/traits";

/** A control's name, and what it does. */
export interface Label {
  readonly name: string;
  readonly help: string;
}

/** The main actions. */
export const ACTIONS = {
  prune: {
    name: "Prune",
    help: "Goes to the smallest network whose loss is within the tolerance: first by the node threshold, then by the edge threshold. Undo takes back both.",
  },
  retrain: {
    name: "Retrain",
    help: "Trains what is left, with the settings of the tab Train: removed edges stay off. Undo gives the weights back.",
  },
  name: {
    name: "Name curves",
    help: "Looks for functions in the place of the curves, each judged by the network's loss, and writes the formula. Curves that no function fits stay as they are. Undo takes it back.",
  },
} as const satisfies Record<string, Label>;

export const TOOLBAR = {
  undo: "Undo (Ctrl+Z)",
  redo: "Redo (Ctrl+Shift+Z)",
  more: { name: "More", help: "View, scores, a new start, the picture" },
  deadEnds: {
    name: "Remove dead ends",
    help: "Removes the edges that lead to no output: the model computes the same without them.",
  },
  picture: "Save or copy the picture …",
  reset: { name: "Reset", help: "Sets both thresholds to 0 and takes back every edit made by hand." },
  commit: {
    name: "Set as new start",
    help: "Makes what is shown the new starting point: thresholds and edits by hand begin again from there. Undo takes it back.",
  },
  keepMean: {
    name: "Keep mean of removed edges",
    help: "The mean of what a removed edge gave is added to the node it led to, so that only its variation is lost.",
  },
  score: {
    name: "Score",
    help: "How the importance of an edge is measured. Thresholds are in units of the score: another score sets them to 0.",
  },
  view: {
    name: "View",
    help: "Graph: curves on the lines of a network. Matrix: a table of curves for each layer. Auto: the graph, or the matrix when there are too many edges to draw.",
  },
} as const;

/** A panel's name, what it is for, and the name of its tab. */
export interface PanelLabel extends Label {
  readonly tab: string;
}

export const PANELS = {
  train: {
    name: "Train",
    tab: "Train",
    help: "Trains the network as it is pruned: its removed edges stay off.",
  },
  formula: { name: "Formula", tab: "Formula", help: "Writes the network as a formula of its inputs." },
  probe: { name: "Trace a sample", tab: "Trace", help: "Follows one sample through the network." },
  history: {
    name: "History",
    tab: "History",
    help: "Lists every step, with its loss. Go back to any step, add notes, compare two steps.",
  },
  script: { name: "Python code", tab: "Code", help: "Shows the Python lines that do the same." },
} as const satisfies Record<string, PanelLabel>;

/** Names of views; the keys are the values of the trait `view`. */
export const VIEWS: Record<ViewKind, string> = { auto: "Auto", network: "Graph", matrix: "Matrix" };

/** Names of scores; one that is not here is called as Python calls it. */
export const SCORES: Record<string, string> = {
  l1: "size (L1)",
  attribution: "attribution (pykan)",
  ablation: "loss if removed",
};

export const orientationWords = (turns: boolean, up: boolean): string => {
  if (!turns) return "A matrix cannot be turned: only the graph can";
  return up
    ? "Inputs are at the bottom: put them on the left"
    : "Inputs are on the left: put them at the bottom";
};

export const STATUS = {
  sinceStart: "since the start",
  closed:
    "Closed: the model is as it was at the start, or at the last “Set as new start”. Run the cell again for a new widget.",
  standalone:
    "No kernel is connected: this view computes by itself, and nothing reaches the model. Run the notebook again to work on it.",
  disconnected: "Kernel disconnected: this is the last state. Run the notebook again for a new widget.",
} as const;

export const THRESHOLD = {
  title: { node: "Node threshold", edge: "Edge threshold" },
  which: "Threshold that is shown",
  short: { node: "Nodes", edge: "Edges" },
  about: {
    node: "Removes hidden nodes with a score at or below it, with their edges. Drag the slider, press the arrow keys for the next node, or type a number or “off”.",
    edge: "Removes edges with a score at or below it. Drag the slider, press the arrow keys for the next edge, or type a number or “off”.",
  },
  suggest: {
    name: "Suggest",
    help: "Goes to the last point before the loss gets clearly worse (◇ in the plot).",
  },
  nothingToSuggest: "Nothing to suggest: the first steps cost as much as those after them",
  allow: {
    name: "Allow …",
    help: "Goes to the smallest network whose loss is at most so much worse than the best along this threshold. Drag the dashed line to allow more or less.",
  },
  plot: {
    name: "Plot",
    help: "The loss at each threshold. Solid: the mean of removed edges is kept; dotted: it is not. The dashed line is the loss that is allowed. Losses beyond three times the tolerance are drawn closer together (grey).",
  },
  loss: "loss",
  meanKept: "mean kept",
  meanNotKept: "not kept",
  tolerance: "Tolerance: how much worse than the best the loss may be",
} as const;

export const HISTORY = {
  empty: "Nothing has been done yet.",
  note: "note",
  end: "End comparison",
  chooseAnother: "choose another step to compare with",
  go: { name: "A step", help: "Press it to go there; nothing is lost, the other steps stay." },
  compare: { name: "A/B", help: "Choose two steps, A and B, to see in which edges they differ." },
  columns: { step: "Step", edges: "Edges", loss: "Loss", compare: "A/B" },
  letters: ["A", "B"],
  fold: "Hide these steps",
  unfold: "Show these steps",
  toStart: "Scroll to the start",
  stale: {
    name: "then",
    help: "The numbers are from that time: the model has been changed since. Going there measures it again.",
  },
} as const;

export const HINTS = {
  drag: "Drag this: the weakest edges go, and the curve above says what that costs.",
  click: "Click a curve to see it large, with its data and what the model loses without it.",
  undo: "Nothing is lost: every step can be taken back here.",
  next: "Next",
  none: "No more hints",
  done: "Got it",
} as const;

export const PROBE = {
  row: {
    name: "Row of the data",
    help: "A row of the data that the loss is measured on, counted from 0. A page may hold only some of the rows.",
  },
  rowName: "row",
  previous: "Previous row",
  next: "Next row",
  random: "random",
  randomHelp: "A random row",
  inputs: "The sample's inputs",
  label: "label",
  noClass: "no class: an output is not a number",
  columns: { class: "Class", probability: "Probability", output: "Output" },
  later: "It trains: the sample is traced in a moment.",
  unable: "This network is too wide, or of a kind that cannot be traced here.",
  input: {
    name: "Inputs",
    help: "Drag an input to change the sample. Purple dots show where it is on every curve.",
  },
} as const;

export const SCRIPT = {
  lines: "Python code",
  copy: "Copy",
  copyHelp: "Copy the Python code",
  copied: "copied",
  notCopied: "could not copy: the lines are selected, press Ctrl+C",
  empty: "# nothing has been done yet",
} as const;

export const LEGEND = {
  scale: "edge score",
  views: { network: "in the network", matrix: "in the matrix" },
  contrast: {
    name: "contrast",
    help: "To the left weak edges are as dark as strong ones, to the right they fade.",
  },
  hidden: {
    name: "Hide what is off",
    help: "Edges and nodes that are off are faint, or hidden. Those of a node show while the pointer is on it.",
  },
  sharedScale: {
    name: "One scale for each node",
    help: "The curves into one node have the same vertical scale, so that a flat one looks flat.",
  },
  symbolic: "symbolic: a fixed formula",
  removed: "removed by a threshold",
  removing: "would be removed",
  off: "off",
  sum: "sum",
  product: "product",
  probe: "the traced sample",
  compared: "on in only one of the two steps: A or B",
} as const;

export const MENU = {
  graph: "Network",
  off: "Switch off",
  on: "Switch on",
  openCard: "Open card",
  closeCard: "Close card",
  add: "Add to selection",
  allOn: "Select every edge that is on",
  clear: "Clear selection",
  fit: "Fit the network",
} as const;

export const STAGE = {
  hint: ["Click: open card", "Double-click: switch off or on", "Shift-drag: lasso", "Ctrl + wheel: zoom"],
  touchHint: ["Tap: open card", "Double-tap: switch off or on", "Hold: more", "Pinch: zoom"],
  zoomOut: "Zoom out",
  zoomIn: "Zoom in",
  fit: "Fit the network",
  fullScreen: "Full screen",
  leaveFullScreen: "Leave full screen",
  tidy: {
    name: "Tidy",
    help: "Gives the room of what is off to the others now, not when the pointer leaves.",
  },
  pictureMenu: "Picture of the whole network",
  copyPng: "Copy as PNG",
  copySvg: "Copy as SVG",
  light: ", light",
  dark: ", dark",
  saveAs: (kind: "svg" | "png", ratio: number): string =>
    `Save as ${kind === "svg" ? "SVG" : `PNG (${ratio}×)`}`,
} as const;

/** What is said where a view fails; `reason` is the error's own. */
export const FAILURES = {
  show: (reason: string): string => `The view cannot show the model: ${reason}`,
} as const;

export const CARDS = {
  label: { name: "Cards", tab: "Cards", help: "Shows what is selected, as cards." },
  none: "Click or tap a curve, a cell or a node: its card opens here.",
  strip: "Cards of what is selected",
  edgesIn: "Edges in",
  edgesOut: "Edges out",
  score: "score",
  sample: "sample",
  formula: "formula",
  offGrid: "off grid",
  ifRemoved: "If removed",
  ifOn: "If switched on",
} as const;

export const NAMES = {
  title: "Functions",
  order: "loss now → refitted",
  same: "These cannot be told apart by this curve:",
  others: "Others:",
  waiting: "looking for functions …",
  back: { name: "Back to the spline", help: "Gives the edge the curve back that it had before its name." },
  again: (words: string): string => `Name it again: ${words}`,
  againHelp: "Gives the edge the name back that it had when the page was made.",
  help: {
    name: "Functions",
    help: "Rest on one to see it in the network, press it to name the curve. “loss now” is the network's loss with it, “refitted” after all else has adapted to it.",
  },
  choose: (words: string): string => `Name this curve ${words}`,
  loss: " loss ",
  refit: " refitted ",
} as const;

export const FORMULA = {
  none: "Press “Name curves”: functions take the place of curves, and the formula is written here. Curves without a name are φ with their edge.",
  busy: "writing the formula …",
  losses: "Losses of the formula",
  splines: { name: "splines", help: "The network's loss before its curves had names." },
  named: { name: "as named", help: "The network's loss with the names that it has." },
  refit: {
    name: "after refit",
    help: "What it would be after all numbers have been fitted once more: press Retrain.",
  },
  written: { name: "as written", help: "The loss of the formula with its numbers as they are shown here." },
  digits: { name: "Digits", help: "Significant digits of the numbers in the formula." },
  exact: {
    name: "Exact numbers",
    help: "Writes π, 1/2, √2 and the like where the data allow it, and fits the other numbers once more: “as written” says what that costs.",
  },
  terms: {
    name: "Terms",
    help: "Rest on a term to light its edges, press it to open their cards. With the keyboard: arrow keys go from term to term, Enter opens.",
  },
  curve: {
    name: "Names and loss",
    help: "Each point is a name more, from the left: press one to keep the names up to there.",
  },
  copy: { latex: "LaTeX", python: "Python", sympy: "sympy" },
  copyHelp: (form: string): string => `Copy the formula as ${form}`,
  formula: "Formula of the network",
  stop: "Stop and keep",
  noNames: "no names",
  ofThePage: "This is the formula of the network as it was when the page was made.",
  blame: "Costs most:",
  complexity: (names: number, bits: number): string =>
    `${names} ${names === 1 ? "name" : "names"}, complexity ${bits}`,
  copied: (form: string): string => `${form} copied`,
  notCopied: "could not copy",
} as const;

export const TRAIN = {
  play: "Retrain",
  pause: "Pause",
  resume: "Go on",
  oneStep: "One step",
  stop: "Stop and keep",
  steps: "Steps",
  off: "off",
  opt: {
    name: "Optimiser",
    help: "LBFGS suits most networks. LM (Levenberg-Marquardt) gets furthest on small ones. Adam suits many rows.",
  },
  lr: { name: "Learning rate", help: "How far each step goes: 1 for LBFGS and LM, about 0.01 for Adam." },
  lamb: {
    name: "lamb",
    help: "How strongly training makes weak edges weaker, so that more can be pruned. Off: only the loss counts.",
  },
  grid: { name: "Update grids", help: "Lays the splines’ grids over the values that their inputs take." },
  refine: {
    name: "Grid intervals",
    help: "Refine gives every spline a finer grid: it can follow its curve more closely after the next training.",
  },
  frames: "Shown",
  framesHelp: "Step of the training that is shown",
  atStep: (step: string): string => `after ${step}`,
  asPruned: "before the first step",
  atEnd: "now",
  refineButton: "Refine",
  refineStops: "Stops the training first, and keeps what was trained",
  noLosses: "no training yet",
  series: { train: "train", test: "test", reg: "regulariser" },
  marks: { pruned: "pruned", refined: "refined" },
  running: (step: string, of: string, iteration: string, train: string): string =>
    `step ${step} of ${of}${iteration && `, iteration ${iteration}`}${train && ` · train ${train}`}`,
  pausing: "pauses after this step",
  paused: (done: string, of: string): string => `paused after step ${done} of ${of}`,
  ended: (steps: string): string => `${steps} done`,
  ownLoop: (steps: string, runs: boolean, waits: boolean): string =>
    `${waits ? "paused: " : ""}${steps} of your own loop${runs || waits ? "" : " done"}`,
  lossesInWords: (steps: string, first: string, last: string, test: string): string =>
    `Losses of ${steps}: on the training rows from ${first} to ${last}, on the test rows ${test} at the end`,
  lastLosses: (train: string, test: string, reg: string): string =>
    `train ${train} · test ${test}${reg && ` · regulariser ${reg}`}`,
} as const;
