/** Builds the view of a sweep, and connects its parts: scatter, table, what runs agree on, and open networks. */
import { computed, effect, signal as state } from "@preact/signals-core";
import { watchLooks } from "../app/looks";
import { hideNotebookPreview } from "../app/notebook-preview";
import styles from "../styles/runs.css?raw";
import { adopt } from "../styles/styles";
import {
  endedWords,
  onFrontWords,
  openWords,
  progressWords,
  RUNS,
  runWords,
  shownWords,
} from "../text/run-labels";
import { button, element, setText } from "../util/dom";
import { saveFile } from "../util/picture-file";
import { watchKernelConnection } from "../wire/kernel-connection";
import type { Model } from "../wire/traits";
import { asAgreement, createAgreement } from "./agreement";
import { createCard } from "./card";
import { NO_FILTER, passing, type Sorting, sorted, toCsv } from "./choice";
import { createFilters } from "./filters";
import { plotAsPng, plotAsSvg } from "./keep";
import { createLegend } from "./legend";
import { marksOf } from "./marks";
import { createNetworks, type ShowNetwork } from "./networks";
import { createRunReader, hasNetwork, lowestPlace, type RunData, settingsWords } from "./run-data";
import { createScatter } from "./scatter";
import { createTable } from "./table";
import { asThumbnail } from "./thumbnail";

/** A model of a sweep: its traits have names of their own, and answers come as messages. */
export interface SweepModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, callback: (...told: never[]) => void): void;
  off(event: string, callback: (...told: never[]) => void): void;
}

export interface SweepOptions {
  /** Whether there is a Python behind it. */
  readonly python: boolean;
  readonly show: ShowNetwork;
  /** Small networks that are there from the start, by the numbers of their runs. */
  readonly thumbnails?: ReadonlyMap<number, unknown>;
}

const TRAITS = ["_total", "_running", "_settings", "_codes", "_shared", "_runs", "_front", "_errors"];
const OTHERS = ["_networks", "_agreement", "_comparing", "error"];

/** The setting that colours tell at first: seeds say least. */
const firstColour = ({ settings }: RunData) => settings.findIndex(({ name }) => name !== "seed");

export function createSweepView(
  model: SweepModel,
  el: HTMLElement,
  outer: AbortSignal | undefined,
  options: SweepOptions,
): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const connection = options.python
    ? watchKernelConnection(model as unknown as Model, () => ask(), signal)
    : null;
  const mount = element("div", { "data-lm-suppress-shortcuts": "true" });
  const shadow = mount.attachShadow({ mode: "open" });
  const root = element("div", { class: "kanwidget", role: "group", "aria-label": RUNS.name });
  const inside = element("div", { class: "runs" });
  adopt(shadow, styles);
  shadow.append(root);
  root.append(inside);
  const looks = watchLooks(el, root, signal);

  const read = createRunReader((name) => model.get(name));
  const data = state(read());
  const filter = state(NO_FILTER);
  const sorting = state<Sorting>({ column: "test", descending: false });
  const colour = state(firstColour(data.peek()));
  /** Numbers of runs, since their places change while others end; -1 for none. */
  const [hovered, selected, width] = [state(-1), state(asNumber(model.get("selected"))), state(0)];
  const opened = state<readonly number[]>([]);
  const shown = computed(() => passing(data.value, filter.value));
  const order = computed(() => sorted(data.value, shown.value, sorting.value));
  let frame = 0;
  /** What to do once the network that was asked for is there. */
  let awaited: (() => void) | null = null;
  let [wasRunning, openBefore] = [false, 0];

  const status = element("p", { class: "status" });
  const live = element("p", { class: "unseen", role: "status" });
  const problem = element("p", { class: "error", role: "alert" });
  const say = (words: string) => setText(live, words);
  const send = (content: { do: string; run?: number }) => connection?.model.send(content as never);
  const placeOf = (number: number) => data.peek().placeOf.get(number) ?? -1;
  const numberAt = (place: number) => data.peek().number[place] ?? -1;

  function wordsOf(number: number): string {
    const [now, place] = [data.peek(), placeOf(number)];
    if (place < 0) return `Run ${number}`;
    const more = [
      now.front.includes(place) ? onFrontWords : "",
      settingsWords(now, number),
      now.errors.get(number),
    ];
    return [runWords(number, now.edges[place]!, now.test[place]!), ...more].filter(Boolean).join(", ");
  }

  function select(place: number): void {
    const number = numberAt(place);
    if (number < 0 || number === selected.peek()) return;
    selected.value = number;
    say(wordsOf(number));
    if (!connection) return;
    connection.model.set("selected" as never, number as never);
    connection.model.save_changes();
  }

  function open(place: number, byKey: boolean): void {
    if (!hasNetwork(data.peek(), place)) return;
    select(place);
    const number = numberAt(place);
    const focus = () => {
      say(openWords(number));
      if (byKey) networks.focus(number);
    };
    if (opened.peek().includes(number)) {
      focus();
      return;
    }
    awaited = focus;
    if (options.python) send({ do: "open", run: number });
    else opened.value = [...opened.peek(), number];
  }

  function closeNetwork(number: number): void {
    if (options.python) send({ do: "close", run: number });
    else opened.value = opened.peek().filter((other) => other !== number);
    scatter.element.focus();
  }

  const card = createCard((number) => send({ do: "thumbnail", run: number }), options.thumbnails);
  const events = {
    hovered: (place: number) => {
      hovered.value = numberAt(place);
    },
    selected: select,
    opened: open,
  };
  const scatter = createScatter(events, signal);
  const table = createTable(
    {
      ...events,
      sorted: (next) => {
        sorting.value = next;
      },
    },
    signal,
  );
  const filters = createFilters((next) => {
    filter.value = next;
  });
  const legend = createLegend((setting) => {
    colour.value = setting;
  });
  const agreement = createAgreement();
  const networks = createNetworks(options.show, closeNetwork, signal);
  const stop = button(
    RUNS.stop,
    { "data-role": "stop", title: RUNS.stopHelp },
    () => send({ do: "stop" }),
    signal,
  );
  const compare = button(
    RUNS.compare,
    { "data-role": "compare", title: RUNS.compareHelp },
    () => send({ do: "compare" }),
    signal,
  );
  const told = element("span", { class: "notice", role: "status" });
  const keep = (label: string, role: string, ending: string, make: () => Promise<Blob> | Blob | null) =>
    button(
      label,
      { class: "small", "data-role": role },
      async () => {
        try {
          const content = await make();
          if (!content) return;
          saveFile(`runs.${ending}`, content);
          setText(told, RUNS.saved(`runs.${ending}`));
        } catch (error) {
          setText(told, `That did not work: ${error instanceof Error ? error.message : error}.`);
        }
      },
      signal,
    );
  const save = element(
    "div",
    { class: "save", role: "group", "aria-label": RUNS.save },
    keep(RUNS.savePng, "save-png", "png", () => scatter.picture && plotAsPng(scatter.picture)),
    keep(RUNS.saveSvg, "save-svg", "svg", () => {
      const { picture } = scatter;
      return picture && new Blob([plotAsSvg(picture)], { type: "image/svg+xml" });
    }),
    keep(
      RUNS.saveCsv,
      "save-csv",
      "csv",
      () => new Blob([toCsv(data.peek(), order.peek())], { type: "text/csv" }),
    ),
    told,
  );
  const plot = element("div", { class: "plot" }, scatter.element, card.element);
  const hint = element("p", { class: "notice" }, RUNS.plotHint);
  const head = element("div", { class: "top" }, element("div", { class: "summary" }, status), stop, compare);
  inside.append(head, live, problem, legend.element, plot, hint, filters.element, table.element, save);
  inside.append(agreement.element, networks.element);

  function ask(): void {
    if (!frame && !signal.aborted) frame = requestAnimationFrame(draw);
  }

  function draw(): void {
    frame = 0;
    const now = data.value;
    const lost = connection?.lost ?? false;
    const ended = now.count;
    const failed = now.errors.size;
    const lowest = lowestPlace(now);
    const progress = {
      ...{ ended, failed, total: now.total, running: now.running },
      lowest: now.test[lowest] ?? Number.NaN,
      edges: now.edges[lowest] ?? Number.NaN,
    };
    setText(status, lost ? RUNS.disconnected : ended ? progressWords(progress) : RUNS.noRuns);
    if (wasRunning && !now.running) say(endedWords(progress));
    wasRunning = now.running;
    stop.hidden = !now.running || lost;
    compare.hidden = !options.python;
    compare.disabled = lost || now.front.length === 0 || model.get("_comparing") === true;
    setText(compare, model.get("_comparing") === true ? RUNS.comparing : RUNS.compare);
    setText(problem, String(model.get("error") ?? ""));
    if (width.value === 0) return;
    const { palette, font } = looks.now();
    const [at, over] = [placeOf(selected.value), placeOf(hovered.value)];
    const marks = marksOf(now.settings[colour.value] ?? null, palette);
    legend.render(now, colour.value, marks);
    scatter.render({
      ...{ data: now, shown: shown.value, colour: colour.value, width: width.value, palette, font },
      ...{ selected: at, hovered: over },
    });
    filters.render({ data: now, filter: filter.value, said: shownWords(shown.value.length, ended) });
    table.render({ data: now, order: order.value, sorting: sorting.value, selected: at, hovered: over });
    card.render(
      hovered.value,
      over < 0 ? null : scatter.at(over),
      wordsOf(hovered.value),
      width.value,
      palette,
    );
    agreement.render(asAgreement(model.get("_agreement")), over < 0 ? selected.value : hovered.value);
    networks.render(opened.value, wordsOf);
    if (awaited && opened.value.length > openBefore) {
      awaited();
      awaited = null;
    }
    openBefore = opened.value.length;
  }
  const runsChanged = () => {
    const before = data.peek();
    data.value = read();
    if (before.settings.length === 0) colour.value = firstColour(data.peek());
  };
  const othersChanged = () => {
    if (options.python) opened.value = numbersOf(model.get("_networks"));
    ask();
  };
  const selectedChanged = () => {
    selected.value = asNumber(model.get("selected"));
  };
  const received = (content: { thumbnail?: unknown; run?: unknown }) => {
    const thumbnail = asThumbnail(content?.thumbnail);
    if (!thumbnail || typeof content.run !== "number") return;
    card.take(content.run, thumbnail);
    ask();
  };
  const listening = [
    ...TRAITS.map((name) => [`change:${name}`, runsChanged] as const),
    ...OTHERS.map((name) => [`change:${name}`, othersChanged] as const),
    ["change:selected", selectedChanged] as const,
    ["msg:custom", received] as const,
  ];
  for (const [event, callback] of listening) model.on(event, callback as never);
  othersChanged();
  const stopAsking = effect(() => {
    for (const each of [data, filter, sorting, colour, hovered, selected, width, opened, looks.version])
      each.value;
    ask();
  });
  const resized = new ResizeObserver(([entry]) => {
    width.value = Math.floor(entry?.contentBoxSize[0]?.inlineSize ?? 0);
    looks.moved();
    ask();
  });
  el.append(mount);
  resized.observe(plot);
  hideNotebookPreview(el.ownerDocument, model.get("_picture"), signal);

  function close(): void {
    if (signal.aborted) return;
    stopAsking();
    for (const [event, callback] of listening) model.off(event, callback as never);
    resized.disconnect();
    cancelAnimationFrame(frame);
    controller.abort();
    mount.remove();
  }
  outer?.addEventListener("abort", close, { once: true });
  if (outer?.aborted) close();
  return close;
}

const asNumber = (value: unknown): number => (typeof value === "number" ? value : -1);

/** The numbers of the runs whose networks are open, from `_networks`. */
const numbersOf = (value: unknown): number[] =>
  (Array.isArray(value) ? value : []).map((each) => Number((each as unknown[])[0]));
