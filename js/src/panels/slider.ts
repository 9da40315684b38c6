/** A threshold slider: a native range input, a tick for each distinct score under it, and what it takes in words. */
import { axisOf, type LogAxis, POSITIONS, positionOf, thresholdAt } from "../axis";
import { element, setText, svg } from "../dom";
import { isHidden, type Network } from "../network";
import type { Axis, Known } from "../state";
import { short, takes } from "../words";

export interface SliderEvents {
  /** A new value under the hand: preview it. */
  moved(axis: Axis, threshold: number): void;
  /** The hand let go, or a key set a value. */
  released(): void;
}

const TITLES = { node: "Node threshold", edge: "Edge threshold" } as const;

export function createSlider(axis: Axis, events: SliderEvents, signal: AbortSignal) {
  const input = element("input", {
    type: "range",
    min: "0",
    max: `${POSITIONS}`,
    step: "1",
    value: "0",
    "data-threshold": axis,
    "aria-label": TITLES[axis],
  });
  const readout = element("output");
  const sentence = element("span", { class: "takes" });
  const above = svg("path");
  const below = svg("path", { class: "gone" });
  const ticks = svg(
    "svg",
    { class: "ticks", viewBox: `0 0 ${POSITIONS} 7`, preserveAspectRatio: "none", "aria-hidden": "true" },
    above,
    below,
  );
  const panel = element(
    "div",
    { class: "slider" },
    element("span", { class: "title" }, TITLES[axis]),
    readout,
    sentence,
    input,
    ticks,
  );

  let net: Network | null = null;
  let log: LogAxis | null = null;
  let positions: number[] = [];
  let held = false;
  let shown: Known | null = null;

  input.addEventListener(
    "input",
    () => {
      if (!log) return;
      held = true;
      events.moved(axis, thresholdAt(log, Number(input.value)));
    },
    { signal },
  );
  const release = () => {
    if (!held) return;
    held = false;
    events.released();
  };
  input.addEventListener("change", release, { signal });
  input.addEventListener("blur", release, { signal });
  // A drag that ends where it began fires no `change`, and the pointer may be let go anywhere.
  for (const name of ["pointerup", "pointercancel"]) {
    window.addEventListener(name, release, { signal, capture: true });
  }

  function takeScores(next: Network): void {
    net = next;
    const scores =
      axis === "edge" ? [...next.scores] : [...next.nodeScores].filter((_, n) => isHidden(next, n));
    log = axisOf(scores);
    const scale = log;
    positions = scale
      ? [...new Set(scores.filter((s) => s > 0).map((s) => Math.round(positionOf(scale, s))))]
      : [];
    input.disabled = !log;
  }

  return {
    element: panel,
    update(known: Known): void {
      const { net: next, edits } = known;
      if (shown?.net === next && shown.edits === edits) return;
      shown = known;
      if (next !== net) takeScores(next);
      const threshold = axis === "node" ? edits.nodeThreshold : edits.edgeThreshold;
      const position = log ? Math.round(positionOf(log, threshold)) : 0;
      // A drag lies on top of the model's value, so this never moves a thumb that is being moved.
      if (input.value !== `${position}`) input.value = `${position}`;
      const said = takes(next, edits, axis);
      setText(readout, threshold > 0 ? short(threshold) : "off");
      setText(sentence, said);
      sentence.toggleAttribute("data-some", said !== "takes nothing");
      input.setAttribute("aria-valuetext", threshold > 0 ? `${short(threshold)}, ${said}` : "off");
      input.style.setProperty("--at", `${position / POSITIONS}`);
      const marks = (some: number[]) => some.map((p) => `M${p} 0V7`).join("");
      const limit = log && threshold > 0 ? positionOf(log, threshold) : -1;
      above.setAttribute("d", marks(positions.filter((p) => p > limit)));
      below.setAttribute("d", marks(positions.filter((p) => p <= limit)));
    },
  };
}
