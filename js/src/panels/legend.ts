/** What widths, inks and shapes mean, in the graph and in the matrix. */
import type { Palette } from "../canvas/brush";
import { inksOf, LEVELS } from "../canvas/colours";
import { BOX_GROUND, lineWidthOf } from "../canvas/ink";
import { comparedEdges, importanceScale, scoreAt } from "../model/importance";
import type { ViewState } from "../state/view-state";
import { formatScale } from "../text/format";
import { LEGEND } from "../text/labels";
import { missingWords } from "../text/messages";
import { element, setText, svg } from "../util/dom";
import { createMemo } from "../util/memo";
import { showsMatrix } from "../views/choose-view";
import type { DrawnSummary } from "../views/contract";
import type { PanelProps } from "./context";

const CURVE = "M15.5 11.5C18.5 11.5 18 4.5 22.5 4.5";
const STOPS = 16;

export function createLegend() {
  const symbolic = item(LEGEND.symbolic, "orange", boxed("", 2));
  const removing = item(LEGEND.removing, "blue", [
    ...boxed("3 2.5"),
    svg("path", { d: "M24 -2l5 5M29 -2l-5 5", "stroke-width": "1.5" }),
  ]);
  const removed = item(LEGEND.removed, "blue pale", boxed(""));
  const off = item(LEGEND.off, "faint", [svg("path", { d: "M0 8H38" })]);
  const sign = (text: string, drawing: string) =>
    item(text, "", [
      svg("circle", { cx: "19", cy: "8", r: "6.5", class: "full" }),
      svg("path", { d: "M0 8H12M26 8H38" }),
      svg("path", { d: drawing, class: "sign", "stroke-width": "1.5" }),
    ]);
  const sum = sign(LEGEND.sum, "M15.5 8h7M19 4.5v7");
  const product = sign(LEGEND.product, "M16.5 5.5l5 5M21.5 5.5l-5 5");
  const probe = item(LEGEND.probe, "probe", [
    svg("path", { d: "M8 12C18 12 20 4 30 4" }),
    svg("circle", { cx: "19", cy: "8", r: "3.5" }),
  ]);
  const compared = item(LEGEND.compared, "green", [
    svg("path", { d: "M0 8H12M26 8H38", "stroke-dasharray": "4 2.5", "stroke-width": "1.5" }),
    svg("circle", { cx: "19", cy: "8", r: "6.5" }),
    svg("path", { d: "M16.2 11 19 4.6 21.8 11M17.3 8.8H20.7" }),
  ]);
  const missing = element("li", { class: "missing", "data-role": "missing" });

  // The grounds of both views over the same scores: a box of the network is paler than a cell of the matrix.
  const grounds = (["network", "matrix"] as const).map((view) => ({
    view,
    ramp: element("span", { class: "ramp" }),
    name: element("span", {}, LEGEND.views[view]),
  }));
  const wedge = svg("svg", {
    class: "wedge",
    viewBox: "0 0 100 4",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  const [thin, thick] = [lineWidthOf(0) / 2, lineWidthOf(1) / 2];
  wedge.append(svg("path", { d: `M0 ${2 - thin}L100 ${2 - thick}V${2 + thick}L0 ${2 + thin}Z` }));
  const numbers = [0, 0.5, 1].map(() => element("span", {}));
  const scale = element(
    "li",
    { class: "importance", "data-role": "scale" },
    element("span", {}, LEGEND.scale),
    element(
      "span",
      { class: "scores" },
      wedge,
      ...grounds.flatMap(({ ramp, name }) => [ramp, name]),
      element("span", { class: "numbers" }, ...numbers),
    ),
  );

  const list = element(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    scale,
    symbolic,
    off,
    removed,
    sum,
    product,
    probe,
    compared,
    missing,
    removing,
  );
  const scaled = createMemo<void>();
  const kinds = createMemo<ReturnType<typeof kindsGone>>();
  return {
    element: list,
    update({ known, reading, trace }: PanelProps, drawn: DrawnSummary | null, palette: Palette): void {
      const { net } = known;
      const matrix = showsMatrix(reading.view, net, known.layoutMask);
      const multiplies = net.slotNode.length !== net.nodeCount - net.width[0]!;
      setText(missing, drawn ? missingWords(drawn) : "");
      missing.hidden = missing.textContent === "";
      symbolic.hidden = reading.symbolic.size === 0;
      const { removedEdges, removedNodes } = known.edits;
      const gone = kinds([net, known.layoutMask, removedEdges, removedNodes], () => kindsGone(known));
      // In the network both have the same line.
      const areShown = reading.removed !== "hidden";
      removed.hidden = !(matrix && areShown && gone.removed);
      off.hidden = !(areShown && (gone.off || (!matrix && gone.removed)));
      // It is the last and keeps its place: nothing moves when a drag begins to take edges.
      removing.style.visibility = takesSome(known) ? "" : "hidden";
      product.hidden = matrix || !multiplies;
      sum.hidden = matrix || !multiplies;
      probe.hidden = !trace;
      compared.hidden = !reading.compared;
      scale.dataset.view = matrix ? "matrix" : "network";
      const among = comparedEdges(net, known.layoutMask);
      scaled([net, reading.beta, among, palette], () => {
        const { knee, high } = importanceScale(net, reading.beta, among);
        [0, 0.5, 1].forEach((t, k) => {
          setText(numbers[k]!, formatScale(scoreAt({ knee, high }, t)));
        });
        const { css } = inksOf(palette).numeric;
        for (const { view, ramp } of grounds) {
          const most = (view === "matrix" ? 1 : BOX_GROUND) * (LEVELS - 1);
          const colours = Array.from({ length: STOPS + 1 }, (_, k) => css[Math.round((most * k) / STOPS)]);
          ramp.style.background = `linear-gradient(to right, ${colours.join(", ")})`;
        }
      });
    },
  };
}

/** Whether an edge that is off is so by hand or by the model, and not by a threshold. */
const isOff = ({ net, edits }: ViewState, e: number) =>
  !net.baseline[e] ||
  edits.removedEdges.has(e) ||
  edits.removedNodes.has(net.source[e]!) ||
  edits.removedNodes.has(net.target[e]!);

/** Whether a threshold would remove edges that still have their place. */
const takesSome = (known: ViewState) =>
  known.mask !== known.layoutMask &&
  known.mask.some((on, e) => !on && known.layoutMask[e] === 1 && !isOff(known, e));

/** What there is of edges that have no place any more or are off: the drag of a threshold changes nothing of that. */
function kindsGone(known: ViewState): { removed: boolean; off: boolean } {
  const { removedEdges, removedNodes } = known.edits;
  let [removed, off] = [false, removedEdges.size + removedNodes.size > 0];
  known.layoutMask.forEach((on, e) => {
    if (on) return;
    if (isOff(known, e)) off = true;
    else removed = true;
  });
  return { removed, off };
}

function item(text: string, colour: string, marks: SVGElement[]): HTMLElement {
  return element(
    "li",
    {},
    svg("svg", { class: colour, viewBox: "0 0 38 16", "aria-hidden": "true" }, ...marks),
    text,
  );
}

function boxed(dashes: string, width = 1): SVGElement[] {
  return [
    svg("path", { d: "M0 8H11M27 8H38", "stroke-dasharray": dashes, "stroke-width": `${width}` }),
    svg("rect", {
      x: "11.5",
      y: "0.5",
      width: "15",
      height: "15",
      rx: "2.5",
      "stroke-dasharray": dashes,
      "stroke-width": `${width}`,
    }),
    svg("path", { d: CURVE, "stroke-width": "1.5" }),
  ];
}
