/** Copying a text, also where the clipboard is closed to scripts. */
import { element } from "../util/dom";

/** `within`: where there is room for a moment for what is copied the old way. Whether it was copied. */
export async function copyText(text: string, within: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = element("textarea", { class: "unseen", readonly: true, "aria-hidden": "true" });
    box.value = text;
    within.append(box);
    const focused = (within.getRootNode() as ShadowRoot).activeElement as HTMLElement | null;
    box.select();
    try {
      return document.execCommand("copy");
    } catch {
      return false;
    } finally {
      box.remove();
      focused?.focus({ preventScroll: true });
    }
  }
}
