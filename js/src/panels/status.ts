/** What pruning has cost so far: the headline, the figures before and now, and the line for messages. */

import { isCurveOf, isNarrow, predictLoss } from "../model/loss-curve";
import { countOn, deadEnds, type Edits, isCut, type Network, sameMask } from "../model/network";
import { type StepTable, sameStepTable, stepTableOf } from "../model/threshold-steps";
import type { TargetKind, ViewState } from "../state/view-state";
import { countOf, countSentence, formatFigures, lossSentence } from "../text/messages";
import { viewNaming, warningWords } from "../text/session-messages";
import { button, element, setAttribute, setText } from "../util/dom";
import type { Snapshot } from "../wire/snapshot";
import type { HistoryStep } from "../wire/traits";
import type { Commands } from "./context";

/** A screen reader is told when things have been quiet for so long. */
const QUIET = 700;
const CLOSED =
  "Closed: the model is as it was, or as last committed. Run the cell again for a new widget on it.";
/** Warnings of Python's that are shown at once. */
const MOST_WARNINGS = 2;

export function createStatus(wishes: Commands, signal: AbortSignal) {
  const headcount = element("b");
  const loss = element("span", { class: "loss" });
  const headline = element("p", { class: "status", "data-role": "status" }, headcount, loss);
  const before = { original: createFigure("original"), last: createFigure("last"), now: createFigure("now") };
  const figuresList = element(
    "dl",
    { class: "figures", "data-role": "figures" },
    ...Object.values(before).map(({ element }) => element),
  );
  const said = element("p", { class: "unseen", role: "status", "data-role": "said" });
  const error = element("p", { class: "error", "data-role": "error", role: "alert" });
  const notice = element("p", { class: "notice", "data-role": "notice", role: "status" });
  const warning = element("p", { class: "warning", "data-role": "warning", role: "alert" });
  const removeDeadEnds = button(
    "Sweep",
    {
      class: "small",
      "data-role": "remove-dead-ends",
      title: "Take the edges that lead to no output: the model computes the same without them",
      hidden: true,
    },
    () => wishes.act({ do: "remove_dead_ends" }),
    signal,
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer));
  let spoken = "";
  let told = "";
  let looked: {
    mask: Uint8Array;
    kernelMask: Uint8Array;
    pending: boolean;
    dead: number;
    warning: string;
    cut: boolean;
  } | null = null;
  /** What Python has measured last: from there on a curve knows the loss ahead. */
  let measured: Edits | null = null;

  function say(words: string): void {
    if (words === spoken) return;
    // What is there at first is read when a person comes to it.
    const first = spoken === "";
    spoken = words;
    clearTimeout(timer);
    if (!first) timer = setTimeout(() => setText(said, words), QUIET);
  }

  return {
    element: element("div", { class: "summary" }, headline, figuresList, said),
    // Its line is always there, so that a message never moves a slider or the network under the hand.
    messages: element("div", { class: "messages" }, error, notice, warning, removeDeadEnds),
    /** What went wrong while a frame was drawn. */
    fail: (problem: string) => setText(error, problem),
    /** `problem` is what went wrong on this side; it comes before what Python says. */
    update(known: ViewState | null, reading: Snapshot | null, problem: string, always = ""): void {
      setText(notice, always);
      setText(error, problem || (reading?.closed ? CLOSED : (reading?.error ?? "")));
      if (!known || !reading) return;
      const { edits, mask, kernelMask, net } = known;
      // A loss belongs to the mask Python has applied: until that is the one on show, it is only the last known.
      if (looked?.mask !== mask || looked.kernelMask !== kernelMask) {
        const dead = deadEnds(net, mask).length;
        const pending = !sameMask(mask, kernelMask);
        const cut = isCut(net, mask);
        looked = { mask, kernelMask, pending, dead, cut, warning: warningOf(cut, dead) };
      }
      const { pending } = looked;
      if (!pending) measured = edits;
      const preview = pending && measured ? foresee(known, reading, measured) : null;
      const present = preview?.loss ?? reading.loss;
      const sentence = lossSentence(
        present,
        `${reading.lossName || "loss"}${preview?.about ? " about" : ""}`,
      );
      setText(headcount, countSentence(known, reading.view === "network"));
      setText(loss, sentence && ` · ${sentence}`);
      // All its digits, for those who compare.
      setAttribute(loss, "title", present === null ? null : `${present}`);
      loss.classList.toggle("pending", pending && preview === null);
      const steps = stepsOf(reading);
      before.original.show(
        steps.first?.loss_after ?? reading.baselineLoss,
        steps.first?.active_edges ?? countOn(net.baseline),
      );
      before.last.show(steps.last ? steps.last.loss_after : null, steps.last?.active_edges ?? null);
      before.now.show(present, countOn(mask));
      before.now.element.classList.toggle("pending", pending && preview === null);
      // What Python says of the state before stays, faint, until it has said something of this one: a line that is
      // emptied and filled again would be read out at every step of a drag.
      if (looked.warning || !pending) told = looked.warning ? "" : toldOf(known.net, reading);
      setText(warning, looked.warning || told);
      warning.classList.toggle("pending", pending && looked.warning === "");
      removeDeadEnds.hidden = looked.dead === 0 || looked.cut;
      say(`${headcount.textContent}${sentence && `, ${sentence}`}`);
    },
  };
}

/** The loss that a curve over a slider knows, when only that threshold has moved since Python measured. */
function foresee(
  { net, edits, mask }: ViewState,
  { tradeoff, keepMean }: Snapshot,
  measured: Edits,
): { loss: number; about: boolean } | null {
  for (const axis of ["node", "edge"] as const) {
    const curve = tradeoff[axis];
    if (!curve || !sameStepTable(measured, edits, axis)) continue;
    const threshold = axis === "node" ? edits.nodeThreshold : edits.edgeThreshold;
    const found = predictLoss(curve, threshold, countOn(mask), keepMean);
    // Between two points that are far apart nothing is known; nor by a curve of an earlier state.
    if (!isNarrow(found) || !isCurveOf(curve, stairsFor(net, measured, axis))) continue;
    return { loss: found.from, about: !found.exact };
  }
  return null;
}

const stairs = new WeakMap<Edits, Partial<Record<TargetKind, StepTable>>>();

/** The same object for the same edits: under a drag it is asked for in every frame. */
function stairsFor(net: Network, edits: Edits, axis: TargetKind): StepTable {
  let known = stairs.get(edits);
  if (!known) {
    known = {};
    stairs.set(edits, known);
  }
  known[axis] ??= stepTableOf(net, edits, axis);
  return known[axis];
}

/** Some of what Python warns of; what this side finds out by itself comes before it. */
function toldOf(net: Network, { warnings, inVars, outVars }: Snapshot): string {
  const more = warnings.length - MOST_WARNINGS;
  const naming = viewNaming(net, { inVars, outVars });
  const told = warnings.slice(0, MOST_WARNINGS).map((warning) => warningWords(warning, naming));
  return told.join(" ") + (more > 0 ? ` And ${more} more.` : "");
}

function warningOf(cut: boolean, dead: number): string {
  if (cut) return "Nothing leads from the inputs to the outputs any more: the model is constant.";
  return dead === 0 ? "" : `${countOf(dead, "node")} ${dead === 1 ? "leads" : "lead"} nowhere.`;
}

function stepsOf({ history, current }: Snapshot): { first?: HistoryStep; last?: HistoryStep } {
  const byId = new Map(history.map((step) => [step.id, step]));
  const parent = byId.get(current)?.parent ?? null;
  const last = parent === null ? undefined : byId.get(parent);
  return { ...(history[0] && { first: history[0] }), ...(last && { last }) };
}

function createFigure(name: string) {
  const loss = element("b");
  const edges = element("span");
  const figure = element("div", {}, element("dt", {}, name), element("dd", {}, loss, edges));
  return {
    element: figure,
    show(value: number | null, left: number | null): void {
      setText(loss, value === null ? "–" : formatFigures(value));
      setText(edges, left === null ? "" : ` (${left.toLocaleString("en")})`);
      figure.title = left === null ? "" : countOf(left, "edge");
    },
  };
}
