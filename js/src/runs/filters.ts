/** Which runs are shown: a menu for each setting, and limits. */
import { html, nothing, render } from "lit-html";
import { RUNS } from "../text/run-labels";
import { element } from "../util/dom";
import { type Filter, type Group, NO_FILTER } from "./choice";
import type { RunData } from "./run-data";

/** Settings with more values than this have no menu: the table sorts by them. */
const MOST_VALUES = 24;

export interface FilterInput {
  readonly data: RunData;
  readonly filter: Filter;
  /** "37 of 100 runs". */
  readonly said: string;
}

export function createFilters(changed: (filter: Filter) => void) {
  const bar = element("div", { class: "runs-filters", role: "group", "aria-label": "Filters" });
  const chosen = (event: Event) => (event.target as HTMLSelectElement).value;
  const limit = (event: Event) => {
    const { value } = event.target as HTMLInputElement;
    return value === "" || Number.isNaN(Number(value)) ? Number.POSITIVE_INFINITY : Number(value);
  };
  const groups: [Group, string][] = [
    ["all", RUNS.all],
    ["front", RUNS.front],
    ["good", RUNS.good],
    ["failed", RUNS.failed],
  ];
  return {
    element: bar,
    render({ data, filter, said }: FilterInput): void {
      const withValue = (setting: number, value: string) => {
        const values = new Map(filter.values);
        if (value === "") values.delete(setting);
        else values.set(setting, Number(value));
        changed({ ...filter, values });
      };
      const typed = (value: number) => (Number.isFinite(value) ? `${value}` : "");
      render(
        html`<label class="check">${RUNS.show}
          <select data-role="group" @change=${(e: Event) => changed({ ...filter, group: chosen(e) as Group })}>
            ${groups.map(([value, text]) => html`<option value=${value} ?selected=${filter.group === value}>${text}</option>`)}
          </select></label>
        ${data.settings.map((setting, k) =>
          setting.values.length > MOST_VALUES
            ? nothing
            : html`<label class="check">${setting.name}
              <select data-setting=${setting.name} @change=${(e: Event) => withValue(k, chosen(e))}>
                <option value="" ?selected=${!filter.values.has(k)}>${RUNS.anyValue}</option>
                ${setting.values.map((value, v) => html`<option value=${v} ?selected=${filter.values.get(k) === v}>${value}</option>`)}
              </select></label>`,
        )}
        <label class="check">${RUNS.mostEdges}
          <input type="number" min="0" data-role="most-edges" .value=${typed(filter.mostEdges)}
            @input=${(e: Event) => changed({ ...filter, mostEdges: limit(e) })}></label>
        <label class="check">${RUNS.mostLoss}
          <input type="number" step="any" data-role="most-loss" .value=${typed(filter.mostLoss)}
            @input=${(e: Event) => changed({ ...filter, mostLoss: limit(e) })}></label>
        <span class="count" data-role="count">${said}</span>
        ${
          filter === NO_FILTER
            ? nothing
            : html`<button type="button" class="quiet small" data-role="clear" @click=${() => changed(NO_FILTER)}>${RUNS.clear}</button>`
        }`,
        bar,
      );
    },
  };
}
