/** What the plots of the inspector share: text, and a frame with a logarithmic axis of losses. */
import { svg } from "../../util/dom";

export const WIDTH = 320;
const [LEFT, TOP, BOTTOM] = [44, 8, 20];

/** Exponents of the least and the largest value. */
export type Decades = readonly [low: number, high: number];

/** `right` is what is left free beside the plot. */
export function createLogFrame(height: number, right: number) {
  const [end, floor] = [WIDTH - right, height - BOTTOM];
  return {
    viewBox: `0 0 ${WIDTH} ${height}`,
    left: LEFT,
    end,
    floor,
    /** From 0 at the left to 1. */
    toX: (share: number) => LEFT + (end - LEFT) * share,
    toY:
      ([low, high]: Decades) =>
      (value: number) =>
        TOP + (floor - TOP) * (1 - (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)),
    axes: () => svg("path", { class: "axes", d: `M${LEFT} ${TOP}V${floor}H${end}` }),
    tick: (y: number, text: string) =>
      svg(
        "g",
        { class: "tick" },
        svg("path", { d: `M${LEFT} ${near(y)}H${end}` }),
        label(LEFT - 5, y + 3.5, text, "end"),
      ),
    /** Over all of the height. */
    upright: (x: number) => `M${near(x)} ${TOP}V${floor}`,
    over: (x: number, text: string) => label(x, TOP + 3, text, "start"),
    under: (x: number, text: string, anchor: string) => label(x, height - 6, text, anchor),
  };
}

/** The decades of values, with a little room; `before` as long as they are within it: else it would jump with each. */
export function decadesOf(values: readonly number[], before: Decades | null = null): Decades {
  const [low, high] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))];
  if (before && low >= before[0] && high <= before[1]) return before;
  const room = Math.max(0.1, (high - low) * 0.15);
  return [Math.min(low - room, before?.[0] ?? low), Math.max(high + room, before?.[1] ?? high)];
}

export const label = (x: number, y: number, text: string, anchor: string, name = ""): SVGElement =>
  svg("text", { x: near(x), y: near(y), "text-anchor": anchor, class: name }, text);

/** To a tenth of a pixel. */
export const near = (value: number): string => `${Math.round(10 * value) / 10}`;
