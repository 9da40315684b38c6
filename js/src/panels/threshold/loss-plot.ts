/** The loss along a threshold, above the slider and on its axis; the tolerance is a line that can be dragged. */

import {
  costsOf,
  knee,
  type LossCurve,
  lossAt,
  pointAt,
  toleratedLoss,
  withinTolerance,
} from "../../model/loss-curve";
import { type LogAxis, lossAxis, nearest, POSITIONS, positionOf, TOLERANCES } from "../../model/scales";
import { formatFigures, formatShort, withMinus } from "../../text/format";
import { THRESHOLD } from "../../text/labels";
import { type Limit, limitWords } from "../../text/messages";
import { element, setAttribute, setText, svg } from "../../util/dom";
import type { Area, Size } from "../../util/rect";
import type { Commands } from "../context";
import { limitPlace, namesPlace, strokesOf, valuePlace } from "./plot-labels";
import { allowedBoxes, type LossHeights, lossHeights, PLOT_HEIGHT, round, stepPath } from "./plot-paths";

const H = PLOT_HEIGHT;
/** How long an old curve stays, faint, when the next one is not there yet, in ms. */
const STALE_FOR = 3000;
/** Numbers on the axis are at least so far apart, in pixels. */
const APART = 11;

interface Shown extends Limit {
  readonly scale: LogAxis | null;
  readonly lossName: string;
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
  const compressed = svg("path", { class: "compressed" });
  const grid = svg("path", { class: "grid" });
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${POSITIONS} ${H}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    compressed,
    within,
    grid,
    zeroed,
    kept,
    line,
    over,
    grip,
  );
  const hidden = { "aria-hidden": "true" };
  const marks = element("div", { class: "marks", ...hidden });
  const axisName = element("span");
  const names = element(
    "div",
    { class: "curve-names", ...hidden },
    axisName,
    element("span", { class: "of-kept" }, element("i"), THRESHOLD.meanKept),
    element("span", { class: "of-zeroed" }, element("i"), THRESHOLD.meanNotKept),
  );
  const dot = element("i", { class: "dot", hidden: true });
  const value = element("span", { class: "value", ...hidden });
  const kneeMark = element("i", { class: "knee", hidden: true });
  const kneeValue = element("span", { class: "value suggested", ...hidden });
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
    names,
    kneeValue,
    value,
    kneeMark,
    dot,
    label,
    empty,
  );

  let shown: Shown | null = null;
  let heights: LossHeights | null = null;
  let at = Number.NaN;
  let isHeld = false;
  /** In pixels: the plot, and what is on it wherever the dot is. */
  let size: Size = { width: 0, height: H };
  /** Strokes of the curves, and of the line of the tolerance. */
  let curves: readonly Area[] = [];
  let texts: readonly Area[] = [];
  let suggested: { readonly point: number; readonly area: Area | null } | null = null;
  /** Sizes of numbers, by their form. */
  const measured = new Map<string, Size>();
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
      isHeld = true;
      grip.setPointerCapture(event.pointerId);
      keys.focus({ preventScroll: true });
    },
    { signal },
  );
  grip.addEventListener(
    "pointermove",
    (event) => {
      if (!heights || !grip.hasPointerCapture(event.pointerId)) return;
      const box = picture.getBoundingClientRect();
      const excess = heights.excess(((event.clientY - box.top) / box.height) * H);
      commands.draft({ tolerance: TOLERANCES[nearest(TOLERANCES, excess)]! });
    },
    { signal },
  );
  for (const name of ["pointerup", "pointercancel"] as const) {
    grip.addEventListener(
      name,
      () => {
        isHeld = false;
        commands.releaseDraft();
        // The axis follows the tolerance again.
        if (shown && !waits) draw(shown);
      },
      { signal },
    );
  }
  const resized = new ResizeObserver(() => {
    if (shown && (size.width !== plot.clientWidth || size.height !== plot.clientHeight)) place();
  });
  resized.observe(plot);
  signal.addEventListener("abort", () => resized.disconnect());

  function drawCurves({ curve, scale, keepMean, unknown }: Shown): void {
    const known = curve && scale && heights ? curve : null;
    plot.toggleAttribute("data-unknown", !known);
    setText(empty, known ? "" : unknown);
    if (!known || !scale) return;
    const [a, b] = [known.lossKept, known.lossZeroed].map((losses) =>
      stepPath(known, scale, losses, heights!),
    );
    kept.setAttribute("d", a!.line);
    zeroed.setAttribute("d", b!.line);
    kept.classList.toggle("present", keepMean);
    zeroed.classList.toggle("present", !keepMean);
    names.toggleAttribute("data-kept", keepMean);
    // The grip stays where it is in the document: one that is moved loses the pointer that drags it.
    line.before(keepMean ? kept : zeroed);
    over.setAttribute("d", (keepMean ? a! : b!).over);
  }

  function drawScale({ lossName, higherIsBetter }: Shown, axis: { linear: number; high: number }): void {
    const { bend, end } = heights!;
    // Without what a page adds: of how many rows it is.
    setText(axisName, lossName.replace(/ \(.*\)$/, "") || THRESHOLD.loss);
    names.toggleAttribute("data-more", higherIsBetter);
    compressed.setAttribute("d", `M0 ${end}H${POSITIONS}V${round(bend)}H0z`);
    grid.setAttribute("d", `M0 ${round(bend)}H${POSITIONS}`);
    marks.replaceChildren(
      ...[0, axis.linear, axis.high].map((excess) => {
        const loss = heights!.loss(excess);
        const mark = element("span", {}, withMinus(formatShort(loss)));
        mark.style.top = percent(heights!.of(loss) ?? end);
        return mark;
      }),
    );
  }

  function drawLimit(next: Shown): void {
    const { curve, scale, keepMean, tolerance } = next;
    if (!curve || !heights || !scale) return;
    const height = round(heights.of(toleratedLoss(curve, tolerance, keepMean)) ?? heights.edge);
    const d = `M0 ${height}H${POSITIONS}`;
    line.setAttribute("d", d);
    grip.setAttribute("d", d);
    const words = limitWords(next);
    setText(label.firstElementChild!, words);
    const so = withinTolerance(curve, tolerance, keepMean);
    within.setAttribute("d", allowedBoxes(curve, scale, so, height, heights.good));
    keys.value = `${nearest(TOLERANCES, tolerance)}`;
    setAttribute(keys, "aria-valuetext", words);
  }

  /** Puts all texts where they cover nothing. */
  function place(): void {
    if (!shown) return;
    const { curve, scale, keepMean, tolerance } = shown;
    measured.clear();
    suggested = null;
    at = Number.NaN;
    for (const mark of [kneeMark, kneeValue]) mark.hidden = true;
    // Asked for its size, a browser lays the page out at once.
    if (!curve || !scale || !heights) return;
    size = { width: plot.clientWidth, height: plot.clientHeight };
    if (size.width === 0) return;
    thinNumbers();
    curves = [kept, zeroed].flatMap((path) =>
      strokesOf(path.getAttribute("d") ?? "", size.width / POSITIONS, size.height / H),
    );
    const limit = heights.of(toleratedLoss(curve, tolerance, keepMean)) ?? heights.edge;
    const own = sizeOf(label);
    const limitArea = limitPlace(own, size, (limit / H) * size.height, curves);
    move(label, limitArea);
    curves = [...curves, ...strokesOf(`M0 ${limit}H${POSITIONS}`, size.width / POSITIONS, size.height / H)];
    texts = [limitArea, ...placeNames(limitArea, heights.good === 0)];
    placeKnee(curve, scale, keepMean);
    const threshold = lastPlaced;
    if (Number.isFinite(threshold)) follow(threshold);
  }

  /** Where there is no room for all of them the name of the axis goes: the status line has it, too. Then they cover curves. */
  function placeNames(limit: Area, fromBottom: boolean): Area[] {
    names.hidden = false;
    let area: Area | null = null;
    for (const covers of [false, true]) {
      for (const isShort of [false, true]) {
        axisName.hidden = isShort;
        const own = sizeOf(names);
        area = namesPlace(own, size, fromBottom, covers ? [limit] : [...curves, limit]);
        if (area) break;
      }
      names.toggleAttribute("data-over", covers);
      if (area) break;
    }
    names.hidden = !area;
    if (area) move(names, area);
    return area ? [area] : [];
  }

  /** Leaves out the numbers on the axis that would touch others. */
  function thinNumbers(): void {
    const tops: number[] = [];
    for (const mark of marks.querySelectorAll<HTMLElement>("span")) {
      const top = (Number.parseFloat(mark.style.top) / 100) * size.height;
      mark.hidden = tops.some((other) => Math.abs(other - top) < APART);
      if (!mark.hidden) tops.push(top);
    }
  }

  function placeKnee(curve: LossCurve, scale: LogAxis, keepMean: boolean): void {
    const threshold = knee(curve, keepMean);
    if (threshold <= 0) return;
    const loss = lossAt(curve, threshold, keepMean);
    const top = heights!.of(loss) ?? heights!.edge;
    for (const mark of [kneeMark, kneeValue]) mark.hidden = false;
    put(kneeMark, positionOf(scale, threshold), top);
    const mark = pixels(positionOf(scale, threshold), top);
    suggested = { point: pointAt(curve, threshold), area: number(kneeValue, loss, mark, texts) };
    texts = [...texts, { x: mark.x - 9, y: mark.y - 7, width: 18, height: 14 }];
  }

  /** Writes a loss beside its mark, if there is room. */
  function number(
    text: HTMLElement,
    loss: number,
    mark: { x: number; y: number },
    taken: readonly Area[],
  ): Area | null {
    const words = withMinus(formatFigures(loss));
    setText(text, words);
    // All digits are equally wide.
    const form = `${text.className} ${words.replace(/\d/g, "0")}`;
    const own = measured.get(form) ?? sizeOf(text);
    measured.set(form, own);
    const area = valuePlace(own, size, mark, curves, taken);
    text.style.visibility = area ? "" : "hidden";
    if (area) move(text, area);
    return area;
  }

  const pixels = (position: number, top: number) => ({
    x: (position / POSITIONS) * size.width,
    y: (top / H) * size.height,
  });

  function draw(next: Shown): void {
    if (waits) clearTimeout(waits.timer);
    waits = null;
    plot.removeAttribute("data-stale");
    const before = shown;
    shown = next;
    const { curve, keepMean, tolerance, higherIsBetter } = next;
    // While the tolerance is in the hand its axis stays as it is.
    const stays = isHeld && heights && before?.curve === curve;
    if (!stays) {
      const axis = curve && lossAxis(costsOf(curve, keepMean), costsOf(curve, !keepMean), tolerance);
      heights = axis && lossHeights(axis, higherIsBetter);
      if (axis) drawScale(next, axis);
    }
    drawCurves(next);
    drawLimit(next);
    place();
  }

  /** Keeps what is drawn, faint, until the next curve comes, or for as long as one may hope for it. */
  function wait(next: Shown): void {
    plot.toggleAttribute("data-stale", true);
    waits ??= { timer: setTimeout(() => waits && draw(waits.for), STALE_FOR), for: next };
    waits.for = next;
  }

  let lastPlaced = Number.NaN;
  /** Moves the dot with its number; nothing else, so that it can follow a drag. */
  function follow(threshold: number): void {
    lastPlaced = threshold;
    if (threshold === at || !shown || waits) return;
    at = threshold;
    const { curve, scale, keepMean } = shown;
    const known = curve && scale && heights;
    dot.hidden = value.hidden = !known;
    if (!known) return;
    const loss = lossAt(curve, threshold, keepMean);
    const top = heights!.of(loss);
    dot.toggleAttribute("data-over", top === null);
    const shownTop = top ?? (heights!.edge < H / 2 ? 3 : H - 3);
    put(dot, positionOf(scale, threshold), shownTop);
    if (size.width === 0) return;
    // Where the dot stands at the suggestion one number is enough.
    const other = suggested && suggested.point !== pointAt(curve, threshold) ? suggested.area : null;
    const mark = pixels(positionOf(scale, threshold), shownTop);
    const hasRoom = number(value, loss, mark, other ? [...texts, other] : texts) !== null;
    if (!hasRoom) number(value, loss, mark, texts);
    kneeValue.hidden = !other || !hasRoom;
  }

  return {
    element: plot,
    update(next: Shown): void {
      const names = Object.keys(next) as (keyof Shown)[];
      if (!waits && names.every((name) => shown?.[name] === next[name])) return;
      if (!next.curve && next.scale && shown?.curve && heights) wait(next);
      else draw(next);
    },
    place: follow,
  };
}

function put(mark: HTMLElement, position: number, top: number): void {
  mark.style.left = `${(100 * position) / POSITIONS}%`;
  mark.style.top = percent(top);
}

/** In whole pixels, none of which is too few. */
function sizeOf(text: HTMLElement): Size {
  const { width, height } = text.getBoundingClientRect();
  return { width: Math.ceil(width), height: Math.ceil(height) };
}

/** The place of a height of the drawing. */
const percent = (top: number) => `${round((100 * top) / H)}%`;

function move(text: HTMLElement, { x, y }: Area): void {
  text.style.left = `${round(x)}px`;
  text.style.top = `${round(y)}px`;
}
