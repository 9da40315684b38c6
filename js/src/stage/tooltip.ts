/** The small card beside the pointer: which edge or node this is, its score, whether it is on; its curve. */

import type { Description } from "../text/messages";
import { textRuns } from "../text/node-names";
import { element } from "../util/dom";

export const CURVE_SIDE = 52;

export function createTooltip() {
  const canvas = element("canvas", {});
  const title = element("b");
  const details = element("div");
  // Hidden from screen readers: the button under it has the same words as its name and state.
  const card = element(
    "div",
    { class: "card", "data-role": "card", "aria-hidden": "true", hidden: true },
    canvas,
    element("div", {}, title, details),
  );
  let shown = "";
  return {
    element: card,
    canvas,
    hide(): void {
      card.hidden = true;
    },
    /** Shows the words at a point of the stage, beside it, and inside of `width` by `height`. */
    show(description: Description, x: number, y: number, width: number, height: number): void {
      const words = JSON.stringify(description);
      if (words !== shown) {
        shown = words;
        title.replaceChildren(
          ...description.names.flatMap((name, k) => [
            ...(k > 0 ? [" → "] : []),
            element("bdi", {}, ...typeset(name)),
          ]),
        );
        details.textContent = description.details.join(", ");
      }
      card.hidden = false;
      const [w, h] = [card.offsetWidth, card.offsetHeight];
      const left = x + 16 + w > width ? x - 16 - w : x + 16;
      const top = y + 18 + h > height ? y - 14 - h : y + 18;
      card.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(Math.max(4, top))}px)`;
    },
  };
}

function typeset(name: string): (Node | string)[] {
  return textRuns(name).map(({ text, shift }) => (shift === "none" ? text : element(shift, {}, text)));
}
