/** The picture that a notebook keeps of the widget: out of sight while a view of it is on the page. */

/** Milliseconds for which the picture stays hidden when its view has gone: as a rule it is about to go as well. */
const AFTERWARDS = 1000;

/** Hides the picture with this mark, wherever it is or will be, until the signal. */
export function hideNotebookPreview(page: Document, mark: unknown, signal: AbortSignal): void {
  if (typeof mark !== "string" || !/^\w+$/.test(mark)) return;
  const picture = `img[src*="${inFile(mark)}"]`;
  const style = page.createElement("style");
  style.dataset.kanwidget = "hides its picture";
  // JupyterLab's prompt beside it goes too, where the browser knows how; but no output that holds other outputs.
  const row = ".jp-OutputArea-child:has(> .jp-OutputArea-output >";
  style.textContent = `${picture} { display: none }\n${row} ${picture}) { display: none }`;
  page.head.append(style);
  const end = () => setTimeout(() => style.remove(), AFTERWARDS);
  signal.addEventListener("abort", end, { once: true });
}

/** How a mark stands in a PNG's data URL: as `kanwidget/widget/notebook_preview.py` writes it, in whole triples of bytes. */
function inFile(mark: string): string {
  const text = `kanwidget\0${mark}`;
  const chunk = `\0\0\0${String.fromCharCode(text.length)}tEXt${text}`;
  return btoa(chunk.slice(0, chunk.length - (chunk.length % 3)));
}
