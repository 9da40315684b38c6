/** The layout that Python's pictures have is the one that the canvas has. */
import { expect, test } from "vitest";
import { createNetwork } from "../../src/model/network";
import { type Layout, layout, type Space } from "../../src/views/network/layout";
import { distance, golden } from "../golden";

interface Given {
  width: number[];
  slots: number[][];
  scores: number[];
  baseline: number[];
  mask: number[];
  room: Space;
}

type Told = [edge: number, path: number[], box: [number, number, number] | null, label: boolean];

interface Case extends Given {
  labelled: number[];
  layout: {
    size: [number, number];
    x: number[];
    y: number[];
    r: number[];
    slots: [slot: number, node: number, x: number, y: number][];
    places: Told[];
  };
}

const { cases, wide } = golden<{ cases: Case[]; wide: Given & { drawn: number[]; boxed: number[] } }>(
  "layout.json",
);
/** Python writes three decimals. */
const ROUNDING = 0.000501;

function made({ width, slots, scores, baseline, mask, room }: Given, labelled: number[] = []): Layout {
  const net = createNetwork(width, Float64Array.from(scores), Uint8Array.from(baseline), slots);
  return layout(net, Uint8Array.from(mask), room, new Set(labelled));
}

test.each(cases.map((given, k) => [`${k}: [${given.width}] ${given.room.orientation}`, given] as const))(
  "nodes, boxes and lines are where Python has them in %s",
  (_, given) => {
    const [drawn, told] = [made(given, given.labelled), given.layout];
    expect(distance([drawn.width, drawn.height], told.size)).toBeLessThan(ROUNDING);
    expect(distance(drawn.nodeX, told.x)).toBeLessThan(ROUNDING);
    expect(distance(drawn.nodeY, told.y)).toBeLessThan(ROUNDING);
    expect(distance(drawn.nodeR, told.r)).toBeLessThan(ROUNDING);
    const slots = [...drawn.slots].map(([slot, { node, x, y }]) => [slot, node, x, y]);
    expect(distance(slots.flat(), told.slots.flat())).toBeLessThan(ROUNDING);
    const places = [...drawn.places.values()];
    expect(places.map(({ edge, label }) => [edge, label])).toEqual(
      told.places.map(([edge, , , label]) => [edge, label]),
    );
    places.forEach(({ path, box }, k) => {
      const [edge, line, square] = told.places[k]!;
      expect(distance(path, line), `line of edge ${edge}`).toBeLessThan(ROUNDING);
      const corners = box ? [box.x, box.y, box.side] : [];
      expect(distance(corners, square ?? []), `box of edge ${edge}`).toBeLessThan(ROUNDING);
    });
  },
);

test("of a wide network the same edges are drawn, and the same have boxes", () => {
  const { places } = made(wide);
  expect([...places.keys()].sort((a, b) => a - b)).toEqual(wide.drawn);
  expect([...places.values()].filter(({ box }) => box).map(({ edge }) => edge)).toEqual(wide.boxed);
});
