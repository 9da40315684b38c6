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
  for (const row of element.querySelectorAll(":scope > mrow, mtd > mrow")) breakIntoTerms(row);
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

/** Lets a long sum go on in the next line before its signs, which browsers do not do by themselves. */
function breakIntoTerms(row: Element): void {
  let sum = row;
  if (row.children.length === 3 && isSign(row.children[1]!, "=")) {
    const left = document.createElementNS(SPACE, "mrow");
    left.append(row.children[0]!, row.children[1]!);
    row.prepend(left);
    row.classList.add("line");
    sum = row.children[1]!;
  }
  while (sum.children.length === 1 && sum.firstElementChild!.localName === "mrow") {
    sum.classList.add("line");
    sum = sum.firstElementChild!;
  }
  if (sum.localName !== "mrow" || ![...sum.children].some((child) => isSign(child, "+−"))) return;
  const terms: Element[] = [];
  for (const child of [...sum.children]) {
    if (terms.length === 0 || isSign(child, "+−")) terms.push(document.createElementNS(SPACE, "mrow"));
    // At the beginning of a row it would be the sign of a number, and stand closer.
    if (terms.length > 1 && isSign(child, "+−")) child.setAttribute("form", "infix");
    terms.at(-1)!.append(child);
  }
  sum.append(...terms);
  sum.classList.add("line");
}

const isSign = (element: Element, signs: string): boolean =>
  element.localName === "mo" && signs.includes(element.textContent || " ");

/** The ids of a term's edges. */
export const edgesOf = (term: Element): [number, number, number][] =>
  (term.getAttribute("data-edges") ?? "")
    .split(" ")
    .map((id) => id.split(",").map(Number) as [number, number, number]);
