/** What an edge's line shows of its score, from the pixels. */
import { describe, expect, test } from "vitest";
import trained from "../../../tests/golden/trained.json";
import { inksOf, LEVELS, levelOf } from "../../src/canvas/colours";
import { alphaOf, BOX_GROUND } from "../../src/canvas/ink";
import { BACKGROUNDS, INKS } from "../../src/canvas/theme";
import { NO_EDITS } from "../../src/model/mask";
import { reduce } from "../../src/state/view-state";
import { pointAt } from "../../src/util/paths";
import { layout } from "../../src/views/network/layout";
import { paint } from "../../src/views/network/paint";
import { buildScene, createNormalizedCurves, type EdgeShape } from "../../src/views/network/scene";
import { contrast, lab, VISION } from "../colour-vision";
import { networkOf, sampleCurves, syncedOf } from "../fake";

function lengthOf({ path }: EdgeShape): number {
  let length = 0;
  for (let k = 1; k <= 200; k++) {
    const [[ax, ay], [bx, by]] = [pointAt(path, (k - 1) / 200), pointAt(path, k / 200)];
    length += Math.hypot(bx - ax, by - ay);
  }
  return length;
}

/** Ink of each edge's line, for each pixel of its length. */
function lineInksOf(width: number[], scores: number[], mask: number[], theme: "light" | "dark") {
  const net = networkOf(width, Float64Array.from(scores));
  const removedEdges = new Set(mask.flatMap((on, e) => (on ? [] : [e])));
  const known = reduce(null, {
    type: "synced",
    reading: syncedOf(net, { edits: { ...NO_EDITS, removedEdges } }),
  })!;
  const made = layout(net, known.layoutMask, { width: 700, inNames: 20, outNames: 20 });
  const scene = buildScene(made, known);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [made.width, made.height];
  const ctx = canvas.getContext("2d", { willReadFrequently: true })!;
  const palette = { ...INKS[theme], background: BACKGROUNDS[theme] };
  const brush = {
    ctx,
    ratio: 1,
    palette,
    font: "sans-serif",
    curve: createNormalizedCurves(net, sampleCurves(net)),
  };
  const inks = new Map<number, number>();
  for (const shape of scene.edges) {
    // Its line alone.
    paint(brush, { ...scene, edges: [{ ...shape, box: null }], nodes: [] }, []);
    const { data } = ctx.getImageData(0, 0, canvas.width, canvas.height);
    let ink = 0;
    for (let k = 3; k < data.length; k += 4) ink += data[k]! / 255;
    inks.set(shape.edge, ink / lengthOf(shape));
  }
  return inks;
}

/** By mean ranks, so that equal values count as equal (Spearman). */
function rankCorrelation(a: number[], b: number[]): number {
  const ranks = (values: number[]) =>
    values.map((value) => {
      const below = values.filter((other) => other < value).length;
      return below + (values.filter((other) => other === value).length - 1) / 2;
    });
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (x.length - 1) / 2;
  const sum = (of: (k: number) => number) => x.reduce((total, _, k) => total + of(k), 0);
  const covariance = sum((k) => (x[k]! - mean) * (y[k]! - mean));
  return covariance / Math.sqrt(sum((k) => (x[k]! - mean) ** 2) * sum((k) => (y[k]! - mean) ** 2));
}

test.each(["light", "dark"] as const)(
  "of ten trained networks, a line has the more ink the higher its score, and one that is off the least: %s",
  (theme) => {
    for (const { width, scores, mask } of trained.nets) {
      const inks = lineInksOf(width, scores, mask, theme);
      const on = scores.flatMap((_, e) => (mask[e] ? [e] : []));
      const off = scores.flatMap((_, e) => (mask[e] ? [] : [e]));
      const found = rankCorrelation(
        on.map((e) => inks.get(e)!),
        on.map((e) => scores[e]!),
      );
      expect(found, `[${width}]`).toBeGreaterThanOrEqual(0.95);
      const faintest = Math.min(...on.map((e) => inks.get(e)!));
      for (const e of off) expect(inks.get(e), `[${width}] edge ${e}`).toBeLessThan(faintest / 2);
    }
  },
);

test("in a crowd, too, no line is darker than that of a stronger edge, with a curve or without", () => {
  for (const [width, orientation] of [
    [[16, 25, 4], "up"],
    [[16, 25, 4], "right"],
    [[40, 40, 10], "right"],
  ] as const) {
    const edges = width[0] * width[1] + width[1] * width[2];
    const net = networkOf(
      [...width],
      Float64Array.from({ length: edges }, (_, e) => (((e * 7) % edges) + 1) / edges),
    );
    const known = reduce(null, { type: "synced", reading: syncedOf(net) })!;
    const room = { width: 1100, height: 560, inNames: 20, outNames: 20, orientation };
    const scene = buildScene(layout(net, known.layoutMask, room), known);
    const boxed = scene.edges.filter(({ box }) => box).length;
    expect(boxed).toBeGreaterThan(150);
    expect(boxed).toBeLessThan(edges);
    // A line is known by its first piece.
    const edgeOf = new Map(
      scene.edges.map(({ edge, path, box }) => {
        const [x, y] = box ? path.slice(6, 8) : path.slice(14);
        return [`${path[0]} ${path[1]} ${x} ${y}`, edge];
      }),
    );
    const canvas = document.createElement("canvas");
    const ctx = canvas.getContext("2d")!;
    const inks = new Map<number, number>();
    let from = "";
    for (const [name, note] of [
      ["moveTo", (x: number, y: number) => (from = `${x} ${y}`)],
      [
        "lineTo",
        (x: number, y: number) => {
          const edge = edgeOf.get(`${from} ${x} ${y}`);
          if (edge !== undefined) inks.set(edge, ctx.globalAlpha * ctx.lineWidth);
        },
      ],
    ] as const) {
      const call = ctx[name].bind(ctx);
      ctx[name] = (x, y) => {
        note(x, y);
        call(x, y);
      };
    }
    const palette = { ...INKS.light, background: BACKGROUNDS.light };
    const curve = createNormalizedCurves(net, sampleCurves(net));
    paint({ ctx, ratio: 1, palette, font: "sans-serif", curve }, { ...scene, nodes: [] }, []);
    expect(inks.size).toBe(edges);
    for (let l = 0; l < net.depth; l++) {
      const strongFirst = [...inks.keys()]
        .filter((e) => e >= net.edgeOffset[l]! && e < net.edgeOffset[l + 1]!)
        .sort((a, b) => net.scores[b]! - net.scores[a]!)
        .map((e) => inks.get(e)!);
      strongFirst.forEach((ink, k) => {
        if (k > 0) expect(ink).toBeLessThanOrEqual(strongFirst[k - 1]! + 1e-9);
      });
    }
  }
});

test("no line becomes thicker while a threshold is dragged: many curves have thin lines until they are arranged anew", () => {
  const net = networkOf(
    [16, 25, 4],
    Float64Array.from({ length: 500 }, (_, e) => (e + 1) / 500),
  );
  const known = reduce(null, { type: "synced", reading: syncedOf(net) })!;
  const dragged = reduce(known, { type: "dragged", axis: "edge", value: 0.88 })!;
  const made = layout(net, dragged.layoutMask, { width: 900, height: 740, inNames: 20, outNames: 20 });
  const scene = buildScene(made, dragged);
  const canvas = document.createElement("canvas");
  const ctx = canvas.getContext("2d")!;
  const widths: number[] = [];
  const stroke = ctx.stroke.bind(ctx);
  ctx.stroke = (...line: []) => {
    widths.push(ctx.lineWidth);
    stroke(...line);
  };
  const palette = { ...INKS.light, background: BACKGROUNDS.light };
  const curve = createNormalizedCurves(net, sampleCurves(net));
  paint({ ctx, ratio: 1, palette, font: "sans-serif", curve }, { ...scene, nodes: [] }, []);

  const looks = scene.edges.filter(({ box }) => box).map(({ look }) => look);
  expect(looks.filter((look) => look === "on").length).toBeGreaterThan(40);
  expect(looks.length).toBeGreaterThan(150);
  // Nothing is thicker than the cross that marks what is being removed.
  expect(Math.max(...widths)).toBeLessThanOrEqual(1.5);
});

const hex = (bits: number) =>
  `#${[0, 8, 16].map((shift) => ((bits >>> shift) & 255).toString(16).padStart(2, "0")).join("")}`;

describe.each(["light", "dark"] as const)("in the %s", (theme) => {
  const background = BACKGROUNDS[theme];
  const colours = INKS[theme];

  test("a curve on the ground of its box is a mark, however important its edge", () => {
    const { numeric } = inksOf({ ...colours, background });
    for (let level = 0; level < LEVELS; level++) {
      const ground = hex(numeric.bits[level]!);
      const ink = numeric.deep[level] ? background : colours.ink;
      const alpha = numeric.deep[level] ? 1 : alphaOf(level / (LEVELS - 1));
      expect(contrast(ink, ground, alpha), `level ${level}`).toBeGreaterThanOrEqual(3);
    }
  });

  test("in a box of the network the curve is what stands out, and its ground still tells strong from weak", () => {
    const { numeric } = inksOf({ ...colours, background });
    const grounds = [0, 0.25, 0.5, 0.75, 1].map((importance) => {
      const level = levelOf(BOX_GROUND * importance);
      expect(numeric.deep[level]).toBe(0);
      const ground = hex(numeric.bits[level]!);
      const own = contrast(ground, background);
      expect(contrast(colours.ink, ground, alphaOf(importance))).toBeGreaterThan(1.5 * own);
      return own;
    });
    grounds.slice(1).forEach((own, k) => {
      expect(own).toBeGreaterThan(1.05 * grounds[k]!);
    });
  });

  test.each(Object.keys(VISION))(
    "importance is a matter of lightness: %s sees it rise all the way",
    (kind) => {
      const { numeric } = inksOf({ ...colours, background });
      const lights = [0, 32, 64, 96, 128, 160, 192, 224, 255].map((level) => {
        return lab(hex(numeric.bits[level]!), VISION[kind]!)[0];
      });
      const sign = theme === "light" ? -1 : 1;
      lights.slice(1).forEach((light, k) => {
        expect(sign * (light - lights[k]!), `step ${k}`).toBeGreaterThan(4);
      });
    },
  );
});
