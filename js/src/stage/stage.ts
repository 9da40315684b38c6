/** The canvases, the buttons over them and the tooltip: shows one frame at a time, and reports what pointer and keys do. */

import type { Brush } from "../canvas/brush";
import { createNormalizedCurves, type NormalizedCurve, withOtherCurve } from "../canvas/normalized-curves";
import { countOn, sameMask } from "../model/mask";
import { sameTarget, type Target } from "../model/network";
import { extend, flip } from "../state/selection";
import { STAGE } from "../text/labels";
import { viewChangeWords } from "../text/messages";
import { element } from "../util/dom";
import { loopOf } from "../util/loops";
import { createMemo } from "../util/memo";
import { createSlideTransition } from "../util/transition";
import { type Camera, clamp, FIT, panBy, reveal, ZOOM_STEP, zoomAt } from "../views/camera";
import { showsMatrix } from "../views/choose-view";
import type { DrawnSummary, FrameInput, Renderer } from "../views/contract";
import { createMatrixView } from "../views/matrix/view";
import { paintLasso } from "../views/network/marks";
import { createNetworkView } from "../views/network/view";
import type { Snapshot } from "../wire/snapshot";
import type { Orientation } from "../wire/traits";
import { createAccessibleTargets } from "./accessible-targets";
import { LIGHT, type Picture, saveActions, svgOf } from "./export-image";
import { type GestureHandlers, type Point, watchGestures } from "./gestures";
import { pressKey } from "./keys";
import { createLayers } from "./layers";
import { createMenu } from "./menu";
import { actionsFor, titleOf } from "./menu-actions";
import { createOrientationChoice } from "./orientation";
import { createTooltipLayer } from "./tooltip-layer";
import { createZoomBar } from "./zoom-bar";

export type { FrameInput } from "../views/contract";
export type { Probe } from "../views/network/marks";

export interface StageEvents {
  hovered(target: Target | null): void;
  focused(target: Target | null): void;
  /** The whole new selection. */
  selected(targets: readonly Target[]): void;
  /** The pointer was pressed on the stage, or has left it. */
  held(held: boolean): void;
  /** Several at once: all off when one of them is on, else all on (`toggleAll`). */
  toggled(targets: readonly Target[]): void;
  /** Whether there is a kernel, which can write pictures too. */
  readonly python: boolean;
  /** The stage moved by itself (zoom, full screen, lasso): it wants to be rendered. */
  changed(): void;
}

const MIN_FULL_HEIGHT = 180;

export function createStage(events: StageEvents, signal: AbortSignal) {
  const canvases = createLayers();
  const tooltip = createTooltipLayer();
  const menu = createMenu(signal);
  const renderers = {
    network: createNetworkView(canvases.ctx("picture")),
    matrix: createMatrixView(canvases.ctx("picture")),
  };

  let camera: Camera = FIT;
  let now: { input: FrameInput; renderer: Renderer; brush: Brush; maxZoom: number } | null = null;
  let asMatrix = false;
  let pointer: Point | null = null;
  let loop: readonly Point[] = [];
  let focus: Target | null = null;
  /** What was under the pointer when it last went down, and at the first of the last clicks. */
  let down: Target | null = null;
  let clicked: Target | null = null;
  let curve: { of: Snapshot["curves"]; shared: boolean; unit: NormalizedCurve } | null = null;
  const previewed = createMemo<NormalizedCurve>();
  let page = "";
  let view = "";
  let kind = "";
  const slide = createSlideTransition();

  const accessible = createAccessibleTargets(
    {
      focused(target) {
        if (target && !sameTarget(target, focus)) revealTarget(target);
        focus = target;
        events.focused(target);
      },
      pressed: (target) => toggle([target]),
    },
    signal,
  );
  const stage = element(
    "div",
    { class: "stage", tabindex: "-1" },
    ...canvases.elements,
    accessible.element,
    tooltip.element,
  );
  const scroll = element("div", { class: "scroll" }, stage);
  const zoomBy = (factor: number, [x, y]: Point = centre()) =>
    moveCamera(zoomAt(camera, Math.min(factor, (now?.maxZoom ?? 1) / camera.k), x, y, size()));
  const fit = () => moveCamera(FIT);
  const zoomBar = createZoomBar(
    () => scroll.closest<HTMLElement>(".kanwidget"),
    {
      zoom: (direction) => zoomBy(ZOOM_STEP ** direction),
      fit,
      tidy: () => events.held(false),
      python: events.python,
    },
    signal,
  );
  const outer = element("div", { class: "network" }, scroll, zoomBar.element, menu.element);
  const orientation = createOrientationChoice(canvases.ctx("picture"));
  /** The height that there is room for, where the host does not give another. */
  let room: number | undefined;
  document.addEventListener("fullscreenchange", () => events.changed(), { signal });
  // In full screen the height counts too, and the view only watches its width.
  window.addEventListener("resize", () => zoomBar.isFull() && events.changed(), { signal });

  const size = () => ({ width: now?.renderer.width ?? 0, height: now?.renderer.height ?? 0 });
  const centre = (): Point => [size().width / 2, size().height / 2];
  const under = (): Target | null => (now && pointer ? now.renderer.hit(...pointer) : null);

  function moveCamera(next: Camera): void {
    if (next.k === camera.k && next.x === camera.x && next.y === camera.y) return;
    camera = next;
    events.changed();
  }

  /** Brings a target into sight. */
  function revealTarget(target: Target): void {
    const spot = accessible.spot(target);
    if (spot && camera.k > 1) moveCamera(reveal(camera, spot.box, size()));
    else if (spot) accessible.scrollTo(target);
  }

  const select = (targets: readonly Target[]) => events.selected(targets);
  /** What the pointer may be aiming at next stays where it is. */
  function toggle(targets: readonly Target[]): void {
    if (pointer) events.held(true);
    events.toggled(targets);
  }
  /** The pointer will be on the stage again when the menu has closed. */
  function toggleFromMenu(targets: readonly Target[]): void {
    events.held(true);
    events.toggled(targets);
  }
  /** Moves the focus to what was clicked, so that keys act on it; the focus ring shows only for keyboard users. */
  function focusTarget(target: Target | null): void {
    if (!target || !accessible.focus(target)) stage.focus({ preventScroll: true });
  }

  const handlers: GestureHandlers = {
    hover(at) {
      pointer = at;
      events.hovered(under());
    },
    hold([x, y]) {
      handlers.hover(null);
      openMenuAt(x, y);
    },
    press(at) {
      down = now?.renderer.hit(...at) ?? null;
      events.held(true);
    },
    left: () => events.held(false),
    click(extending) {
      if (!now) return;
      const { selected } = now.input.known;
      clicked = down;
      focusTarget(clicked);
      if (clicked) select(extending ? flip(selected, clicked) : [clicked]);
      else if (!extending && selected.length > 0) select([]);
    },
    double(at) {
      if (clicked) toggle([clicked]);
      else if (!now?.renderer.hit(...at)) fit();
    },
    background: (at) => now !== null && now.renderer.hit(...at) === null,
    pan: (dx, dy) => moveCamera(panBy(camera, dx, dy, size())),
    zoom: (factor, at) => zoomBy(factor, at),
    lasso(line, done) {
      const around = loopOf(line);
      loop = done ? [] : around;
      if (done && now && around.length > 2) {
        select(extend(now.input.known.selected, now.renderer.inLoop(around)));
        focusTarget(null);
      }
      events.changed();
    },
    cancelled() {
      loop = [];
      events.changed();
    },
  };
  const hand = watchGestures(stage, canvases.elements.at(-1)!, handlers, signal);

  function openMenu(target: Target | null, x: number, y: number, switchOff = toggle): void {
    if (!now) return;
    const { known, names } = now.input;
    handlers.hover(null);
    const actions = actionsFor(known, names, target, { select, toggle: switchOff, fit });
    menu.open(actions, x, y, titleOf(known, names, target), accessible.focused?.button ?? stage);
  }
  /** At a point of the stage. */
  function openMenuAt(x: number, y: number): void {
    const [at, origin] = [outer.getBoundingClientRect(), stage.getBoundingClientRect()];
    const target = now?.renderer.hit(x, y) ?? null;
    openMenu(target, origin.left - at.left + x, origin.top - at.top + y, toggleFromMenu);
  }
  function offerPicture(button: HTMLElement): void {
    if (!now) return;
    const [at, own] = [outer.getBoundingClientRect(), button.getBoundingClientRect()];
    const items = saveActions(now.input.palette, {
      take: takePicture,
      say: zoomBar.say,
      python: events.python,
    });
    menu.open(items, own.left - at.left, own.top - at.top, STAGE.pictureMenu, button);
  }
  /** Where the keyboard is. */
  function openMenuBeside(target: Target): boolean {
    const box = now?.renderer.boxOf(target);
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
      // The menu key has no place of its own: it opens for what has the focus. The pointer never reaches the buttons.
      const focused = accessible.element.contains(event.target as Node)
        ? accessible.focused?.target
        : undefined;
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
      if (pressKey(event, now.input.known, accessible.focused?.target ?? null, keys)) event.preventDefault();
    },
    { signal },
  );
  // Firefox clicks a button when Space comes up.
  stage.addEventListener("keyup", (event) => event.key === " " && event.preventDefault(), { signal });

  /** The page below slides after the picture. True until it has come to rest. */
  function resize(
    { width, height, paintedHeight }: Renderer,
    time: number,
  ): { ratio: number; sliding: boolean } {
    const { value, moving } = slide(height, page, time);
    for (const [name, length] of [
      ["width", `${width}px`],
      ["height", `${value}px`],
    ] as const) {
      if (stage.style[name] !== length) stage.style[name] = length;
    }
    return { ratio: canvases.resize(width, paintedHeight), sliding: moving };
  }

  /** In full screen, and where the host has fixed the height, the stage has what the head of the view leaves. */
  const isLimited = () => zoomBar.isFull() || scroll.closest(".kanwidget[data-limited]") !== null;
  const fullHeight = () => (isLimited() ? Math.max(MIN_FULL_HEIGHT, scroll.clientHeight) : room);

  /** The renderer that shows a frame; a camera that belongs to another picture is let go. */
  function rendererOf(
    input: FrameInput,
    unit: NormalizedCurve,
    time: number,
  ): { renderer: Renderer; maxZoom: number } {
    const { known, reading, width } = input;
    const matrix = showsMatrix(reading.view, known.net, known.layoutMask);
    const maker = renderers[matrix ? "matrix" : "network"];
    const height = fullHeight();
    const nextKind = `${known.net.width} ${reading.orientation} ${matrix}`;
    const nextPage = `${known.net.width} ${reading.orientation} ${reading.view} ${width} ${height}`;
    if (nextKind !== kind) camera = FIT;
    if (now && matrix !== asMatrix) {
      canvases.fadePicture();
      // Whoever has chosen the other view knows why it is there.
      const same = view === reading.view && now.input.known.net.topology === known.net.topology;
      if (same) zoomBar.say(viewChangeWords(matrix, countOn(known.layoutMask)));
    }
    view = reading.view;
    [kind, page, asMatrix] = [nextKind, nextPage, matrix];
    const renderer = maker.show(input, camera, unit, height, time);
    const held = clamp(camera, renderer);
    if (held.k === camera.k && held.x === camera.x && held.y === camera.y)
      return { renderer, maxZoom: maker.maxZoom };
    camera = held;
    return { renderer: maker.show(input, camera, unit, height, time), maxZoom: maker.maxZoom };
  }

  /** The whole network, without animation, zoom and selection. */
  function takePicture(): Picture | null {
    if (!now) return null;
    const { known, probe = null } = now.input;
    const input = { ...now.input, known: { ...known, selected: [] } };
    const maker = renderers[asMatrix ? "matrix" : "network"];
    const renderer = maker.show(input, FIT, now.brush.curve, fullHeight(), Number.POSITIVE_INFINITY);
    const { width, edgeCount } = known.net;
    const title = `KAN [${width.join(", ")}], ${countOn(known.mask)} of ${edgeCount} edges`;
    events.changed();
    return { renderer, brush: now.brush, probe, title, fileName: `kan-${width.join("-")}`.slice(0, 60) };
  }

  return {
    element: outer,
    /** The line under the picture. */
    foot: zoomBar.element,
    /** What of the network the last frame has drawn; null before the first. */
    get drawn(): DrawnSummary | null {
      return now?.renderer.drawn ?? null;
    },
    /** The picture that would be kept, for paper. */
    svg(): string | null {
      const picture = takePicture();
      return picture && svgOf(picture, LIGHT);
    },
    /** How the graph lies. */
    get orientation(): Orientation {
      return now?.input.reading.orientation === "up" ? "up" : "right";
    },
    /** Offers the picture to keep, beside the button that was pressed. */
    offerPicture,
    /** Shows a frame in the height that there is room for; true while something still moves, so that another frame is due. */
    render(given: FrameInput, time: number, height?: number): boolean {
      const start = performance.now();
      room = height;
      const input = orientation(given, fullHeight());
      const { known, reading } = input;
      const { curves: of, sharedScale: shared } = reading;
      if (curve?.of !== of || curve.shared !== shared) {
        curve = { of, shared, unit: createNormalizedCurves(known.net, of, shared) };
      }
      const { unit } = curve;
      const { preview } = known;
      const shown = preview
        ? previewed([unit, preview], () =>
            withOtherCurve(unit, preview.edge, xOf(input, preview.edge), preview.y),
          )
        : unit;
      const { renderer, maxZoom } = rendererOf(input, shown, time);
      const moved = now?.renderer.moving && !renderer.moving;
      const { ratio, sliding } = resize(renderer, time);
      const brush: Brush = {
        ctx: canvases.ctx("picture"),
        ratio,
        palette: input.palette,
        font: input.font,
        curve: shown,
      };
      now = { input, renderer, brush, maxZoom };
      const look = [renderer.picture, input.palette, input.names];
      const probe = input.probe ?? null;
      const target = known.drag || loop.length > 0 ? null : (known.hover ?? known.focus);
      canvases.repaint("picture", look, false, () => renderer.paint(brush));
      const marks = [...look, known.selected, known.lit, probe];
      canvases.repaint("marks", marks, known.lit.length === 0 && renderer.hasNoMarks(probe), () =>
        renderer.paintMarks({ ...brush, ctx: canvases.ctx("marks") }, probe),
      );
      const bare = !target && !focus && loop.length === 0;
      canvases.repaint("highlight", [...look, target?.kind, target?.id, focus, loop], bare, () => {
        const over = { ...brush, ctx: canvases.ctx("highlight") };
        renderer.paintHighlight(over, target, focus);
        paintLasso(over, loop);
      });
      accessible.update(renderer.targetBoxes, known, input.names);
      accessible.move(camera.k, camera.x, camera.y);
      zoomBar.update(camera.k, maxZoom, known.held && !sameMask(known.mask, known.layoutMask));
      stage.toggleAttribute("data-zoomed", camera.k > 1);
      stage.toggleAttribute("data-over", known.hover !== null);
      tooltip.update(target, input, renderer, brush);
      measureFrame(start);
      // The pointer may rest where something else is now.
      if (moved && pointer && !sameTarget(under(), known.hover)) events.hovered(under());
      return renderer.moving || sliding;
    },
  };
}

/** Where the curve of an edge is sampled. */
function xOf({ known, reading: { curves } }: FrameInput, edge: number): Float32Array {
  const from = known.net.source[edge]! * curves.samples;
  return curves.x.subarray(from, from + curves.samples);
}

/** The last frame's cost, in the browser's own timeline. */
function measureFrame(start: number): void {
  performance.clearMeasures("kanwidget:draw");
  performance.measure("kanwidget:draw", { start, end: performance.now() });
}
