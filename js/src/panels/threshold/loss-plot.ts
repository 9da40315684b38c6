/** The loss along a threshold, above the slider and on its axis; the tolerance is a line that can be dragged. */

import {
  costsOf,
  knee,
  type LossCurve,
  lossAt,
  toleratedLoss,
  withinTolerance,
} from "../../model/loss-curve";
import {
  excessAt,
  heightOf,
  type LogAxis,
  type LossAxis,
  lossAxis,
  nearest,
  POSITIONS,
  positionOf,
  TOLERANCES,
} from "../../model/scales";
import { formatChange, formatFigures } from "../../text/format";
import { THRESHOLD } from "../../text/labels";
import { type Limit, limitWords } from "../../text/messages";
import { element, setAttribute, setText, svg } from "../../util/dom";
import type { Commands } from "../context";
import { limitPlace, strokesOf } from "./limit-label";

export const PLOT_HEIGHT = 56;
const H = PLOT_HEIGHT;
/** Pixels from the top to the worst loss in the plot, and from there down to the best. */
const [TOP, RANGE] = [5, H - 8];
/** How long an old curve stays, faint, when the next one is not there yet, in ms. */
const STALE_FOR = 3000;

interface Shown extends Limit {
  readonly scale: LogAxis | null;
  /** What is said in place of a curve. */
  readonly unknown: string;
}

export function createLossPlot(title: string, commands: Commands, signal: AbortSignal) {
  const kept = svg("path", { class: "kept" });
  const zeroed = svg("path", { class: "zeroed" });
  const over = svg("path", { class: "over" });
  const line = svg("path", { class: "limit" });
  const grip = svg("path", { class: "grip", "data-role": "tolerance-line" });
  const within = svg("path", { class: "within" });
  const grid = svg("path", { class: "grid" });
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${POSITIONS} ${H}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    within,
    grid,
    zeroed,
    kept,
    line,
    over,
    grip,
  );
  const marks = element("div", { class: "marks", "aria-hidden": "true" });
  const dot = element("i", { class: "dot", hidden: true });
  const kneeMark = element("i", {
    class: "knee",
    title: THRESHOLD.suggest.help,
    hidden: true,
  });
  const keys = element("input", {
    type: "range",
    class: "tolerance",
    min: "0",
    max: `${TOLERANCES.length - 1}`,
    "data-role": "tolerance",
    "aria-label": `${THRESHOLD.tolerance} (${title})`,
  });
  const label = element("label", { class: "limit-label" }, element("span"), keys);
  const empty = element("p", { class: "unknown" });
  const plot = element(
    "div",
    { class: "lossplot", title: THRESHOLD.plot.help },
    picture,
    marks,
    kneeMark,
    dot,
    label,
    empty,
  );

  let shown: Shown | null = null;
  let y: LossAxis | null = null;
  let at = Number.NaN;
  let waits: { timer: ReturnType<typeof setTimeout>; for: Shown } | null = null;
  signal.addEventListener("abort", () => clearTimeout(waits?.timer));

  keys.addEventListener("input", () => commands.draft({ tolerance: TOLERANCES[Number(keys.value)]! }), {
    signal,
  });
  keys.addEventListener("change", () => commands.releaseDraft(), { signal });
  grip.addEventListener(
    "pointerdown",
    (event) => {
      event.preventDefault();
      grip.setPointerCapture(event.pointerId);
      keys.focus({ preventScroll: true });
    },
    { signal },
  );
  grip.addEventListener(
    "pointermove",
    (event) => {
      if (!y || !grip.hasPointerCapture(event.pointerId)) return;
      const box = picture.getBoundingClientRect();
      const down = ((event.clientY - box.top) / box.height) * H;
      const height = Math.min(1, Math.max(0, 1 - (down - TOP) / RANGE));
      commands.draft({ tolerance: TOLERANCES[nearest(TOLERANCES, excessAt(y, height))]! });
    },
    { signal },
  );
  for (const name of ["pointerup", "pointercancel"] as const) {
    grip.addEventListener(name, () => commands.releaseDraft(), { signal });
  }

  const topOf = (cost: number) => (1 - heightOf(y!, cost)) * RANGE + TOP;
  /** Worse is higher: if a higher metric is better, its axis is reversed. */
  const top = (loss: number) => topOf(shown?.higherIsBetter ? -loss : loss);

  function drawCurves({ tradeoff, scale, keepMean, unknown }: Shown): void {
    const known = tradeoff && scale && y ? tradeoff : null;
    plot.toggleAttribute("data-unknown", !known);
    setText(empty, known ? "" : unknown);
    if (!known || !scale) return;
    const [a, b] = [known.lossKept, known.lossZeroed].map((losses) => stepPath(known, scale, losses, top));
    kept.setAttribute("d", a!.line);
    zeroed.setAttribute("d", b!.line);
    kept.classList.toggle("present", keepMean);
    zeroed.classList.toggle("present", !keepMean);
    // The grip stays where it is in the document: one that is moved loses the pointer that drags it.
    line.before(keepMean ? kept : zeroed);
    over.setAttribute("d", (keepMean ? a! : b!).over);
    const kneeAt = knee(known, keepMean);
    kneeMark.hidden = kneeAt <= 0;
    if (kneeAt > 0)
      put(kneeMark, positionOf(scale, kneeAt), Math.max(4, top(lossAt(known, kneeAt, keepMean))));
  }

  function drawScale(): void {
    if (!y) return;
    const { base, unit } = y;
    const more = shown?.higherIsBetter === true;
    const lines: [height: number, text: string][] = [];
    let last = topOf(base);
    const excesses = more ? [0.2, 0.5, 0.8, 1] : [1, 4, 9, 19];
    for (const excess of excesses) {
      const cost = base + excess * unit;
      const height = topOf(cost);
      if (height < 0.03 * RANGE + TOP || last - height < 14) continue;
      last = height;
      // If the best loss is 0 or less, no loss is a multiple of it.
      if (more ? base >= 0 : base <= 0) lines.push([height, formatFigures(more ? -cost : cost)]);
      else lines.push([height, more ? formatChange(-excess) : `×${excess + 1}`]);
    }
    grid.setAttribute("d", lines.map(([height]) => `M0 ${round(height)}H${POSITIONS}`).join(""));
    marks.replaceChildren(
      ...lines.map(([height, text]) => {
        const mark = element("span", {}, text);
        mark.style.top = `${round(height)}px`;
        return mark;
      }),
    );
  }

  function drawLimit(next: Shown): void {
    const { tradeoff, scale, keepMean, tolerance } = next;
    if (!tradeoff || !y || !scale) return;
    const height = round(Math.max(2, top(toleratedLoss(tradeoff, tolerance, keepMean))));
    const d = `M0 ${height}H${POSITIONS}`;
    line.setAttribute("d", d);
    grip.setAttribute("d", d);
    const words = limitWords(next);
    setText(label.firstElementChild!, words);
    placeLabel(height);
    within.setAttribute(
      "d",
      allowedBoxes(tradeoff, scale, withinTolerance(tradeoff, tolerance, keepMean), height),
    );
    keys.value = `${nearest(TOLERANCES, tolerance)}`;
    setAttribute(keys, "aria-valuetext", words);
  }

  function placeLabel(height: number): void {
    const [width, size] = [plot.clientWidth, { width: label.offsetWidth, height: label.offsetHeight }];
    const curves = [kept, zeroed].flatMap((curve) =>
      strokesOf(curve.getAttribute("d") ?? "", width / POSITIONS),
    );
    const numbers = [...marks.children].map((mark) => {
      const { offsetLeft: x, offsetTop, offsetWidth, offsetHeight } = mark as HTMLElement;
      return { x, y: offsetTop - offsetHeight, width: offsetWidth, height: offsetHeight };
    });
    const place = limitPlace(size, { width, height: H }, height, [...curves, ...numbers]);
    label.style.top = `${round(place.y)}px`;
    label.style.right = width > 0 ? `${round((100 * (width - place.x - size.width)) / width)}%` : "0";
  }

  function draw(next: Shown): void {
    if (waits) clearTimeout(waits.timer);
    waits = null;
    plot.removeAttribute("data-stale");
    const before = shown;
    shown = next;
    const { tradeoff, keepMean, tolerance } = next;
    // While the tolerance is in the hand its axis stays as it is.
    const moved = before && before.tolerance !== tolerance && before.tradeoff === tradeoff;
    if (!moved || !y || heightOf(y, y.base + tolerance * y.unit) > 1) {
      y = tradeoff && lossAxis(costsOf(tradeoff, keepMean), costsOf(tradeoff, !keepMean), tolerance);
    }
    drawScale();
    drawCurves(next);
    drawLimit(next);
    at = Number.NaN;
  }

  /** Keeps what is drawn, faint, until the next curve comes, or for as long as one may hope for it. */
  function wait(next: Shown): void {
    plot.toggleAttribute("data-stale", true);
    waits ??= { timer: setTimeout(() => waits && draw(waits.for), STALE_FOR), for: next };
    waits.for = next;
  }

  return {
    element: plot,
    update(next: Shown): void {
      if (
        !waits &&
        shown?.tradeoff === next.tradeoff &&
        shown.scale === next.scale &&
        shown.keepMean === next.keepMean &&
        shown.tolerance === next.tolerance &&
        shown.higherIsBetter === next.higherIsBetter &&
        shown.unknown === next.unknown
      ) {
        return;
      }
      if (!next.tradeoff && next.scale && shown?.tradeoff && y) wait(next);
      else draw(next);
    },
    /** Moves the dot; nothing else, so that it can follow a drag. */
    place(threshold: number): void {
      if (threshold === at || !shown || waits) return;
      at = threshold;
      const { tradeoff, scale, keepMean } = shown;
      dot.hidden = !tradeoff || !scale || !y;
      if (!tradeoff || !scale || !y) return;
      const height = top(lossAt(tradeoff, threshold, keepMean));
      dot.toggleAttribute("data-over", !(height >= 2));
      put(dot, positionOf(scale, threshold), height >= 2 ? height : 3);
    },
  };
}

function put(mark: HTMLElement, position: number, top: number): void {
  mark.style.left = `${(100 * position) / POSITIONS}%`;
  mark.style.top = `${round(top)}px`;
}

const round = (value: number) => Math.round(10 * value) / 10;

/** The path of boxes from a height down, over the thresholds at which `so` is true. */
function allowedBoxes({ thresholds }: LossCurve, scale: LogAxis, so: boolean[], height: number): string {
  let d = "";
  const x = (k: number) => (k < thresholds.length ? round(positionOf(scale, thresholds[k]!)) : POSITIONS);
  for (let k = 0; k < so.length; k++) {
    if (!so[k]) continue;
    const start = k;
    while (so[k + 1]) k++;
    d += `M${x(start)} ${height}H${x(k + 1)}V${H}H${x(start)}z`;
  }
  return d;
}

/** A step curve, and a mark where it first leaves the scale. No more points than the eye can part. */
function stepPath(
  { thresholds }: LossCurve,
  scale: LogAxis,
  losses: Float64Array,
  top: (loss: number) => number,
): { line: string; over: string } {
  let over = "";
  let x = 0;
  let out = false;
  const start = top(losses[0]!);
  let line = `M0 ${start >= 2 ? round(start) : 1}`;
  for (let k = 1; k <= thresholds.length; k++) {
    const next = k < thresholds.length ? round(positionOf(scale, thresholds[k]!)) : POSITIONS;
    if (k < thresholds.length && next - x < 0.5) continue;
    const loss = losses[k - 1]!;
    const there = top(loss);
    // A loss that is no number is off the scale too.
    const clipped = !(there >= 2);
    if (clipped && !out) over += `M${round(x) - 9} 7l9 -6l9 6z`;
    out = clipped;
    line += `V${clipped ? 1 : round(there)}H${next}`;
    x = next;
  }
  return { line, over };
}
