/** Wires one view: model in, frames out, wishes back. Owns its AbortController and its ResizeObserver. */
import { element } from "./dom";
import type { Palette } from "./draw";
import type { Names } from "./labels";
import { createLegend } from "./panels/legend";
import { createSlider } from "./panels/slider";
import { createStatus } from "./panels/status";
import { createReader, handEdits, indexOf, type Model, type Reading, TRAITS, write } from "./protocol";
import { createStage } from "./stage";
import { type Action, type Axis, type Known, reduce, sameTarget, toggleAll } from "./state";
import { STYLES } from "./styles";
import { palette as paletteOf, themeOf, watchLooks } from "./theme";
import { throttle } from "./throttle";

const WRITE_EVERY = 100;

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
  let names: Names = { inVars: [], outVars: [] };
  let looks: { palette: Palette; font: string } | null = null;
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
        if (known && !sameTarget(known.hover, target)) dispatch({ type: "hovered", target });
      },
      focused: (target) => dispatch({ type: "focused", target }),
      selected: (targets) => {
        const now = known;
        if (!now) return;
        changeModel(() => write(model, { selected: targets.map((target) => indexOf(now.net, target)) }));
      },
      toggled: (targets) => {
        sync();
        const now = known;
        if (!now) return;
        changeModel(() => write(model, handEdits(now.net, toggleAll(now.net, now.edits, targets))));
      },
      changed: ask,
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
      if (next.inVars !== names.inVars || next.outVars !== names.outVars) {
        names = { inVars: next.inVars, outVars: next.outVars };
      }
      reading = next;
      known = reduce(known, { type: "synced", reading: next });
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
    const moving = stage.render({ known, reading, names, width, ...looks }, now);
    if (moving) ask();
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
    ask();
  }, signal);
  const resized = new ResizeObserver(([entry]) => {
    width = Math.floor(entry?.contentBoxSize[0]?.inlineSize ?? 0);
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
