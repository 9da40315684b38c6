/** What a view wants of the element that its host gives it; whatever the host or a layout says comes first. */

/**
 * In a row of widgets each takes its share of the width, and in a box of a given height all of it: what has no room
 * there is scrolled to.
 */
const STYLE = `
:where(.kanwidget-host) { flex-grow: 1; }
:where(.kanwidget-host) > [data-kanwidget-view] { height: 100%; }
:where(.kanwidget-host) > [data-kanwidget-view="scrolls"] { overflow: auto; }
`;

export function styleHost(el: HTMLElement, mount: HTMLElement, root: HTMLElement, signal: AbortSignal): void {
  el.classList.add("kanwidget-host");
  mount.dataset.kanwidgetView = "";
  let adopted = false;
  const observer = new ResizeObserver(() => {
    // Hosts may render a view first, and put it into the page or into a shadow tree of theirs later.
    if (!adopted) adopted = adopt(el, signal);
    mount.dataset.kanwidgetView = root.offsetHeight > mount.clientHeight + 1 ? "scrolls" : "";
  });
  observer.observe(mount);
  observer.observe(root);
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
