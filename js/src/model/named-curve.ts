/** The functions that can name a curve, as `kanwidget/functions/library.py` has them. Pure. */

/** `c f(a x + b) + d`. */
export interface NamedCurve {
  readonly function: string;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

type Value = (x: number) => number;

const power =
  (n: number): Value =>
  (x) => {
    let out = x;
    for (let k = 1; k < n; k++) out *= x;
    return out;
  };
const inverse =
  (n: number): Value =>
  (x) => {
    const y = 1 / x;
    return power(n)(y);
  };

/** By name; `tests/golden/functions.json` compares them with Python's. */
export const FUNCTIONS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["0", () => 0],
  ["x", (x) => x],
  ...[2, 3, 4, 5].map((n): [string, Value] => [`x^${n}`, power(n)]),
  ["1/x", inverse(1)],
  ...[2, 3, 4, 5].map((n): [string, Value] => [`1/x^${n}`, inverse(n)]),
  ["sqrt", Math.sqrt],
  ["1/sqrt(x)", (x) => 1 / Math.sqrt(x)],
  ["x^1.5", (x) => x * Math.sqrt(x)],
  ["exp", Math.exp],
  ["log", Math.log],
  ["sin", Math.sin],
  ["cos", Math.cos],
  ["tan", Math.tan],
  ["abs", Math.abs],
  ["sgn", Math.sign],
  ["tanh", Math.tanh],
  ["gaussian", (x) => Math.exp(-x * x)],
  ["cosh", Math.cosh],
  ["sinh", Math.sinh],
  ["arctan", Math.atan],
  ["arcsin", Math.asin],
  ["arccos", Math.acos],
  ["arctanh", Math.atanh],
  ["1/(1+x^2)", (x) => 1 / (1 + x * x)],
  ["sqrt(1+x^2)", (x) => Math.sqrt(1 + x * x)],
  ["sigmoid", (x) => 0.5 + 0.5 * Math.tanh(x / 2)],
]);

/** The functions of edges by their ids, as far as they are known here. */
export function functionsOf(named: ReadonlyMap<number, NamedCurve>): ReadonlyMap<number, Value> {
  const found = new Map<number, Value>();
  for (const [edge, curve] of named) {
    const f = functionOf(curve);
    if (f) found.set(edge, f);
  }
  return found;
}

/** The function of an edge; null if only Python knows it. */
function functionOf({ function: name, a, b, c, d }: NamedCurve): Value | null {
  const f = FUNCTIONS.get(name);
  if (!f) return null;
  return name === "0" ? () => d : (x) => c * f(a * x + b) + d;
}
