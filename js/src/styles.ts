/** The style sheet of the shadow root: joined here; what is around the network is in `css/`. */
import { BAR } from "./css/bar";
import { BASE } from "./css/base";
import { CARDS } from "./css/cards";
import { FULL } from "./css/full";
import { LIMITED } from "./css/limited";
import { PANELS } from "./css/panels";
import { PRINT } from "./css/print";
import { SLIDER } from "./css/slider";
import { element } from "./dom";
import { STAGE_STYLES } from "./stage";
import { MENU_STYLES } from "./stage/menu";
import { TOOLS_STYLES } from "./stage/tools";
import { TWINS_STYLES } from "./twins";

const STYLES = [
  ...[BASE, BAR, SLIDER, STAGE_STYLES, TWINS_STYLES, TOOLS_STYLES, MENU_STYLES, CARDS, PANELS, LIMITED],
  // Last: what they say for a full screen and for paper goes before what is said for a page.
  ...[FULL, PRINT],
].join("");

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
