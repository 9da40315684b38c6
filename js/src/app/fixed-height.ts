/**
 * Fits a view into a height that its host has fixed: what is lower would be cut off, and no scroll bar leads there.
 * Then the view is as high as the room there is, the stage has what the rest leaves, and all scrolls by itself.
 */
import { ancestors } from "../canvas/theme";

/** With fewer pixels the host is hidden, folded, or about to open. */
const LEAST = 80;

export function watchFixedHeight(
  el: HTMLElement,
  mount: HTMLElement,
  root: HTMLElement,
  changed: () => void,
  signal: AbortSignal,
): void {
  let limit: { by: HTMLElement; height: number; natural: number } | null = null;
  let frame = 0;
  // Not at once: what is set now would be seen by the same observer.
  const soon = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      measure();
    });
  };
  const sizes = new ResizeObserver(soon);
  /** A height that is fixed no longer is at first as large as it was. */
  const styles = new MutationObserver(soon);
  signal.addEventListener("abort", () => {
    sizes.disconnect();
    styles.disconnect();
    cancelAnimationFrame(frame);
  });
  sizes.observe(mount);
  sizes.observe(root);
  /** What is shown may be higher than its element, where a host makes that as high as itself (a flex box, as Shiny's). */
  const shown = () => Math.max(mount.offsetHeight, root.offsetHeight);

  function measure(): void {
    if (signal.aborted || root.dataset.printing !== undefined || root.matches(":fullscreen")) return;
    const cutters = cuttersOf(el);
    for (const cutter of cutters) sizes.observe(cutter);
    if (limit) {
      const { by, natural } = limit;
      const room = roomIn(by, el, mount);
      if (room < LEAST && by.isConnected) return;
      const ends = !cutters.includes(by) || room >= natural || !isFixed(by, mount);
      set(ends ? null : { by, height: room, natural });
      return;
    }
    const by = cutters.find((cutter) => {
      const room = roomIn(cutter, el, mount);
      return room >= LEAST && room < shown() - 1 && isFixed(cutter, mount);
    });
    if (by) set({ by, height: roomIn(by, el, mount), natural: shown() });
  }

  function set(next: typeof limit): void {
    if (next?.height === limit?.height && next?.by === limit?.by) return;
    if (next?.by !== limit?.by) {
      styles.disconnect();
      if (next) styles.observe(next.by, { attributes: true, attributeFilter: ["style", "class"] });
    }
    limit = next;
    root.style.height = next ? `${next.height}px` : "";
    root.toggleAttribute("data-limited", next !== null);
    changed();
  }
}

/** The host's element, and what around it hides whatever sticks out, up to the first that scrolls. */
function cuttersOf(el: HTMLElement): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (const element of ancestors(el)) {
    if (!(element instanceof HTMLElement) || element === document.body) break;
    const { overflowY } = getComputedStyle(element);
    if (overflowY === "auto" || overflowY === "scroll") break;
    if (element === el || overflowY === "hidden" || overflowY === "clip") found.push(element);
  }
  return found;
}

/** From the top of the view to the bottom of what cuts it off. */
function roomIn(cutter: HTMLElement, el: HTMLElement, mount: HTMLElement): number {
  const { top } = cutter.getBoundingClientRect();
  const inner = cutter === el ? Number.parseFloat(getComputedStyle(cutter).paddingBottom) || 0 : 0;
  return Math.floor(top + cutter.clientTop + cutter.clientHeight - inner - mount.getBoundingClientRect().top);
}

/** Whether a height stays as it is without the view. */
function isFixed(cutter: HTMLElement, mount: HTMLElement): boolean {
  const before = cutter.clientHeight;
  mount.style.height = "0";
  const fixed = cutter.clientHeight === before;
  mount.style.height = "";
  return fixed;
}
