/** The style sheet of the shadow root, joined from the files beside this one. */

import { element } from "../util/dom";
import targets from "./accessible-targets.css?raw";
import bar from "./bar.css?raw";
import base from "./base.css?raw";
import cards from "./cards.css?raw";
import formula from "./formula.css?raw";
import full from "./full.css?raw";
import hints from "./hints.css?raw";
import layout from "./layout.css?raw";
import legend from "./legend.css?raw";

import panels from "./panels.css?raw";
import parts from "./parts.css?raw";
import popovers from "./popovers.css?raw";
import print from "./print.css?raw";
import slider from "./slider.css?raw";
import stage from "./stage.css?raw";
import train from "./train.css?raw";
import zoomBar from "./zoom-bar.css?raw";

// A full screen and paper overrule what is said for a page: they are last.
const STYLES = [
  base,
  bar,
  slider,
  stage,
  targets,
  zoomBar,
  popovers,
  cards,
  panels,
  train,
  formula,
  legend,
  layout,
  full,
  hints,
  parts,
  print,
].join("");

/** A page's policy may forbid style elements; sheets made by script it allows. */
export function adopt(shadow: ShadowRoot, more = ""): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES + more);
    shadow.adoptedStyleSheets = [sheet];
  } catch {
    shadow.append(element("style", {}, STYLES + more));
  }
}
