/** What keys mean on the stage, where Tab and the arrows are the buttons' own; and undo and redo, everywhere. */

import { isTargetOn } from "../model/edits";
import type { Target } from "../model/network";
import { flip, targetsToSwitch } from "../state/selection";
import type { ViewState } from "../state/view-state";
import { ZOOM_STEP } from "../views/camera";

export interface KeyHandlers {
  select(targets: readonly Target[]): void;
  toggle(targets: readonly Target[]): void;
  /** True when a drag was given up. */
  cancel(): boolean;
  /** True when there is a place for it. */
  menu(target: Target): boolean;
  zoom(factor: number): void;
  fit(): void;
}

/** Whether a key combination means undo or redo. */
export function undoOrRedo(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">,
): "undo" | "redo" | null {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return null;
  const key = event.key.toLowerCase();
  if (key === "z") return event.shiftKey ? "redo" : "undo";
  return key === "y" && !event.shiftKey ? "redo" : null;
}

/** Does it, and returns true when the key meant something; `target` is what has the focus. */
export function pressKey(
  event: Pick<KeyboardEvent, "key" | "shiftKey">,
  { net, mask, selected }: ViewState,
  target: Target | null,
  doing: KeyHandlers,
): boolean {
  const targets = targetsToSwitch(selected, target);
  switch (event.key) {
    case "Enter":
      if (target) doing.select(event.shiftKey ? flip(selected, target) : [target]);
      return target !== null;
    case " ":
      if (targets.length > 0) doing.toggle(targets);
      return true;
    case "Delete":
    case "Backspace": {
      const on = targets.filter((each) => isTargetOn(net, mask, each));
      if (on.length > 0) doing.toggle(on);
      return true;
    }
    case "Escape":
      if (doing.cancel()) return true;
      if (selected.length === 0) return false;
      doing.select([]);
      return true;
    case "F10":
      return event.shiftKey && target !== null && doing.menu(target);
    case "+":
    case "=":
      doing.zoom(ZOOM_STEP);
      return true;
    case "-":
      doing.zoom(1 / ZOOM_STEP);
      return true;
    case "0":
      doing.fit();
      return true;
  }
  return false;
}
