/** What the kinds of lines mean. */
import { element, svg } from "../dom";

const CURVE = "M15.5 11.5C18.5 11.5 18 4.5 22.5 4.5";

export function createLegend(): HTMLElement {
  return element(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    item("on, darker with its score", "", boxed("")),
    item("taken by a threshold", "blue", boxed("3 2.5")),
    item("off", "faint", [svg("path", { d: "M0 8H38" })]),
    element("li", { class: "hint" }, "Click a curve, a line or a node to switch it"),
  );
}

function item(text: string, colour: string, marks: SVGElement[]): HTMLElement {
  return element(
    "li",
    {},
    svg("svg", { class: colour, viewBox: "0 0 38 16", "aria-hidden": "true" }, ...marks),
    text,
  );
}

function boxed(dashes: string): SVGElement[] {
  return [
    svg("path", { d: "M0 8H11M27 8H38", "stroke-dasharray": dashes }),
    svg("rect", { x: "11.5", y: "0.5", width: "15", height: "15", rx: "2.5", "stroke-dasharray": dashes }),
    svg("path", { d: CURVE, "stroke-width": "1.5" }),
  ];
}
