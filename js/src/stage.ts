/** The canvases, the buttons over them and the card: shows one frame at a time, and says what hands and keys do. */
import { element } from "./dom";
import { type Brush, paintCurve } from "./draw";
import { countOn } from "./network";
import { CURVE_SIDE, createCard } from "./panels/card";
import type { Box } from "./paths";
import type { Reading } from "./protocol";
import { prefersQuilt } from "./quilt/choice";
import { extend, flip, meant } from "./selection";
import { actionsFor, titleOf } from "./stage/actions";
import { type Camera, clamp, FIT, panBy, reveal, ZOOM_STEP, zoomAt } from "./stage/camera";
import type { Face, Moment } from "./stage/face";
import { type Hands, type Point, watchHands } from "./stage/gestures";
import { paintLasso } from "./stage/marks";
import { createMenu } from "./stage/menu";
import { createNetworkFace } from "./stage/network-face";
import { keepingActions, type Picture } from "./stage/picture";
import { createQuiltFace } from "./stage/quilt-face";
import { createRoomMeter } from "./stage/room";
import { freeSpot } from "./stage/spot";
import { createTools } from "./stage/tools";
import { isTargetOn, sameTarget, type Target } from "./state";
import { createTwins } from "./twins";
import { createUnitCurves, type UnitCurve } from "./unit-curves";
import { describe } from "./words";

export type { Moment } from "./stage/face";
export type { Probe } from "./stage/marks";

export interface StageEvents {
  hovered(target: Target | null): void;
  focused(target: Target | null): void;
  /** The whole new selection. */
  selected(targets: readonly Target[]): void;
  /** Several at once: all off when one of them is on, else all on (`toggleAll`). */
  toggled(targets: readonly Target[]): void;
  /** Whether Python is behind the view, and can write pictures too. */
  readonly python: boolean;
  /** The stage moved by itself (zoom, full screen, lasso): it wants to be rendered. */
  changed(): void;
}

/** A box with a shorter side shows its curve larger on the card. */
const READABLE_SIDE = 44;
const MIN_FULL_HEIGHT = 240;

export function createStage(events: StageEvents, signal: AbortSignal) {
  const [picture, marks, highlight] = ["picture", "marks", "highlight"].map((role) =>
    element("canvas", { "data-role": role, "aria-hidden": "true" }),
  ) as [HTMLCanvasElement, HTMLCanvasElement, HTMLCanvasElement];
  const canvases = [picture, marks, highlight];
  const card = createCard();
  const cardCtx = contextOf(card.canvas);
  const contexts = canvases.map(contextOf);
  const menu = createMenu(signal);

  let camera: Camera = FIT;
  let now: { moment: Moment; face: Face; brush: Brush } | null = null;
  let pointer: Point | null = null;
  let loop: readonly Point[] = [];
  let focus: Target | null = null;
  let pressed: Target | null = null;
  let curve: { of: Reading["curves"]; unit: UnitCurve } | null = null;
  /** What each canvas shows. */
  let painted: readonly (readonly unknown[])[] = [[], [], []];
  let lit: readonly unknown[] = [];
  let page: string | null = null;
  let quilted = false;
  let tallest = 0;

  const twins = createTwins(
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
  const stage = element("div", { class: "stage", tabindex: "-1" }, ...canvases, twins.element, card.element);
  const scroll = element("div", { class: "scroll" }, stage);
  const zoomBy = (factor: number, [x, y]: Point = centre()) => look(zoomAt(camera, factor, x, y, size()));
  const fit = () => look(FIT);
  const tools = createTools(
    () => scroll.closest<HTMLElement>(".kanwidget"),
    { zoom: (direction) => zoomBy(ZOOM_STEP ** direction), fit, picture: offerPicture },
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
    else if (spot) scrollTo(spot.box);
  }

  function scrollTo({ x, side }: Box): void {
    if (x < scroll.scrollLeft) scroll.scrollLeft = x - 8;
    else if (x + side > scroll.scrollLeft + scroll.clientWidth)
      scroll.scrollLeft = x + side + 8 - scroll.clientWidth;
  }

  const select = (targets: readonly Target[]) => events.selected(targets);
  /** So that the keys mean what was clicked; the ring stays with those who came by keyboard. */
  function take(target: Target | null): void {
    if (!target || !twins.take(target)) stage.focus({ preventScroll: true });
  }

  const hands: Hands = {
    hover(at) {
      pointer = at;
      events.hovered(under());
    },
    click(at, extending) {
      if (!now) return;
      const { selected } = now.moment.known;
      pressed = now.face.hit(...at);
      take(pressed);
      if (pressed) select(extending ? flip(selected, pressed) : [pressed]);
      else if (!extending && selected.length > 0) select([]);
    },
    double(_first, at) {
      // What the first click was on: the boxes may have moved since.
      if (pressed) events.toggled([pressed]);
      else if (!now?.face.hit(...at)) fit();
    },
    background: (at) => now !== null && now.face.hit(...at) === null,
    pan: (dx, dy) => look(panBy(camera, dx, dy, size())),
    zoom: (factor, at) => zoomBy(factor, at),
    lasso(points, done) {
      loop = done ? [] : points;
      if (done && now && points.length > 2) {
        select(extend(now.moment.known.selected, now.face.inLoop(points)));
        take(null);
      }
      events.changed();
    },
    cancelled() {
      loop = [];
      events.changed();
    },
  };
  const hand = watchHands(stage, hands, signal);

  function openMenu(target: Target | null, x: number, y: number): void {
    if (!now) return;
    const { known, names } = now.moment;
    hands.hover(null);
    const actions = actionsFor(known, names, target, {
      select,
      toggle: (targets) => events.toggled(targets),
      fit,
    });
    const several = target && known.selected.length > 1 && known.selected.some((s) => sameTarget(s, target));
    const title = several ? `${known.selected.length} selected` : titleOf(known, names, target);
    menu.open(actions, x, y, title, twins.focused?.button ?? stage);
  }
  function offerPicture(button: HTMLElement): void {
    if (!now) return;
    const [at, own] = [outer.getBoundingClientRect(), button.getBoundingClientRect()];
    const items = keepingActions(now.moment.palette, {
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
      // The menu key has no place of its own: it means what has the focus. Hands never touch the buttons.
      const focused = twins.element.contains(event.target as Node) ? twins.focused?.target : undefined;
      if (focused && openMenuBeside(focused)) return;
      const [at, origin] = [outer.getBoundingClientRect(), stage.getBoundingClientRect()];
      const target = now.face.hit(event.clientX - origin.left, event.clientY - origin.top);
      openMenu(target, event.clientX - at.left, event.clientY - at.top);
    },
    { signal },
  );

  stage.addEventListener(
    "keydown",
    (event) => {
      if (now && !event.ctrlKey && !event.metaKey && !event.altKey && key(event)) event.preventDefault();
    },
    { signal },
  );
  // Firefox clicks a button when Space comes up.
  stage.addEventListener("keyup", (event) => event.key === " " && event.preventDefault(), { signal });

  /** True when the key meant something. */
  function key(event: KeyboardEvent): boolean {
    const { known } = now!.moment;
    const target = twins.focused?.target ?? null;
    const targets = meant(known.selected, target);
    switch (event.key) {
      case "Enter":
        if (target) select(event.shiftKey ? flip(known.selected, target) : [target]);
        return target !== null;
      case " ":
        if (targets.length > 0) events.toggled(targets);
        return true;
      case "Delete":
      case "Backspace": {
        const on = targets.filter((each) => isTargetOn(known.net, known.mask, each));
        if (on.length > 0) events.toggled(on);
        return true;
      }
      case "Escape":
        if (hand.cancel()) return true;
        if (known.selected.length === 0) return false;
        select([]);
        return true;
      case "F10":
        return event.shiftKey && target !== null && openMenuBeside(target);
      case "+":
      case "=":
        zoomBy(ZOOM_STEP);
        return true;
      case "-":
        zoomBy(1 / ZOOM_STEP);
        return true;
      case "0":
        fit();
        return true;
    }
    return false;
  }

  function resize({ width, height }: Face): number {
    const ratio = devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (picture.width !== w || picture.height !== h) {
      for (const canvas of canvases) [canvas.width, canvas.height] = [w, h];
      painted = [[], [], []];
    }
    if (stage.style.width !== `${width}px`) stage.style.width = `${width}px`;
    if (stage.style.height !== `${height}px`) stage.style.height = `${height}px`;
    // When pruning turns a quilt into a network, the page below stays where it is.
    tallest = Math.max(tallest, height);
    if (scroll.style.minHeight !== `${tallest}px`) scroll.style.minHeight = `${tallest}px`;
    return ratio;
  }

  /** In full screen the stage has what the rest of the page leaves. */
  function fullHeight(): number | undefined {
    const host = tools.isFull() ? outer.closest<HTMLElement>(".kanwidget") : null;
    if (!host) return undefined;
    const rest = [...host.children].reduce((sum, child) => sum + child.getBoundingClientRect().height, 0);
    const style = getComputedStyle(host);
    const rims = Number.parseFloat(style.paddingTop) + Number.parseFloat(style.paddingBottom) + 24;
    return Math.max(MIN_FULL_HEIGHT, Math.floor(innerHeight - rims - rest + stage.offsetHeight));
  }

  /** Paints one canvas if what it shows is another; what is empty and stays so costs nothing. */
  function repaint(k: number, look: readonly unknown[], empty: boolean, paint: () => void): void {
    const shows = empty ? ["empty"] : look;
    if (painted[k]!.length === shows.length && shows.every((value, d) => value === painted[k]![d])) return;
    painted = painted.map((before, d) => (d === k ? shows : before));
    paint();
  }

  function showCard({ moment, face, brush }: NonNullable<typeof now>): void {
    const { known, names } = moment;
    const target = known.drag || loop.length > 0 ? null : (known.hover ?? known.focus);
    stage.toggleAttribute("data-over", known.hover !== null);
    const shows = [face.picture, names, known.net, target?.kind, target?.id];
    if (shows.every((value, k) => value === lit[k])) return;
    lit = shows;
    const box = target && face.boxOf(target);
    if (!target || !box) {
      card.hide();
      return;
    }
    const small = target.kind === "edge" && box.side < READABLE_SIDE;
    card.canvas.hidden = !small;
    if (small) {
      card.canvas.width = card.canvas.height = Math.round(CURVE_SIDE * brush.ratio);
      const look = known.mask[target.id] ? "on" : "off";
      const formula = known.symbolic.get(target.id) ?? null;
      paintCurve({ ...brush, ctx: cardCtx }, { edge: target.id, look, formula }, CURVE_SIDE);
    }
    card.show(describe(known, names, target), 0, 0, face.width, face.height);
    const { offsetWidth: width, offsetHeight: height } = card.element;
    const [x, y] = freeSpot({ width, height }, box, face.obstacles(target), face);
    card.element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }

  /** All of it, at rest and with nothing chosen: what is looked at just now is not what is kept. */
  function takePicture(): Picture | null {
    if (!now) return null;
    const { known, probe = null } = now.moment;
    const moment = { ...now.moment, known: { ...known, selected: [] } };
    const maker = faces[quilted ? "quilt" : "network"];
    const face = maker.show(moment, FIT, now.brush.curve, fullHeight(), Number.POSITIVE_INFINITY);
    const { width, edgeCount } = known.net;
    const title = `KAN [${width.join(", ")}], ${countOn(known.mask)} of ${edgeCount} edges`;
    events.changed();
    return { face, brush: now.brush, probe, title, fileName: `kan-${width.join("-")}`.slice(0, 60) };
  }

  const roomOf = createRoomMeter(contexts[0]!);
  const faces = { network: createNetworkFace(contexts[0]!, roomOf), quilt: createQuiltFace(roomOf) };

  return {
    element: outer,
    /** Shows a moment; true while something still moves, so that another frame is due. */
    render(moment: Moment, time: number): boolean {
      const start = performance.now();
      const { known, reading } = moment;
      if (curve?.of !== reading.curves) {
        curve = { of: reading.curves, unit: createUnitCurves(known.net, reading.curves) };
      }
      const quilt =
        reading.view === "auto" ? prefersQuilt(known.net, known.settled) : reading.view === "quilt";
      const maker = faces[quilt ? "quilt" : "network"];
      const height = fullHeight();
      const side = [known.net.width.join(), reading.orientation, reading.view, moment.width, height].join(
        " ",
      );
      if (page !== side) tallest = 0;
      if (page !== null && (page !== side || quilt !== quilted)) camera = FIT;
      [page, quilted] = [side, quilt];
      let face = maker.show(moment, camera, curve.unit, height, time);
      const held = clamp(camera, face);
      if (held.x !== camera.x || held.y !== camera.y) {
        camera = held;
        face = maker.show(moment, camera, curve.unit, height, time);
      }
      const moved = now?.face.moving && !face.moving;
      const brush: Brush = {
        ctx: contexts[0]!,
        ratio: resize(face),
        palette: moment.palette,
        font: moment.font,
        curve: curve.unit,
      };
      now = { moment, face, brush };
      const look = [face.picture, moment.palette, moment.names];
      const probe = moment.probe ?? null;
      const target = known.drag ? null : (known.hover ?? known.focus);
      repaint(0, look, false, () => face.paint(brush));
      repaint(1, [...look, known.selected, probe], face.unmarked(probe), () =>
        face.paintMarks({ ...brush, ctx: contexts[1]! }, probe),
      );
      const bare = !target && !focus && loop.length === 0;
      repaint(2, [...look, target?.kind, target?.id, focus, loop], bare, () => {
        const over = { ...brush, ctx: contexts[2]! };
        face.paintHighlight(over, loop.length > 0 ? null : target, focus);
        paintLasso(over, loop);
      });
      twins.update(face.spots, known, moment.names);
      twins.move(camera.k, camera.x, camera.y);
      tools.update(camera.k, maker.maxZoom);
      stage.toggleAttribute("data-zoomed", camera.k > 1);
      showCard(now);
      measureFrame(start);
      // The pointer may rest where something else is now.
      if (moved && pointer && !sameTarget(under(), known.hover)) events.hovered(under());
      return face.moving;
    },
  };
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const ctx = canvas.getContext("2d");
  if (!ctx) throw new Error("This browser gives no 2D canvas");
  return ctx;
}

/** The last frame's cost, in the browser's own timeline. */
function measureFrame(start: number): void {
  performance.clearMeasures("kanwidget:draw");
  performance.measure("kanwidget:draw", { start, end: performance.now() });
}

export const STAGE_STYLES = `
.network { position: relative; margin: 0 -16px; }
.scroll { overflow-x: auto; overflow-y: hidden; }
.stage { position: relative; margin: 0 auto; overflow: hidden; overflow: clip; touch-action: pan-x pan-y; }
.stage[data-zoomed] { touch-action: none; cursor: grab; }
.stage[data-over] { cursor: pointer; }
.stage[data-hand="pan"] { cursor: grabbing; }
.stage[data-hand="lasso"] { cursor: crosshair; }
.stage canvas { position: absolute; left: 0; top: 0; display: block; width: 100%; height: 100%; }
.stage:focus-visible { outline-offset: -2px; }
.network > .tools { padding: 0 16px; }
`;
