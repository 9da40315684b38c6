/** The canvases, the buttons over them and the card: shows one frame at a time, and says what the pointer does. */
import { element } from "./dom";
import { type Brush, type Palette, paint, paintCurve, paintHighlight } from "./draw";
import { hit } from "./hit";
import { type Names, nameOf, runsOf } from "./labels";
import { type Layout, layout as makeLayout, type Room } from "./layout";
import { type Network, nodeIndex } from "./network";
import { CURVE_SIDE, createCard } from "./panels/card";
import type { Reading } from "./protocol";
import { between, buildScene, createUnitCurves, type Easing, type Scene, type UnitCurve } from "./scene";
import { type Known, sameTarget, type Target } from "./state";
import { createTwins } from "./twins";
import { fitName, measureName, type Name } from "./typeset";
import { describe } from "./words";

export interface StageEvents {
  hovered(target: Target | null): void;
  focused(target: Target | null): void;
  /** The whole new selection. */
  selected(targets: readonly Target[]): void;
  toggled(targets: readonly Target[]): void;
}

/** What the view knows when a frame is due. */
export interface Moment {
  readonly known: Known;
  readonly reading: Reading;
  readonly names: Names;
  readonly palette: Palette;
  readonly font: string;
  readonly width: number;
}

/** A moment, laid out. */
interface Frame extends Moment {
  readonly layout: Layout;
  readonly scene: Scene;
  readonly curve: UnitCurve;
}

/** The present layout and what it was made from. */
interface Drawn {
  readonly layout: Layout;
  readonly net: Network;
  readonly settled: Uint8Array;
  readonly room: Room;
}

const EASE_FOR = 200;

/** A box with a shorter side shows its curve larger on the card. */
const READABLE_SIDE = 44;

export function createStage(events: StageEvents, signal: AbortSignal) {
  const picture = element("canvas", { "data-role": "picture" });
  const highlight = element("canvas", { "data-role": "highlight" });
  const twins = createTwins(events, signal);
  const card = createCard();
  const stage = element("div", { class: "stage" }, picture, highlight, twins.element, card.element);
  const scroll = element("div", { class: "scroll" }, stage);
  const [pictureCtx, highlightCtx, cardCtx] = [picture, highlight, card.canvas].map((c) =>
    c.getContext("2d"),
  );
  if (!pictureCtx || !highlightCtx || !cardCtx) throw new Error("This browser gives no 2D canvas");

  let layout: Layout | null = null;
  let pointer: { x: number; y: number } | null = null;
  let painted: Frame | null = null;
  let lit: Target | null = null;
  let litFrame: Scene | null = null;
  let clicked: Target | null = null;
  let drawn: Drawn | null = null;
  let easing: { from: Layout; since: number } | null = null;
  let scene: { shapes: Scene; known: Known; layout: Layout; t: number; curve: UnitCurve } | null = null;
  let curve: { of: Reading["curves"]; unit: UnitCurve } | null = null;
  let measured: { room: Room; net: Network; names: Names; font: string; width: number } | null = null;

  const under = (): Target | null => (layout && pointer ? hit(layout, pointer.x, pointer.y) : null);
  stage.addEventListener(
    "pointermove",
    (event) => {
      const at = stage.getBoundingClientRect();
      pointer = { x: event.clientX - at.left, y: event.clientY - at.top };
      events.hovered(under());
    },
    { signal },
  );
  stage.addEventListener(
    "pointerleave",
    () => {
      pointer = null;
      events.hovered(null);
    },
    { signal },
  );
  stage.addEventListener(
    "click",
    (event) => {
      if (!layout || twins.element.contains(event.target as Node)) return;
      const at = stage.getBoundingClientRect();
      // The second click of a double click means what the first one did, though the boxes have moved since.
      if (event.detail < 2) clicked = hit(layout, event.clientX - at.left, event.clientY - at.top);
      if (clicked) events.toggled([clicked]);
    },
    { signal },
  );

  function resize(next: Layout): number {
    const ratio = devicePixelRatio || 1;
    for (const canvas of [picture, highlight]) {
      const [w, h] = [Math.round(next.width * ratio), Math.round(next.height * ratio)];
      if (canvas.width !== w || canvas.height !== h) {
        canvas.width = w;
        canvas.height = h;
        painted = null;
        litFrame = null;
      }
    }
    if (layout !== next) {
      stage.style.width = `${next.width}px`;
      stage.style.height = `${next.height}px`;
    }
    layout = next;
    return ratio;
  }

  function light(frame: Frame, brush: Brush): void {
    const { known, scene, names } = frame;
    const { net } = known;
    const target = known.drag ? null : (known.hover ?? known.focus);
    stage.toggleAttribute("data-over", known.hover !== null);
    if (target === lit && scene === litFrame) return;
    [lit, litFrame] = [target, scene];
    paintHighlight({ ...brush, ctx: highlightCtx! }, scene, target, (e) => [net.source[e]!, net.target[e]!]);
    const shape = target?.kind === "edge" ? scene.edges.find((edge) => edge.edge === target.id) : undefined;
    const place = target?.kind === "edge" ? frame.layout.places.get(target.id) : undefined;
    if (!target || (target.kind === "edge" && !place)) {
      card.hide();
      return;
    }
    const showCurve = shape !== undefined && !((shape.box?.side ?? 0) >= READABLE_SIDE);
    card.canvas.hidden = !showCurve;
    if (showCurve) {
      card.canvas.width = card.canvas.height = Math.round(CURVE_SIDE * brush.ratio);
      paintCurve({ ...brush, ctx: cardCtx! }, shape, CURVE_SIDE);
    }
    const at = place
      ? { x: place.anchor.x + place.anchor.side / 2, y: place.anchor.y + place.anchor.side / 2 }
      : { x: frame.layout.nodeX[target.id]!, y: frame.layout.nodeY[target.id]! };
    const { x, y } = (known.hover && pointer) || at;
    card.show(describe(known, names, target), x, y, frame.layout.width, frame.layout.height);
  }

  /** Room that the names take beside the network. */
  function roomOf({ known: { net }, names, font, width }: Moment): Room {
    if (
      measured?.net === net &&
      measured.names === names &&
      measured.font === font &&
      measured.width === width
    ) {
      return measured.room;
    }
    const limit = nameLimit(width);
    const widest = (first: number, last: number) => {
      let most = 0;
      for (let n = first; n < last; n++) {
        most = Math.max(most, measureName(pictureCtx!, font, runsOf(nameOf(net, names, n))));
      }
      return Math.min(limit, Math.ceil(most));
    };
    const room = {
      width,
      inNames: widest(0, net.width[0]!),
      outNames: widest(net.nodeOffset[net.depth]!, net.nodeCount),
    };
    measured = { room, net, names, font, width };
    return room;
  }

  function arrange(now: Known, space: Room, time: number): Layout {
    const old = drawn?.net === now.net && sameRoom(drawn.room, space) ? drawn : null;
    if (old?.settled === now.settled) return old.layout;
    const layout = makeLayout(now.net, now.settled, space);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    // What is still under way goes on from where it is.
    const from = old && easing ? between(easing.from, old.layout, progress(easing, time)) : old?.layout;
    easing = from && !calm ? { from, since: time } : null;
    drawn = { layout, net: now.net, settled: now.settled, room: space };
    return layout;
  }

  return {
    element: scroll,
    /** Shows a moment; true while something still moves, so that another frame is due. */
    render(moment: Moment, time: number): boolean {
      const { known, reading } = moment;
      const layout = arrange(known, roomOf(moment), time);
      const t = easing ? progress(easing, time) : 1;
      if (curve?.of !== reading.curves) {
        curve = { of: reading.curves, unit: createUnitCurves(known.net, reading.curves) };
      }
      if (
        scene?.known.mask !== known.mask ||
        scene.known.edits !== known.edits ||
        scene.layout !== layout ||
        scene.curve !== curve.unit ||
        scene.t !== t
      ) {
        const eased: Easing | null = easing && t < 1 ? { from: easing.from, t } : null;
        scene = { shapes: buildScene(layout, known, eased), known, layout, t, curve: curve.unit };
      }
      const frame: Frame = { ...moment, layout, scene: scene.shapes, curve: curve.unit };
      const ratio = resize(layout);
      const brush: Brush = {
        ctx: pictureCtx,
        ratio,
        palette: frame.palette,
        font: frame.font,
        curve: frame.curve,
      };
      if (
        painted?.scene !== frame.scene ||
        painted.palette !== frame.palette ||
        painted.names !== frame.names
      ) {
        paint(brush, frame.scene, namesToPaint(frame, pictureCtx));
        painted = frame;
      }
      twins.update(frame.layout, frame.known, frame.names);
      light(frame, brush);
      if (t < 1) return true;
      if (easing) {
        easing = null;
        // The pointer may rest where something else is now.
        const target = under();
        if (!sameTarget(target, known.hover)) events.hovered(target);
      }
      return false;
    },
  };
}

/** Fast, then slow; 1 when it has arrived. */
const progress = (easing: { since: number }, now: number) =>
  1 - (1 - Math.min(1, Math.max(0, now - easing.since) / EASE_FOR)) ** 3;

const sameRoom = (a: Room, b: Room) =>
  a.width === b.width && a.inNames === b.inNames && a.outNames === b.outNames;

const nameLimit = (width: number) => Math.max(24, Math.min(150, 0.2 * width));

function namesToPaint({ layout, known, names, font }: Frame, ctx: CanvasRenderingContext2D): Name[] {
  const { net } = known;
  const painted: Name[] = [];
  for (const [l, align, step] of [
    [0, "right", layout.nameStep.inputs],
    [net.depth, "left", layout.nameStep.outputs],
  ] as const) {
    for (let n = net.nodeOffset[l]!; n < net.nodeOffset[l + 1]!; n++) {
      if (nodeIndex(net, n)[1] % step !== 0) continue;
      const runs = fitName(ctx, font, runsOf(nameOf(net, names, n)), nameLimit(layout.width));
      painted.push({ node: n, runs, align });
    }
  }
  return painted;
}
