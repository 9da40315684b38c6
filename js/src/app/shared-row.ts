/** In a row of widgets (`HBox`) views share the width; whatever the host or a layout says comes first. */

const STYLE = ":where(.kanwidget-host) { flex-grow: 1; }";

export function shareRowWidth(el: HTMLElement, mount: HTMLElement, signal: AbortSignal): void {
  el.classList.add("kanwidget-host");
  // Hosts may render a view first, and put it into the page or into a shadow tree of theirs later.
  const observer = new ResizeObserver(() => {
    if (adopt(el, signal)) observer.disconnect();
  });
  observer.observe(mount);
  signal.addEventListener("abort", () => observer.disconnect());
}

/** Gives the tree that an element is in the style: as a sheet, since a page's policy may forbid style elements. */
function adopt(el: HTMLElement, signal: AbortSignal): boolean {
  const tree = el.getRootNode() as Document | ShadowRoot;
  const view = el.ownerDocument.defaultView;
  if (!view || !("adoptedStyleSheets" in tree)) return false;
  const sheet = new view.CSSStyleSheet();
  sheet.replaceSync(STYLE);
  tree.adoptedStyleSheets = [...tree.adoptedStyleSheets, sheet];
  signal.addEventListener("abort", () => {
    tree.adoptedStyleSheets = tree.adoptedStyleSheets.filter((each) => each !== sheet);
  });
  return true;
}
