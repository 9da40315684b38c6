/**
 * Recognises gestures on the stage: hover, click, double click, drag on the background (pan, or a lasso with
 * Shift), two fingers, a finger that rests, a wheel with Ctrl or Cmd. Points are in CSS pixels of the stage. Knows nothing of networks.
 */
export type Point = readonly [x: number, y: number];

export interface GestureHandlers {
  /** The pointer is here, or nowhere. */
  hover(at: Point | null): void;
  /** A finger rests here: what a right click is to a mouse. */
  hold(at: Point): void;
  /** A pointer goes down here. What a click or the first click of a double click means is what was there then. */
  press(at: Point): void;
  /** The pointer that went down has left the stage: a mouse by moving away, a finger by going down elsewhere. */
  left(): void;
  /** `extend`: with Shift, Ctrl or Cmd. */
  click(extend: boolean): void;
  double(at: Point): void;
  /** Whether there is something to grab at a point; what is not grabbed pans or begins a lasso. */
  background(at: Point): boolean;
  pan(dx: number, dy: number): void;
  zoom(factor: number, at: Point): void;
  lasso(loop: readonly Point[], done: boolean): void;
  cancelled(): void;
}

const apart = ([x, y]: Point, [a, b]: Point) => Math.hypot(x - a, y - b);

/** A mouse that moves less, in pixels, has not moved. */
const STILL = 4;
/** The same for a finger, which is broader and trembles. */
const STILL_FINGER = 10;
/** The same delay as in hosts that detect a long press themselves. */
const HOLD = 500;

/** `surface` covers the stage, and has no elements in it. */
export function watchGestures(
  stage: HTMLElement,
  surface: HTMLElement,
  handlers: GestureHandlers,
  signal: AbortSignal,
): { cancel(): boolean } {
  const fingers = new Map<number, Point>();
  let drag: { id: number; from: Point; last: Point; kind: "wait" | "pan" | "lasso"; loop: Point[] } | null =
    null;
  let moved = false;
  let resting: { id: number; from: Point; timer: ReturnType<typeof setTimeout> } | null = null;
  signal.addEventListener("abort", cancelLongPress);
  const at = (event: MouseEvent): Point => {
    const { left, top } = stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const listenOn =
    (element: HTMLElement, passive: boolean) =>
    <K extends keyof HTMLElementEventMap>(name: K, listener: (event: HTMLElementEventMap[K]) => void) =>
      element.addEventListener(name, listener, { signal, passive });
  const on = listenOn(stage, true);
  // What may keep the page from scrolling has no elements in it: a browser notes the place of each when it paints.
  const onSurface = listenOn(surface, false);

  function endDrag(done: boolean): void {
    if (drag?.kind === "lasso") handlers.lasso(drag.loop, done);
    drag = null;
    stage.removeAttribute("data-hand");
  }

  /** The finger does not rest any more. */
  function cancelLongPress(): void {
    clearTimeout(resting?.timer);
    resting = null;
  }
  function startLongPress(id: number, from: Point): void {
    const timer = setTimeout(() => {
      resting = null;
      moved = true;
      endDrag(false);
      handlers.hold(from);
    }, HOLD);
    resting = { id, from, timer };
  }

  on("pointerdown", (event) => {
    moved = false;
    cancelLongPress();
    if (event.button !== 0) return;
    const point = at(event);
    const finger = event.pointerType === "touch";
    handlers.press(point);
    fingers.set(event.pointerId, point);
    if (fingers.size === 2) endDrag(false);
    if (fingers.size !== 1) return;
    if (finger) startLongPress(event.pointerId, point);
    // A zoomed network is filled with curves: a finger must be able to move it by them.
    if (!finger && !handlers.background(point)) return;
    drag = { id: event.pointerId, from: point, last: point, kind: "wait", loop: [point] };
  });

  on("pointermove", (event) => {
    const point = at(event);
    if (resting?.id === event.pointerId && apart(point, resting.from) > STILL_FINGER) cancelLongPress();
    if (fingers.size === 2 && fingers.has(event.pointerId)) {
      pinch(event.pointerId, point);
      return;
    }
    if (drag?.id !== event.pointerId) {
      handlers.hover(point);
      return;
    }
    if (drag.kind === "wait") {
      if (apart(point, drag.from) < (event.pointerType === "touch" ? STILL_FINGER : STILL)) return;
      drag.kind = event.shiftKey ? "lasso" : "pan";
      moved = true;
      stage.setPointerCapture(event.pointerId);
      stage.setAttribute("data-hand", drag.kind);
      handlers.hover(null);
    }
    if (drag.kind === "pan") handlers.pan(point[0] - drag.last[0], point[1] - drag.last[1]);
    else {
      drag.loop = [...drag.loop, point];
      handlers.lasso(drag.loop, false);
    }
    drag.last = point;
  });

  function pinch(id: number, point: Point): void {
    const [other] = [...fingers].filter(([finger]) => finger !== id).map(([, where]) => where);
    const before = fingers.get(id)!;
    fingers.set(id, point);
    if (!other) return;
    moved = true;
    const span = (p: Point) => Math.max(1, apart(p, other));
    const middle: Point = [(point[0] + other[0]) / 2, (point[1] + other[1]) / 2];
    handlers.zoom(span(point) / span(before), middle);
    handlers.pan((point[0] - before[0]) / 2, (point[1] - before[1]) / 2);
  }

  const release = (event: PointerEvent) => {
    cancelLongPress();
    fingers.delete(event.pointerId);
    if (drag?.id === event.pointerId) endDrag(event.type === "pointerup");
  };
  on("pointerup", release);
  on("pointercancel", (event) => {
    release(event);
    handlers.hover(null);
  });
  // When the page scrolls or a menu opens, no `pointerup` comes.
  on("lostpointercapture", (event) => {
    // A touched element captures the finger by itself, and loses it when the stage captures it.
    if (event.target === stage) release(event);
  });
  on("pointerleave", (event) => {
    if (drag?.id === event.pointerId) return;
    fingers.delete(event.pointerId);
    handlers.hover(null);
    // A finger leaves whenever it is lifted, and comes back for its next tap.
    if (event.pointerType !== "touch") handlers.left();
  });
  window.addEventListener(
    "pointerdown",
    (event) => !event.composedPath().includes(stage) && handlers.left(),
    {
      signal,
      passive: true,
      capture: true,
    },
  );

  // The page may scroll under one finger. The stage handles two fingers, and the events that a browser
  // derives from one that has rested.
  const preventBrowserGesture = (event: TouchEvent) => {
    if (event.cancelable && (event.touches.length > 1 || (event.type === "touchend" && moved)))
      event.preventDefault();
  };
  onSurface("touchstart", preventBrowserGesture);
  onSurface("touchmove", preventBrowserGesture);
  onSurface("touchend", preventBrowserGesture);
  // Hosts that know a long press have said so themselves.
  on("contextmenu", () => {
    moved ||= resting !== null;
    cancelLongPress();
  });

  on("click", (event) => {
    if (event.detail === 0 || moved) return;
    if (event.detail < 2) handlers.click(event.shiftKey || event.ctrlKey || event.metaKey);
  });
  on("dblclick", (event) => {
    if (!moved && !event.shiftKey && !event.ctrlKey && !event.metaKey) handlers.double(at(event));
  });
  onSurface("wheel", (event) => {
    // Without a key the wheel scrolls the page. A pinch on a touch pad arrives as a wheel event with Ctrl.
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const lines = event.deltaMode === 0 ? 1 : 16;
    const turn = Math.max(-60, Math.min(60, event.deltaY * lines));
    handlers.zoom(Math.exp(-turn * 0.006), at(event));
  });

  return {
    /** True when a drag was given up. */
    cancel() {
      if (drag === null || drag.kind === "wait") return false;
      endDrag(false);
      handlers.cancelled();
      return true;
    },
  };
}
