/** Scrolls what has just opened into sight where cards and panels have a box of their own to scroll; never the page. */
export function scrollIntoView(opened: Element | null): void {
  const box = opened?.closest(".inspector-body");
  if (!opened || !box || box.scrollHeight <= box.clientHeight) return;
  const [inner, outer] = [opened.getBoundingClientRect(), box.getBoundingClientRect()];
  if (inner.bottom > outer.bottom)
    box.scrollTop += Math.min(inner.bottom - outer.bottom, inner.top - outer.top);
  else if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top;
}
