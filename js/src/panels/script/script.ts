/** The Python lines that do the same, to copy. */
import { PANELS, SCRIPT } from "../../text/labels";
import { button, element, setText } from "../../util/dom";
import type { Commands, Panel } from "../context";

const SAID_FOR = 2500;
const { name } = PANELS.script;

export function createScript(id: string, _: Commands, signal: AbortSignal): Panel {
  const code = element("code");
  const lines = element(
    "pre",
    { tabindex: "0", role: "region", "aria-label": SCRIPT.lines, "data-role": "script" },
    code,
  );
  const said = element("span", { class: "said", role: "status", "data-role": "copied" });
  const copy = button(
    SCRIPT.copy,
    { class: "small", "data-role": "copy", "aria-label": SCRIPT.copyHelp },
    () => void copyLines(),
    signal,
  );
  const panel = element(
    "section",
    { class: "panel script", id, "aria-label": name, hidden: true },
    element("header", {}, element("h3", {}, name), said, copy),
    lines,
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer));

  async function copyLines(): Promise<void> {
    const done = (await wroteClipboard(code.textContent ?? "")) || copySelection();
    setText(said, done ? SCRIPT.copied : SCRIPT.notCopied);
    clearTimeout(timer);
    if (done) timer = setTimeout(() => setText(said, ""), SAID_FOR);
  }

  /** Where the clipboard is closed to scripts, the old way: select, then copy. */
  function copySelection(): boolean {
    const selection = getSelection();
    selection?.selectAllChildren(code);
    try {
      return document.execCommand("copy");
    } catch {
      return false;
    }
  }

  return {
    element: panel,
    update({ reading: { script } }): void {
      setText(code, script || SCRIPT.empty);
      copy.disabled = !script;
    },
  };
}

async function wroteClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
