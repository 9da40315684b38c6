/** The matrix view: its own layout, hit test and painters, put behind the stage's zoom and under its marks. */

import { type Brush, clear } from "../../canvas/brush";
import { frame } from "../../canvas/shapes";
import { sameMask } from "../../model/mask";
import type { Network, Target } from "../../model/network";
import { extend } from "../../state/selection";
import type { ViewState } from "../../state/view-state";
import { encloses } from "../../util/loops";
import { createMemo, sameItems } from "../../util/memo";
import type { Rect } from "../../util/rect";
import type { Snapshot } from "../../wire/snapshot";
import type { Camera } from "../camera";
import type { FrameInput, Renderer, RendererFactory } from "../contract";
import { nameLimit } from "../network/layout";
import { createSpaceMeasure } from "../space-measure";
import { boxesInOrder, type TargetBox } from "../target-boxes";
import { foldedNodes } from "./axes";
import { paintMatrixHighlight } from "./highlight";
import { anchorOf, hitMatrix } from "./hit";
import { LEGEND_HEIGHT, layoutMatrix, type MatrixLayout } from "./layout";
import { paintMatrix, paintMatrixLegend } from "./paint";

const MAX_ZOOM = 8;
/**
 * Pixels of the picture that is looked at through the zoom: as many as a browser creates without an error.
 */
const MAX_PIXELS = 16e6;
/** Differences beyond so many are a pattern that the picture itself shows. */
const MAX_MARKED = 2000;

/** Each edge has its cell. */
const ALL = { on: 0, curves: 0, lines: 0 };

export function createMatrixView(ctx: CanvasRenderingContext2D): RendererFactory {
  const measureSpace = createSpaceMeasure(ctx, ({ width }, _, needed) => {
    const [inputs, outputs] = needed.map((name) => Math.min(nameLimit(width), name));
    return [inputs!, outputs!];
  });
  const arranged = createMemo<{ layout: MatrixLayout; targetBoxes: TargetBox[] }>();
  const pictured = createMemo<object>();
  const large = createLarge();

  /** The same object as long as the same nodes fold. */
  let lastFolded: Uint8Array = new Uint8Array();
  const folding = createMemo<Uint8Array>();
  function foldedOf({ net, layoutMask }: ViewState): Uint8Array {
    const found = folding([net.topology, layoutMask], () => foldedNodes(net, layoutMask));
    if (!sameMask(found, lastFolded)) lastFolded = found;
    return lastFolded;
  }

  function arrange(input: FrameInput, height: number | undefined) {
    const { known, reading } = input;
    const room = measureSpace(input, height);
    const folded = foldedOf(known);
    // Only maps stand in the order of their scores, which each step of a training changes.
    const net = reading.inputShape ? known.net : known.net.topology;
    return arranged([net, room, reading.inputShape, folded], () => {
      const layout = layoutMatrix(known.net, room, reading.inputShape, folded);
      return { layout, targetBoxes: targetBoxesOf(layout, known.net) };
    });
  }

  return {
    maxZoom: MAX_ZOOM,
    show(input, camera, curve, height): Renderer {
      const { known, names, reading } = input;
      const { layout, targetBoxes } = arrange(input, height);
      const of = [
        layout,
        known.net,
        known.mask,
        known.edits,
        known.layoutMask,
        known.symbolic,
        camera,
        curve,
        reading.compared,
        reading.beta,
        reading.removed,
      ];
      const picture = pictured(of, () => ({}));
      const { k, x, y } = camera;
      const rectOf = (target: Target): Omit<Rect, "side"> | null => {
        const rect = anchorOf(layout, target);
        return (
          rect && { x: rect.x * k + x, y: rect.y * k + y, width: rect.width * k, height: rect.height * k }
        );
      };
      const outline = (
        brush: Brush,
        target: Target,
        colour: string,
        width: number,
        dashes: number[] = [],
      ) => {
        const rect = rectOf(target);
        if (!rect) return;
        brush.ctx.globalAlpha = 1;
        brush.ctx.setLineDash(dashes);
        frame(brush.ctx, rect, 1 + width / 2, 3, width, colour);
        brush.ctx.setLineDash([]);
      };
      return {
        width: layout.width,
        height: layout.height,
        paintedHeight: layout.height,
        drawn: ALL,
        picture,
        moving: false,
        targetBoxes,
        legend: {
          height: LEGEND_HEIGHT,
          paint: (brush) => paintMatrixLegend(brush, layout, known, lookOf(reading)),
        },
        hit: (px, py) => hitMatrix(layout, (px - x) / k, (py - y) / k),
        boxOf(target) {
          const rect = rectOf(target);
          return rect && { x: rect.x, y: rect.y, side: Math.max(rect.width, rect.height) };
        },
        inLoop: (loop) =>
          cellsIn(
            layout,
            known,
            loop.map(([px, py]) => [(px - x) / k, (py - y) / k]),
          ),
        obstacles: () => [],
        paint(brush) {
          if (k === 1) paintMatrix(brush, layout, known, names, lookOf(reading));
          else large(brush, layout, known, input, camera);
        },
        hasNoMarks: () => known.selected.length === 0 && reading.compared === null,
        paintMarks(brush) {
          clear(brush, layout.width, layout.height);
          for (const [id, state] of differences(reading)) {
            outline(brush, { kind: "edge", id }, brush.palette.selected, 1.5, state === 1 ? [2, 2] : []);
          }
          for (const id of known.lit) outline(brush, { kind: "edge", id }, brush.palette.symbolic, 3);
          for (const target of known.selected) outline(brush, target, brush.palette.selected, 2);
        },
        paintHighlight(brush, target, focus) {
          if (k === 1) paintMatrixHighlight(brush, layout, target);
          else clear(brush, layout.width, layout.height);
          if (k > 1 && target) outline(brush, target, brush.palette.ink, 2);
          if (!focus) return;
          outline(brush, focus, brush.palette.background, 6);
          outline(brush, focus, brush.palette.ink, 2);
        },
      };
    },
  };
}

const lookOf = ({ beta, removed }: Snapshot) => ({ beta, hidesRemoved: removed === "hidden" });

function targetBoxesOf(layout: MatrixLayout, net: Network): TargetBox[] {
  return boxesInOrder(net, Array(net.edgeCount).keys(), (target) => {
    const rect = anchorOf(layout, target);
    return rect && { x: rect.x, y: rect.y, side: Math.max(6, Math.min(rect.width, rect.height)) };
  });
}

function differences({ compared }: Snapshot): [edge: number, state: number][] {
  const found: [number, number][] = [];
  compared?.forEach((state, edge) => {
    if ((state === 1 || state === 2) && found.length < MAX_MARKED) found.push([edge, state]);
  });
  return found;
}

/** Strongest first: a selection may be full before its end. */
function cellsIn(layout: MatrixLayout, { net, mask }: ViewState, loop: [number, number][]): Target[] {
  const middleIn = (target: Target) => {
    const rect = anchorOf(layout, target);
    return rect !== null && encloses(loop, rect.x + rect.width / 2, rect.y + rect.height / 2);
  };
  const edges: Target[] = [];
  for (let id = 0; id < net.edgeCount; id++) {
    if (mask[id] && middleIn({ kind: "edge", id })) edges.push({ kind: "edge", id });
  }
  edges.sort((a, b) => net.scores[b.id]! - net.scores[a.id]!);
  const nodes = Array.from({ length: net.nodeCount }, (_, id): Target => ({ kind: "node", id })).filter(
    middleIn,
  );
  return [...extend(edges.length > 0 ? [] : nodes, edges)];
}

/** Paints the matrix view larger than the canvas, and shows a part: it is painted anew at each doubling, so cells stay crisp. */
function createLarge() {
  let canvas: HTMLCanvasElement | null = null;
  let painted: readonly unknown[] = [];
  return (
    brush: Brush,
    layout: MatrixLayout,
    known: ViewState,
    { names, reading }: FrameInput,
    { k, x, y }: Camera,
  ): void => {
    const most = Math.sqrt(MAX_PIXELS / (layout.width * layout.height));
    const ratio = Math.min(brush.ratio * 2 ** Math.ceil(Math.log2(k)), most);
    canvas ??= document.createElement("canvas");
    const [w, h] = [Math.round(layout.width * ratio), Math.round(layout.height * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height, painted] = [w, h, []];
    const ctx = canvas.getContext("2d");
    if (!ctx) return;
    const of = [
      layout,
      known.net,
      known.mask,
      known.edits,
      known.layoutMask,
      known.symbolic,
      names,
      brush.palette,
      brush.curve,
      reading.beta,
      reading.removed,
    ];
    if (!sameItems(painted, of)) {
      paintMatrix({ ...brush, ctx, ratio }, layout, known, names, lookOf(reading));
      painted = of;
    }
    clear(brush, layout.width, layout.height);
    brush.ctx.imageSmoothingEnabled = true;
    brush.ctx.globalAlpha = 1;
    brush.ctx.drawImage(canvas, x, y, layout.width * k, layout.height * k);
  };
}
