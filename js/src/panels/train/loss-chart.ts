/** The losses of a training on a logarithmic axis: training rows, test rows, and the regulariser apart. */

import { formatFigures, formatItems } from "../../text/format";
import { TRAIN } from "../../text/labels";
import { setText, svg } from "../../util/dom";
import type { Training } from "../../wire/traits";

const W = 320;
const H = 150;
const LEFT = 44;
const RIGHT = 64;
const TOP = 8;
const BOTTOM = 20;
const PLOT = { width: W - LEFT - RIGHT, height: H - TOP - BOTTOM };
/** The least distance of two names at the right, in pixels. */
const LINE = 12;
/** A view keeps its axis while the losses stay within it: it would jump with every step. */
const ROOM = 1.15;

type Losses = Pick<Training, "train_loss" | "test_loss" | "reg" | "steps">;
const SERIES = ["train_loss", "test_loss", "reg"] as const;

export function createLossChart() {
  const drawing = svg("g");
  const picture = svg("svg", { class: "loss-chart", viewBox: `0 0 ${W} ${H}`, role: "img" }, drawing);
  const name = svg("title", {});
  picture.prepend(name);
  let range: readonly [number, number] | null = null;

  return {
    element: picture,
    draw(losses: Losses): void {
      const values = SERIES.flatMap((series) => losses[series].filter((value) => value > 0));
      const done = losses.train_loss.length;
      setText(name, done ? words(losses) : TRAIN.noLosses);
      if (values.length === 0) {
        range = null;
        drawing.replaceChildren(label(LEFT + PLOT.width / 2, H / 2, TRAIN.noLosses, "middle"));
        return;
      }
      range = logRange(values, done > 1 ? range : null);
      const [low, high] = range;
      const last = Math.max(done, losses.steps, 2) - 1;
      const toX = (step: number) => LEFT + (PLOT.width * step) / last;
      const toY = (value: number) =>
        TOP + PLOT.height * (1 - (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low));
      const ends = SERIES.flatMap((series) => {
        const values = losses[series];
        const value = values.at(-1);
        if (value === undefined || values.every((v) => !(v > 0))) return [];
        return [{ series, y: toY(value), text: TRAIN.series[series] }];
      });
      drawing.replaceChildren(
        ...decades(low, high).map((decade) => tick(toY(10 ** decade), `1e${decade}`)),
        svg("path", { class: "axes", d: `M${LEFT} ${TOP}V${H - BOTTOM}H${W - RIGHT}` }),
        label(LEFT, H - 6, "1", "middle"),
        label(W - RIGHT, H - 6, formatItems(last + 1, "step"), "middle"),
        ...SERIES.map((series) => svg("path", { class: series, d: pathOf(losses[series], toX, toY) })),
        ...spread(ends).map(({ series, y, text }) =>
          label(toX(done - 1) + 5, y + 3.5, text, "start", series),
        ),
      );
    },
  };
}

function words({ train_loss, test_loss }: Losses): string {
  const [first, last] = [train_loss[0]!, train_loss.at(-1)!];
  return TRAIN.lossesInWords(
    formatItems(train_loss.length, "step"),
    formatFigures(first),
    formatFigures(last),
    formatFigures(test_loss.at(-1)!),
  );
}

/** Exponents of the least and the largest value, in whole decades where there is more than one. */
function logRange(
  values: readonly number[],
  before: readonly [number, number] | null,
): readonly [number, number] {
  let [low, high] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))];
  if (before && low >= before[0] && high <= before[1]) return before;
  const room = Math.max(0.1, (high - low) * (ROOM - 1));
  [low, high] = [low - room, high + room];
  if (!before) return [low, high];
  return [Math.min(low, before[0]), Math.max(high, before[1])];
}

function decades(low: number, high: number): number[] {
  const [first, last] = [Math.ceil(low), Math.floor(high)];
  const step = Math.max(1, Math.ceil((last - first) / 5));
  const found: number[] = [];
  for (let decade = first; decade <= last; decade += step) found.push(decade);
  return found;
}

function pathOf(
  values: readonly number[],
  toX: (step: number) => number,
  toY: (value: number) => number,
): string {
  let d = "";
  let pen = "M";
  values.forEach((value, step) => {
    if (value > 0 && Number.isFinite(value)) {
      d += `${pen}${near(toX(step))} ${near(toY(value))}`;
      pen = "L";
    } else pen = "M";
  });
  return d;
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
  const over = Math.max(0, last - (H - BOTTOM));
  return over ? down.map((name) => ({ ...name, y: name.y - over })) : down;
}

function tick(y: number, text: string): SVGElement {
  const group = svg("g", { class: "tick" });
  group.append(svg("path", { d: `M${LEFT} ${near(y)}H${W - RIGHT}` }), label(LEFT - 5, y + 3.5, text, "end"));
  return group;
}

const label = (x: number, y: number, text: string, anchor: string, name = "") =>
  svg("text", { x: near(x), y: near(y), "text-anchor": anchor, class: name }, text);
const near = (value: number) => `${Math.round(10 * value) / 10}`;
