import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { throttle } from "../../src/util/throttle";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("a thousand calls in two seconds run at most ten times a second, and the last is never lost", () => {
  const runs: { at: number; call: number }[] = [];
  let call = 0;
  const throttled = throttle(() => runs.push({ at: performance.now(), call }), 100);
  for (call = 1; call <= 1000; call++) {
    throttled.call();
    vi.advanceTimersByTime(2);
  }
  call = 1000;
  vi.advanceTimersByTime(1000);
  expect(runs.length).toBeLessThanOrEqual(21);
  expect(runs.length).toBeGreaterThanOrEqual(19);
  for (const [k, { at }] of runs.slice(1).entries()) expect(at - runs[k]!.at).toBeGreaterThanOrEqual(100);
  expect(runs.at(-1)!.call).toBe(1000);
});

test("a flush runs at once and takes the place of what was waiting", () => {
  const run = vi.fn();
  const throttled = throttle(run, 100);
  throttled.call();
  throttled.call();
  expect(throttled.waiting).toBe(true);
  throttled.flush();
  expect(run).toHaveBeenCalledTimes(2);
  expect(throttled.waiting).toBe(false);
  vi.advanceTimersByTime(1000);
  expect(run).toHaveBeenCalledTimes(2);
});
