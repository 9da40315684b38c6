/** The losses of a training on a logarithmic axis: training rows, test rows, and the regulariser apart. */

import { formatFigures, formatItems } from "../../text/format";
import { TRAIN } from "../../text/labels";
import { setText, svg } from "../../util/dom";
import type { Training } from "../../wire/snapshot";
import { createLogFrame, type Decades, decadesOf, label, near, WIDTH } from "../plots/log-frame";

const FRAME = createLogFrame(150, 64);
/** The least distance of two names at the right, in pixels. */
const LINE = 12;
const FEW_STEPS = 20;
/** What the name of a mark takes, in pixels. */
const NAME_WIDTH = 44;
type Losses = NonNullable<Training["losses"]>;
const SERIES = ["train", "test", "reg"] as const;

export function createLossChart() {
  const drawing = svg("g");
  const picture = svg("svg", { class: "loss-chart", viewBox: FRAME.viewBox, role: "img" }, drawing);
  const name = svg("title", {});
  picture.prepend(name);
  let range: Decades | null = null;

  return {
    element: picture,
    /** `steps` are those that there will be; `marks` say what was done after how many, `at` is how many are shown. */
    draw(
      losses: Losses | null,
      steps: number,
      marks: Training["marks"] = [],
      at: number | null = null,
    ): void {
      const values = losses
        ? SERIES.flatMap((series) => [...losses[series]].filter((value) => value > 0))
        : [];
      setText(name, losses ? words(losses) : TRAIN.noLosses);
      if (!losses || values.length === 0) {
        range = null;
        drawing.replaceChildren(label(FRAME.toX(0.5), FRAME.floor / 2, TRAIN.noLosses, "middle"));
        return;
      }
      const done = losses.step.at(-1)!;
      range = decadesOf(values, done > 0 ? range : null);
      const last = Math.max(axisSteps(done + 1, steps) - 1, 1);
      const toX = (step: number) => FRAME.toX(step / last);
      const toY = FRAME.toY(range);
      const ends = SERIES.flatMap((series) => {
        const value = losses[series].at(-1)!;
        return value > 0 ? [{ series, y: toY(value), text: TRAIN.series[series] }] : [];
      });
      drawing.replaceChildren(
        ...decades(range).map((decade) => FRAME.tick(toY(10 ** decade), `1e${decade}`)),
        FRAME.axes(),
        FRAME.under(FRAME.left, "1", "middle"),
        FRAME.under(FRAME.end, formatItems(last + 1, "step"), "middle"),
        ...spaced(marks, toX).map(({ x, text }) =>
          svg("g", { class: "mark" }, svg("path", { d: FRAME.upright(x) }), FRAME.over(x + 3, text)),
        ),
        ...(at === null ? [] : [svg("path", { class: "shown", d: FRAME.upright(toX(Math.max(0, at - 1))) })]),
        ...SERIES.map((series) =>
          svg("path", { class: series, d: pathOf(losses.step, losses[series], toX, toY) }),
        ),
        ...spread(ends).map(({ series, y, text }) => label(toX(done) + 5, y + 3.5, text, "start", series)),
      );
    },
  };
}

function words({ step, train, test }: Losses): string {
  return TRAIN.lossesInWords(
    formatItems(step.at(-1)! + 1, "step"),
    formatFigures(train[0]!),
    formatFigures(train.at(-1)!),
    formatFigures(test.at(-1)!),
  );
}

/** How many steps the axis has: of a long training not all at once, else its beginning would be a line. */
function axisSteps(done: number, steps: number): number {
  let shown = FEW_STEPS;
  while (shown < done) shown *= 2;
  return Math.max(done, Math.min(shown, steps));
}

function decades([low, high]: Decades): number[] {
  const [first, last] = [Math.ceil(low), Math.floor(high)];
  const step = Math.max(1, Math.ceil((last - first) / 5));
  const found: number[] = [];
  for (let decade = first; decade <= last; decade += step) found.push(decade);
  return found;
}

function pathOf(
  steps: Float64Array,
  values: Float64Array,
  toX: (step: number) => number,
  toY: (value: number) => number,
): string {
  let d = "";
  let pen = "M";
  values.forEach((value, k) => {
    if (value > 0 && Number.isFinite(value)) {
      d += `${pen}${near(toX(steps[k]!))} ${near(toY(value))}`;
      pen = "L";
    } else pen = "M";
  });
  // One step is a point: a line of no length has a round end.
  return values.length === 1 ? d && `${d}h0.01` : d;
}

/** Moves names apart that would lie on each other, downwards. */
function spread<T extends { readonly y: number }>(names: readonly T[]): T[] {
  let last = -LINE;
  const down = [...names]
    .sort((a, b) => a.y - b.y)
    .map((name) => {
      last = Math.max(name.y, last + LINE);
      return { ...name, y: last };
    });
  const over = Math.max(0, last - FRAME.floor);
  return over ? down.map((name) => ({ ...name, y: name.y - over })) : down;
}

/** Where marks are, and what they are called as far as there is room for names. */
function spaced(marks: NonNullable<Training["marks"]>, toX: (step: number) => number) {
  let free = FRAME.left;
  return marks.map(([step, what]) => {
    const x = toX(step - 0.5);
    const name = TRAIN.marks[what] ?? what;
    const fits = x >= free && x + NAME_WIDTH <= WIDTH;
    if (fits) free = x + NAME_WIDTH;
    return { x, text: fits ? name : "" };
  });
}
