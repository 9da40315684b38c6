/** MathML that Python wrote, made anew element by element: nothing but what is listed here gets into the page. */

const SPACE = "http://www.w3.org/1998/Math/MathML";
const ELEMENTS: ReadonlySet<string> = new Set([
  ...["math", "mrow", "mi", "mn", "mo", "mfrac", "msqrt", "msup", "msub", "mtable", "mtr", "mtd"],
]);
const EDGES = /^\d{1,6},\d{1,6},\d{1,6}( \d{1,6},\d{1,6},\d{1,6})*$/;
/** A formula with more elements takes the browser seconds to lay out. */
const MAX_ELEMENTS = 20_000;

export interface MathElement {
  readonly element: Element;
  /** What edges have made, in the order of the text. */
  readonly terms: readonly Element[];
}

/** Null if it is no MathML, or too much of it. */
export function mathElement(source: string, words: string): MathElement | null {
  const parsed = new DOMParser().parseFromString(source, "application/xml").documentElement;
  if (parsed.namespaceURI !== SPACE || parsed.localName !== "math") return null;
  if (parsed.getElementsByTagName("*").length > MAX_ELEMENTS) return null;
  const terms: Element[] = [];
  const element = copyOf(parsed, terms);
  if (!element) return null;
  element.setAttribute("display", "block");
  element.setAttribute("aria-label", words);
  return { element, terms };
}

function copyOf(from: Element, terms: Element[]): Element | null {
  if (from.namespaceURI !== SPACE || !ELEMENTS.has(from.localName)) return null;
  const made = document.createElementNS(SPACE, from.localName);
  const edges = from.getAttribute("data-edges");
  if (edges !== null && EDGES.test(edges)) {
    made.setAttribute("data-edges", edges);
    terms.push(made);
  }
  for (const child of from.childNodes) {
    if (child instanceof Element) {
      const copy = copyOf(child, terms);
      if (copy) made.append(copy);
    } else if (child.nodeType === Node.TEXT_NODE) made.append(child.nodeValue ?? "");
  }
  return made;
}

/** The ids of a term's edges. */
export const edgesOf = (term: Element): [number, number, number][] =>
  (term.getAttribute("data-edges") ?? "")
    .split(" ")
    .map((id) => id.split(",").map(Number) as [number, number, number]);
