/** The canvases, the buttons over them and the card: shows one frame at a time, and says what the pointer does. */
import { element } from "./dom";
import { type Brush, type Palette, paint, paintCurve, paintHighlight } from "./draw";
import { hit } from "./hit";
import { type Names, nameOf, runsOf } from "./labels";
import type { Layout, Room } from "./layout";
import { type Network, nodeIndex } from "./network";
import { CURVE_SIDE, createCard } from "./panels/card";
import type { Scene, UnitCurve } from "./scene";
import type { Known, Target } from "./state";
import { createTwins } from "./twins";
import { fitName, measureName, type Name } from "./typeset";
import { describe } from "./words";

export interface StageEvents {
  hovered(target: Target | null): void;
  focused(target: Target | null): void;
  toggled(target: Target): void;
}

export interface Frame {
  readonly layout: Layout;
  readonly scene: Scene;
  readonly known: Known;
  readonly names: Names;
  readonly curve: UnitCurve;
  readonly palette: Palette;
  readonly font: string;
}

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
      if (clicked) events.toggled(clicked);
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

  return {
    element: scroll,
    /** Room that the names take beside the network, when the stage is `width` wide. */
    room(net: Network, names: Names, font: string, width: number): Room {
      const limit = nameLimit(width);
      const widest = (first: number, last: number) => {
        let most = 0;
        for (let n = first; n < last; n++) {
          most = Math.max(most, measureName(pictureCtx, font, runsOf(nameOf(net, names, n))));
        }
        return Math.min(limit, Math.ceil(most));
      };
      return {
        width,
        inNames: widest(0, net.width[0]!),
        outNames: widest(net.nodeOffset[net.depth]!, net.nodeCount),
      };
    },
    /** What is under the pointer now; the layout may have moved under a pointer that rests. */
    under,
    render(frame: Frame): void {
      const ratio = resize(frame.layout);
      const brush: Brush = {
        ctx: pictureCtx,
        ratio,
        palette: frame.palette,
        font: frame.font,
        curve: frame.curve,
      };
      if (painted?.scene !== frame.scene || painted.palette !== frame.palette) {
        paint(brush, frame.scene, namesToPaint(frame, pictureCtx));
        painted = frame;
      }
      twins.update(frame.layout, frame.known, frame.names);
      light(frame, brush);
    },
  };
}

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
