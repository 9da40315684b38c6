/** A threshold: a native range input with its data on the track, a field to type in, and its next step in words. */

import { isCurveOf, knee, type LossCurve, pointAt, thresholdFor } from "../../model/loss-curve";
import { countOn, type Edits, maskOf, sameMask } from "../../model/mask";
import type { Network, TargetKind } from "../../model/network";
import { POSITIONS, positionOf, thresholdAt } from "../../model/scales";
import {
  levelsOf,
  nextThresholdChange,
  type StepTable,
  sameStepTable,
  stepped,
  stepTableOf,
  type ThresholdLevels,
  thresholdOver,
} from "../../model/threshold-steps";
import type { ViewState } from "../../state/view-state";
import { type Label, THRESHOLD } from "../../text/labels";
import {
  allowShort,
  allowWords,
  idleWords,
  lossWord,
  nextWords,
  noneAllowed,
  removesShort,
  removesWords,
  rescoredWords,
  thresholdWords,
  unknownWords,
} from "../../text/messages";
import { button, element, freshId, setAttribute, setText, svg } from "../../util/dom";
import type { Snapshot } from "../../wire/snapshot";
import type { Commands, PanelProps } from "../context";
import { createHelp } from "../help";
import { createLossPlot } from "./loss-plot";
import { countRemoved } from "./removed-count";
import { createTypedField } from "./typed-field";

export interface SliderEvents {
  /** A new value under the hand: preview it. `apart`: it begins a step of its own. */
  moved(axis: TargetKind, threshold: number, apart: boolean): void;
  /** The pointer was released, or a key set a value. */
  released(): void;
}

const KEYS: Record<string, number> = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
  PageUp: 10,
  PageDown: -10,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

export function createSlider(
  axis: TargetKind,
  events: SliderEvents,
  commands: Commands,
  signal: AbortSignal,
) {
  const title = THRESHOLD.title[axis];
  const about = { name: title, help: THRESHOLD.about[axis] };
  const { suggest, allow } = THRESHOLD;
  const help = createHelp(title, [about, suggest, allow, THRESHOLD.plot]);
  const id = freshId("next");
  const input = element("input", {
    type: "range",
    min: "0",
    max: `${POSITIONS}`,
    step: "1",
    value: "0",
    "data-threshold": axis,
    "aria-label": title,
    "aria-describedby": `${id} ${help.idOf(about)}`,
  });
  const field = createTypedField(
    {
      "data-readout": axis,
      "aria-label": `${title}, typed`,
      title: about.help,
      "aria-describedby": help.idOf(about),
    },
    {
      current: () => latest ?? (now ? thresholdOf(now.known.edits) : 0),
      typed(threshold) {
        if (!now) return;
        move(threshold);
        release();
      },
      refused: (why) => setText(refused, why),
    },
    commands,
    signal,
  );
  // `data-brief` is said where there is no room for the whole.
  const name = element(
    "span",
    { class: "name", "data-brief": THRESHOLD.short[axis] },
    element("span", { class: "whole" }, title),
  );
  const removesWhole = element("span", { class: "whole" });
  const removes = element("span", { class: "removes" }, removesWhole);
  const action = (role: string, { name, help: title }: Label, act: () => void) =>
    button(
      name,
      { "data-role": role, class: "small", title, "aria-describedby": help.idOf({ name, help: title }) },
      act,
      signal,
    );
  const suggests = action("suggest", suggest, goToSuggestion);
  const allows = action("allow", allow, goToLimit);
  const allowsWhole = element("span", { class: "whole" });
  allows.replaceChildren(allowsWhole);
  const plot = createLossPlot(title, commands, signal);
  const above = svg("path");
  const below = svg("path", { class: "gone" });
  const ticks = svg(
    "svg",
    { class: "ticks", viewBox: `0 0 ${POSITIONS} 7`, preserveAspectRatio: "none", "aria-hidden": "true" },
    above,
    below,
  );
  const step = element("span", { class: "step" });
  const left = element("span");
  const next = element("span", { id }, step, left);
  const refused = element("span", { class: "refused", role: "alert" });
  const rescored = element("span", { class: "refused", role: "alert", "data-role": "rescored" });
  const panel = element(
    "div",
    { class: "slider", role: "group", "aria-label": title },
    element(
      "div",
      { class: "head" },
      element("span", { class: "title" }, name, " ", help.element),
      field.element,
      removes,
      suggests,
      allows,
    ),
    plot.element,
    input,
    ticks,
    element("p", { class: "next", "data-role": "next" }, next, refused, rescored),
  );

  let now: Pick<PanelProps, "known" | "reading" | "names"> | null = null;
  let net: Network | null = null;
  let levels: ThresholdLevels | null = null;
  let positions: Uint16Array = new Uint16Array();
  let steps: { of: StepTable; edits: Edits } | null = null;
  /** The loss along this threshold in the present state, if it is known. */
  let curve: LossCurve | null = null;
  /** A stroke for each of the positions, and where each begins. */
  let strokes = "";
  let starts: number[] = [];
  let marked = -1;
  let held = false;
  /** What was written since the last frame: keys may come faster. */
  let latest: number | null = null;
  let shown: { edits: Edits; reading: Snapshot } | null = null;
  /** The state in which something was refused. */
  let refusedIn: Edits | null = null;
  let byKey = false;
  /** What was shown when the hand let go, until Python has confirmed it. */
  let unconfirmed: { net: Network; mask: Uint8Array; threshold: number } | null = null;

  const thresholdOf = (edits: Edits) => (axis === "node" ? edits.nodeThreshold : edits.edgeThreshold);

  /** Keys pressed one after the other are one step, as one drag is. */
  function move(threshold: number, key = false): void {
    setText(refused, "");
    setText(rescored, "");
    const apart = !held && !(key && byKey);
    [held, byKey] = [true, key];
    latest = threshold;
    events.moved(axis, threshold, apart);
  }
  const release = () => {
    if (!held) return;
    held = false;
    if (latest !== null) put(latest);
    if (now) unconfirmed = shownState(now.known);
    events.released();
  };
  function goTo(choose: (curve: LossCurve, keepMean: boolean) => number): void {
    if (!now || !curve || !levels) return;
    move(thresholdOver(levels, choose(curve, now.reading.keepMean)));
    release();
  }

  /** To the smallest network within the tolerance, of those with no more edges than are left now. */
  function goToLimit(): void {
    if (!now || !curve) return;
    const { keepMean, tolerance, higherIsBetter } = now.reading;
    const left = countOn(now.known.mask);
    const found = thresholdFor(curve, tolerance, keepMean, left);
    if (found !== null) goTo(() => found);
    const smaller = found !== null && curve.activeEdges[pointAt(curve, found)]! < left;
    if (!smaller) setText(refused, noneAllowed({ curve, tolerance, keepMean, higherIsBetter }));
  }

  function goToSuggestion(): void {
    goTo(knee);
    if (now && curve && knee(curve, now.reading.keepMean) === 0) setText(refused, THRESHOLD.nothingToSuggest);
  }

  input.addEventListener(
    "input",
    () => {
      // Between two scores all thresholds do the same: the thumb snaps to the roundest of them, which is written.
      if (!levels) return;
      const threshold = thresholdOver(levels, thresholdAt(levels.scale, Number(input.value)));
      put(threshold);
      move(threshold);
    },
    { signal },
  );
  input.addEventListener(
    "keydown",
    (event) => {
      const by = KEYS[event.key];
      if (by === undefined || !now || !levels || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const { net, edits } = now.known;
      const from = latest ?? thresholdOf(edits);
      move(
        by === Number.POSITIVE_INFINITY ? levels.scale.high : stepped(levels, stepsNow(net, edits), from, by),
        true,
      );
    },
    { signal },
  );
  input.addEventListener("keyup", release, { signal });
  input.addEventListener("change", release, { signal });
  input.addEventListener("blur", release, { signal });
  // A drag that ends where it began fires no `change`, and the pointer may be let go anywhere.
  for (const name of ["pointerup", "pointercancel"]) {
    window.addEventListener(name, release, { signal, capture: true });
  }

  function stepsNow(net: Network, edits: Edits): StepTable {
    if (!steps || !sameStepTable(steps.edits, edits, axis))
      steps = { of: stepTableOf(net, edits, axis), edits };
    return steps.of;
  }

  function readScores(of: Network): void {
    net = of;
    steps = null;
    marked = -1;
    levels = levelsOf(of, axis);
    const scale = levels?.scale;
    // More ticks than positions cannot be told apart.
    positions = scale
      ? Uint16Array.from(new Set(Array.from(levels!.all, (level) => Math.round(positionOf(scale, level)))))
      : new Uint16Array();
    strokes = "";
    starts = [];
    for (const position of positions) {
      starts.push(strokes.length);
      strokes += `M${position} 0V7`;
    }
    input.disabled = field.element.disabled = !levels;
  }

  function put(threshold: number): void {
    const position = levels ? Math.round(positionOf(levels.scale, threshold)) : 0;
    if (input.value !== `${position}`) input.value = `${position}`;
    input.style.setProperty("--at", `${position / POSITIONS}`);
  }

  function shownState({ net, edits }: ViewState): typeof unconfirmed {
    const threshold = latest ?? thresholdOf(edits);
    const name = axis === "node" ? "nodeThreshold" : "edgeThreshold";
    return { net, mask: maskOf(net, { ...edits, [name]: threshold }), threshold };
  }

  /** While a cell trains a threshold waits for it, and then means the scores that the training has left. */
  function compareWithConfirmed({ net, edits, mask, kernelMask }: ViewState): void {
    if (!unconfirmed) return;
    const { threshold } = unconfirmed;
    if (net === unconfirmed.net) {
      if (sameMask(kernelMask, unconfirmed.mask) || thresholdOf(edits) !== threshold) unconfirmed = null;
      return;
    }
    const other = net.topology === unconfirmed.net.topology && !sameMask(mask, unconfirmed.mask);
    if (other && threshold > 0 && thresholdOf(edits) === threshold)
      setText(rescored, rescoredWords(threshold));
    unconfirmed = null;
  }

  function mark(position: number): void {
    let count = 0;
    while (count < positions.length && positions[count]! <= position) count++;
    if (count === marked) return;
    marked = count;
    const at = starts[count] ?? strokes.length;
    above.setAttribute("d", strokes.slice(at));
    below.setAttribute("d", strokes.slice(0, at));
  }

  return {
    element: panel,
    update({ known, reading, names }: Pick<PanelProps, "known" | "reading" | "names">): void {
      now = { known, reading, names };
      latest = null;
      if (!held) compareWithConfirmed(known);
      const { net: of, edits } = known;
      if (refused.textContent === "") refusedIn = null;
      else refusedIn ??= edits;
      // An undo, say: what was typed is long gone.
      if (refusedIn && refusedIn !== edits) setText(refused, "");
      if (shown?.reading === reading && shown.edits === edits && net === of) return;
      // The other slider's steps change under a drag, but nobody looks there until it is over.
      if (known.drag && known.drag.axis !== axis && net === of) return;
      shown = { edits, reading };
      if (of !== net) {
        steps = null;
        // Training brings new scores all the time: under the hand the axis stays as it is.
        const moves = !held || !net || net.topology !== of.topology;
        if (moves) readScores(of);
      }
      const scale = levels?.scale ?? null;
      const came = reading.tradeoff[axis];
      curve = came && isCurveOf(came, stepsNow(of, edits)) ? came : null;
      const { keepMean, tolerance, higherIsBetter, lossName, computes } = reading;
      const idle = idleWords(of, axis, levels !== null);
      const unknown = unknownWords(idle, reading, curve);
      plot.update({ curve, scale, keepMean, tolerance, higherIsBetter, lossName, unknown });
      const threshold = thresholdOf(edits);
      plot.place(threshold);
      // A drag lies on top of the model's value, so this never moves a thumb that is being moved.
      put(threshold);
      mark(scale && threshold > 0 ? positionOf(scale, threshold) : -1);
      const removed = countRemoved(of, edits, axis, known.mask);
      const words = removesWords(removed);
      setText(removesWhole, words);
      setAttribute(removes, "data-brief", removesShort(removed));
      setAttribute(removes, "title", words);
      removes.toggleAttribute("data-some", removed.nodes + removed.edges > 0);
      field.update();
      setAttribute(
        input,
        "aria-valuetext",
        threshold > 0 ? `${thresholdWords(threshold)}, ${words}` : thresholdWords(0),
      );
      for (const button of [suggests, allows]) {
        button.disabled = !(computes === false ? curve : came) || !levels;
        // For the moment in which the curve is not yet of this state: it may have the focus.
        setAttribute(button, "aria-disabled", came && !curve ? "true" : null);
      }
      const limit = { curve: came, tolerance, keepMean, higherIsBetter };
      setText(allowsWhole, allowWords(limit, reading.lossName));
      setAttribute(allows, "data-brief", allowShort(limit));
      if (!levels) {
        setText(step, idle);
        setText(left, "");
        return;
      }
      const change = nextThresholdChange(of, stepsNow(of, edits), axis, threshold);
      const what = lossWord(higherIsBetter, reading.lossName);
      nextWords(of, names, change, threshold, keepMean, curve, what).forEach((words, k) => {
        setText([step, left][k]!, words);
      });
      setAttribute(next, "title", next.textContent);
    },
  };
}
