/** Text as a reader counts letters: an emoji with its skin tone, or a letter with its accent, is one. Pure. */
import { lastWhere } from "./bisect";

const segments = "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;

export const graphemesOf = (text: string): string[] =>
  segments ? Array.from(segments.segment(text), ({ segment }) => segment) : [...text];

/** How many longer beginnings are tried too: with some fonts a longer text is narrower. */
const LOOK_AHEAD = 8;

/**
 * The longest beginning of a text that fits together with an ellipsis, which is the least that is given back.
 * Halving finds it: a name of thousands of letters is measured a few times only.
 */
export function shortened(text: string, fits: (short: string) => boolean): string {
  const letters = graphemesOf(text);
  const short = (n: number) => `${letters.slice(0, n).join("")}…`;
  const least = lastWhere(0, letters.length, (n) => fits(short(n)));
  for (let n = Math.min(letters.length - 1, least + LOOK_AHEAD); n > least; n--) {
    if (fits(short(n))) return short(n);
  }
  return short(least);
}

/** Cut to so many letters, the last of them an ellipsis. */
export function cutToLength(text: string, most: number): string {
  // No text has more letters than code units.
  if (text.length <= most) return text;
  const letters = graphemesOf(text);
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}…`;
}
