/** Wires one view: model in, frames out, wishes back. Owns its AbortController, its ResizeObserver and its easing. */
import { element } from "./dom";
import type { Palette } from "./draw";
import type { Names } from "./labels";
import { type Layout, layout as makeLayout, type Room } from "./layout";
import { createLegend } from "./panels/legend";
import { createSlider } from "./panels/slider";
import { createStatus } from "./panels/status";
import { createReader, handEdits, type Model, type Reading, TRAITS, write } from "./protocol";
import { between, buildScene, createUnitCurves, type Easing, type Scene, type UnitCurve } from "./scene";
import { createStage } from "./stage";
import { type Action, type Axis, type Known, reduce, type Target, toggle } from "./state";
import { STYLES } from "./styles";
import { palette as paletteOf, themeOf, watchLooks } from "./theme";
import { throttle } from "./throttle";

const WRITE_EVERY = 100;
const EASE_FOR = 200;

/** The present layout and what it was made from. */
interface Drawn {
  readonly layout: Layout;
  readonly net: Known["net"];
  readonly settled: Uint8Array;
  readonly room: Room;
}

export function createView(model: Model, el: HTMLElement, outer?: AbortSignal): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const host = element("div", { "data-lm-suppress-shortcuts": "true" });
  const shadow = host.attachShadow({ mode: "open" });
  const root = element("div", {
    class: "kanwidget",
    role: "group",
    "aria-label": "Kolmogorov-Arnold network",
    "data-lm-suppress-shortcuts": "true",
  });
  shadow.append(element("style", {}, STYLES), root);

  const read = createReader(model);
  let reading: Reading | null = null;
  let known: Known | null = null;
  let problem = "";
  let stale = true;
  let width = 0;
  let drawn: Drawn | null = null;
  let curve: { of: Reading["curves"]; unit: UnitCurve } | null = null;
  let names: Names = { inVars: [], outVars: [] };
  let looks: { palette: Palette; font: string } | null = null;
  let room: Room | null = null;
  let easing: { from: Layout; since: number } | null = null;
  let scene: { shapes: Scene; known: Known; layout: Layout; t: number } | null = null;
  let held: Axis | null = null;
  let frame = 0;

  // Only the threshold in the hand is written: the other one may be newer in the model than here.
  const send = throttle(() => {
    if (!known || !held) return;
    if (held === "node") write(model, { node_threshold: known.edits.nodeThreshold });
    else write(model, { edge_threshold: known.edits.edgeThreshold });
  }, WRITE_EVERY);

  const dispatch = (action: Action) => {
    known = reduce(known, action);
    ask();
  };
  const changeModel = (change: () => void) => {
    change();
    sync();
    ask();
  };

  const status = createStatus(
    () =>
      changeModel(() =>
        write(model, {
          node_threshold: 0,
          edge_threshold: 0,
          removed_edges: [],
          kept_edges: [],
          removed_nodes: [],
          kept_nodes: [],
        }),
      ),
    signal,
  );
  const sliderEvents = {
    moved(axis: Axis, value: number) {
      held = axis;
      dispatch({ type: "dragged", axis, value });
      send.call();
    },
    released() {
      dispatch({ type: "released" });
      changeModel(send.flush);
    },
  };
  const sliders = [createSlider("node", sliderEvents, signal), createSlider("edge", sliderEvents, signal)];
  const stage = createStage(
    {
      hovered: (target) => {
        if (known && !same(known.hover, target)) dispatch({ type: "hovered", target });
      },
      focused: (target) => dispatch({ type: "focused", target }),
      toggled: (target) => {
        sync();
        const now = known;
        if (now) changeModel(() => write(model, handEdits(now.net, toggle(now.net, now.edits, target))));
      },
    },
    signal,
  );
  root.append(
    status.top,
    element("div", { class: "sliders" }, ...sliders.map((slider) => slider.element)),
    status.messages,
    stage.element,
    createLegend(),
  );

  /** Reads the model; an echo of an older threshold changes nothing, since the drag lies on top. */
  function sync(): void {
    stale = false;
    try {
      const next = read();
      if (
        next.inVars.join("\n") !== names.inVars.join("\n") ||
        next.outVars.join("\n") !== names.outVars.join("\n")
      ) {
        names = { inVars: next.inVars, outVars: next.outVars };
        room = null;
        scene = null;
      }
      if (next.net !== reading?.net) room = null;
      reading = next;
      known = reduce(known, { type: "synced", net: next.net, edits: next.edits, confirmed: next.confirmed });
      problem = "";
    } catch (error) {
      problem = `The view cannot read the model: ${error instanceof Error ? error.message : error}`;
    }
  }

  function ask(): void {
    if (!frame && !signal.aborted) frame = requestAnimationFrame(draw);
  }

  function draw(now: number): void {
    frame = 0;
    if (stale) sync();
    status.update(known, reading, problem);
    // Hosts that hide an output resize it to nothing and back: what was drawn stays.
    if (!known || !reading || width === 0) return;
    for (const slider of sliders) slider.update(known);
    looks ??= look();
    room ??= stage.room(known.net, names, looks.font, width);
    arrange(known, room, now);
    const { layout } = drawn!;
    const t = easing ? progress(easing, now) : 1;
    if (curve?.of !== reading.curves) {
      curve = { of: reading.curves, unit: createUnitCurves(known.net, reading.curves) };
      scene = null;
    }
    if (
      scene?.known.mask !== known.mask ||
      scene.known.edits !== known.edits ||
      scene.layout !== layout ||
      scene.t !== t
    ) {
      const eased: Easing | null = easing && t < 1 ? { from: easing.from, t } : null;
      scene = { shapes: buildScene(layout, known, eased), known, layout, t };
    }
    stage.render({ layout, scene: scene.shapes, known, names, curve: curve.unit, ...looks });
    if (t < 1) ask();
    else if (easing) {
      easing = null;
      // The pointer may rest where something else is now.
      const target = stage.under();
      if (!same(target, known.hover)) dispatch({ type: "hovered", target });
    }
  }

  function arrange(now: Known, space: Room, time: number): void {
    const old = drawn?.net === now.net && sameRoom(drawn.room, space) ? drawn : null;
    if (old?.settled === now.settled) return;
    const layout = makeLayout(now.net, now.settled, space);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    // What is still under way goes on from where it is.
    const from = old && easing ? between(easing.from, old.layout, progress(easing, time)) : old?.layout;
    easing = from && !calm ? { from, since: time } : null;
    drawn = { layout, net: now.net, settled: now.settled, room: space };
  }

  function look(): { palette: Palette; font: string } {
    const theme = themeOf(el);
    root.dataset.theme = theme;
    return { palette: paletteOf(root, theme), font: getComputedStyle(root).fontFamily };
  }

  const modelChanged = () => {
    stale = true;
    ask();
  };
  for (const name of TRAITS) model.on(`change:${name}`, modelChanged);
  watchLooks(() => {
    looks = null;
    room = null;
    scene = null;
    ask();
  }, signal);
  const resized = new ResizeObserver(([entry]) => {
    const next = Math.floor(entry?.contentBoxSize[0]?.inlineSize ?? 0);
    if (next !== width) room = null;
    width = next;
    ask();
  });
  root.addEventListener(
    "keydown",
    (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Tab") event.stopPropagation();
    },
    { signal },
  );
  el.append(host);
  resized.observe(stage.element);

  function close(): void {
    if (signal.aborted) return;
    if (send.waiting) send.flush();
    for (const name of TRAITS) model.off(`change:${name}`, modelChanged);
    resized.disconnect();
    cancelAnimationFrame(frame);
    controller.abort();
    host.remove();
  }
  outer?.addEventListener("abort", close, { once: true });
  if (outer?.aborted) close();
  return close;
}

/** Fast, then slow; 1 when it has arrived. */
const progress = (easing: { since: number }, now: number) =>
  1 - (1 - Math.min(1, Math.max(0, now - easing.since) / EASE_FOR)) ** 3;

const sameRoom = (a: Room, b: Room) =>
  a.width === b.width && a.inNames === b.inNames && a.outNames === b.outNames;

const same = (a: Target | null, b: Target | null) => a?.kind === b?.kind && a?.id === b?.id;
