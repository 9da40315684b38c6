/** The scatter: points on one canvas, and what follows the pointer on another above it. */
import type { Palette } from "../canvas/brush";
import { RUNS } from "../text/run-labels";
import { element, freshId } from "../util/dom";
import { marksOf } from "./marks";
import { paintRings, paintScatter, type ScatterPicture } from "./paint-scatter";
import { hasNetwork, type RunData } from "./run-data";
import { createPointIndex, layoutScatter, type PointIndex, type Step, stepFrom } from "./scatter-layout";

export interface ScatterEvents {
  /** The pointer is at a point, at these coordinates of the plot; -1 if it is at none. */
  hovered(place: number, x: number, y: number): void;
  selected(place: number): void;
  /** `byKey`: then the focus may follow. */
  opened(place: number, byKey: boolean): void;
}

export interface ScatterInput {
  readonly data: RunData;
  readonly shown: Uint32Array;
  /** Place of the setting that colours tell; -1 for none. */
  readonly colour: number;
  readonly selected: number;
  readonly hovered: number;
  readonly width: number;
  readonly palette: Palette;
  readonly font: string;
}

/** Pixels from a point at which the pointer is still at it. */
const REACH = 12;
const KEYS: Record<string, Step> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  Home: "first",
  End: "last",
};

export function createScatter(events: ScatterEvents, signal: AbortSignal) {
  const points = element("canvas", { class: "points", "aria-hidden": "true" });
  const rings = element("canvas", { class: "rings", "aria-hidden": "true" });
  const help = element("p", { class: "unseen", id: freshId("plot-help") }, RUNS.plotHelp);
  const plot = element(
    "div",
    {
      class: "scatter",
      role: "application",
      tabindex: "0",
      "aria-label": RUNS.plot,
      "aria-describedby": help.id,
    },
    points,
    rings,
    help,
  );
  let picture: ScatterPicture | null = null;
  let input: ScatterInput | null = null;
  let index: PointIndex | null = null;
  let under = -1;
  /** What is selected: known before it is drawn, since keys may come faster. */
  let cursor = -1;

  const placeAt = (event: MouseEvent): [place: number, x: number, y: number] => {
    const { left, top } = plot.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    return [index?.nearest(x, y, REACH) ?? -1, x, y];
  };
  plot.addEventListener(
    "pointermove",
    (event) => {
      const [place, x, y] = placeAt(event);
      if (place === under) return;
      under = place;
      plot.style.cursor = place < 0 ? "" : "pointer";
      events.hovered(place, x, y);
    },
    { signal },
  );
  plot.addEventListener(
    "pointerleave",
    () => {
      under = -1;
      events.hovered(-1, 0, 0);
    },
    { signal },
  );
  plot.addEventListener(
    "click",
    (event) => {
      const [place] = placeAt(event);
      if (place >= 0) events.opened(place, false);
    },
    { signal },
  );
  plot.addEventListener(
    "keydown",
    (event) => {
      if (!input || event.ctrlKey || event.metaKey || event.altKey) return;
      const step = KEYS[event.key];
      const place = step ? stepFrom(input.data, input.shown, cursor, step) : cursor;
      if (step && place >= 0) {
        cursor = place;
        events.selected(place);
      } else if (event.key === "Enter" && place >= 0 && hasNetwork(input.data, place))
        events.opened(place, true);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    { signal },
  );

  function context(
    canvas: HTMLCanvasElement,
    width: number,
    height: number,
  ): CanvasRenderingContext2D | null {
    const ratio = devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) {
      [canvas.width, canvas.height] = [w, h];
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const ctx = canvas.getContext("2d");
    ctx?.setTransform(ratio, 0, 0, ratio, 0, 0);
    return ctx;
  }

  return {
    element: plot,
    /** What is drawn, to keep it as a picture. */
    get picture(): ScatterPicture | null {
      return picture;
    },
    /** Where a point is in the plot; null if it is not there. */
    at(place: number): readonly [x: number, y: number] | null {
      const [x, y] = [picture?.layout.x[place], picture?.layout.y[place]];
      return x === undefined || y === undefined || Number.isNaN(x) ? null : [x, y];
    },
    render(now: ScatterInput): void {
      const height = Math.round(Math.min(420, Math.max(240, 0.55 * now.width)));
      const before = input;
      const same = <K extends keyof ScatterInput>(...names: K[]) =>
        names.every((name) => before?.[name] === now[name]);
      input = now;
      cursor = now.selected;
      const isSame = same("data", "shown", "colour", "width", "palette", "font");
      if (!isSame) {
        const setting = now.data.settings[now.colour] ?? null;
        const kept = picture && same("data", "width") ? picture.layout : null;
        const layout = kept ?? layoutScatter(now.data, now.width, height);
        picture = { ...now, layout, setting, marks: marksOf(setting, now.palette) };
        index = createPointIndex(layout, now.shown);
        plot.style.height = `${height}px`;
        const ctx = context(points, now.width, height);
        if (ctx) paintScatter(ctx, picture);
      }
      if (!isSame || !same("selected", "hovered")) {
        const ctx = context(rings, now.width, height);
        if (ctx && picture) paintRings(ctx, picture, now.selected, now.hovered);
      }
    },
  };
}
