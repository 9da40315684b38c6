/** Names of nodes: `x_1`, `x^2`, `x_{10}`, `$\alpha$` as runs of text with subscripts where that is simple. Pure. */
import { nodeIndex, type Topology } from "../model/network";

export interface Run {
  readonly text: string;
  readonly shift: "none" | "sub" | "sup";
}

const LETTERS =
  "alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ " +
  "sigma σ tau τ upsilon υ phi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Sigma Σ Phi Φ Psi Ψ Omega Ω";
const GREEK = new Map(Array.from(LETTERS.matchAll(/(\w+) (\S)/gu), ([, word, letter]) => [word!, letter!]));

/** `length_m` is a length in metres, `v_x` has a subscript. */
const WORD_AND_LETTER = /[\p{L}\p{N}]{2}_\p{L}(?!\p{L})/u;

const KNOWN = new Map<string, readonly Run[]>();
const MOST_KNOWN = 2000;

/** A name that is not understood comes back as it is, in one run. Each is read once: names are painted in every frame. */
export function textRuns(name: string): readonly Run[] {
  let runs = KNOWN.get(name);
  if (runs === undefined) {
    if (KNOWN.size >= MOST_KNOWN) KNOWN.clear();
    runs = readRuns(name);
    KNOWN.set(name, runs);
  }
  return runs;
}

function readRuns(name: string): Run[] {
  const plain: Run[] = [{ text: name, shift: "none" }];
  const math = /^\$(.+)\$$/.exec(name.trim());
  const body = (math?.[1] ?? name).replace(/\\([a-zA-Z]+)/g, (all, word: string) => GREEK.get(word) ?? all);
  if (body.includes("\\") || (!math && WORD_AND_LETTER.test(body))) return plain;
  // A script is a brace group, digits, or one letter: `house_age` is a word, not a subscript.
  const parts = body.match(/[_^](?:\{[^{}_^]*\}|\d+|\p{L}(?!\p{L}))|[^_^{}$]+|./gu) ?? [];
  const runs: Run[] = [];
  for (const part of parts) {
    const script = /^([_^])\{?([^{}]+)\}?$/u.exec(part);
    if (script && part.length > 1) {
      if (runs.length === 0) return plain;
      runs.push({ text: script[2]!, shift: script[1] === "_" ? "sub" : "sup" });
    } else if (/^[_^{}$]$/.test(part)) {
      return plain;
    } else {
      runs.push({ text: part, shift: "none" });
    }
  }
  return runs.length > 0 ? runs : plain;
}

export const plainText = (name: string): string =>
  textRuns(name)
    .map((run) => run.text)
    .join("");

/** For a sentence: `x_1` as x₁, `h_{1,0}` as h₁,₀. */
export const subscripted = (name: string): string =>
  textRuns(name)
    .map(({ text, shift }) =>
      shift === "sub" ? text.replace(/\d/g, (digit) => String.fromCodePoint(0x2080 + Number(digit))) : text,
    )
    .join("");

/** Letters that run from the right, and marks that turn what follows around. */
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]/;

/** A name for a sentence, which it must not turn around. */
export const isolated = (text: string): string => (TURNS.test(text) ? `\u2068${text}\u2069` : text);

export interface NodeNames {
  readonly inVars: readonly string[];
  readonly outVars: readonly string[];
}

/** Inputs and outputs have names; hidden node `i` of node layer `l` is `h_{l,i}`, as in `remove_edge(l, i, j)`. */
export function nameOf(net: Topology, names: NodeNames, node: number): string {
  const [l, i] = nodeIndex(net, node);
  if (l === 0) return names.inVars[i] ?? `x_${i + 1}`;
  if (l === net.depth) return names.outVars[i] ?? (net.width[l] === 1 ? "f(x)" : `y_${i + 1}`);
  return `h_{${l},${i}}`;
}
