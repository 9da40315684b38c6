/** The style sheet of the shadow root: joined here, written in `css/`. */
import { BAR } from "./css/bar";
import { BASE } from "./css/base";
import { CARDS } from "./css/cards";
import { PANELS } from "./css/panels";
import { SLIDER } from "./css/slider";
import { STAGE } from "./css/stage";
import { element } from "./dom";

const STYLES = [BASE, BAR, SLIDER, STAGE, CARDS, PANELS].join("");

/** A page's policy may forbid style elements; sheets made by script it allows. */
export function adopt(shadow: ShadowRoot): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
    shadow.adoptedStyleSheets = [sheet];
  } catch {
    shadow.append(element("style", {}, STYLES));
  }
}
