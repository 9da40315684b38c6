/** The matrix from its pixels: what is strong, what would go and what is gone can be told apart, without colour. */

import { describe, expect, test } from "vitest";
import type { Palette } from "../../src/canvas/brush";
import { inksOf } from "../../src/canvas/colours";
import { BACKGROUNDS, INKS } from "../../src/canvas/theme";
import { type Target, withWeights } from "../../src/model/network";
import type { ViewState } from "../../src/state/view-state";
import { reduce } from "../../src/state/view-state";
import { cellStatesOf } from "../../src/views/matrix/cell-states";
import { paintMatrixHighlight } from "../../src/views/matrix/highlight";
import { anchorOf } from "../../src/views/matrix/hit";
import { LEGEND_HEIGHT, layoutMatrix } from "../../src/views/matrix/layout";
import { explained } from "../../src/views/matrix/legend";
import { paintMatrix, paintMatrixLegend } from "../../src/views/matrix/paint";
import { createNormalizedCurves } from "../../src/views/network/scene";
import { networkOf, randomNumbers, sampleCurves, syncedOf } from "../fake";

const LIGHT: Palette = { ...INKS.light, background: BACKGROUNDS.light };
const DARK: Palette = { ...INKS.dark, background: BACKGROUNDS.dark };
const NAMES = { inVars: [], outVars: [] };

interface Options {
  readonly palette?: Palette;
  readonly shape?: [number, number];
  readonly ratio?: number;
  readonly room?: number;
}

function picture(width: number[], scores: Float64Array, options: Options = {}) {
  const { palette = LIGHT, shape = null, ratio = 1, room = 900 } = options;
  const net = networkOf(width, scores);
  const matrix = layoutMatrix(net, { width: room, inNames: 24, outNames: 24 }, shape);
  const [picture, above] = [0, 1].map(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [matrix.width * ratio, matrix.height * ratio];
    return canvas.getContext("2d", { willReadFrequently: true })!;
  });
  const curve = createNormalizedCurves(net, sampleCurves(net));
  const brush = { ctx: picture!, ratio, palette, font: "sans-serif", curve };
  const start = reduce(null, {
    type: "synced",
    reading: syncedOf(net, { kernelMask: net.baseline }),
  })! as ViewState;
  const behind = inksOf(palette).dark ? 0.006 : 1;
  /** Luminance, 0..1, of the device pixels of a cell, row by row. */
  const lights = (target: Target, ctx = picture!): number[] => {
    const { x, y, width, height } = anchorOf(matrix, target)!;
    const data = ctx.getImageData(x * ratio, y * ratio, width * ratio, height * ratio).data;
    return Array.from({ length: data.length / 4 }, (_, k) => {
      const part = (c: number) => (data[4 * k + c]! / 255) ** 2.2;
      const alpha = data[4 * k + 3]! / 255;
      return alpha * (0.2126 * part(0) + 0.7152 * part(1) + 0.0722 * part(2)) + (1 - alpha) * behind;
    });
  };
  return {
    ...{ net, matrix, brush, start, lights, curve },
    paint: (known: ViewState) => paintMatrix(brush, matrix, known, NAMES),
    light: (target: Target | null, selected: Target[] = []) => {
      paintMatrixHighlight({ ...brush, ctx: above! }, matrix, target, selected);
      return above!;
    },
    all: () => picture!.getImageData(0, 0, picture!.canvas.width, picture!.canvas.height).data,
    edge: (id: number) => lights({ kind: "edge", id }),
  };
}
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const differ = (a: Uint8ClampedArray, b: Uint8ClampedArray) =>
  a.reduce((n, value, k) => n + (value === b[k] ? 0 : 1), Math.abs(a.length - b.length));
const onWhite = (data: Uint8ClampedArray) =>
  data.map((value, k) => (k % 4 === 3 ? 255 : 255 + ((value - 255) * data[k - (k % 4) + 3]!) / 255));
const spread = (values: number[]) => Math.max(...values) - Math.min(...values);
/** Cells of 8 or so pixels, too small for curves; the scores rise from edge to edge. */
const heat = (options: Options = {}) =>
  picture(
    [40, 40],
    Float64Array.from({ length: 1600 }, (_, e) => (e + 1) / 1600),
    { room: 420, ...options },
  );
const large = (options: Options = {}) =>
  picture(
    [4, 10],
    Float64Array.from({ length: 40 }, (_, e) => (e + 1) / 40),
    options,
  );
const cut = (known: ViewState, value: number): ViewState =>
  reduce(known, { type: "dragged", axis: "edge", value })!;

describe("a cell that is on", () => {
  test("is the darker the stronger in the light theme, the lighter in the dark one", () => {
    for (const make of [heat, large]) {
      for (const [palette, sign] of [[LIGHT, -1] as const, [DARK, 1] as const]) {
        const view = make({ palette });
        view.paint(view.start);
        const n = view.net.edgeCount;
        const steps = [0, 0.25, 0.5, 0.75, 1].map((part) => {
          const lights = view.edge(Math.round(part * (n - 1))).toSorted((a, b) => a - b);
          return sign * lights[lights.length >> 1]!;
        });
        expect(steps).toEqual(steps.toSorted((a, b) => a - b));
        expect(steps.at(-1)! - steps[0]!).toBeGreaterThan(0.5);
      }
    }
  });

  test("is seen as a cell however small its score", () => {
    for (const palette of [LIGHT, DARK]) {
      const view = picture([40, 40], new Float64Array(1600), { palette, room: 420 });
      view.paint(view.start);
      const [r, g, b] = view.brush.ctx.getImageData(
        view.matrix.blocks[0]!.x + 2,
        view.matrix.blocks[0]!.y + 2,
        1,
        1,
      ).data;
      const ground = palette === LIGHT ? [255, 255, 255] : [17, 20, 24];
      expect(Math.max(...[r, g, b].map((v, k) => Math.abs(v! - ground[k]!)))).toBeGreaterThanOrEqual(8);
    }
  });

  test("shows its curve in a contrast of 3 to 1 at the least, from the middle of the scale on", () => {
    for (const palette of [LIGHT, DARK]) {
      const view = large({ palette });
      view.paint(view.start);
      for (let e = 20; e < 40; e++) {
        const lights = view.edge(e);
        const ratio = (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
        expect(ratio, `edge ${e}`).toBeGreaterThanOrEqual(3);
      }
    }
  });
});

describe("without colour", () => {
  test("a cell that would go is striped, one that is on is even, one that is gone is bare", () => {
    for (const palette of [LIGHT, DARK]) {
      const view = heat({ palette });
      const known = { ...view.start, edits: { ...view.start.edits, removedEdges: new Set([5]) } };
      view.paint(
        cut(
          reduce(known, {
            type: "synced",
            reading: syncedOf(view.net, { edits: known.edits, kernelMask: known.mask }),
          })!,
          0.3,
        ),
      );
      expect(spread(view.edge(100))).toBeGreaterThan(0.12);
      expect(spread(view.edge(900))).toBeLessThan(0.01);
      const gone = view.edge(5).toSorted((a, b) => a - b);
      expect(gone[gone.length >> 1]).toBeCloseTo(palette === LIGHT ? 1 : 0.006, 2);
      expect(spread(gone)).toBeGreaterThan(0.02);
    }
  });

  test("a cell with a curve that would go is hollow with a dashed edge", () => {
    const view = large();
    view.paint(cut(view.start, 0.9));
    const { width, height } = anchorOf(view.matrix, { kind: "edge", id: 20 })!;
    const lights = view.edge(20);
    const side = lights.filter((_, k) => k % width === 0).slice(6, height - 6);
    expect(side.filter((light) => light > 0.8).length).toBeGreaterThan(8);
    expect(side.filter((light) => light < 0.5).length).toBeGreaterThan(8);
    expect(lights.toSorted((a, b) => a - b)[lights.length >> 1]).toBeGreaterThan(0.8);
  });

  test("what a threshold has taken stays visible, and fainter than what it is taking", () => {
    const view = heat();
    const taking = cut(view.start, 0.3);
    view.paint(taking);
    const before = spread(view.edge(100));
    view.paint(reduce(taking, { type: "released" })!);
    expect(spread(view.edge(100))).toBeGreaterThan(0.02);
    expect(spread(view.edge(100))).toBeLessThan(before / 2);
  });
});

test("the legend explains just the looks that are there: what would go, and after the release what has gone", () => {
  const view = heat();
  const words = (known: ViewState) => explained(cellStatesOf(known, false).edges).map(([, text]) => text);
  expect(words(view.start)).toEqual([]);
  const taking = cut(view.start, 0.3);
  expect(words(taking)).toEqual(["would be removed"]);
  const taken = reduce(taking, { type: "released" })!;
  expect(words(taken)).toEqual(["removed by a threshold"]);
  const edits = { ...taken.edits, removedEdges: new Set([900]) };
  const byHand = reduce(taken, { type: "synced", reading: syncedOf(view.net, { edits }) })!;
  expect(words(byHand)).toEqual(["removed by a threshold", "off"]);
  const { ctx } = view.brush;
  ctx.canvas.height += LEGEND_HEIGHT;
  const legend = (known: ViewState) => {
    view.paint(known);
    paintMatrixLegend(view.brush, view.matrix, known);
    const { x, y, width } = view.matrix.legend;
    return ctx.getImageData(x, y, width, 40).data.join();
  };
  expect(legend(taken)).not.toBe(legend(taking));
});

test("an edge with a formula has a frame in the colour of formulas, large or small", () => {
  for (const make of [heat, large]) {
    const view = make();
    view.paint({ ...view.start, symbolic: new Map([[30, "sin"]]) });
    const { x, y, height } = anchorOf(view.matrix, { kind: "edge", id: 30 })!;
    const [r, g, b] = view.brush.ctx.getImageData(x, y + Math.round(height / 2), 1, 1).data;
    expect(r! - b!).toBeGreaterThan(120);
    expect(r! - g!).toBeGreaterThan(60);
  }
});

test("a unit that is gone is a hollow, dashed map, and its other maps keep their shades", () => {
  const scores = Float64Array.from({ length: 12 * 9 + 18 }, (_, e) => 0.2 + (Math.floor(e / 12) % 9) / 10);
  const view = picture([12, 9, 2], scores, { shape: [3, 4] });
  view.paint(view.start);
  const before = [view.edge(3), view.edge(8 * 12 + 3)].map(mean);
  view.paint(reduce(view.start, { type: "dragged", axis: "node", value: 0.25 })!);
  const after = [view.edge(3), view.edge(8 * 12 + 3)].map(mean);
  expect(after[0]).toBeGreaterThan(before[0]! + 0.02);
  expect(after[1]).toBe(before[1]);
});

test("a sweep there and back leaves the very same picture, as does a fresh canvas", () => {
  for (const view of [heat(), large(), heat({ ratio: 2 }), heat({ ratio: 1.25 })]) {
    view.paint(view.start);
    const before = view.all();
    for (const value of [0.2, 0.9, 0.4]) view.paint(cut(view.start, value));
    expect(differ(view.all(), before)).toBeGreaterThan(100);
    const half = view.all();
    view.brush.ctx.canvas.width += 0;
    view.paint(cut(view.start, 0.4));
    expect(differ(view.all(), half)).toBe(0);
    view.paint(view.start);
    expect(differ(view.all(), before)).toBe(0);
  }
});

test("curves that change while a training is watched look as on a fresh canvas", () => {
  const dense = picture(
    [12, 30],
    Float64Array.from({ length: 360 }, (_, e) => (e + 1) / 360),
  );
  for (const view of [large(), large({ ratio: 2 }), dense]) {
    const symbolic = new Map([[3, "sin"]]);
    const start = { ...view.start, symbolic };
    const known = cut(cut(start, 0.2), 0.4);
    const first = sampleCurves(view.net);
    const steps = {
      y: Uint8Array.from(first.y, (_, k) => (7 * k) % 256),
      ranges: new Float32Array(720).fill(1),
    };
    for (let e = 0; e < 360; e++) steps.ranges[2 * e] = -1;
    const other = createNormalizedCurves(view.net, { ...first, steps });
    const paintOther = (now: ViewState) =>
      paintMatrix({ ...view.brush, curve: other }, view.matrix, now, NAMES);
    view.paint(start);
    const before = view.all();
    paintOther(start);
    paintOther(known);
    const changed = view.all();
    expect(differ(changed, before)).toBeGreaterThan(1000);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [view.brush.ctx.canvas.width, view.brush.ctx.canvas.height];
    const ctx = canvas.getContext("2d", { willReadFrequently: true })!;
    paintMatrix({ ...view.brush, ctx, curve: other }, view.matrix, known, NAMES);
    const fresh = ctx.getImageData(0, 0, canvas.width, canvas.height).data;
    // But for the rim of round corners, which is hardly there.
    const seen = onWhite(changed);
    const most = onWhite(fresh).reduce((m, value, k) => Math.max(m, Math.abs(value - seen[k]!)), 0);
    expect(most).toBeLessThan(16);
  }
});

test("what a training brings, other curves and other scores, looks as if it were painted anew, now and under a slider", () => {
  const dense = picture(
    [18, 20],
    Float64Array.from({ length: 360 }, (_, e) => (e + 1) / 360),
  );
  for (const view of [large(), large({ ratio: 1.5 }), dense, heat()]) {
    const count = view.net.edgeCount;
    const first = sampleCurves(view.net);
    const turned = { ...first, of: (e: number) => first.of(e).map((value) => -value) };
    const curve = createNormalizedCurves(view.net, turned);
    const scores = view.net.scores.map((_, e) => (((e * 7) % count) + 1) / count);
    const net = withWeights(view.net.topology, scores, view.net.baseline);
    const trained = { ...view.start, net };
    const fresh = (known: ViewState) => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [view.brush.ctx.canvas.width, view.brush.ctx.canvas.height];
      const ctx = canvas.getContext("2d", { willReadFrequently: true })!;
      paintMatrix({ ...view.brush, ctx, curve }, view.matrix, known, NAMES);
      return onWhite(ctx.getImageData(0, 0, canvas.width, canvas.height).data);
    };
    view.paint(view.start);
    let before = onWhite(view.all());
    // Other curves, then other scores, then a threshold over both and back.
    for (const known of [view.start, trained, cut(trained, 0.4), trained]) {
      paintMatrix({ ...view.brush, curve }, view.matrix, known, NAMES);
      const seen = onWhite(view.all());
      const most = fresh(known).reduce((m, value, k) => Math.max(m, Math.abs(value - seen[k]!)), 0);
      // Drawn at once or in a layer of their own, hairlines that cross differ a little.
      expect(most).toBeLessThan(known === view.start ? 24 : 1);
      if (known !== view.start || count < 1000) expect(differ(seen, before)).toBeGreaterThan(1000);
      before = seen;
    }
  }
});

test("other colours are taken over at once", () => {
  const view = heat();
  view.paint(view.start);
  const light = mean(view.edge(1500));
  paintMatrix({ ...view.brush, palette: DARK }, view.matrix, view.start, NAMES);
  expect(mean(view.edge(1500))).toBeGreaterThan(light + 0.3);
});

test("the ramps run evenly in lightness for every eye: each step the same way, none more than twice the mean", () => {
  for (const palette of [LIGHT, DARK]) {
    const { numeric } = inksOf(palette);
    const lights = Array.from(numeric.bits, (bits) => {
      const part = (shift: number) => (((bits >>> shift) & 255) / 255) ** 2.2;
      return Math.cbrt(0.2126 * part(0) + 0.7152 * part(8) + 0.0722 * part(16));
    });
    const steps = Array.from({ length: 16 }, (_, k) => lights[16 * k + 15]! - lights[16 * k]!);
    const whole = mean(steps);
    for (const step of steps) {
      expect(step / whole).toBeGreaterThan(0.4);
      expect(step / whole).toBeLessThan(2);
    }
  }
});

test("what is under the pointer or selected has a ring, and nothing else is left on the canvas above", () => {
  for (const view of [
    heat(),
    large(),
    picture([12, 9, 2], new Float64Array(126).fill(1), { shape: [3, 4] }),
  ]) {
    const inked = (ctx: CanvasRenderingContext2D) =>
      ctx.getImageData(0, 0, ctx.canvas.width, ctx.canvas.height).data.filter((v, k) => k % 4 === 3 && v > 0)
        .length;
    for (const target of [{ kind: "edge", id: 30 } as const, { kind: "node", id: 3 } as const]) {
      expect(inked(view.light(target))).toBeGreaterThan(20);
      expect(inked(view.light(null, [target]))).toBeGreaterThan(20);
    }
    expect(inked(view.light(null))).toBe(0);
  }
});

describe("what a frame costs while a threshold sweeps (printed, not judged)", () => {
  for (const [width, shape, ratio] of [
    [[784, 64, 10], null, 1],
    [[784, 64, 10], null, 2],
    [[784, 64, 10], [28, 28], 1],
    [[784, 64, 10], [28, 28], 2],
    [[16, 32, 16, 4], null, 1],
    [[32, 32, 32, 1], null, 2],
  ] as [number[], [number, number] | null, number][]) {
    test(`[${width}]${shape ? " as maps" : ""} at ${ratio} device pixels`, async () => {
      const random = randomNumbers(1);
      const edges = width.slice(1).reduce((sum, w, l) => sum + w * width[l]!, 0);
      const scores = Float64Array.from({ length: edges }, () => 10 ** (-3 * random()));
      const view = picture(width, scores, { ratio, ...(shape && { shape }) });
      view.paint(view.start);
      const times: number[] = [];
      const sorted = scores.toSorted();
      for (let k = 0; k < 60; k++) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const known = cut(view.start, sorted[Math.floor(((k < 30 ? k : 60 - k) / 31) * edges)]!);
        const before = performance.now();
        view.paint(known);
        times.push(performance.now() - before);
      }
      times.sort((a, b) => a - b);
      console.info(
        `[${width}] ${ratio}x: median ${times[30]!.toFixed(1)} ms, p95 ${times[56]!.toFixed(1)} ms`,
      );
    });
  }
});
