/** The stage keeps its height: what is left fills it, and nothing below it ever jumps. */
import { expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { fakeModel } from "../fake";
import { grab, letGo, type Mounted, mount, settled } from "./mounted";

const heightOf = (view: Mounted) => view.find(".stage").getBoundingClientRect().height;
const lowest = (view: Mounted) =>
  Math.max(
    ...[...view.root.querySelectorAll<HTMLElement>("button[data-edge][aria-pressed=true]")].map(
      (box) => box.getBoundingClientRect().bottom,
    ),
  ) - view.find(".stage").getBoundingClientRect().top;

test("what a threshold took gives its room to the curves that are left, and back again", async () => {
  const view = await mount(fakeModel());
  const side = () => view.twin("edge", "0,0,4").getBoundingClientRect().width;
  const [height, before] = [heightOf(view), side()];
  expect(height).toBeGreaterThan(500);
  const seen = new Set<number>();
  const watch = new ResizeObserver(() => seen.add(heightOf(view)));
  watch.observe(view.find(".stage"));
  await grab(view.slider("node"), 800);
  await settled();
  expect(side()).toBe(before);
  await letGo();
  await settled();
  expect(side()).toBeGreaterThan(2 * before);
  expect(height - lowest(view)).toBeLessThan(height / 3);
  view.slider("node").focus();
  await userEvent.keyboard("{Home}");
  await settled();
  expect(side()).toBe(before);
  expect([...seen]).toEqual([height]);
  watch.disconnect();
});

test("a commit moves nothing", async () => {
  const view = await mount(fakeModel());
  await grab(view.slider("node"), 800);
  await letGo();
  await settled();
  const before = [heightOf(view), lowest(view)];
  view.model.python();
  const baseline = view.model.traits._mask;
  view.model.receive({ node_threshold: 0, _baseline: baseline });
  await settled();
  expect([heightOf(view), lowest(view)]).toEqual(before);
});
