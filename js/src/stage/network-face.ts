/** The network view: lays out, eases from one layout to the next, looks through the camera, puts names where they fit. */
import { type Named, paint } from "../draw";
import { hit } from "../hit";
import { nameOf, runsOf } from "../labels";
import { type Layout, layout as makeLayout, nameWidths, type Room } from "../layout";
import { countOn, type Network, sameForm } from "../network";
import type { Box } from "../paths";
import { between, buildScene, type Scene } from "../scene";
import { inLoop } from "../selection";
import type { Known } from "../state";
import { type Spot, spotsInOrder } from "../twins";
import type { Area } from "../typeset";
import type { UnitCurve } from "../unit-curves";
import { type Camera, MAX_ZOOM, project } from "./camera";
import { isCalm, progress } from "./ease";
import type { Drawn, Face, FaceMaker, Moment } from "./face";
import { paintHighlight, paintMarks, type Shown } from "./marks";
import { placeNames } from "./names";
import { createRoomMeter } from "./room";

/** The present layout and what it was made from. */
interface Arranged {
  readonly layout: Layout;
  readonly net: Network;
  readonly settled: Uint8Array;
  readonly symbolic: Known["symbolic"];
  readonly room: Room;
  /** Whether its height is another's, since a hand is at work below. */
  readonly kept: boolean;
  readonly spots: readonly Spot[];
}

const sameRoom = (a: Room, b: Room) =>
  a.width === b.width &&
  a.height === b.height &&
  a.orientation === b.orientation &&
  a.inNames === b.inNames &&
  a.outNames === b.outNames;

export function createNetworkFace(ctx: CanvasRenderingContext2D): FaceMaker {
  const roomOf = createRoomMeter(ctx, (room, depth, needed) => nameWidths(depth, room, ...needed));
  let drawn: Arranged | null = null;
  let easing: { from: Layout; since: number } | null = null;
  let seen: { of: Layout; camera: Camera; layout: Layout } | null = null;
  let staged: { scene: Scene; of: readonly unknown[]; named: Named[]; areas: Area[] } | null = null;

  function arrange({ known, keepsHeight }: Moment, room: Room, time: number): Arranged {
    const { net, settled, symbolic } = known;
    const old = drawn && sameForm(drawn.net, net) && drawn.room.width === room.width ? drawn : null;
    const same = old?.net === net && old.settled === settled && old.symbolic === symbolic;
    if (same && sameRoom(old.room, room) && (keepsHeight || !old.kept)) return old;
    const kept = keepsHeight === true && old !== null && room.height === undefined;
    const layout = makeLayout(net, settled, kept ? { ...room, kept: old.layout.height } : room, symbolic);
    // What is still under way goes on from where it is.
    const from =
      old && (easing ? between(easing.from, old.layout, progress(easing.since, time)) : old.layout);
    const eases = from && !isCalm() && old.room.height === room.height;
    easing = eases ? { from, since: time } : null;
    drawn = { layout, net, settled, symbolic, room, kept, spots: spotsOf(layout, net) };
    return drawn;
  }

  function view(world: Layout, camera: Camera): Layout {
    if (seen?.of !== world || seen.camera !== camera)
      seen = { of: world, camera, layout: project(world, camera) };
    return seen.layout;
  }

  function stage(moment: Moment, layout: Layout, room: Room, whole: boolean, curve: UnitCurve) {
    const { known, reading, names, font } = moment;
    const of = [layout, known.mask, known.edits, known.symbolic, reading.compared, names, font, curve];
    if (staged?.of.every((value, k) => value === of[k])) return staged;
    const scene = buildScene(layout, known, reading.compared);
    const write = (node: number) => runsOf(nameOf(known.net, names, node));
    const { named, areas } = placeNames(ctx, font, { layout, scene, net: known.net, room, whole }, write);
    staged = { scene, of, named, areas };
    return staged;
  }

  return {
    maxZoom: MAX_ZOOM,
    show(moment, camera, curve, height, time): Face {
      const { known } = moment;
      const room = roomOf(moment, height);
      const { layout: goal, spots } = arrange(moment, room, time);
      const t = easing ? progress(easing.since, time) : 1;
      const world = easing && t < 1 ? between(easing.from, goal, t) : goal;
      if (t >= 1) easing = null;
      const layout = view(world, camera);
      const { scene, named, areas } = stage(moment, layout, room, layout === world, curve);
      const shown: Shown = { net: known.net, scene, layout, texts: areas };
      return {
        width: goal.width,
        height: goal.height,
        tall: layout.height,
        drawn: countDrawn(scene, known.mask),
        picture: scene,
        moving: t < 1,
        spots,
        hit: (x, y) => hit(layout, x, y, (e) => known.mask[e] === 1 && known.settled[e] === 0),
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
        unmarked: (probe) => known.selected.length === 0 && probe === null && !scene.comparing,
        paintMarks: (brush, probe) => paintMarks(brush, shown, known.selected, probe),
        paintHighlight: (brush, target, focus) => paintHighlight(brush, shown, target, focus),
      };
    },
  };
}

function countDrawn({ edges }: Scene, mask: Uint8Array): Drawn {
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

function spotsOf(layout: Layout, net: Network): Spot[] {
  return spotsInOrder(net, layout.places.keys(), ({ kind, id }) =>
    kind === "node" ? aroundNode(layout, id) : layout.places.get(id)!.anchor,
  );
}
