/** Colours: contrast by WCAG 2.2; colour vision by Machado, Oliveira and Fernandes (2009), severity 1, in linear RGB. */

import { describe, expect, test } from "vitest";
import { alphaOf } from "../../src/canvas/ink";
import { FAINT } from "../../src/canvas/text";
import { BACKGROUNDS, INKS } from "../../src/canvas/theme";
import { QUIET_INK, QUIET_REMOVED } from "../../src/views/network/paint";
import { contrast, distance, lab, VISION } from "../colour-vision";

describe.each(["light", "dark"] as const)("in the %s", (theme) => {
  const background = BACKGROUNDS[theme];
  const colours = INKS[theme];

  test("text is 4.5:1 on the background, and every mark 3:1", () => {
    for (const name of ["ink", "removed", "symbolic", "probe"] as const) {
      expect(contrast(colours[name], background), name).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(colours.selected, background)).toBeGreaterThanOrEqual(3);
  });

  test("names of what is off are still text, whiskers and the faintest curve still marks", () => {
    expect(contrast(colours.ink, background, FAINT)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(colours.ink, background, QUIET_INK)).toBeGreaterThanOrEqual(3);
    expect(contrast(colours.removed, background, QUIET_REMOVED)).toBeGreaterThanOrEqual(3);
    expect(contrast(colours.ink, background, alphaOf(0))).toBeGreaterThanOrEqual(3);
  });

  test.each(Object.keys(VISION))("%s tells every two states apart", (kind) => {
    const seen = Object.entries(colours).map(([name, hex]) => [name, lab(hex, VISION[kind]!)] as const);
    seen.forEach(([name, colour], k) => {
      for (const [other, its] of seen.slice(k + 1)) {
        expect(distance(colour, its), `${name} and ${other}`).toBeGreaterThan(16);
      }
    });
  });
});
