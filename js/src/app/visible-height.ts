/** How high the network may be so that it is seen together with the head of the view, and what stands beside it. */
import { ancestors } from "../canvas/theme";

const LEAST = 260;
const MOST = 1000;
/** In a frame: one that is as high as what is in it must not grow with it without end. */
const MOST_IN_FRAME = 640;
/** A frame with fewer pixels has not yet been given its height. */
const LEAST_FRAME = 400;
/** From this width on the inspector stands beside the network; where the height is given, a narrower one will do. */
const BESIDE = 1000;
const BESIDE_IN_HEIGHT = 700;
/** A view that is seen in fewer pixels has lower cards, and a lower head. */
const SHORT = 700;
/** So has a narrower one: its head has three rows. */
const NARROW = 700;
/** Something that scrolls and is lower than this is not what a person looks at the view through. */
const LEAST_SCROLLER = 300;
const SLACK = 8;

export interface VisibleHeight {
  /** For the network. */
  readonly room: number;
}

/**
 * `others` are the parts that are seen together with the network: their heights are not its own. `ruler` is as high as
 * the window, by a style that a phone does not change while its bars come and go.
 */
export function watchVisibleHeight(
  mount: HTMLElement,
  root: HTMLElement,
  ruler: HTMLElement,
  others: readonly HTMLElement[],
  changed: () => void,
  signal: AbortSignal,
): VisibleHeight {
  let room = MOST_IN_FRAME;
  const isFramed = window.parent !== window;
  /** What scrolls around the view. */
  let scrollers: readonly HTMLElement[] = [];
  let frame = 0;
  // Not at once: what is set now would be seen by the same observer.
  const sizes = new ResizeObserver(() => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      measure();
    });
  });
  signal.addEventListener("abort", () => {
    sizes.disconnect();
    cancelAnimationFrame(frame);
  });
  for (const part of [mount, root, ruler, ...others]) sizes.observe(part);

  function visible(): number {
    const window_ = ruler.offsetHeight || innerHeight;
    const found = scrollersOf(mount, scrollers);
    if (found.length !== scrollers.length || found.some((one, k) => one !== scrollers[k])) {
      for (const one of scrollers) sizes.unobserve(one);
      scrollers = found;
      for (const one of scrollers) sizes.observe(one);
    }
    return Math.min(window_, ...scrollers.map((one) => one.clientHeight));
  }

  function measure(): void {
    if (mount.clientWidth === 0 || root.dataset.printing !== undefined) return;
    const full = root.matches(":fullscreen");
    const limit = root.dataset.limited === undefined ? Number.POSITIVE_INFINITY : root.clientHeight;
    const isGiven = full || root.dataset.limited !== undefined;
    root.toggleAttribute("data-beside", root.clientWidth >= (isGiven ? BESIDE_IN_HEIGHT : BESIDE));
    const height = Math.min(full ? innerHeight : visible(), limit);
    const most = isFramed ? MOST_IN_FRAME : MOST;
    const unknown = isFramed && height < LEAST_FRAME && !full;
    const isShort = height < SHORT && !unknown;
    root.toggleAttribute("data-short", isShort);
    root.toggleAttribute("data-low-head", isShort || root.clientWidth < NARROW);
    const rest = others.reduce((sum, part) => sum + Math.ceil(part.getBoundingClientRect().height), 0);
    const next = unknown ? most : Math.max(LEAST, Math.min(most, Math.floor(height - rest)));
    if (next === room) return;
    room = next;
    changed();
  }

  measure();
  return {
    get room() {
      return room;
    },
  };
}

/** What an element is scrolled in. One that is as high as what is in it counts only once that does not fit. */
function scrollersOf(mount: HTMLElement, known: readonly HTMLElement[]): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (const element of ancestors(mount)) {
    if (!(element instanceof HTMLElement) || element === document.body) break;
    const { overflowY } = getComputedStyle(element);
    if (overflowY !== "auto" && overflowY !== "scroll") continue;
    const scrolls = element.scrollHeight > element.clientHeight + SLACK || known.includes(element);
    if (scrolls && element.clientHeight >= LEAST_SCROLLER) found.push(element);
  }
  return found;
}
