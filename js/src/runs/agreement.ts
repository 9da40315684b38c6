/** What runs agree on: `agreement_values` in `kanwidget/widget/sweep_payload.py`, as words and a row of small plots. */
import { html, nothing, render, svg } from "lit-html";
import { curveWords, inputWords, RUNS } from "../text/run-labels";
import { element } from "../util/dom";

type Line = readonly [run: number, same: boolean, values: readonly number[]];

interface Curve {
  readonly name: string;
  readonly node: number;
  readonly points: readonly number[];
  readonly median: readonly number[];
  readonly lines: readonly Line[];
}

export interface AgreementValues {
  readonly runs: number;
  readonly inputs: readonly (readonly [name: string, kept: number, runs: number, share: number])[];
  readonly curves: readonly Curve[];
}

/** What Python says, or null while nobody has asked. */
export function asAgreement(value: unknown): AgreementValues | null {
  const { inputs, curves } = (value ?? {}) as Partial<AgreementValues>;
  return Array.isArray(inputs) && Array.isArray(curves) ? (value as AgreementValues) : null;
}

const [WIDTH, HEIGHT] = [180, 120];

function pathOf(points: readonly number[], values: readonly number[], low: number, high: number): string {
  const [first, last] = [points[0]!, points.at(-1)!];
  return values
    .map((value, k) => {
      const x = ((points[k]! - first) / (last - first || 1)) * WIDTH;
      const y = HEIGHT - 4 - ((value - low) / (high - low || 1)) * (HEIGHT - 8);
      return `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}

function plot({ points, median, lines }: Curve, hovered: number) {
  const all = [...lines.flatMap(([, , values]) => values), ...median];
  // A loop, since a call takes no more than some ten thousand arguments.
  const [low, high] = all.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [all[0]!, all[0]!]);
  const line = ([run, same, values]: Line) =>
    svg`<path class=${run === hovered ? "run pointed" : same ? "run" : "run other"} d=${pathOf(points, values, low, high)} />`;
  return svg`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">
    ${lines.filter(([run]) => run !== hovered).map(line)}
    <path class="median" d=${pathOf(points, median, low, high)} />
    ${lines.filter(([run]) => run === hovered).map(line)}</svg>`;
}

export function createAgreement() {
  const section = element("section", { class: "runs-agreement", "aria-label": RUNS.agreement });
  let shown: readonly unknown[] = [];
  return {
    element: section,
    /** `pointed`: the number of a run whose curves stand out. */
    render(values: AgreementValues | null, pointed: number): void {
      if (shown[0] === values && shown[1] === pointed) return;
      shown = [values, pointed];
      section.hidden = !values;
      const inputs = values?.inputs ?? [];
      render(
        values
          ? html`<h3>${RUNS.agreement}</h3><p class="notice">${RUNS.agreementHelp}</p>
            <ul class="inputs">${inputs.map(([name, kept, runs, share]) => html`<li>${inputWords(name, kept, runs, share)}</li>`)}</ul>
            <div class="bundles">${values.curves.map((curve) => {
              const same = curve.lines.filter((line) => line[1]).length;
              return html`<figure>${plot(curve, pointed)}<figcaption><b>${curve.name}</b> → h<sub>1,${curve.node}</sub>: ${curveWords(same, values.runs)}</figcaption></figure>`;
            })}</div>`
          : nothing,
        section,
      );
    },
  };
}
