/** The style sheet of the shadow root: joined here; what is around the network is in `css/`. */

import { ACCESSIBLE_TARGET_STYLES } from "../stage/accessible-targets";
import { MENU_STYLES } from "../stage/menu";
import { STAGE_STYLES } from "../stage/stage";
import { ZOOM_BAR_STYLES } from "../stage/zoom-bar";
import { element } from "../util/dom";
import { BAR } from "./bar";
import { BASE } from "./base";
import { CARDS } from "./cards";
import { FULL } from "./full";
import { LIMITED } from "./limited";
import { PANELS } from "./panels";
import { PRINT } from "./print";
import { SLIDER } from "./slider";

const STYLES = [
  ...[
    BASE,
    BAR,
    SLIDER,
    STAGE_STYLES,
    ACCESSIBLE_TARGET_STYLES,
    ZOOM_BAR_STYLES,
    MENU_STYLES,
    CARDS,
    PANELS,
    LIMITED,
  ],
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
