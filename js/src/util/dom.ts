/** Small helpers that make elements. */

export type Attributes = Record<string, string | boolean | undefined>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill<E extends Element>(made: E, attributes: Attributes, children: (Node | string)[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** A button that acts, until the signal ends it. */
export function button(
  label: string | Node,
  attributes: Attributes,
  pressed: () => void,
  signal: AbortSignal,
): HTMLButtonElement {
  const made = element(
    "button",
    { type: "button", ...attributes, class: `quiet ${attributes.class ?? ""}`.trim() },
    label,
  );
  made.addEventListener("click", pressed, { signal });
  return made;
}

/** Sets text only when it differs: an unchanged live region stays silent. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute only when it differs; null removes it. */
export function setAttribute(node: Element, name: string, value: string | null): void {
  if (node.getAttribute(name) === value) return;
  if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}

/** Puts these children in this order, and moves as few as it can: a moved element loses the focus. */
export function arrange(parent: Element, children: readonly Element[]): void {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, k) => {
    if (parent.children[k] !== child) parent.insertBefore(child, parent.children[k] ?? null);
  });
}

let last = 0;
/** An id that nothing else on the page has, for `aria-controls` and its like. */
export const freshId = (stem: string): string => `kanwidget-${stem}-${++last}`;
