/** A "?" beside a group of controls: opens what explains them, for those who cannot hover over a control too. */

import { html, render } from "lit-html";
import type { Label } from "../text/labels";
import { element, freshId } from "../util/dom";

export interface Help {
  readonly element: HTMLElement;
  /** The id of a label's explanation, for `aria-describedby`. */
  idOf(label: Label): string;
}

export function createHelp(about: string, labels: readonly Label[]): Help {
  const id = freshId("help");
  const idOf = (label: Label) => `${id}-${labels.findIndex(({ name }) => name === label.name)}`;
  const box = element("span", { class: "help" });
  render(
    html`<button type="button" popovertarget=${id} aria-label="Help: ${about}"><span>?</span></button>
      <div popover id=${id} role="note" aria-label="Help: ${about}" @beforetoggle=${place}>
        <dl>
          ${labels.map((label) => html`<dt>${label.name}</dt><dd id=${idOf(label)}>${label.help}</dd>`)}
        </dl>
      </div>`,
    box,
  );
  return { element: box, idOf };
}

const WIDTH = 320;
const GAP = 6;

/** Puts a popover under its button, or over it where there is no room; inside of the window. */
export function place(event: Event): void {
  const popover = event.target as HTMLElement;
  const button = popover.previousElementSibling!.getBoundingClientRect();
  const under = innerHeight - button.bottom;
  const above = under < 200 && button.top > under;
  Object.assign(popover.style, {
    left: `${Math.max(GAP, Math.min(button.left, innerWidth - WIDTH - GAP))}px`,
    top: above ? "auto" : `${button.bottom + GAP}px`,
    bottom: above ? `${innerHeight - button.top + GAP}px` : "auto",
    maxHeight: `${(above ? button.top : under) - 2 * GAP}px`,
  });
}
