/** The context menu: a list of things to do, at a point, worked by mouse or keys. */
import { element } from "../util/dom";

export interface Item {
  readonly text: string;
  /** The key that does the same. */
  readonly key?: string;
  do(): void;
}

export function createMenu(signal: AbortSignal) {
  const menu = element("div", { class: "menu", role: "menu", "aria-label": "Actions", hidden: true });
  let back: HTMLElement | null = null;

  const buttons = () => [...menu.querySelectorAll<HTMLButtonElement>("button")];
  function close(): void {
    if (menu.hidden) return;
    const had = menu.contains((menu.getRootNode() as ShadowRoot).activeElement);
    menu.hidden = true;
    if (had) back?.focus({ preventScroll: true });
    menu.replaceChildren();
    back = null;
  }
  menu.addEventListener(
    "keydown",
    (event) => {
      const all = buttons();
      const now = all.indexOf((menu.getRootNode() as ShadowRoot).activeElement as HTMLButtonElement);
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
    },
    { signal },
  );
  menu.addEventListener(
    "focusout",
    (event) => {
      if (!menu.contains(event.relatedTarget as Node | null)) close();
    },
    { signal },
  );
  menu.addEventListener(
    "contextmenu",
    (event) => {
      event.preventDefault();
      event.stopPropagation();
    },
    { signal },
  );
  window.addEventListener("blur", close, { signal });

  return {
    element: menu,
    close,
    get isOpen() {
      return !menu.hidden;
    },
    /** Opens at a point of the positioned parent, and stays inside of it where it fits. */
    open(
      groups: readonly (readonly Item[])[],
      x: number,
      y: number,
      title: string,
      returnTo: HTMLElement,
    ): void {
      menu.setAttribute("aria-label", title);
      menu.replaceChildren(
        element("div", { class: "menu-title", role: "presentation" }, title),
        ...groups
          .filter((items) => items.length > 0)
          .flatMap((items, k) => [
            ...(k > 0 ? [element("div", { role: "separator" })] : []),
            ...items.map(entry),
          ]),
      );
      menu.hidden = false;
      const room = menu.offsetParent ?? menu;
      const left = Math.max(4, Math.min(x, room.clientWidth - menu.offsetWidth - 4));
      const top = y + menu.offsetHeight + 4 > room.clientHeight ? Math.max(4, y - menu.offsetHeight) : y;
      menu.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
      back = returnTo;
      buttons()[0]?.focus({ preventScroll: true });
    },
  };

  function entry({ text, key, do: act }: Item): HTMLElement {
    const button = element("button", { type: "button", role: "menuitem", tabindex: "-1" }, text);
    if (key) button.append(element("kbd", { "aria-hidden": "true" }, key));
    if (key) button.setAttribute("aria-keyshortcuts", { Del: "Delete", Esc: "Escape" }[key] ?? key);
    button.addEventListener("click", () => {
      close();
      act();
    });
    button.addEventListener("pointerenter", () => button.focus({ preventScroll: true }));
    return button;
  }
}
