/** What pruning has cost so far, in one line, and the line for messages. */

import { html, nothing, render } from "lit-html";
import { isCurveOf, isNarrow, predictLoss } from "../model/loss-curve";
import { countOn, type Edits, sameMask } from "../model/mask";
import type { Network, TargetKind } from "../model/network";
import { deadEnds, isCut } from "../model/reachability";
import { type StepTable, sameStepTable, stepTableOf } from "../model/threshold-steps";
import type { ViewState } from "../state/view-state";
import { formatRatio } from "../text/format";
import { STATUS, TOOLBAR } from "../text/labels";
import { countSentence, deadEndWords, lossSentence, metricWords } from "../text/messages";
import { viewNaming, warningSentences } from "../text/session-messages";
import { element, setText } from "../util/dom";
import { MAX_DRAWN } from "../util/limits";
import type { Snapshot } from "../wire/snapshot";
import type { Commands } from "./context";
import { createHelp } from "./help";

/** A screen reader gets the text when nothing has changed for this long, in ms. */
const QUIET = 700;
/** Warnings of Python's that are shown at once. */
const MAX_WARNINGS = 2;

/** What follows from the masks alone. */
interface MaskFacts {
  readonly mask: Uint8Array;
  readonly kernelMask: Uint8Array;
  readonly pending: boolean;
  readonly dead: number;
  readonly isCut: boolean;
}

export function createStatus(commands: Commands, signal: AbortSignal) {
  const summary = element("div", { class: "summary" });
  // It lies over the line under the network, so that a message moves nothing under the hand.
  const messages = element("div", { class: "messages" });
  const spoken = element("p", { class: "unseen", role: "status", "data-role": "said" });
  const help = createHelp(TOOLBAR.deadEnds.name, [TOOLBAR.deadEnds]);
  let timer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer));
  let toSay = "";
  let notice = "";
  /** What an action could not do, and the edits of which that is true. */
  let told: { words: string; edits: Edits | null } = { words: "", edits: null };
  let error = "";
  let warning: Warning = { text: "", pending: false, canRemove: false };
  let fromPython = "";
  let facts: MaskFacts | null = null;
  /** The metrics beside the loss that Python measured last. */
  let metrics = "";
  /** The edits that Python measured last: starting there, a curve gives the loss of later ones. */
  let measured: Edits | null = null;

  function say(words: string): void {
    if (words === toSay) return;
    // A text that is there at the start is read when the person reaches it.
    const first = toSay === "";
    toSay = words;
    clearTimeout(timer);
    if (!first) timer = setTimeout(() => setText(spoken, words), QUIET);
  }

  function drawMessages(): void {
    render(
      html`<p class="error" data-role="error" role="alert">${error}</p>
        <p class="notice" data-role="notice" role="status">${notice || told.words}</p>
        <p class="warning ${warning.pending ? "pending" : ""}" data-role="warning" role="alert">${warning.text}</p>
        <button
          type="button" class="quiet small" data-role="remove-dead-ends" title=${TOOLBAR.deadEnds.help}
          aria-describedby=${help.idOf(TOOLBAR.deadEnds)} ?hidden=${!warning.canRemove}
          @click=${() => commands.act({ do: "remove_dead_ends" })}
        >${TOOLBAR.deadEnds.name}</button>
        ${help.element}`,
      messages,
    );
  }

  function drawSummary(known: ViewState, reading: Snapshot, pending: boolean): void {
    const preview = pending && measured ? foresee(known, reading, measured) : null;
    const loss = preview?.loss ?? reading.loss;
    const name = `${reading.lossName || "loss"}${preview?.about ? " about" : ""}`;
    const sentence = lossSentence(loss, name);
    // Of how many rows it is has no room on a phone.
    const [what, rows, value] = sentence.split(/( \([^()]* rows?\))/);
    const count = countSentence(known, reading.view === "network" ? MAX_DRAWN : undefined);
    const faint = pending && preview === null ? "pending" : "";
    const start = startOf(reading);
    const change = loss === null || start === null ? "" : formatRatio(start, loss);
    // Those of the state before stay, faint, until Python has measured the present one.
    const isMeasured = reading.metrics.length > 0 && !pending;
    if (reading.metrics.length > 0 || reading.computes !== undefined) metrics = metricWords(reading.metrics);
    render(
      html`<p class="status" data-role="status"
          ><b>${count}</b><span class="loss ${faint}" title=${loss ?? nothing}>${what && ` · ${what}`}<span class="row-count">${rows}</span>${value}</span
          >${change && html`<span class="change ${faint}" title=${STATUS.sinceStart}>, ${change}</span>`}</p
        ><p class="metrics ${isMeasured ? "" : "pending"}" data-role="metrics">${metrics && ` · ${metrics}`}</p>
        ${spoken}`,
      summary,
    );
    say(`${count}${sentence && `, ${sentence}`}${change && `, ${change} ${STATUS.sinceStart}`}`);
  }

  drawMessages();
  return {
    element: summary,
    messages,
    /** Whether there are dead ends to remove. */
    get canRemoveDeadEnds(): boolean {
      return warning.canRemove;
    },
    /** Says what an action could not do, until something else is done. */
    tell(words: string): void {
      told = { words, edits: null };
      drawMessages();
    },
    /** What went wrong while a frame was drawn. */
    fail(problem: string): void {
      error = problem;
      drawMessages();
    },
    /** `problem` is what went wrong on this side; it comes before what Python says. */
    update(known: ViewState | null, reading: Snapshot | null, problem: string, always = ""): void {
      notice = always;
      error = problem || (reading?.closed ? STATUS.closed : (reading?.error ?? ""));
      if (!known || !reading) {
        drawMessages();
        return;
      }
      const { edits, mask, kernelMask, net } = known;
      if (told.words && (told.edits ?? edits) !== edits) told = { words: "", edits: null };
      else if (told.words) told = { ...told, edits };
      // A loss belongs to the mask Python has applied: until that is the one on show, it is only the last known.
      if (facts?.mask !== mask || facts.kernelMask !== kernelMask) {
        const pending = !sameMask(mask, kernelMask);
        facts = { mask, kernelMask, pending, dead: deadEnds(net, mask).length, isCut: isCut(net, mask) };
      }
      const { pending, dead } = facts;
      if (!pending) measured = edits;
      drawSummary(known, reading, pending);
      const own = deadEndWords(facts.isCut, dead);
      // What Python says of the state before stays, faint, until it has said something of this one: a line that is
      // emptied and filled again would be read out at every step of a drag.
      if (own || !pending) fromPython = own ? "" : warningsOf(net, reading);
      warning = {
        text: own || fromPython,
        pending: pending && own === "",
        canRemove: dead > 0 && !facts.isCut,
      };
      drawMessages();
    },
  };
}

interface Warning {
  readonly text: string;
  /** Whether it is of the state before. */
  readonly pending: boolean;
  /** Whether there are dead ends to remove. */
  readonly canRemove: boolean;
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
    if (!isNarrow(found) || !isCurveOf(curve, stepsFor(net, measured, axis))) continue;
    return { loss: found.from, about: !found.exact };
  }
  return null;
}

const stepTables = new WeakMap<Edits, Partial<Record<TargetKind, StepTable>>>();

/** The same object for the same edits: under a drag it is asked for in every frame. */
function stepsFor(net: Network, edits: Edits, axis: TargetKind): StepTable {
  let known = stepTables.get(edits);
  if (!known) {
    known = {};
    stepTables.set(edits, known);
  }
  known[axis] ??= stepTableOf(net, edits, axis);
  return known[axis];
}

/** Some of what Python warns of; what this side finds out by itself comes before it. */
function warningsOf(net: Network, { warnings, inVars, outVars }: Snapshot): string {
  const texts = warningSentences(warnings, viewNaming(net, { inVars, outVars }));
  const more = texts.length - MAX_WARNINGS;
  return texts.slice(0, MAX_WARNINGS).join(" ") + (more > 0 ? ` And ${more} more.` : "");
}

/** The loss that everything is compared with. */
const startOf = ({ history, baselineLoss }: Snapshot): number | null =>
  history[0]?.loss_after ?? baselineLoss;
