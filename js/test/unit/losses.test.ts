/** Losses of a page without Python, against torch's. */
import { expect, test } from "vitest";
import { LOSSES } from "../../src/model/losses";
import { golden } from "../golden";

const { cases } = golden<{ cases: { loss: string; pair: [number[], number[]]; value: number }[] }>(
  "losses.json",
);

test.each(cases)("$loss is torch's: $value", ({ loss, pair, value }) => {
  const found = LOSSES.get(loss)!(...pair);
  expect(Math.abs(found - value)).toBeLessThan(1e-9 * Math.max(1, Math.abs(value)));
});

test("every loss but the RMSE, which the forward passes hold, is compared", () => {
  expect(new Set(["rmse", ...cases.map((one) => one.loss)])).toEqual(new Set(LOSSES.keys()));
});
