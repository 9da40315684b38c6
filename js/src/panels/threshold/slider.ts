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
import { undoOrRedo } from "../../stage/keys";
import type { ViewState } from "../../state/view-state";
import {
  formatShort,
  idleWords,
  limitWords,
  nextWords,
  noneWithin,
  parseThreshold,
  refusal,
  removesWords,
  unknownWords,
} from "../../text/messages";
import { button, element, freshId, setAttribute, setText, svg } from "../../util/dom";
import type { Snapshot } from "../../wire/snapshot";
import type { Commands, PanelProps } from "../context";
import { createLossPlot } from "./loss-plot";

export interface SliderEvents {
  /** A new value under the hand: preview it. `apart`: it begins a step of its own. */
  moved(axis: TargetKind, threshold: number, apart: boolean): void;
  /** The hand let go, or a key set a value. */
  released(): void;
}

const TITLES = { node: "Node threshold", edge: "Edge threshold" } as const;
const KNEE = "To the last point before the loss gets clearly worse";
const NO_KNEE = "no knee: the first steps cost as much as those after them";
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

export function createSlider(axis: TargetKind, events: SliderEvents, wishes: Commands, signal: AbortSignal) {
  const title = TITLES[axis];
  const id = freshId("next");
  const input = element("input", {
    type: "range",
    min: "0",
    max: `${POSITIONS}`,
    step: "1",
    value: "0",
    "data-threshold": axis,
    "aria-label": title,
    "aria-describedby": id,
  });
  const field = element("input", {
    type: "text",
    class: "readout",
    inputmode: "decimal",
    autocomplete: "off",
    spellcheck: "false",
    size: "7",
    value: "off",
    "data-readout": axis,
    "aria-label": `${title}, typed`,
    title: "Type a number, or “off”",
  });
  const taken = element("span", { class: "takes" });
  const toKnee = button("knee", { "data-role": "knee", class: "small", title: KNEE }, toTheKnee, signal);
  const toLimit = button("within +5 %", { "data-role": "within", class: "small" }, toTheLimit, signal);
  const plot = createLossPlot(title, wishes, signal);
  const above = svg("path");
  const below = svg("path", { class: "gone" });
  const ticks = svg(
    "svg",
    { class: "ticks", viewBox: `0 0 ${POSITIONS} 7`, preserveAspectRatio: "none", "aria-hidden": "true" },
    above,
    below,
  );
  const next = element("span", { id });
  const refused = element("span", { class: "refused", role: "alert" });
  const rescored = element("span", { class: "refused", role: "alert", "data-role": "rescored" });
  const panel = element(
    "div",
    { class: "slider", role: "group", "aria-label": title },
    element(
      "div",
      { class: "head" },
      element("span", { class: "title" }, title),
      field,
      taken,
      toKnee,
      toLimit,
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
  let stairs: { of: StepTable; edits: Edits } | null = null;
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
  let promised: { net: Network; mask: Uint8Array; threshold: number } | null = null;

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
    if (now) promised = promise(now.known);
    events.released();
  };
  function goTo(choose: (tradeoff: LossCurve, keepMean: boolean) => number): void {
    if (!now || !curve || !levels) return;
    move(thresholdOver(levels, choose(curve, now.reading.keepMean)));
    release();
  }

  /** To the smallest network within the tolerance, of those with no more edges than are left now. */
  function toTheLimit(): void {
    if (!now || !curve) return;
    const { keepMean, tolerance, higherIsBetter } = now.reading;
    const left = countOn(now.known.mask);
    const found = thresholdFor(curve, tolerance, keepMean, left);
    if (found !== null) goTo(() => found);
    const smaller = found !== null && curve.activeEdges[pointAt(curve, found)]! < left;
    if (!smaller) setText(refused, noneWithin({ tradeoff: curve, tolerance, keepMean, higherIsBetter }));
  }

  function toTheKnee(): void {
    goTo(knee);
    if (now && curve && knee(curve, now.reading.keepMean) === 0) setText(refused, NO_KNEE);
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
        by === Number.POSITIVE_INFINITY
          ? levels.scale.high
          : stepped(levels, stairsNow(net, edits), from, by),
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

  const said = () => {
    const threshold = latest ?? (now ? thresholdOf(now.known.edits) : 0);
    return threshold > 0 ? formatShort(threshold) : "off";
  };
  /** The text that was last written here, not typed: another one is a draft. */
  let written = field.value;
  /** Whether a person typed the draft; the browser's undo may bring back an old text. */
  let typed = false;
  function showThreshold(): void {
    typed = false;
    written = said();
    if (field.value !== written) field.value = written;
  }
  function takeTyped(): void {
    const text = field.value;
    const value = parseThreshold(text);
    // Enter comes twice, as a key and as a change: the second must not read back what the first has rounded.
    if (now && text !== written && text !== said()) {
      if (value === null) {
        setText(refused, refusal(text));
      } else {
        move(value);
        release();
      }
    }
    showThreshold();
  }
  field.addEventListener("change", () => (typed ? takeTyped() : showThreshold()), { signal });
  field.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Enter") takeTyped();
      if (event.key === "Escape") showThreshold();
      const act = undoOrRedo(event);
      if (!act) return;
      // The browser's own undo would go on to texts of thresholds that were taken long ago.
      event.preventDefault();
      event.stopPropagation();
      if (field.value === written) wishes.act({ do: act });
      else if (act === "undo") showThreshold();
    },
    { signal },
  );
  field.addEventListener("focus", () => field.select(), { signal });
  field.addEventListener(
    "input",
    (event) => {
      typed = !(event instanceof InputEvent && event.inputType.startsWith("history"));
      setText(refused, "");
    },
    { signal },
  );

  function stairsNow(net: Network, edits: Edits): StepTable {
    if (!stairs || !sameStepTable(stairs.edits, edits, axis))
      stairs = { of: stepTableOf(net, edits, axis), edits };
    return stairs.of;
  }

  function takeScores(of: Network): void {
    net = of;
    stairs = null;
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
    input.disabled = field.disabled = !levels;
  }

  function put(threshold: number): void {
    const position = levels ? Math.round(positionOf(levels.scale, threshold)) : 0;
    if (input.value !== `${position}`) input.value = `${position}`;
    input.style.setProperty("--at", `${position / POSITIONS}`);
  }

  function promise({ net, edits }: ViewState): typeof promised {
    const threshold = latest ?? thresholdOf(edits);
    const name = axis === "node" ? "nodeThreshold" : "edgeThreshold";
    return { net, mask: maskOf(net, { ...edits, [name]: threshold }), threshold };
  }

  /** While a cell trains a threshold waits for it, and then means the scores that the training has left. */
  function keepPromise({ net, edits, mask, kernelMask }: ViewState): void {
    if (!promised) return;
    const { threshold } = promised;
    if (net === promised.net) {
      if (sameMask(kernelMask, promised.mask) || thresholdOf(edits) !== threshold) promised = null;
      return;
    }
    const other = net.topology === promised.net.topology && !sameMask(mask, promised.mask);
    if (other && threshold > 0 && thresholdOf(edits) === threshold)
      setText(
        rescored,
        `Training changed the scores: ${formatShort(threshold)} takes other edges than were shown. Undo brings them back.`,
      );
    promised = null;
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
      if (!held) keepPromise(known);
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
        stairs = null;
        // Training brings new scores all the time: under the hand the axis stays as it is.
        const moves = !held || !net || net.topology !== of.topology;
        if (moves) takeScores(of);
      }
      const scale = levels?.scale ?? null;
      const came = reading.tradeoff[axis];
      const tradeoff = came && isCurveOf(came, stairsNow(of, edits)) ? came : null;
      curve = tradeoff;
      const { keepMean, tolerance, higherIsBetter, computes } = reading;
      const idle = idleWords(of, axis, levels !== null);
      const unknown = unknownWords(idle, reading, tradeoff);
      plot.update({ tradeoff, scale, keepMean, tolerance, higherIsBetter, unknown });
      const threshold = thresholdOf(edits);
      plot.place(threshold);
      // A drag lies on top of the model's value, so this never moves a thumb that is being moved.
      put(threshold);
      mark(scale && threshold > 0 ? positionOf(scale, threshold) : -1);
      const words = removesWords(of, edits, axis, known.mask);
      setText(taken, words);
      taken.toggleAttribute("data-some", words !== "takes nothing");
      const focused = (field.getRootNode() as ShadowRoot).activeElement === field;
      if (!focused || field.value === written) showThreshold();
      setAttribute(input, "aria-valuetext", threshold > 0 ? `${formatShort(threshold)}, ${words}` : "off");
      for (const goes of [toKnee, toLimit]) {
        goes.disabled = !(computes === false ? tradeoff : came) || !levels;
        // For the moment in which the curve is not yet of this state: it may have the focus.
        setAttribute(goes, "aria-disabled", came && !tradeoff ? "true" : null);
      }
      setText(toLimit, `within ${limitWords({ tradeoff: came, tolerance, keepMean, higherIsBetter })}`);
      if (!levels) {
        setText(next, idle);
        return;
      }
      const change = nextThresholdChange(of, stairsNow(of, edits), axis, threshold);
      // More of it may be better: then it is no loss.
      const what = higherIsBetter ? reading.lossName : "loss";
      setText(next, nextWords(of, names, change, threshold, keepMean, tradeoff, what));
      setAttribute(next, "title", next.textContent);
    },
  };
}
