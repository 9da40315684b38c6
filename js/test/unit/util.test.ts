import { expect, test } from "vitest";
import { countUpTo, lastWhere } from "../../src/util/bisect";
import { createMemo } from "../../src/util/memo";

test("searching by halving finds what looking at each would", () => {
  const values = [1, 1, 2, 3, 5, 8, Number.POSITIVE_INFINITY];
  for (const limit of [0, 1, 1.5, 4, 8, 9, Number.POSITIVE_INFINITY]) {
    expect(countUpTo(values, limit)).toBe(values.filter((value) => value <= limit).length);
    expect(countUpTo(values, limit, 2, 5)).toBe(
      2 + values.slice(2, 5).filter((value) => value <= limit).length,
    );
  }
  expect(countUpTo(values, Number.NaN)).toBe(0);
  expect(countUpTo([], 1)).toBe(0);
  for (let last = 3; last < 20; last++) expect(lastWhere(3, 20, (k) => k <= last)).toBe(last);
});

test("a value is made again only when something it is made from is another", () => {
  const memo = createMemo<object>();
  const [a, b] = [{}, {}];
  const first = memo([a, Number.NaN], () => ({}));
  expect(memo([a, 1], () => ({}))).not.toBe(first);
  const second = memo([a, b], () => ({}));
  expect(memo([a, b], () => ({}))).toBe(second);
  expect(memo([a], () => ({}))).not.toBe(second);
});
