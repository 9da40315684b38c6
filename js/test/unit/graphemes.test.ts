/** Names are cut between letters, as a reader takes them, and never inside one. */
import { expect, test } from "vitest";
import { fitName } from "../../src/canvas/text";
import { pathContent } from "../../src/panels/names";
import { cutToLength, graphemesOf, shortened } from "../../src/util/graphemes";
import { randomNumbers } from "../fake";

const FAMILY = "👩‍👩‍👧‍👦";
const ACCENTS = "e\u0301".repeat(30);

test("a family, a flag and a letter with its accent are one letter each", () => {
  expect(graphemesOf(`${FAMILY}🇨🇭e\u0301x`)).toEqual([FAMILY, "🇨🇭", "e\u0301", "x"]);
});

test("what is cut ends with a whole letter", () => {
  expect(cutToLength(FAMILY.repeat(5), 3)).toBe(`${FAMILY}${FAMILY}…`);
  expect(cutToLength(FAMILY.repeat(3), 3)).toBe(FAMILY.repeat(3));
  expect(cutToLength("temperature", 5)).toBe("temp…");
  expect(cutToLength("short", 5)).toBe("short");
});

test("names on the canvas and on cards are cut so, too", () => {
  const ctx = { font: "", measureText: (text: string) => ({ width: 10 * text.length }) };
  const [run] = fitName(ctx as never, "serif", [{ text: ACCENTS, shift: "none" }], 95);
  expect(run!.text).toBe(`${"e\u0301".repeat(4)}…`);
  expect(pathContent([FAMILY.repeat(40), "y"])[0]).toBe(`${FAMILY.repeat(11)}…`);
});

test("a name is cut to the longest beginning that fits, as if one letter after the other had been taken away", () => {
  const random = randomNumbers(5);
  for (let k = 0; k < 2000; k++) {
    const letters = Array.from(
      { length: Math.floor(40 * random()) },
      () => "ilmW é"[Math.floor(6 * random())]!,
    );
    const text = letters.join("");
    const room = 300 * random();
    const width = (of: string) =>
      graphemesOf(of).reduce((sum, letter) => sum + 2 + 3 * "il éemW".indexOf(letter), 6);
    const fits = (of: string) => width(of) <= room;
    let expected = "…";
    for (let n = letters.length - 1; n > 0 && expected === "…"; n--) {
      const short = `${graphemesOf(text).slice(0, n).join("")}…`;
      if (fits(short)) expected = short;
    }
    expect(shortened(text, fits)).toBe(expected);
  }
});

test("a name of 4,000 letters is measured a few times only", () => {
  let measured = 0;
  const ctx = {
    font: "",
    measureText: (text: string) => {
      measured += text.length;
      return { width: 7 * text.length };
    },
  };
  const [run] = fitName(ctx as never, "serif", [{ text: "temperature ".repeat(334), shift: "none" }], 150);
  expect(run!.text).toBe("temperature temperat…");
  expect(measured).toBeLessThan(4 * 4008);
});
