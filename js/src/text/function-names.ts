/** Functions that name curves, as a person writes them. Pure. */
import type { NamedCurve } from "../model/named-curve";
import { formatShort, withMinus } from "./format";

/** Where a function is not written as its name and brackets: `#` is its argument, whole in brackets if it is a sum. */
const FORMS: Readonly<Record<string, string>> = {
  x: "#",
  "x^2": "#²",
  "x^3": "#³",
  "x^4": "#⁴",
  "x^5": "#⁵",
  "1/x": "1/#",
  "1/x^2": "1/#²",
  "1/x^3": "1/#³",
  "1/x^4": "1/#⁴",
  "1/x^5": "1/#⁵",
  sqrt: "√#",
  "1/sqrt(x)": "1/√#",
  "x^1.5": "#^{1.5}",
  gaussian: "exp(−#²)",
  "1/(1+x^2)": "1/(1 + #²)",
  "sqrt(1+x^2)": "√(1 + #²)",
};

/** "sin", "x²": for a list, or where there is room for a word only. */
export function functionLabel(name: string): string {
  if (name === "0") return "constant";
  if (name === "abs") return "|x|";
  return (Object.hasOwn(FORMS, name) ? FORMS[name]! : name).replace("#", "x");
}

/** "1.02 sin(3.14 x − 0.01) + 0.5", with the variable's own name. */
export function curveWords({ function: name, a, b, c, d }: NamedCurve, variable: string): string {
  const number = (value: number) => withMinus(formatShort(value));
  const size = Math.max(Math.abs(c), Math.abs(d));
  const add = (value: number, than: number) =>
    Math.abs(value) <= 1e-12 * than ? "" : ` ${value < 0 ? "−" : "+"} ${formatShort(Math.abs(value))}`;
  const times = (value: number, what: string) =>
    value === 1 ? what : value === -1 ? `−${what}` : `${number(value)} ${what}`;
  if (name === "0") return number(d);
  const shift = add(b, Math.max(1, Math.abs(a)));
  const argument = `${times(a, variable)}${shift}`;
  const plain = shift === "" && a === 1 && /^[\p{L}\p{N}\u2080-\u2089]+$/u.test(variable);
  let f = `${name}(${argument})`;
  if (name === "abs") f = `|${argument}|`;
  else if (Object.hasOwn(FORMS, name))
    f = FORMS[name]!.replace("#", () => (plain ? argument : `(${argument})`));
  if (name === "x") return `${times(c, plain ? argument : `(${argument})`)}${add(d, size)}`;
  return `${times(c, f)}${add(d, size)}`;
}
