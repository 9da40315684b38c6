/** The picture that a notebook keeps of the widget: out of sight while a view of it is on the page. */

/** Hides the picture with this mark, wherever it is or will be, until the signal. */
export function hideKeptPicture(page: Document, mark: unknown, signal: AbortSignal): void {
  if (typeof mark !== "string" || !/^\w+$/.test(mark)) return;
  const picture = `[data-kanwidget="${mark}"]`;
  const style = page.createElement("style");
  // JupyterLab's prompt beside it goes too, where the browser knows how.
  style.textContent = `${picture} { display: none }\n.jp-OutputArea-child:has(${picture}) { display: none }`;
  page.head.append(style);
  signal.addEventListener("abort", () => style.remove(), { once: true });
}
