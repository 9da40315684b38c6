/** Text in what a reader takes for letters: an emoji with its skin tone or an accent with its base is one. Pure. */

const segments = "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;

export const lettersOf = (text: string): string[] =>
  segments ? Array.from(segments.segment(text), ({ segment }) => segment) : [...text];

/** Cut to so many letters, the last of them an ellipsis. */
export function cutTo(text: string, most: number): string {
  // No text has more letters than code units.
  if (text.length <= most) return text;
  const letters = lettersOf(text);
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}…`;
}
