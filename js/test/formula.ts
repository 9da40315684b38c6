/** What Python says of a network whose curves have names, for tests: exp(sin(pi x1) + x2^2) in [2, 5, 1]. */
import type { FormulaState, NamingRun, Traits } from "../src/wire/traits";
import { pack, SAMPLES } from "./fake";

/** As `Formula.mathml` writes it. */
export const MATHML =
  '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block" alttext="f"><mrow><mi>f</mi><mo>=</mo>' +
  '<mrow data-edges="1,3,0"><msup><mi>e</mi><mrow><mrow data-edges="0,0,3"><mrow><mi>sin</mi><mo>\u2061</mo>' +
  "<mrow><mo>(</mo><mrow><mi>π</mi><mo>\u2062</mo><msub><mi>x</mi><mn>1</mn></msub></mrow><mo>)</mo></mrow></mrow>" +
  '</mrow><mo>+</mo><mrow data-edges="0,1,3"><msup><msub><mi>x</mi><mn>2</mn></msub><mn>2</mn></msup></mrow>' +
  "</mrow></msup></mrow></mrow></math>";

export const FORMULA: FormulaState = {
  digits: 3,
  exact: true,
  busy: false,
  error: "",
  mathml: MATHML,
  words: "f equals e to the power of the sine of pi times x 1 plus x 2 squared, end of the power,",
  latex: "f = e^{\\sin(\\pi x_1) + x_2^2}",
  python: "def formula(x): ...",
  sympy: "f = exp(x_2**2 + sin(pi*x_1))",
  loss: 1.5e-3,
  loss_refit: 1.2e-4,
  blame: [0, 1, 3, 1.1e-5],
  unnamed: [],
};

export const NAMING: NamingRun = {
  number: 1,
  state: "ended",
  tolerance: 0.05,
  edges: 3,
  steps: [
    [0, 0, 3, "sin", 2e-3, 2, 2],
    [0, 1, 3, "x^2", 3e-4, 4, 1],
    [1, 3, 0, "exp", 1e-4, 6, 0],
  ],
  at: 3,
  loss_start: 0.13,
  said: "3 curves named, test RMSE 0.13 -> 0.0001",
  error: "",
};

/** Candidates of one edge: two that cannot be told apart, and another. */
export const CANDIDATES: Pick<Traits, "_candidates" | "_candidates_y"> = {
  _candidates: [
    {
      edge: [0, 0, 1],
      busy: true,
      error: "",
      rows: [
        ...(["sin", "gaussian", "1/(1+x^2)"] as const).map((name, k) => ({
          function: name,
          a: 1,
          b: 0,
          c: 1,
          d: 0,
          r2: 0.9995 - 0.1 * k,
          loss: k < 2 ? 0.15 + 0.1 * k : null,
          loss_after: k < 2 ? 0.001 + 0.1 * k : null,
          in_group: k < 2,
        })),
      ],
    },
  ],
  _candidates_y: pack(
    Float32Array.from({ length: 3 * SAMPLES }, (_, k) => Math.cos(k / 9)),
    [3, SAMPLES],
  ),
};

export const NAMED: Pick<Traits, "_names" | "_symbolic"> = {
  _names: [
    [0, 0, 3, "sin", 3.2, 0, -2, 0.5],
    [0, 1, 3, "x^2", 1, 0, 1, 0],
    [1, 3, 0, "exp", 1, 0, 1, 0],
  ],
  _symbolic: [
    [0, 0, 3, "sin"],
    [0, 1, 3, "x^2"],
    [1, 3, 0, "exp"],
  ],
};
