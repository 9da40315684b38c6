/** The few pictures on buttons, drawn with the text's own colour. */
import { html } from "lit-html";

const PATHS = {
  undo: "M3.5 6.5H9a3.5 3.5 0 0 1 0 7H6M6 3.5l-3 3 3 3",
  redo: "M12.5 6.5H7a3.5 3.5 0 0 0 0 7h3M10 3.5l3 3-3 3",
  right: "M2.5 8H13M9.5 4.5 13 8l-3.5 3.5",
  up: "M8 13.5V3M4.5 6.5 8 3l3.5 3.5",
  down: "M4.5 6.5 8 10l3.5-3.5",
} as const;

export const icon = (name: keyof typeof PATHS) =>
  html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
