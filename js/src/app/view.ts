/** Wires one view: model in, frames out, wishes back. Owns its AbortController and its ResizeObserver. */

import type { Palette } from "../canvas/brush";
import { palette as paletteOf, themeOf, watchTheme } from "../canvas/theme";
import { toggleAll } from "../model/edits";
import { type Trace, trace } from "../model/forward";
import { sameTarget, type Target, type TargetKind } from "../model/network";
import { createCardStrip } from "../panels/cards/card-strip";
import type { Commands, Draft, PanelProps } from "../panels/context";
import { createHistory } from "../panels/history/history";
import { createLegend } from "../panels/legend";
import { createProbe } from "../panels/probe/probe";
import { createScript } from "../panels/script/script";
import { createStatus } from "../panels/status";
import { createSlider } from "../panels/threshold/slider";
import { createToolbar, type PanelName } from "../panels/toolbar";
import { undoOrRedo } from "../stage/keys";
import { createStage } from "../stage/stage";
import { type Action, reduce, type ViewState } from "../state/view-state";
import { adopt } from "../styles/styles";
import type { NodeNames } from "../text/node-names";
import { element, freshId } from "../util/dom";
import { throttle } from "../util/throttle";
import { watchKernelConnection } from "../wire/kernel-connection";
import { withMessageOrder } from "../wire/outbox";
import { requestMissing } from "../wire/request-missing";
import { createSnapshotReader, type Snapshot } from "../wire/snapshot";
import { handEdits, indexOf, type Model, TRAITS, type WritableTraits, write } from "../wire/traits";
import { watchFixedHeight } from "./fixed-height";
import { watchInteraction } from "./interaction-guard";
import { hideNotebookPreview } from "./notebook-preview";
import { watchPrinting } from "./print";
import { shareRowWidth } from "./shared-row";

const WRITE_EVERY = 100;
const LOST =
  "No kernel is connected: this is the last state, and nothing can be changed. Run the notebook again for a new widget.";

export interface ViewOptions {
  /** Ends the view. */
  readonly signal?: AbortSignal | undefined;
  /** Called once when no kernel is behind the model. */
  lost?(): void;
  /** What is said as long as nothing went wrong. */
  readonly notice?: string;
}

export function createView(host: Model, el: HTMLElement, options: ViewOptions = {}): () => void {
  const { signal: outer, notice = "" } = options;
  const controller = new AbortController();
  const { signal } = controller;
  const behind = watchKernelConnection(host, () => ask(), signal);
  const model = host.standalone ? host : withMessageOrder(behind.model, signal);
  const mount = element("div", { "data-lm-suppress-shortcuts": "true" });
  const shadow = mount.attachShadow({ mode: "open" });
  const root = element("div", {
    class: "kanwidget",
    role: "group",
    "aria-label": "Kolmogorov-Arnold network",
    "data-lm-suppress-shortcuts": "true",
  });
  adopt(shadow);
  // A picture whose width is at most all there is can be made narrower, and is wide where nobody says how wide.
  const wished = element("canvas", { height: "0" });
  const breadth = element("div", { class: "breadth", "aria-hidden": "true" }, wished, element("div"));
  shadow.append(breadth, root);

  const read = createSnapshotReader(model);
  let reading: Snapshot | null = null;
  let known: ViewState | null = null;
  let problem = "";
  let stale = true;
  let told = false;
  let width = 0;
  let names: NodeNames = { inVars: [], outVars: [] };
  let looks: { palette: Palette; font: string } | null = null;
  let looksMayDiffer = false;
  let held: TargetKind | null = null;
  let inHand: Draft = {};
  let traced: { of: readonly unknown[]; trace: Trace } | null = null;
  const open: Record<PanelName, boolean> = { probe: false, history: false, script: false };
  let frame = 0;

  // Only what is in the hand is written: the rest may be newer in the model than here.
  const send = throttle(() => {
    const thresholds: Partial<WritableTraits> = {};
    if (known && held === "node") thresholds.node_threshold = known.edits.nodeThreshold;
    if (known && held === "edge") thresholds.edge_threshold = known.edits.edgeThreshold;
    write(model, { ...thresholds, ...inHand });
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
  const edit = (targets: readonly Target[]) => {
    sync();
    const now = known;
    if (!now) return;
    changeModel(() => write(model, handEdits(now.net, toggleAll(now.net, now.edits, targets))));
  };
  const select = (targets: readonly Target[]) => {
    const now = known;
    const opens = targets.some((each) => !now?.selected.some((other) => sameTarget(other, each)));
    if (now) changeModel(() => write(model, { selected: targets.map((target) => indexOf(now.net, target)) }));
    // The cards are there at once: the focus may go to one of them.
    if (known && reading) cards.update({ known, reading, names, trace: follow(known, reading) });
    if (opens) reveal(cards.element.lastElementChild);
  };

  const wishes: Commands = {
    act(act) {
      // What is in the hand was decided before.
      if (send.waiting) send.flush();
      model.send(act);
    },
    write: (decisions) => changeModel(() => write(model, decisions)),
    draft(decisions) {
      inHand = { ...inHand, ...decisions };
      if (reading) reading = { ...reading, ...overlay(inHand) };
      send.call();
      ask();
    },
    releaseDraft() {
      if (Object.keys(inHand).length === 0) return;
      changeModel(() => {
        send.flush();
        inHand = {};
      });
    },
    select,
    toggle: (target) => edit([target]),
  };
  const ids = { probe: freshId("probe"), history: freshId("history"), script: freshId("script") };
  const status = createStatus(wishes, signal);
  const bar = createToolbar(
    {
      reset() {
        wishes.act({ do: "reset" });
        // Marimo runs the cells that depend on a widget after what its page writes, not what it sends.
        wishes.write({
          node_threshold: 0,
          edge_threshold: 0,
          removed_edges: [],
          kept_edges: [],
          removed_nodes: [],
          kept_nodes: [],
        });
      },
      toggled(panel) {
        open[panel] = !open[panel];
        if (panel === "probe" && reading) {
          wishes.write({ probe: open.probe && reading.cells ? probe.first(reading) : [] });
        }
        ask();
        // It is there once it is drawn.
        if (open[panel]) requestAnimationFrame(() => reveal({ probe, history, script }[panel].element));
      },
    },
    wishes,
    ids,
    !model.standalone,
    signal,
  );
  const sliderEvents = {
    moved(axis: TargetKind, value: number, apart: boolean) {
      if (apart) model.send({ do: "new_step" });
      held = axis;
      dispatch({ type: "dragged", axis, value });
      send.call();
    },
    released() {
      dispatch({ type: "released" });
      changeModel(send.flush);
      held = null;
    },
  };
  const sliders = (["node", "edge"] as const).map((axis) => createSlider(axis, sliderEvents, wishes, signal));
  const stage = createStage(
    {
      hovered: (target) => {
        if (known && !sameTarget(known.hover, target)) dispatch({ type: "hovered", target });
      },
      focused: (target) => dispatch({ type: "focused", target }),
      held: (held) => {
        if (known && known.held !== held) dispatch({ type: "held", held });
      },
      selected: select,
      toggled: edit,
      python: !model.standalone,
      changed: ask,
    },
    signal,
  );
  const legend = createLegend();
  const cards = createCardStrip(wishes);
  const probe = createProbe(ids.probe, wishes, signal);
  const history = createHistory(ids.history, wishes, signal);
  const script = createScript(ids.script, signal);
  const panels = element("div", { class: "panels" }, probe.element, history.element, script.element);
  const isBelow = watchInteraction([cards.element, panels], ask, signal);
  root.append(
    element("div", { class: "top" }, status.element, bar.element),
    element("div", { class: "sliders" }, ...sliders.map((slider) => slider.element)),
    status.messages,
    stage.element,
    legend.element,
    element("div", { class: "beside" }, cards.element, panels),
  );
  /** All that acts on the model: everything but what is said. */
  const acting = [bar, ...sliders, stage, cards, probe, history].map((part) => part.element);

  /** Reads the model; an echo of an older threshold changes nothing, since the drag lies on top. */
  function sync(): void {
    stale = false;
    try {
      const next = read();
      if (next.inVars !== names.inVars || next.outVars !== names.outVars) {
        names = { inVars: next.inVars, outVars: next.outVars };
      }
      reading = { ...next, ...overlay(inHand) };
      known = reduce(known, { type: "synced", reading: next });
      problem = next.problem && `The view cannot read the model: ${next.problem}`;
    } catch (error) {
      problem = `The view cannot read the model: ${error instanceof Error ? error.message : error}`;
    }
  }

  function ask(): void {
    if (!frame && !signal.aborted) frame = requestAnimationFrame(draw);
  }

  function draw(time: number): void {
    frame = 0;
    if (stale) sync();
    const { lost } = behind;
    if (lost && !told) {
      told = true;
      // What is in the hand was decided here, and nowhere else.
      if (send.waiting) send.flush();
      options.lost?.();
      if (signal.aborted) return;
    }
    const said = problem || (lost ? LOST : "");
    try {
      status.update(known, reading, said, notice);
    } catch (error) {
      fail(error);
    }
    for (const part of acting) part.inert = lost || (reading?.closed ?? false);
    // Hosts that hide an output resize it to nothing and back: what was drawn stays.
    if (!known || !reading || width === 0) return;
    try {
      show(known, reading, time);
    } catch (error) {
      fail(error);
    }
  }

  function fail(error: unknown): void {
    problem = `The view cannot show the model: ${error instanceof Error ? error.message : error}`;
    status.fail(problem);
  }

  function show(known: ViewState, reading: Snapshot, time: number): void {
    const { palette, font } = seenLooks();
    const now: PanelProps = { known, reading, names, trace: follow(known, reading) };
    for (const slider of sliders) slider.update(now);
    const moment = { known, reading, names, width, keepsHeight: isBelow(), probe: now.trace, palette, font };
    if (stage.render(moment, time)) ask();
    showPanels(now);
  }

  function showPanels(now: PanelProps): void {
    // A sample is the model's: it is followed in every view, and Python may set it.
    if (now.reading.cells) open.probe = now.reading.probe !== null;
    bar.update(now.known, now.reading, open);
    for (const [name, panel] of Object.entries({ probe, history, script })) {
      panel.element.hidden = !open[name as PanelName];
    }
    legend.update(now, stage.drawn);
    cards.update(now);
    probe.update(now);
    history.update(now);
    script.update(now.reading.script);
  }

  /** The followed sample's values; the same object while nothing that they follow from has changed. */
  function follow({ net, mask }: ViewState, { cells, keepMean, probe }: Snapshot): Trace | null {
    if (!cells || !probe) return null;
    const of = [net, mask, cells, keepMean, probe];
    if (!traced?.of.every((value, k) => value === of[k])) {
      traced = { of, trace: trace(net, cells, mask, keepMean, probe) };
    }
    return traced.trace;
  }

  /** Colours and font; another object only when they are others. */
  function seenLooks(): { palette: Palette; font: string } {
    if (looks && !looksMayDiffer) return looks;
    const next = look();
    looksMayDiffer = false;
    if (looks && next.font === looks.font && samePalette(next.palette, looks.palette)) return looks;
    looks = next;
    // Other names for whoever has measured them.
    names = { ...names };
    return next;
  }

  function look(): { palette: Palette; font: string } {
    const theme = root.dataset.printing === undefined ? themeOf(el) : "light";
    root.dataset.theme = theme;
    return { palette: paletteOf(root, theme), font: getComputedStyle(root).fontFamily };
  }

  const modelChanged = () => {
    stale = true;
    ask();
  };
  for (const name of TRAITS) model.on(`change:${name}`, modelChanged);
  const looksFollow = watchTheme(
    el,
    (measures) => {
      if (measures) looks = null;
      looksMayDiffer = true;
      ask();
    },
    signal,
  );
  const resized = new ResizeObserver(([entry]) => {
    width = Math.floor(entry?.contentBoxSize[0]?.inlineSize ?? 0);
    // It may have been put into another place of the page.
    if (looksFollow()) looksMayDiffer = true;
    ask();
  });
  const redraw = (sheet: number | null) => {
    width = sheet ?? Math.floor(stage.element.clientWidth);
    looks = null;
    // Once to begin what moves, and once when it has come to rest.
    for (const after of [0, 1e4]) draw(performance.now() + after);
  };
  watchPrinting(root, { redraw, picture: stage.svg }, signal);
  root.addEventListener(
    "keydown",
    (event) => {
      const act = isText(event.target) ? null : undoOrRedo(event);
      if (act) {
        event.preventDefault();
        event.stopPropagation();
        wishes.act({ do: act });
      }
      if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Tab") event.stopPropagation();
    },
    { signal },
  );
  // A drag that ends where it began fires no `change`, and the pointer may be let go anywhere.
  for (const name of ["pointerup", "pointercancel"] as const) {
    window.addEventListener(name, wishes.releaseDraft, { signal, capture: true });
  }
  for (const name of ["keyup", "focusout"] as const)
    root.addEventListener(name, wishes.releaseDraft, { signal });
  el.append(mount);
  shareRowWidth(el, mount, signal);
  resized.observe(stage.element);
  watchFixedHeight(el, mount, root, ask, signal);
  hideNotebookPreview(el.ownerDocument, model.get("_picture"), signal);
  requestMissing(model, () => known !== null, signal);

  function close(): void {
    if (signal.aborted) return;
    if (send.waiting) send.flush();
    for (const name of TRAITS) model.off(`change:${name}`, modelChanged);
    resized.disconnect();
    cancelAnimationFrame(frame);
    controller.abort();
    mount.remove();
  }
  outer?.addEventListener("abort", close, { once: true });
  if (outer?.aborted) close();
  return close;
}

/** Scrolls what has just opened into sight where cards and panels have a box of their own to scroll; never the page. */
function reveal(opened: Element | null): void {
  const box = opened?.closest(".beside");
  if (!opened || !box || box.scrollHeight <= box.clientHeight) return;
  const [inner, outer] = [opened.getBoundingClientRect(), box.getBoundingClientRect()];
  if (inner.bottom > outer.bottom)
    box.scrollTop += Math.min(inner.bottom - outer.bottom, inner.top - outer.top);
  else if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top;
}

const samePalette = (a: Palette, b: Palette): boolean =>
  (Object.keys(a) as (keyof Palette)[]).every((key) => a[key] === b[key]);

/** What lies on top of the model while it is in the hand. */
function overlay({ tolerance, probe }: Draft): Partial<Pick<Snapshot, "tolerance" | "probe">> {
  return { ...(tolerance !== undefined && { tolerance }), ...(probe !== undefined && { probe }) };
}

/** In a text field undo and redo are the field's own. */
const isText = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement && /^(text|number)$/.test(target.type);
