/** The menu of settings to colour by, and what the colours mean. */
import { html, nothing, render, svg } from "lit-html";
import { RUNS } from "../text/run-labels";
import { element } from "../util/dom";
import { type Mark, outline } from "./marks";
import type { RunData } from "./run-data";

/** Values that are named: of more the first, the middle and the last. */
const MOST_NAMED = 8;

/** A path that writes itself down. */
class Written {
  d = "";
  moveTo(x: number, y: number): void {
    this.d += `M${x} ${y}`;
  }
  lineTo(x: number, y: number): void {
    this.d += `L${x} ${y}`;
  }
  arc(x: number, y: number, r: number): void {
    this.d += `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
  }
  closePath(): void {
    this.d += "Z";
  }
}

export function createLegend(chosen: (setting: number) => void) {
  const row = element("div", { class: "legend-row" });
  let shown: readonly unknown[] = [];
  return {
    element: row,
    render(data: RunData, colour: number, marks: readonly Mark[]): void {
      const now = [data.settings, data.shared, colour, marks];
      if (now.every((each, k) => each === shown[k])) return;
      shown = now;
      const values = data.settings[colour]?.values ?? [];
      const last = values.length - 1;
      const named = values.map((_, k) => k);
      const few = values.length <= MOST_NAMED ? named : [0, Math.floor(last / 2), last];
      const swatch = ({ colour, shape }: Mark) => {
        const path = new Written();
        outline(path as unknown as Path2D, shape, 7, 7, 4.5);
        return svg`<svg viewBox="0 0 14 14" aria-hidden="true"><path d=${path.d} fill=${colour} /></svg>`;
      };
      render(
        html`${
          data.settings.length
            ? html`<label class="check">${RUNS.colour}
            <select data-role="colour" @change=${(e: Event) => chosen(Number((e.target as HTMLSelectElement).value))}>
              <option value="-1" ?selected=${colour < 0}>${RUNS.noColour}</option>
              ${data.settings.map(({ name }, k) => html`<option value=${k} ?selected=${k === colour}>${name}</option>`)}
            </select></label>`
            : nothing
        }<ul class="marks">${few.map((k) => html`<li>${swatch(marks[k]!)}${values[k]}</li>`)}</ul>
        ${data.shared ? html`<span class="shared">${data.shared}</span>` : nothing}`,
        row,
      );
    },
  };
}
