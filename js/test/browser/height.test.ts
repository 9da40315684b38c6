/** The stage is as high as what it shows: nothing empty below a few curves, and nothing that jumps. */
import { expect, test } from "vitest";
import { commands, userEvent } from "vitest/browser";
import { fakeModel } from "../fake";
import { richModel } from "../rich";
import { click, frames, grab, letGo, type Mounted, middle, mount, settled } from "./mounted";

const heightOf = (view: Mounted) => view.find(".stage").getBoundingClientRect().height;
const lowest = (view: Mounted) =>
  Math.max(
    ...[...view.root.querySelectorAll<HTMLElement>("button[data-edge][aria-pressed=true]")].map(
      (box) => box.getBoundingClientRect().bottom,
    ),
  ) - view.find(".stage").getBoundingClientRect().top;

test("what a threshold took gives its room to the page: after the release, sliding, and back again", async () => {
  const view = await mount(fakeModel());
  expect(heightOf(view)).toBe(640);
  await grab(view.slider("node"), 800);
  await settled();
  expect(heightOf(view)).toBe(640);
  await letGo();
  const seen: number[] = [];
  for (let k = 0; k < 40; k++) {
    seen.push(heightOf(view));
    await frames(1);
  }
  await settled();
  const rest = heightOf(view);
  expect(rest - lowest(view)).toBeLessThan(40);
  expect(rest).toBeLessThan(450);
  expect(seen).toEqual([...seen].sort((a, b) => b - a));
  expect(seen.filter((height) => height > rest && height < 640).length).toBeGreaterThan(1);
  expect(view.canvas.getBoundingClientRect().height).toBe(rest);
  view.slider("node").focus();
  await userEvent.keyboard("{Home}");
  await settled();
  expect(heightOf(view)).toBe(640);
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
  await frames(2);
  expect([heightOf(view), lowest(view)]).toEqual(before);
});

test("what lies below stays under the hand that works there, and follows when it has left", async () => {
  const view = await mount(richModel());
  view.model.receive({ selected: [[0, 0, 2]] });
  await frames(2);
  const card = view.find("[data-card]");
  card.scrollIntoView({ block: "center" });
  await commands.mouse([["move", ...middle(card)]]);
  const top = card.getBoundingClientRect().top;
  view.model.receive({ node_threshold: 0.5 });
  await settled();
  expect(card.getBoundingClientRect().top).toBe(top);
  expect(heightOf(view)).toBe(640);
  await commands.mouse([["move", ...middle(view.find(".status"))]]);
  await settled();
  expect(heightOf(view)).toBeLessThan(640);
  // Keys work there too.
  view.find<HTMLButtonElement>("[data-card] [data-role=close]").focus();
  await userEvent.keyboard("{Tab}");
  view.model.receive({ node_threshold: 0 });
  await settled();
  expect(heightOf(view)).toBeLessThan(640);
  await click(view.find(".status"));
  view.find<HTMLElement>(".stage").focus();
  await settled();
  expect(heightOf(view)).toBe(640);
});
