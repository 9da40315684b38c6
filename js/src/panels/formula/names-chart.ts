/** The loss after each further name, on a logarithmic axis, and a slider to choose how many to keep. */

import { formatScale } from "../../text/format";
import { FORMULA } from "../../text/labels";
import { namesPointWords } from "../../text/messages";
import type { Naming } from "../../text/session-messages";
import { element, setAttribute, setText, svg } from "../../util/dom";
import type { NamingRun } from "../../wire/traits";
import { createLogFrame, decadesOf, near } from "../plots/log-frame";

const FRAME = createLogFrame(110, 12);
/** Where the thumb of a slider stands at its ends: half of its width inside. */
const RADIUS = 4;

export function createNamesChart(stand: (count: number) => void, signal: AbortSignal) {
  const drawing = svg("g");
  const { viewBox } = FRAME;
  const picture = svg("svg", { class: "names-chart", viewBox, "aria-hidden": "true" }, drawing);
  const slider = element("input", {
    type: "range",
    min: "0",
    step: "1",
    "data-role": "kept-names",
    "aria-label": FORMULA.curve.name,
  });
  const words = element("p", { class: "point" });
  let run: NamingRun | null = null;
  let naming: Naming | null = null;

  const place = (k: number) => FRAME.toX(k / Math.max(1, run?.steps.length ?? 1));

  function tell(): void {
    if (!run || !naming) return;
    const text = namesPointWords(run, Number(slider.value), naming);
    setAttribute(slider, "aria-valuetext", text);
    setText(words, text);
    for (const dot of drawing.querySelectorAll("circle")) {
      dot.toggleAttribute("data-chosen", dot.getAttribute("data-names") === slider.value);
    }
  }

  slider.addEventListener("input", tell, { signal });
  slider.addEventListener("change", () => stand(Number(slider.value)), { signal });
  picture.addEventListener(
    "click",
    (event) => {
      const names = (event.target as Element).getAttribute("data-names");
      if (names !== null && !slider.disabled) stand(Number(names));
    },
    { signal },
  );

  return {
    element: element("div", { class: "names-curve" }, picture, slider, words),
    draw(next: NamingRun, named: Naming): void {
      [run, naming] = [next, named];
      const losses = [next.loss_start, ...next.steps.map(([, , , , loss]) => loss)];
      const known = losses.filter((loss): loss is number => loss !== null && loss > 0);
      const [low, high] = known.length > 0 ? decadesOf(known) : [-1, 0];
      const toY = FRAME.toY([low, high]);
      let d = "";
      const points = losses.flatMap((loss, k) => {
        if (loss === null) return [];
        d += `${d ? "L" : "M"}${near(place(k))} ${near(toY(loss))}`;
        return svg("circle", {
          cx: near(place(k)),
          cy: near(toY(loss)),
          r: `${RADIUS}`,
          "data-names": `${k}`,
        });
      });
      const bits = next.steps.at(-1)?.[5] ?? 0;
      drawing.replaceChildren(
        ...[10 ** Math.ceil(low), 10 ** Math.floor(high)]
          .filter((tick, k, all) => tick >= 10 ** low && tick <= 10 ** high && all.indexOf(tick) === k)
          .map((tick) => FRAME.tick(toY(tick), formatScale(tick))),
        FRAME.axes(),
        FRAME.under(FRAME.left, "0", "middle"),
        FRAME.under(FRAME.end, FORMULA.complexity(next.steps.length, bits), "end"),
        svg("path", { class: "line", d }),
        ...points,
      );
      slider.max = `${next.steps.length}`;
      slider.disabled = next.state === "running" || next.at < 0;
      slider.value = `${next.at < 0 ? next.steps.length : next.at}`;
      tell();
    },
  };
}
