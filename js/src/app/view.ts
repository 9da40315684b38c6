/** Builds one view and connects its parts. What the view knows is in `state/view-store.ts`. */

import { effect } from "@preact/signals-core";
import type { Palette } from "../canvas/brush";
import { sameTarget, type Target, type TargetKind } from "../model/network";
import { createCardStrip } from "../panels/cards/card-strip";
import type { Commands, PanelProps } from "../panels/context";
import { createHints } from "../panels/hints/hints";
import { createInspector } from "../panels/inspector";
import { createLegend } from "../panels/legend";
import { createStatus } from "../panels/status";
import { createSlider } from "../panels/threshold/slider";
import { createToolbar } from "../panels/toolbar";
import { createStage } from "../stage/stage";
import { watchRelease } from "../state/drafts";
import { createViewStore } from "../state/view-store";
import { adopt } from "../styles/styles";
import { FAILURES, STATUS } from "../text/labels";
import { element } from "../util/dom";
import { watchKernelConnection } from "../wire/kernel-connection";
import { withMessageOrder } from "../wire/outbox";
import { requestMissing } from "../wire/request-missing";
import { type Model, TRAITS } from "../wire/traits";
import { watchFixedHeight } from "./fixed-height";
import { watchLooks } from "./looks";
import { hideNotebookPreview } from "./notebook-preview";
import { watchPrinting } from "./print";
import { scrollIntoView } from "./scroll-into-view";
import { shareRowWidth } from "./shared-row";
import { createThresholds } from "./thresholds";
import { watchUndoKeys } from "./undo-keys";
import { watchVisibleHeight } from "./visible-height";

export interface ViewOptions {
  /** Ends the view. */
  readonly signal?: AbortSignal | undefined;
  /** Called once when the kernel is disconnected. */
  lost?(): void;
  /** A message that is always shown. */
  readonly notice?: string;
}

export function createView(host: Model, el: HTMLElement, options: ViewOptions = {}): () => void {
  const { signal: outer, notice = "" } = options;
  const controller = new AbortController();
  const { signal } = controller;
  const connection = watchKernelConnection(host, () => ask(), signal);
  const model = host.standalone ? host : withMessageOrder(connection.model, signal);
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
  const filler = element("canvas", { height: "0" });
  const ruler = element("div", { class: "ruler" });
  const breadth = element("div", { class: "breadth", "aria-hidden": "true" }, filler, element("div"), ruler);
  shadow.append(breadth, root);

  const store = createViewStore(model);
  let toldLost = false;
  let width = 0;
  const looks = watchLooks(el, root, signal);
  let shownPalette: Palette | null = null;
  let frame = 0;
  let drawing = false;

  const select = (targets: readonly Target[]) => {
    const before = store.state.peek()?.selected ?? [];
    const opens = targets.some((each) => !before.some((other) => sameTarget(other, each)));
    store.select(targets);
    // The cards are there at once: the focus may go to one of them.
    const now = props();
    if (opens) inspector.showCards();
    if (now) {
      cards.update(now);
      inspector.update(now);
    }
    if (opens) scrollIntoView(cards.element.lastElementChild);
  };

  const commands: Commands = {
    act: store.send,
    write: store.write,
    draft: store.draft,
    releaseDraft: store.release,
    select,
    toggle: (target) => store.toggle([target]),
    light: (edges) => store.dispatch({ type: "lit", edges }),
    preview: (preview) => store.dispatch({ type: "previewed", preview }),
  };
  const cards = createCardStrip(commands);
  const inspector = createInspector(
    cards.element,
    commands,
    (opened) => {
      ask();
      // It is there once it is drawn.
      if (opened) requestAnimationFrame(() => scrollIntoView(opened));
    },
    signal,
  );
  const status = createStatus(commands, signal);
  const reset = () => {
    commands.act({ do: "reset" });
    // Marimo runs the cells that depend on a widget after what its page writes, not what it sends.
    commands.write({
      node_threshold: 0,
      edge_threshold: 0,
      removed_edges: [],
      kept_edges: [],
      removed_nodes: [],
      kept_nodes: [],
    });
  };
  const bar = createToolbar(commands, {
    reset,
    picture: (button) => stage.offerPicture(button),
    say: status.tell,
    python: !model.standalone,
  });
  const sliderEvents = {
    moved(axis: TargetKind, value: number, apart: boolean) {
      if (apart) model.send({ do: "new_step" });
      store.draft(axis === "node" ? { node_threshold: value } : { edge_threshold: value });
    },
    released: store.release,
  };
  const thresholds = createThresholds((axis) => createSlider(axis, sliderEvents, commands, signal));
  const stage = createStage(
    {
      hovered: (target) => {
        if (!sameTarget(store.state.peek()?.hover ?? null, target))
          store.dispatch({ type: "hovered", target });
      },
      focused: (target) => store.dispatch({ type: "focused", target }),
      held: (held) => store.dispatch({ type: "held", held }),
      selected: select,
      toggled: store.toggle,
      python: !model.standalone,
      changed: ask,
    },
    signal,
  );
  const legend = createLegend();
  const head = element(
    "div",
    { class: "view-head" },
    element("div", { class: "top" }, status.element, bar.element),
    thresholds.element,
  );
  stage.foot.prepend(legend.element);
  // Messages are outside of what cannot be used when the kernel has gone.
  const middle = element("div", { class: "middle" }, stage.element, status.messages);
  const hints = createHints(root, signal);
  root.append(hints.element, element("div", { class: "layout" }, head, middle, inspector.element));
  /** All parts that can change the model: everything except what is only read. */
  const acting = [bar, thresholds, stage, cards].map((part) => part.element);
  acting.push(...inspector.acting);

  /** What panels are shown; null before the first reading. */
  function props(): PanelProps | null {
    const [known, reading] = [store.state.peek(), store.snapshot.peek()];
    return known && reading && { known, reading, names: store.names.peek(), trace: store.trace.peek() };
  }

  const isPrinting = () => root.dataset.printing !== undefined;

  function ask(): void {
    if (!frame && !drawing && !signal.aborted) frame = requestAnimationFrame(draw);
  }

  function draw(time: number): void {
    frame = 0;
    // What is read now is drawn now.
    drawing = true;
    store.refreshIfStale();
    drawing = false;
    const { lost } = connection;
    if (lost && !toldLost) {
      toldLost = true;
      // Drafts are known only here.
      store.flushDrafts();
      options.lost?.();
      if (signal.aborted) return;
    }
    const [known, reading] = [store.state.peek(), store.snapshot.peek()];
    // Hosts that hide an output resize it to nothing and back: what was drawn stays.
    const shows = known && reading && width > 0;
    // First of all: for text on a canvas a browser works out the styles of all that has changed on the page.
    if (shows) attempt(() => showNetwork(time));
    const said = store.problem.peek() || (lost ? STATUS.disconnected : "");
    attempt(() => status.update(known, reading, said, notice));
    for (const part of acting) part.inert = lost || (reading?.closed ?? false);
    if (shows) attempt(() => showPanels(props()!));
  }

  function attempt(show: () => void): void {
    try {
      show();
    } catch (error) {
      fail(error);
    }
  }

  function fail(error: unknown): void {
    store.problem.value = FAILURES.show(error instanceof Error ? error.message : String(error));
    status.fail(store.problem.value);
  }

  function showNetwork(time: number): void {
    const { palette, font } = looks.now();
    if (palette !== shownPalette) store.forgetWidths();
    shownPalette = palette;
    // The names are another object then.
    const now = props()!;
    const frame = { ...now, width, probe: now.trace, palette, font };
    if (stage.render(frame, time, isPrinting() ? undefined : seen.room)) ask();
  }

  function showPanels(now: PanelProps): void {
    thresholds.update(now);
    inspector.update(now);
    bar.update(now, { deadEnds: status.canRemoveDeadEnds, orientation: stage.orientation });
    if (shownPalette) legend.update(now, stage.drawn, shownPalette);
    cards.update(now);
    root.dataset.hide = now.reading.hide.join(" ");
    hints.update(now);
  }

  const modelChanged = () => {
    store.markStale();
    ask();
  };
  for (const name of TRAITS) model.on(`change:${name}`, modelChanged);
  // A frame is drawn whenever one of these has changed.
  const stopAsking = effect(() => {
    for (const shown of [store.state, store.snapshot, store.problem, looks.version]) shown.value;
    ask();
  });
  const resized = new ResizeObserver(([entry]) => {
    width = Math.floor(entry?.contentBoxSize[0]?.inlineSize ?? 0);
    looks.moved();
    ask();
  });
  const redraw = (sheet: number | null) => {
    width = sheet ?? Math.floor(stage.element.clientWidth);
    looks.forget();
    // Once to begin what moves, and once when it has come to rest.
    for (const after of [0, 1e4]) draw(performance.now() + after);
  };
  watchPrinting(root, { redraw, picture: stage.svg }, signal);
  watchUndoKeys(root, (way) => commands.act({ do: way }), signal);
  watchRelease(root, store.release, signal);
  el.append(mount);
  shareRowWidth(el, mount, signal);
  resized.observe(stage.element);
  watchFixedHeight(el, mount, root, ask, signal);
  const seen = watchVisibleHeight(mount, root, ruler, [head, stage.foot], ask, signal);
  hideNotebookPreview(el.ownerDocument, model.get("_picture"), signal);
  requestMissing(model, () => store.state.peek() !== null, signal);

  function close(): void {
    if (signal.aborted) return;
    store.flushDrafts();
    stopAsking();
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
