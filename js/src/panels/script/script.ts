/** The Python lines that do the same, to copy. */
import { button, element, setText } from "../../util/dom";

const SAID_FOR = 2500;

export function createScript(id: string, signal: AbortSignal) {
  const code = element("code");
  const lines = element(
    "pre",
    { tabindex: "0", role: "region", "aria-label": "Python lines", "data-role": "script" },
    code,
  );
  const said = element("span", { class: "said", role: "status", "data-role": "copied" });
  const copy = button(
    "Copy",
    { class: "small", "data-role": "copy", "aria-label": "Copy the script" },
    () => void take(),
    signal,
  );
  const panel = element(
    "section",
    { class: "panel script", id, "aria-label": "Script", hidden: true },
    element("header", {}, element("h3", {}, "Script"), said, copy),
    lines,
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer));

  async function take(): Promise<void> {
    const done = (await written(code.textContent ?? "")) || copied();
    setText(said, done ? "copied" : "could not copy: the lines are selected, press Ctrl+C");
    clearTimeout(timer);
    if (done) timer = setTimeout(() => setText(said, ""), SAID_FOR);
  }

  /** Where the clipboard is closed to scripts, the old way: select, then copy. */
  function copied(): boolean {
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
    update(script: string): void {
      setText(code, script || "# nothing has been done yet");
      copy.disabled = !script;
    },
  };
}

async function written(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
