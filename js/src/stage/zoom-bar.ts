/** The buttons under the stage: zoom in and out, fit, full screen; and a line about the gestures of the stage. */
import { STAGE } from "../text/labels";
import { element, setText, svg } from "../util/dom";

export interface ZoomBarEvents {
  zoom(direction: 1 | -1): void;
  fit(): void;
  /** Lets what is held in its place move. */
  tidy(): void;
  /** Whether there is a kernel: then the view is in a notebook. */
  readonly python: boolean;
}

/** How long a message stays, in ms, and for each of its letters. */
const SAID_FOR = 3000;
const READ = 60;

export function createZoomBar(host: () => HTMLElement | null, events: ZoomBarEvents, signal: AbortSignal) {
  const button = (role: string, label: string, drawing: string, act: () => void) => {
    const made = element("button", { type: "button", "data-role": role, "aria-label": label, title: label });
    made.append(svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: drawing })));
    made.addEventListener("click", act, { signal });
    return made;
  };
  const out = button("zoom-out", STAGE.zoomOut, "M3 8H13", () => events.zoom(-1));
  const into = button("zoom-in", STAGE.zoomIn, "M3 8H13M8 3V13", () => events.zoom(1));
  const fit = button(
    "fit",
    STAGE.fit,
    "M2.5 5.5V2.5H5.5M10.5 2.5H13.5V5.5M13.5 10.5V13.5H10.5M5.5 13.5H2.5V10.5M5.5 8H10.5",
    () => events.fit(),
  );
  const screen = button(
    "full-screen",
    STAGE.fullScreen,
    "M9.5 2.5H13.5V6.5M13.5 2.5L9 7M6.5 13.5H2.5V9.5M2.5 13.5L7 9",
    () => {
      void toggleFullScreen();
    },
  );
  const tidy = element(
    "button",
    { type: "button", class: "quiet small", "data-role": "tidy", title: STAGE.tidy.help },
    STAGE.tidy.name,
  );
  tidy.hidden = true;
  tidy.addEventListener("click", () => events.tidy(), { signal });
  const scale = element("span", { class: "scale", "aria-live": "polite" });
  const touch = matchMedia("(hover: none)").matches;
  const hint = element("span", { class: "hint", role: "status" });
  const bar = element(
    "div",
    { class: "tools" },
    hint,
    tidy,
    scale,
    element("div", { role: "group", "aria-label": "Zoom" }, out, into, fit, screen),
  );

  let timer: ReturnType<typeof setTimeout> | undefined;
  const quiet = () => {
    delete hint.dataset.said;
    const parts = touch ? STAGE.touchHint : STAGE.hint;
    hint.replaceChildren(...parts.map((part, k) => element("span", {}, `${k > 0 ? " · " : ""}${part}`)));
  };
  quiet();
  signal.addEventListener("abort", () => clearTimeout(timer));
  /** In place of the hint, until it has been read. */
  function say(words: string): void {
    hint.dataset.said = "";
    setText(hint, words);
    clearTimeout(timer);
    timer = setTimeout(quiet, SAID_FOR + READ * words.length);
  }
  const fullScreenElement = () => {
    const root = host()?.getRootNode();
    return root instanceof ShadowRoot ? root.fullscreenElement : document.fullscreenElement;
  };
  const isFull = () => fullScreenElement() !== null && fullScreenElement() === host();
  async function toggleFullScreen(): Promise<void> {
    try {
      if (isFull()) await document.exitFullscreen();
      else await host()!.requestFullscreen();
    } catch {
      const other = events.python ? "open the notebook" : "open this page";
      say(
        `The page around this one does not allow full screen. Zoom in instead, or ${other} in its own tab.`,
      );
    }
  }
  document.addEventListener(
    "fullscreenchange",
    () => {
      const label = isFull() ? STAGE.leaveFullScreen : STAGE.fullScreen;
      screen.setAttribute("aria-label", label);
      screen.title = label;
    },
    { signal },
  );

  return {
    element: bar,
    isFull,
    say,
    /** `waits`: something has been switched, and will move. */
    update(zoom: number, most: number, waits = false): void {
      tidy.hidden = !waits;
      setText(scale, zoom > 1 ? `${Math.round(100 * zoom)}%` : "");
      // A button that has the focus keeps it, though it has nothing more to do.
      for (const [control, done] of [
        [out, zoom <= 1],
        [fit, zoom <= 1],
        [into, zoom >= most],
      ] as const) {
        control.setAttribute("aria-disabled", `${done}`);
      }
    },
  };
}
