/** The network view: lays out, eases from one layout to the next, looks through the camera, puts names where they fit. */

import type { NormalizedCurve } from "../../canvas/normalized-curves";
import { comparedEdges, type ImportanceScale, importanceScale } from "../../model/importance";
import { countOn } from "../../model/mask";
import type { Topology } from "../../model/network";
import type { ViewState } from "../../state/view-state";
import { nameOf, textRuns } from "../../text/node-names";
import { createMemo } from "../../util/memo";
import type { Area, Box } from "../../util/rect";
import { isCalm, progress } from "../../util/transition";
import { MAX_ZOOM, project } from "../camera";
import type { DrawnSummary, FrameInput, Renderer, RendererFactory } from "../contract";
import { createSpaceMeasure } from "../space-measure";
import { boxesInOrder, type TargetBox } from "../target-boxes";
import { hit, inLoop } from "./hit";
import { type Layout, layout as makeLayout, nameWidths, type Space } from "./layout";
import { paintHighlight, paintMarks, type Shown } from "./marks";
import { placeNames } from "./names";
import { type Named, paint } from "./paint";
import { between, buildScene, type Scene } from "./scene";

/** The present layout and what it was made from. */
interface Arranged {
  readonly layout: Layout;
  readonly topology: Topology;
  readonly layoutMask: Uint8Array;
  readonly symbolic: ViewState["symbolic"];
  /** By which score the strongest edges were chosen. */
  readonly score: string;
  readonly room: Space;
  readonly targetBoxes: readonly TargetBox[];
}

const sameSpace = (a: Space, b: Space) =>
  a.width === b.width &&
  a.height === b.height &&
  a.orientation === b.orientation &&
  a.inNames === b.inNames &&
  a.outNames === b.outNames;

export function createNetworkView(ctx: CanvasRenderingContext2D): RendererFactory {
  const measureSpace = createSpaceMeasure(ctx, (room, depth, needed) => nameWidths(depth, room, ...needed));
  let drawn: Arranged | null = null;
  let easing: { from: Layout; since: number } | null = null;
  const projected = createMemo<Layout>();
  const scaled = createMemo<ImportanceScale>();
  const staged = createMemo<{ scene: Scene; named: Named[]; areas: Area[] }>();

  function arrange({ known, reading: { score } }: FrameInput, room: Space, time: number): Arranged {
    const { net, layoutMask, symbolic } = known;
    const { topology } = net;
    const old = drawn?.topology === topology && drawn.room.width === room.width ? drawn : null;
    const same = old?.layoutMask === layoutMask && old.symbolic === symbolic && old.score === score;
    // Training changes the scores at each step: nothing moves.
    if (same && sameSpace(old.room, room)) return old;
    const layout = makeLayout(net, layoutMask, room, symbolic);
    // An animation that is still running goes on from its present place.
    const from =
      old && (easing ? between(easing.from, old.layout, progress(easing.since, time)) : old.layout);
    const eases = from && !isCalm() && old.room.height === room.height;
    easing = eases ? { from, since: time } : null;
    drawn = {
      layout,
      topology,
      layoutMask,
      symbolic,
      score,
      room,
      targetBoxes: targetBoxesOf(layout, topology),
    };
    return drawn;
  }

  function stage(input: FrameInput, layout: Layout, room: Space, whole: boolean, curve: NormalizedCurve) {
    const { known, reading, names, font } = input;
    const compared = comparedEdges(known.net, known.layoutMask);
    const of = [
      layout,
      known.net,
      known.mask,
      compared,
      known.edits,
      known.symbolic,
      known.preview,
      reading.compared,
      reading.beta,
      reading.removed,
      names,
      font,
      curve,
    ];
    return staged(of, () => {
      const scene = buildScene(layout, known, {
        compared: reading.compared,
        scale: scaled([known.net, reading.beta, compared], () =>
          importanceScale(known.net, reading.beta, compared),
        ),
        hidesRemoved: reading.removed === "hidden",
      });
      const write = (node: number) => textRuns(nameOf(known.net, names, node));
      return { scene, ...placeNames(ctx, font, { layout, scene, net: known.net, room, whole }, write) };
    });
  }

  return {
    maxZoom: MAX_ZOOM,
    show(input, camera, curve, height, time): Renderer {
      const { known } = input;
      const room = measureSpace(input, height);
      const { layout: goal, targetBoxes } = arrange(input, room, time);
      const t = easing ? progress(easing.since, time) : 1;
      const world = easing && t < 1 ? between(easing.from, goal, t) : goal;
      if (t >= 1) easing = null;
      const layout = projected([world, camera], () => project(world, camera));
      const { scene, named, areas } = stage(input, layout, room, layout === world, curve);
      const hidden = new Set(scene.edges.flatMap((shape) => (shape.visible ? [] : shape.edge)));
      const visible = {
        boxed: (e: number) => known.mask[e] === 1 && known.layoutMask[e] === 0,
        edge: (e: number) => !hidden.has(e),
        node: (n: number) => scene.nodes[n]!.visible,
      };
      const shown: Shown = { net: known.net, scene, layout, texts: areas };
      return {
        width: goal.width,
        height: goal.height,
        paintedHeight: layout.height,
        drawn: countDrawn(scene, known.mask),
        picture: scene,
        moving: t < 1,
        targetBoxes,
        legend: null,
        hit: (x, y) => hit(layout, x, y, visible),
        boxOf({ kind, id }): Box | null {
          if (kind === "edge") return layout.places.get(id)?.anchor ?? null;
          return id < known.net.nodeCount ? aroundNode(layout, id) : null;
        },
        inLoop: (loop) => inLoop(known.net, layout, loop, known.mask),
        obstacles: (target) =>
          scene.edges.flatMap(({ edge, box }) =>
            box && !(target.kind === "edge" && edge === target.id) ? box : [],
          ),
        paint: (brush) => paint(brush, scene, named),
        hasNoMarks: (probe) => known.selected.length === 0 && probe === null && !scene.comparing,
        paintMarks: (brush, probe) => paintMarks(brush, shown, known.selected, probe, known.lit),
        paintHighlight: (brush, target, focus) => paintHighlight(brush, shown, target, focus),
      };
    },
  };
}

function countDrawn({ edges }: Scene, mask: Uint8Array): DrawnSummary {
  let [curves, lines] = [0, 0];
  for (const { look, box } of edges) {
    if (look !== "on") continue;
    lines++;
    if (box) curves++;
  }
  return { on: countOn(mask), curves, lines };
}

function aroundNode(layout: Layout, n: number): Box {
  const r = Math.max(4, layout.nodeR[n]!);
  return { x: layout.nodeX[n]! - r, y: layout.nodeY[n]! - r, side: 2 * r };
}

function targetBoxesOf(layout: Layout, net: Topology): TargetBox[] {
  return boxesInOrder(net, layout.places.keys(), ({ kind, id }) =>
    kind === "node" ? aroundNode(layout, id) : layout.places.get(id)!.anchor,
  );
}
