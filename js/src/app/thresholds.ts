/** Both thresholds: side by side, or one at a time where there is no room. */
import { html, render } from "lit-html";
import { live } from "lit-html/directives/live.js";
import type { TargetKind } from "../model/network";
import type { PanelProps } from "../panels/context";
import { THRESHOLD } from "../text/labels";
import { element } from "../util/dom";

const AXES: readonly TargetKind[] = ["node", "edge"];

interface Slider {
  readonly element: HTMLElement;
  update(now: PanelProps): void;
}

export function createThresholds(create: (axis: TargetKind) => Slider) {
  const sliders = AXES.map((axis) => {
    const slider = create(axis);
    slider.element.dataset.axis = axis;
    return slider;
  });
  /** Where there is no room for both it says which of them is shown. */
  const choice = element("div", { class: "segments", role: "radiogroup", "aria-label": THRESHOLD.which });
  const box = element("div", { class: "sliders" }, choice, ...sliders.map((slider) => slider.element));
  let chosen: TargetKind | null = null;

  function show(axis: TargetKind): void {
    chosen = axis;
    box.dataset.shown = axis;
    render(
      AXES.map(
        (one) => html`<label><input
          type="radio" name="threshold" value=${one} aria-label=${THRESHOLD.title[one]} .checked=${live(one === axis)}
          @change=${() => show(one)}
        ><span>${THRESHOLD.short[one]}</span></label>`,
      ),
      choice,
    );
  }

  return {
    element: box,
    update(now: PanelProps): void {
      // Without hidden nodes there is nothing that the first could remove.
      if (!chosen) show(now.known.net.depth > 1 ? "node" : "edge");
      for (const slider of sliders) slider.update(now);
    },
  };
}
