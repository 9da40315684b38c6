/** Names are cut between letters, as a reader takes them, and never inside one. */
import { expect, test } from "vitest";
import { cutTo, lettersOf } from "../../src/letters";
import { typesetPath } from "../../src/panels/typeset";
import { fitName } from "../../src/typeset";

const FAMILY = "👩‍👩‍👧‍👦";
const ACCENTS = "e\u0301".repeat(30);

test("a family, a flag and a letter with its accent are one letter each", () => {
  expect(lettersOf(`${FAMILY}🇨🇭e\u0301x`)).toEqual([FAMILY, "🇨🇭", "e\u0301", "x"]);
});

test("what is cut ends with a whole letter", () => {
  expect(cutTo(FAMILY.repeat(5), 3)).toBe(`${FAMILY}${FAMILY}…`);
  expect(cutTo(FAMILY.repeat(3), 3)).toBe(FAMILY.repeat(3));
  expect(cutTo("temperature", 5)).toBe("temp…");
  expect(cutTo("short", 5)).toBe("short");
});

test("names on the canvas and on cards are cut so, too", () => {
  const ctx = { font: "", measureText: (text: string) => ({ width: 10 * text.length }) };
  const [run] = fitName(ctx as never, "serif", [{ text: ACCENTS, shift: "none" }], 95);
  expect(run!.text).toBe(`${"e\u0301".repeat(4)}…`);
  expect(typesetPath([FAMILY.repeat(40), "y"])[0]).toBe(`${FAMILY.repeat(11)}…`);
});
