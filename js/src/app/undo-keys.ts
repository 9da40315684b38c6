/** Undo and redo by keys, anywhere in a view; and no key of a view reaches the host's own shortcuts. */
import { undoOrRedo } from "../stage/keys";

export function watchUndoKeys(
  root: HTMLElement,
  act: (way: "undo" | "redo") => void,
  signal: AbortSignal,
): void {
  root.addEventListener(
    "keydown",
    (event) => {
      const way = isText(event.target) ? null : undoOrRedo(event);
      if (way) {
        event.preventDefault();
        event.stopPropagation();
        act(way);
      }
      if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Tab") event.stopPropagation();
    },
    { signal },
  );
}

/** In a text field undo and redo are the field's own. */
const isText = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement && /^(text|number)$/.test(target.type);
