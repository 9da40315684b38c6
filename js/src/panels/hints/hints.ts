/**
 * Three hints for the first time: one after the other beside what it is about, until the person has done it or says
 * that it is enough. They go for good, and lie over the view, so that nothing moves when they do.
 */
import { html, nothing, render } from "lit-html";
import { HINTS } from "../../text/labels";
import { hintWords } from "../../text/messages";
import { element } from "../../util/dom";
import type { Snapshot } from "../../wire/snapshot";
import type { PanelProps } from "../context";
import { hintsSeen, keepHintsSeen } from "./seen";

/** From what a hint is about, and from the edges of the view, in pixels. */
const GAP = 8;
const WIDTH = 250;

interface Hint {
  readonly text: string;
  /** What it is about. */
  readonly about: string;
  /** Whether the person has done it, between two states. */
  isDone(before: Snapshot, now: Snapshot): boolean;
}

const THREE: readonly Hint[] = [
  {
    text: HINTS.drag,
    about: "[data-threshold]:enabled",
    isDone: ({ edits: a }, { edits: b }) =>
      a.nodeThreshold !== b.nodeThreshold || a.edgeThreshold !== b.edgeThreshold,
  },
  {
    text: HINTS.click,
    about: "button[data-edge][aria-pressed=true]",
    isDone: (before, now) => now.selected.length > before.selected.length,
  },
  {
    text: HINTS.undo,
    about: "[data-role=undo]",
    isDone: (before, { history, current }) =>
      current !== before.current && history.some(({ parent }) => parent === current),
  },
];

/** Of what a hint may be about: under the lowest there is no other curve to be hidden. */
function lowest(found: readonly HTMLElement[]): HTMLElement | undefined {
  const bottom = (one: HTMLElement) => one.getBoundingClientRect().bottom;
  return found.reduce<HTMLElement | undefined>(
    (best, one) => (best && bottom(best) >= bottom(one) ? best : one),
    undefined,
  );
}

/** The view that has the hints: of several on a page it is the first. */
let owner: object | null = null;

export function createHints(root: HTMLElement, signal: AbortSignal) {
  const box = element("div", { class: "hints", hidden: true });
  const self = {};
  /** What was there when the present hint came. */
  let before: Snapshot | null = null;
  let shown = -1;
  /** All have been seen: they never come again. */
  let isOver = false;
  signal.addEventListener("abort", () => {
    if (owner === self) owner = null;
  });

  const targets = (about: string) =>
    [...root.querySelectorAll<HTMLElement>(about)].filter((one) => one.checkVisibility());

  function end(count: number): void {
    const hadFocus = box.matches(":focus-within");
    const about = THREE[shown]?.about;
    keepHintsSeen(count);
    before = null;
    if (hintsSeen() >= THREE.length) close();
    else if (last) update(last);
    if (!hadFocus) return;
    const next = box.hidden ? about && targets(about)[0] : box.querySelector<HTMLElement>("button");
    if (next) next.focus({ preventScroll: true });
  }

  function close(): void {
    box.hidden = true;
    shown = -1;
    if (owner === self) owner = null;
  }

  function draw(number: number): void {
    if (number === shown) return;
    shown = number;
    const isLast = number === THREE.length - 1;
    render(
      html`<div
        class="hint-card" role="note" aria-label=${hintWords(number + 1, THREE.length)}
        @keydown=${(event: KeyboardEvent) => event.key === "Escape" && end(THREE.length)}
      >
        <p>${THREE[number]!.text}</p>
        <div>
          <button type="button" class="quiet small" data-role="next-hint" @click=${() => end(number + 1)}
          >${isLast ? HINTS.done : HINTS.next}</button>
          ${
            isLast
              ? nothing
              : html`<button type="button" class="quiet small plain" data-role="no-hints" @click=${() => end(THREE.length)}
                >${HINTS.none}</button>`
          }
        </div>
      </div>`,
      box,
    );
  }

  /** Under what the hint is about, or over it where there is no room. */
  function place(target: HTMLElement): void {
    const [outer, inner] = [root.getBoundingClientRect(), target.getBoundingClientRect()];
    const share = Number(target.style.getPropertyValue("--at") || 0.5);
    const isSlider = target.matches("[data-threshold]");
    const x = inner.left - outer.left + (isSlider ? 8 + share * (inner.width - 16) : inner.width / 2);
    const width = Math.min(WIDTH, outer.width - 2 * GAP);
    const left = Math.max(GAP, Math.min(x - 24, outer.width - width - GAP));
    const below = inner.bottom - outer.top + root.scrollTop + GAP;
    const above = inner.top - outer.top + root.scrollTop - GAP - box.offsetHeight;
    const isAbove = below + box.offsetHeight > root.scrollHeight && above >= 0;
    Object.assign(box.style, { left: `${left}px`, top: `${isAbove ? above : below}px`, width: `${width}px` });
    box.style.setProperty("--tip", `${Math.max(12, Math.min(x - left, width - 12))}px`);
    box.toggleAttribute("data-above", isAbove);
  }

  let last: PanelProps | null = null;
  function update(now: PanelProps): void {
    if (isOver) return;
    last = now;
    const number = hintsSeen();
    isOver = number >= THREE.length;
    const { reading } = now;
    const wanted = number < THREE.length && !reading.closed && !reading.hide.includes("hints");
    if (!wanted || (owner !== null && owner !== self)) {
      if (!box.hidden) close();
      return;
    }
    const hint = THREE[number]!;
    if (before && number === shown && !now.known.drag && hint.isDone(before, reading)) {
      end(number + 1);
      return;
    }
    const target = lowest(targets(hint.about));
    box.hidden = !target;
    if (!target) return;
    owner = self;
    if (number !== shown) before = reading;
    before ??= reading;
    draw(number);
    place(target);
  }
  return { element: box, update };
}
