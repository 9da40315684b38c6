/**
 * What hands do on the stage, told apart: hover, click, double click, drag on the background (pan, or a lasso with
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

/** A hand that holds still moves less. */
const STILL = 4;
/** A finger is broader, and trembles. */
const STILL_FINGER = 10;
/** As long as hosts wait that know a long press themselves. */
const HOLD = 500;

export function watchGestures(
  stage: HTMLElement,
  hands: GestureHandlers,
  signal: AbortSignal,
): { cancel(): boolean } {
  const fingers = new Map<number, Point>();
  let held: { id: number; from: Point; last: Point; kind: "wait" | "pan" | "lasso"; loop: Point[] } | null =
    null;
  let moved = false;
  let resting: { id: number; from: Point; timer: ReturnType<typeof setTimeout> } | null = null;
  signal.addEventListener("abort", stir);
  const at = (event: MouseEvent): Point => {
    const { left, top } = stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const on = <K extends keyof HTMLElementEventMap>(
    name: K,
    listener: (event: HTMLElementEventMap[K]) => void,
    passive = true,
  ) => stage.addEventListener(name, listener, { signal, passive });

  function drop(done: boolean): void {
    if (held?.kind === "lasso") hands.lasso(held.loop, done);
    held = null;
    stage.removeAttribute("data-hand");
  }

  /** The finger does not rest any more. */
  function stir(): void {
    clearTimeout(resting?.timer);
    resting = null;
  }
  function rest(id: number, from: Point): void {
    const timer = setTimeout(() => {
      resting = null;
      moved = true;
      drop(false);
      hands.hold(from);
    }, HOLD);
    resting = { id, from, timer };
  }

  on("pointerdown", (event) => {
    moved = false;
    stir();
    if (event.button !== 0) return;
    const point = at(event);
    const finger = event.pointerType === "touch";
    hands.press(point);
    fingers.set(event.pointerId, point);
    if (fingers.size === 2) drop(false);
    if (fingers.size !== 1) return;
    if (finger) rest(event.pointerId, point);
    // Curves fill a network that is close by: a finger has no other way to move it.
    if (!finger && !hands.background(point)) return;
    held = { id: event.pointerId, from: point, last: point, kind: "wait", loop: [point] };
  });

  on("pointermove", (event) => {
    const point = at(event);
    if (resting?.id === event.pointerId && apart(point, resting.from) > STILL_FINGER) stir();
    if (fingers.size === 2 && fingers.has(event.pointerId)) {
      pinch(event.pointerId, point);
      return;
    }
    if (held?.id !== event.pointerId) {
      hands.hover(point);
      return;
    }
    if (held.kind === "wait") {
      if (apart(point, held.from) < (event.pointerType === "touch" ? STILL_FINGER : STILL)) return;
      held.kind = event.shiftKey ? "lasso" : "pan";
      moved = true;
      stage.setPointerCapture(event.pointerId);
      stage.setAttribute("data-hand", held.kind);
      hands.hover(null);
    }
    if (held.kind === "pan") hands.pan(point[0] - held.last[0], point[1] - held.last[1]);
    else {
      held.loop = [...held.loop, point];
      hands.lasso(held.loop, false);
    }
    held.last = point;
  });

  function pinch(id: number, point: Point): void {
    const [other] = [...fingers].filter(([finger]) => finger !== id).map(([, where]) => where);
    const before = fingers.get(id)!;
    fingers.set(id, point);
    if (!other) return;
    moved = true;
    const span = (p: Point) => Math.max(1, apart(p, other));
    const middle: Point = [(point[0] + other[0]) / 2, (point[1] + other[1]) / 2];
    hands.zoom(span(point) / span(before), middle);
    hands.pan((point[0] - before[0]) / 2, (point[1] - before[1]) / 2);
  }

  const lift = (event: PointerEvent) => {
    stir();
    fingers.delete(event.pointerId);
    if (held?.id === event.pointerId) drop(event.type === "pointerup");
  };
  on("pointerup", lift);
  on("pointercancel", (event) => {
    lift(event);
    hands.hover(null);
  });
  // Over a page that scrolls away or under a menu, no pointer is up here any more.
  on("lostpointercapture", (event) => {
    // What a finger touches holds it by itself, and loses it to the stage when that takes it.
    if (event.target === stage) lift(event);
  });
  on("pointerleave", (event) => {
    if (held?.id === event.pointerId) return;
    fingers.delete(event.pointerId);
    hands.hover(null);
    // A finger leaves whenever it is lifted, and comes back for its next tap.
    if (event.pointerType !== "touch") hands.left();
  });
  window.addEventListener("pointerdown", (event) => !event.composedPath().includes(stage) && hands.left(), {
    signal,
    passive: true,
    capture: true,
  });

  // The page may scroll under one finger. Two are ours, and so is what a browser makes of one that has rested.
  const ours = (event: TouchEvent) => {
    if (event.cancelable && (event.touches.length > 1 || (event.type === "touchend" && moved)))
      event.preventDefault();
  };
  on("touchstart", ours, false);
  on("touchmove", ours, false);
  on("touchend", ours, false);
  // Hosts that know a long press have said so themselves.
  on("contextmenu", () => {
    moved ||= resting !== null;
    stir();
  });

  on("click", (event) => {
    if (event.detail === 0 || moved) return;
    if (event.detail < 2) hands.click(event.shiftKey || event.ctrlKey || event.metaKey);
  });
  on("dblclick", (event) => {
    if (!moved && !event.shiftKey && !event.ctrlKey && !event.metaKey) hands.double(at(event));
  });
  on(
    "wheel",
    (event) => {
      // Without a key the wheel belongs to the page. A pinch on a touch pad comes as a wheel with Ctrl.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const lines = event.deltaMode === 0 ? 1 : 16;
      const turn = Math.max(-60, Math.min(60, event.deltaY * lines));
      hands.zoom(Math.exp(-turn * 0.006), at(event));
    },
    false,
  );

  return {
    /** True when a drag was given up. */
    cancel() {
      if (held === null || held.kind === "wait") return false;
      drop(false);
      hands.cancelled();
      return true;
    },
  };
}
