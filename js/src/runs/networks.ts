/** The networks that are open, side by side below the table, each in a view of its own. */
import { RUNS } from "../text/run-labels";
import { arrange, button, element, setText } from "../util/dom";

/** Draws a network into an element; returns how to end that. May fail, in words. */
export type ShowNetwork = (number: number, el: HTMLElement, signal: AbortSignal) => Promise<() => void>;

interface Opened {
  readonly section: HTMLElement;
  readonly heading: HTMLElement;
  readonly controller: AbortController;
}

export function createNetworks(show: ShowNetwork, closed: (number: number) => void, signal: AbortSignal) {
  const list = element("div", { class: "runs-networks" });
  const opened = new Map<number, Opened>();
  signal.addEventListener("abort", () => {
    for (const { controller } of opened.values()) controller.abort();
  });

  function open(number: number): Opened {
    const controller = new AbortController();
    const heading = element("h3", { tabindex: "-1" });
    const close = button(
      RUNS.close,
      { class: "small", "data-role": "close-network", "aria-label": `${RUNS.close} run ${number}` },
      () => closed(number),
      controller.signal,
    );
    const body = element("div", { class: "network-view" });
    const said = element("p", { class: "notice" }, RUNS.loading);
    const section = element(
      "section",
      { "data-run": `${number}`, "aria-label": `Run ${number}` },
      element("header", {}, heading, close),
      said,
      body,
    );
    show(number, body, controller.signal).then(
      (end) => {
        said.remove();
        if (controller.signal.aborted) end();
        else controller.signal.addEventListener("abort", end, { once: true });
      },
      (error) => setText(said, error instanceof Error ? error.message : String(error)),
    );
    return { section, heading, controller };
  }

  return {
    element: list,
    render(numbers: readonly number[], words: (number: number) => string): void {
      for (const [number, { section, controller }] of opened) {
        if (numbers.includes(number)) continue;
        controller.abort();
        section.remove();
        opened.delete(number);
      }
      for (const number of numbers) {
        if (!opened.has(number)) opened.set(number, open(number));
        setText(opened.get(number)!.heading, words(number));
      }
      arrange(
        list,
        numbers.map((number) => opened.get(number)!.section),
      );
    },
    focus(number: number): void {
      opened.get(number)?.heading.focus();
    },
  };
}
