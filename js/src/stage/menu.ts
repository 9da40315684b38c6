/** A menu at a point, worked by mouse or keys: the context menu, and what the picture can be saved as. */
import { html, nothing, render } from "lit-html";
import { element } from "../util/dom";

export interface Item {
  readonly text: string;
  /** The key that does the same. */
  readonly key?: string;
  do(): void;
}

/** Names of keys for `aria-keyshortcuts`, where they are written shorter. */
const KEY_NAMES: Record<string, string> = { Del: "Delete", Esc: "Escape" };
/** From the edges of the window. */
const GAP = 4;

export function createMenu(signal: AbortSignal) {
  // "manual": a menu that opens under a finger must not close when the finger goes up.
  const menu = element("div", { class: "menu", role: "menu", "aria-label": "Actions", popover: "manual" });
  let returnTo: HTMLElement | null = null;

  const isOpen = () => menu.matches(":popover-open");
  const focused = () => (menu.getRootNode() as ShadowRoot).activeElement as HTMLButtonElement | null;
  function close(): void {
    if (!isOpen()) return;
    const back = menu.contains(focused()) ? returnTo : null;
    returnTo = null;
    menu.hidePopover();
    back?.focus({ preventScroll: true });
  }
  const on = <K extends keyof HTMLElementEventMap>(type: K, act: (event: HTMLElementEventMap[K]) => void) =>
    menu.addEventListener(type, act, { signal });
  on("keydown", (event) => {
    const all = [...menu.querySelectorAll("button")];
    const now = all.indexOf(focused()!);
    const goals: Record<string, number> = {
      ArrowDown: (now + 1) % all.length,
      ArrowUp: (now - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    };
    const goal = goals[event.key];
    if (goal !== undefined) all[goal]?.focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  on("focusout", (event) => {
    if (!menu.contains(event.relatedTarget as Node | null)) close();
  });
  on("contextmenu", (event) => {
    event.preventDefault();
    event.stopPropagation();
  });
  window.addEventListener("blur", close, { signal });
  // It stays where it is in the window: what it is about moves away under it.
  window.addEventListener(
    "scroll",
    ({ target }) => {
      if (target instanceof Node && target.contains((menu.getRootNode() as ShadowRoot).host)) close();
    },
    { signal, capture: true },
  );

  return {
    element: menu,
    close,
    get isOpen() {
      return isOpen();
    },
    /** Opens at a point of the element that it is in; `from` gets the focus back. */
    open(groups: readonly (readonly Item[])[], x: number, y: number, title: string, from: HTMLElement): void {
      menu.setAttribute("aria-label", title);
      const filled = groups.filter((items) => items.length > 0);
      render(
        html`<div class="menu-title" role="presentation">${title}</div>
          ${filled.map((items, k) => [k > 0 ? html`<div role="separator"></div>` : nothing, items.map(entry)])}`,
        menu,
      );
      menu.showPopover();
      const origin = menu.parentElement!.getBoundingClientRect();
      const { offsetWidth, offsetHeight } = menu;
      const left = Math.min(origin.left + x, innerWidth - offsetWidth - GAP);
      const below = origin.top + y;
      const top = below + offsetHeight + GAP > innerHeight ? below - offsetHeight : below;
      menu.style.left = `${Math.round(Math.max(GAP, left))}px`;
      menu.style.top = `${Math.round(Math.max(GAP, top))}px`;
      returnTo = from;
      menu.querySelector("button")?.focus({ preventScroll: true });
    },
  };

  function entry({ text, key, do: act }: Item) {
    const press = () => {
      close();
      act();
    };
    return html`<button
      type="button" role="menuitem" tabindex="-1" aria-keyshortcuts=${key ? (KEY_NAMES[key] ?? key) : nothing}
      @click=${press} @pointerenter=${(event: Event) => (event.target as HTMLElement).focus({ preventScroll: true })}
    >${text}${key ? html`<kbd aria-hidden="true">${key}</kbd>` : nothing}</button>`;
  }
}
