/** The panels under the network: which of them are open, and their buttons' names. */
import type { Label } from "../text/labels";
import { element, freshId } from "../util/dom";
import type { Snapshot } from "../wire/snapshot";
import type { Commands, PanelProps } from "./context";
import { REGISTRY } from "./registry";

/** What the toolbar needs to know of a panel. */
export interface PanelToggle {
  readonly id: string;
  readonly label: Label;
  /** The id of its element. */
  readonly controls: string;
  readonly isOpen: boolean;
  toggle(): void;
}

/** `changed`: something was opened or closed; `opened` is given the element of a panel that was opened. */
export function createPanels(
  commands: Commands,
  changed: (opened: HTMLElement | null) => void,
  signal: AbortSignal,
) {
  const open = new Set<string>();
  let reading: Snapshot | null = null;
  const panels = REGISTRY.map((entry) => {
    const controls = freshId(entry.id);
    return { ...entry, controls, panel: entry.create(controls, commands, signal) };
  });
  const toggles: readonly PanelToggle[] = panels.map(({ id, label, controls, panel }) => ({
    id,
    label,
    controls,
    get isOpen() {
      return open.has(id);
    },
    toggle() {
      if (!open.delete(id)) open.add(id);
      if (reading) panel.toggled?.(open.has(id), reading);
      changed(open.has(id) ? panel.element : null);
    },
  }));
  return {
    element: element("div", { class: "panels" }, ...panels.map(({ panel }) => panel.element)),
    toggles,
    /** Those that change the model. */
    acting: panels.filter((entry) => entry.changesModel).map(({ panel }) => panel.element),
    update(now: PanelProps): void {
      reading = now.reading;
      for (const { id, panel } of panels) {
        const said = panel.isOpenIn?.(now.reading) ?? null;
        if (said === true) open.add(id);
        else if (said === false) open.delete(id);
        panel.element.hidden = !open.has(id);
        panel.update(now);
      }
    },
  };
}
