/** The canvases, the buttons over them and the card: shows one frame at a time, and says what hands and keys do. */

import type { Brush } from "../canvas/brush";
import { createNormalizedCurves, type NormalizedCurve } from "../canvas/normalized-curves";
import { countOn } from "../model/network";
import { extend, flip, loopOf } from "../state/selection";
import { sameTarget, type Target } from "../state/view-state";
import { element } from "../util/dom";
import { createSlideTransition } from "../util/transition";
import { type Camera, clamp, FIT, panBy, reveal, ZOOM_STEP, zoomAt } from "../views/camera";
import { showsMatrix } from "../views/choose-view";
import type { DrawnSummary, FrameInput, Renderer } from "../views/contract";
import { createMatrixView } from "../views/matrix/view";
import { paintLasso } from "../views/network/marks";
import { createNetworkView } from "../views/network/view";
import type { Snapshot } from "../wire/snapshot";
import { createAccessibleTargets } from "./accessible-targets";
import { LIGHT, type Picture, saveActions, svgOf } from "./export-image";
import { type GestureHandlers, type Point, watchGestures } from "./gestures";
import { pressKey } from "./keys";
import { createLayers } from "./layers";
import { createMenu } from "./menu";
import { actionsFor, titleOf } from "./menu-actions";
import { createTooltipLayer } from "./tooltip-layer";
import { createZoomBar } from "./zoom-bar";

export type { FrameInput } from "../views/contract";
export type { Probe } from "../views/network/marks";

export interface StageEvents {
  hovered(target: Target | null): void;
  focused(target: Target | null): void;
  /** The whole new selection. */
  selected(targets: readonly Target[]): void;
  /** A hand went down on the stage and is there still, or has left it. */
  held(held: boolean): void;
  /** Several at once: all off when one of them is on, else all on (`toggleAll`). */
  toggled(targets: readonly Target[]): void;
  /** Whether Python is behind the view, and can write pictures too. */
  readonly python: boolean;
  /** The stage moved by itself (zoom, full screen, lasso): it wants to be rendered. */
  changed(): void;
}

const MIN_FULL_HEIGHT = 180;

export function createStage(events: StageEvents, signal: AbortSignal) {
  const canvases = createLayers();
  const card = createTooltipLayer();
  const menu = createMenu(signal);
  const faces = {
    network: createNetworkView(canvases.ctx("picture")),
    matrix: createMatrixView(canvases.ctx("picture")),
  };

  let camera: Camera = FIT;
  let now: { moment: FrameInput; face: Renderer; brush: Brush; maxZoom: number } | null = null;
  let quilted = false;
  let pointer: Point | null = null;
  let loop: readonly Point[] = [];
  let focus: Target | null = null;
  /** What was under the pointer when it last went down, and at the first of the last clicks. */
  let down: Target | null = null;
  let clicked: Target | null = null;
  let curve: { of: Snapshot["curves"]; unit: NormalizedCurve } | null = null;
  let page = "";
  let kind = "";
  const slide = createSlideTransition();

  const twins = createAccessibleTargets(
    {
      focused(target) {
        if (target && !sameTarget(target, focus)) show(target);
        focus = target;
        events.focused(target);
      },
      pressed: (target) => events.toggled([target]),
    },
    signal,
  );
  const stage = element(
    "div",
    { class: "stage", tabindex: "-1" },
    ...canvases.elements,
    twins.element,
    card.element,
  );
  const scroll = element("div", { class: "scroll" }, stage);
  const zoomBy = (factor: number, [x, y]: Point = centre()) =>
    look(zoomAt(camera, Math.min(factor, (now?.maxZoom ?? 1) / camera.k), x, y, size()));
  const fit = () => look(FIT);
  const tools = createZoomBar(
    () => scroll.closest<HTMLElement>(".kanwidget"),
    {
      zoom: (direction) => zoomBy(ZOOM_STEP ** direction),
      fit,
      picture: offerPicture,
      python: events.python,
    },
    signal,
  );
  const outer = element("div", { class: "network" }, scroll, tools.element, menu.element);
  document.addEventListener("fullscreenchange", () => events.changed(), { signal });
  // In full screen the height counts too, and the view only watches its width.
  window.addEventListener("resize", () => tools.isFull() && events.changed(), { signal });

  const size = () => ({ width: now?.face.width ?? 0, height: now?.face.height ?? 0 });
  const centre = (): Point => [size().width / 2, size().height / 2];
  const under = (): Target | null => (now && pointer ? now.face.hit(...pointer) : null);

  function look(next: Camera): void {
    if (next.k === camera.k && next.x === camera.x && next.y === camera.y) return;
    camera = next;
    events.changed();
  }

  /** Brings a target into sight. */
  function show(target: Target): void {
    const spot = twins.spot(target);
    if (spot && camera.k > 1) look(reveal(camera, spot.box, size()));
    else if (spot) twins.scrollTo(target);
  }

  const select = (targets: readonly Target[]) => events.selected(targets);
  const toggle = (targets: readonly Target[]) => events.toggled(targets);
  /** So that the keys mean what was clicked; the ring stays with those who came by keyboard. */
  function take(target: Target | null): void {
    if (!target || !twins.take(target)) stage.focus({ preventScroll: true });
  }

  const hands: GestureHandlers = {
    hover(at) {
      pointer = at;
      events.hovered(under());
    },
    hold([x, y]) {
      hands.hover(null);
      openMenuAt(x, y);
    },
    press(at) {
      down = now?.face.hit(...at) ?? null;
      events.held(true);
    },
    left: () => events.held(false),
    click(extending) {
      if (!now) return;
      const { selected } = now.moment.known;
      clicked = down;
      take(clicked);
      if (clicked) select(extending ? flip(selected, clicked) : [clicked]);
      else if (!extending && selected.length > 0) select([]);
    },
    double(at) {
      if (clicked) events.toggled([clicked]);
      else if (!now?.face.hit(...at)) fit();
    },
    background: (at) => now !== null && now.face.hit(...at) === null,
    pan: (dx, dy) => look(panBy(camera, dx, dy, size())),
    zoom: (factor, at) => zoomBy(factor, at),
    lasso(line, done) {
      const around = loopOf(line);
      loop = done ? [] : around;
      if (done && now && around.length > 2) {
        select(extend(now.moment.known.selected, now.face.inLoop(around)));
        take(null);
      }
      events.changed();
    },
    cancelled() {
      loop = [];
      events.changed();
    },
  };
  const hand = watchGestures(stage, hands, signal);

  function openMenu(target: Target | null, x: number, y: number): void {
    if (!now) return;
    const { known, names } = now.moment;
    hands.hover(null);
    const actions = actionsFor(known, names, target, { select, toggle, fit });
    menu.open(actions, x, y, titleOf(known, names, target), twins.focused?.button ?? stage);
  }
  /** At a point of the stage. */
  function openMenuAt(x: number, y: number): void {
    const [at, origin] = [outer.getBoundingClientRect(), stage.getBoundingClientRect()];
    openMenu(now?.face.hit(x, y) ?? null, origin.left - at.left + x, origin.top - at.top + y);
  }
  function offerPicture(button: HTMLElement): void {
    if (!now) return;
    const [at, own] = [outer.getBoundingClientRect(), button.getBoundingClientRect()];
    const items = saveActions(now.moment.palette, {
      take: takePicture,
      say: tools.say,
      python: events.python,
    });
    menu.open(items, own.left - at.left, own.top - at.top, "Picture of the whole network", button);
  }
  /** Where the keyboard is. */
  function openMenuBeside(target: Target): boolean {
    const box = now?.face.boxOf(target);
    if (!box) return false;
    const [at, origin] = [outer.getBoundingClientRect(), stage.getBoundingClientRect()];
    openMenu(target, origin.left - at.left + box.x + box.side, origin.top - at.top + box.y + box.side / 2);
    return true;
  }
  stage.addEventListener(
    "contextmenu",
    (event) => {
      if (!now) return;
      event.preventDefault();
      // JupyterLab has a menu of its own for what bubbles.
      event.stopPropagation();
      // The menu key has no place of its own: it means what has the focus. Hands never touch the buttons.
      const focused = twins.element.contains(event.target as Node) ? twins.focused?.target : undefined;
      if (focused && openMenuBeside(focused)) return;
      const { left, top } = stage.getBoundingClientRect();
      openMenuAt(event.clientX - left, event.clientY - top);
    },
    { signal },
  );

  const keys = { select, toggle, cancel: hand.cancel, menu: openMenuBeside, zoom: zoomBy, fit };
  stage.addEventListener(
    "keydown",
    (event) => {
      if (!now || event.ctrlKey || event.metaKey || event.altKey) return;
      if (pressKey(event, now.moment.known, twins.focused?.target ?? null, keys)) event.preventDefault();
    },
    { signal },
  );
  // Firefox clicks a button when Space comes up.
  stage.addEventListener("keyup", (event) => event.key === " " && event.preventDefault(), { signal });

  /** The page below slides after the picture. True until it has come to rest. */
  function resize({ width, height, tall }: Renderer, time: number): { ratio: number; sliding: boolean } {
    const { value, moving } = slide(height, page, time);
    for (const [name, length] of [
      ["width", `${width}px`],
      ["height", `${value}px`],
    ] as const) {
      if (stage.style[name] !== length) stage.style[name] = length;
    }
    return { ratio: canvases.resize(width, tall), sliding: moving };
  }

  /** In full screen, and where the host has fixed the height, the stage has what the rest of the page leaves. */
  const isLimited = () => tools.isFull() || scroll.closest(".kanwidget[data-limited]") !== null;
  const fullHeight = () => (isLimited() ? Math.max(MIN_FULL_HEIGHT, scroll.clientHeight) : undefined);

  /** The face that shows a moment; a camera that belongs to another picture is let go. */
  function faceOf(
    moment: FrameInput,
    unit: NormalizedCurve,
    time: number,
  ): { face: Renderer; maxZoom: number } {
    const { known, reading, width } = moment;
    const quilt = showsMatrix(reading.view, known.net, known.settled);
    const maker = faces[quilt ? "matrix" : "network"];
    const height = fullHeight();
    const nextKind = `${known.net.width} ${reading.orientation} ${quilt}`;
    const nextPage = `${known.net.width} ${reading.orientation} ${reading.view} ${width} ${height}`;
    if (nextKind !== kind) camera = FIT;
    [kind, page, quilted] = [nextKind, nextPage, quilt];
    const face = maker.show(moment, camera, unit, height, time);
    const held = clamp(camera, face);
    if (held.k === camera.k && held.x === camera.x && held.y === camera.y)
      return { face, maxZoom: maker.maxZoom };
    camera = held;
    return { face: maker.show(moment, camera, unit, height, time), maxZoom: maker.maxZoom };
  }

  /** All of it, at rest and with nothing chosen: what is looked at just now is not what is kept. */
  function takePicture(): Picture | null {
    if (!now) return null;
    const { known, probe = null } = now.moment;
    const moment = { ...now.moment, known: { ...known, selected: [] } };
    const maker = faces[quilted ? "matrix" : "network"];
    const face = maker.show(moment, FIT, now.brush.curve, fullHeight(), Number.POSITIVE_INFINITY);
    const { width, edgeCount } = known.net;
    const title = `KAN [${width.join(", ")}], ${countOn(known.mask)} of ${edgeCount} edges`;
    events.changed();
    return { face, brush: now.brush, probe, title, fileName: `kan-${width.join("-")}`.slice(0, 60) };
  }

  return {
    element: outer,
    /** What of the network the last frame has drawn; null before the first. */
    get drawn(): DrawnSummary | null {
      return now?.face.drawn ?? null;
    },
    /** The picture that would be kept, for paper. */
    svg(): string | null {
      const picture = takePicture();
      return picture && svgOf(picture, LIGHT);
    },
    /** Shows a moment; true while something still moves, so that another frame is due. */
    render(moment: FrameInput, time: number): boolean {
      const start = performance.now();
      const { known, reading } = moment;
      if (curve?.of !== reading.curves) {
        curve = { of: reading.curves, unit: createNormalizedCurves(known.net, reading.curves) };
      }
      const { face, maxZoom } = faceOf(moment, curve.unit, time);
      const moved = now?.face.moving && !face.moving;
      const { ratio, sliding } = resize(face, time);
      const brush: Brush = {
        ctx: canvases.ctx("picture"),
        ratio,
        palette: moment.palette,
        font: moment.font,
        curve: curve.unit,
      };
      now = { moment, face, brush, maxZoom };
      const look = [face.picture, moment.palette, moment.names];
      const probe = moment.probe ?? null;
      const target = known.drag || loop.length > 0 ? null : (known.hover ?? known.focus);
      canvases.repaint("picture", look, false, () => face.paint(brush));
      canvases.repaint("marks", [...look, known.selected, probe], face.unmarked(probe), () =>
        face.paintMarks({ ...brush, ctx: canvases.ctx("marks") }, probe),
      );
      const bare = !target && !focus && loop.length === 0;
      canvases.repaint("highlight", [...look, target?.kind, target?.id, focus, loop], bare, () => {
        const over = { ...brush, ctx: canvases.ctx("highlight") };
        face.paintHighlight(over, target, focus);
        paintLasso(over, loop);
      });
      twins.update(face.spots, known, moment.names);
      twins.move(camera.k, camera.x, camera.y);
      tools.update(camera.k, maxZoom);
      stage.toggleAttribute("data-zoomed", camera.k > 1);
      stage.toggleAttribute("data-over", known.hover !== null);
      card.update(target, moment, face, brush);
      measureFrame(start);
      // The pointer may rest where something else is now.
      if (moved && pointer && !sameTarget(under(), known.hover)) events.hovered(under());
      return face.moving || sliding;
    },
  };
}

/** The last frame's cost, in the browser's own timeline. */
function measureFrame(start: number): void {
  performance.clearMeasures("kanwidget:draw");
  performance.measure("kanwidget:draw", { start, end: performance.now() });
}

export const STAGE_STYLES = `
.network { position: relative; margin: 0 -16px; }
.scroll { overflow-x: auto; overflow-y: hidden; }
.stage {
  position: relative; margin: 0 auto; overflow: hidden; overflow: clip; touch-action: pan-x pan-y;
  user-select: none; -webkit-user-select: none; -webkit-touch-callout: none;
}
.stage[data-zoomed] { touch-action: none; cursor: grab; }
.stage[data-over] { cursor: pointer; }
.stage[data-hand="pan"] { cursor: grabbing; }
.stage[data-hand="lasso"] { cursor: crosshair; }
.stage canvas { position: absolute; left: 0; top: 0; display: block; }
.stage:focus-visible { outline-offset: -2px; }
.network > .tools { padding: 0 16px; }
`;
