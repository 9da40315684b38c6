/** What the kinds of lines mean; only of what is there. */
import { LEGEND } from "../text/labels";
import { missingWords } from "../text/messages";
import { element, setText, svg } from "../util/dom";
import { showsMatrix } from "../views/choose-view";
import type { DrawnSummary } from "../views/contract";
import type { PanelProps } from "./context";

const CURVE = "M15.5 11.5C18.5 11.5 18 4.5 22.5 4.5";

export function createLegend() {
  const symbolic = item(LEGEND.symbolic, "orange", boxed("", 2));
  const product = item(LEGEND.product, "", [
    svg("circle", { cx: "19", cy: "8", r: "6.5" }),
    svg("path", { d: "M0 8H12M26 8H38M16.5 5.5l5 5M21.5 5.5l-5 5" }),
  ]);
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
  const list = element(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    item(LEGEND.curve, "", boxed("")),
    symbolic,
    item(LEGEND.removed, "blue", boxed("3 2.5")),
    item(LEGEND.off, "faint", [svg("path", { d: "M0 8H38" })]),
    product,
    probe,
    compared,
    missing,
  );
  return {
    element: list,
    update({ known, reading, trace }: PanelProps, drawn: DrawnSummary | null): void {
      setText(missing, drawn ? missingWords(drawn) : "");
      missing.hidden = missing.textContent === "";
      symbolic.hidden = reading.symbolic.size === 0;
      product.hidden = known.net.slotNode.length === known.net.nodeCount - known.net.width[0]!;
      probe.hidden = !trace;
      compared.hidden = !reading.compared;
      // The matrix has a legend of its own; what is below stays where it is.
      list.style.visibility = showsMatrix(reading.view, known.net, known.layoutMask) ? "hidden" : "";
    },
  };
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
