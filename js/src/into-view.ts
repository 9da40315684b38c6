/** Brings what a hand has just opened into view, if it opened where nobody sees it. */
import { isCalm } from "./stage/ease";

/** A second click in this time was meant for what is under the pointer: nothing may move away from there. */
const PAUSE = 400;

export interface IntoView {
  /** After a pause; whatever a hand does until then stops it. */
  bring(element: Element): void;
}

export function createIntoView(signal: AbortSignal): IntoView {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => clearTimeout(timer);
  for (const name of ["pointerdown", "wheel", "keydown"] as const) {
    window.addEventListener(name, stop, { signal, capture: true, passive: true });
  }
  signal.addEventListener("abort", stop);
  return {
    bring(element) {
      stop();
      timer = setTimeout(() => {
        element.scrollIntoView({
          block: "nearest",
          inline: "nearest",
          behavior: isCalm() ? "instant" : "smooth",
        });
      }, PAUSE);
    },
  };
}
