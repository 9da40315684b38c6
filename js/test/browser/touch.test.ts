/** Real fingers on the stage: they pan, pinch, tap and hold. */
import { expect, test } from "vitest";
import { commands } from "vitest/browser";
import { richModel } from "../rich";
import { click, frames, type Mounted, middle, mount, settled } from "./mounted";

const shown = (view: Mounted, index: string) => view.twin("edge", index).getBoundingClientRect();
const menu = (view: Mounted) => view.find(".menu");
const entry = (view: Mounted, text: string) => {
  const found = [...menu(view).querySelectorAll("button")].find((button) => button.textContent === text);
  if (!found) throw new Error(`The menu has no ${text}: ${menu(view).textContent}`);
  return found;
};

async function zoomed(): Promise<Mounted> {
  const view = await mount();
  for (let k = 0; k < 3; k++) await click(view.find('[data-role="zoom-in"]'));
  await settled();
  return view;
}

/** A finger goes down there, and by 100 px to the right and 60 down. */
async function slide([x, y]: [x: number, y: number]): Promise<void> {
  const steps = Array.from({ length: 10 }, (_, k): [number, number][] => [
    [x + 10 * (k + 1), y + 6 * (k + 1)],
  ]);
  await commands.touch([[[x, y]], ...steps, []]);
  await frames(2);
}

async function tap(element: Element): Promise<void> {
  await commands.touch([[middle(element)], []]);
  await frames(2);
}

test("a finger moves a zoomed network, as far as it goes and on curves too", async () => {
  const view = await zoomed();
  const stage = view.find(".stage").getBoundingClientRect();
  const places: [number, number][] = [];
  for (let x = stage.left + 50; x < stage.right - 150; x += 10) {
    for (let y = stage.top + 50; y < stage.bottom - 110; y += 10) places.push([x, y]);
  }
  const onBox = ([x, y]: [number, number]) =>
    [...view.root.querySelectorAll(".twins button")].some((button) => {
      const { left, right, top, bottom } = button.getBoundingClientRect();
      return x > left && x < right && y > top && y < bottom;
    });
  const free = places.find((place) => !onBox(place))!;
  const taken = places.find(onBox)!;
  for (const place of [free, taken]) {
    const before = shown(view, "0,0,0");
    await slide(place);
    const after = shown(view, "0,0,0");
    // The first few pixels tell a drag from a tap.
    expect(after.left - before.left).toBeGreaterThan(80);
    expect(after.top - before.top).toBeGreaterThan(45);
  }
  expect(view.model.traits.selected).toEqual([]);
});

test("two fingers zoom", async () => {
  const view = await mount();
  const [x, y] = middle(view.find(".stage"));
  const before = shown(view, "0,0,2").width;
  const apart = (d: number): [number, number][] => [
    [x - d, y],
    [x + d, y],
  ];
  await commands.touch([[[x - 40, y]], ...[40, 50, 60, 70, 80, 90, 100, 110, 120].map(apart), []]);
  await frames(2);
  expect(shown(view, "0,0,2").width).toBeGreaterThan(2 * before);
  expect(view.model.traits.selected).toEqual([]);
});

test("a finger that rests opens the menu, and a selection grows by it", async () => {
  const view = await mount();
  await tap(view.twin("edge", "0,0,0"));
  expect(view.model.traits.selected).toEqual([[0, 0, 0]]);
  await commands.touch([[middle(view.twin("edge", "0,1,2"))], 700, []]);
  await frames(2);
  expect(menu(view).matches(":popover-open")).toBe(true);
  expect(view.model.traits.selected).toEqual([[0, 0, 0]]);
  await tap(entry(view, "Add to selection"));
  expect(view.model.traits.selected).toEqual([
    [0, 0, 0],
    [0, 1, 2],
  ]);
  expect(menu(view).matches(":popover-open")).toBe(false);
});

test("a tap on a ? opens what it explains, a tap elsewhere closes it", async () => {
  const view = await mount(richModel());
  const button = view.find(".bar .help button");
  button.scrollIntoView({ block: "center" });
  await commands.touch([[middle(button)], []]);
  const help = view.find(".bar .help [popover]");
  expect(help.matches(":popover-open")).toBe(true);
  expect(help.textContent).toContain("Set as new start");
  const { left, bottom } = help.getBoundingClientRect();
  await commands.touch([[[left + 5, bottom + 30]], []]);
  expect(help.matches(":popover-open")).toBe(false);
});

test("a finger that moves opens no menu", async () => {
  const view = await zoomed();
  const [x, y] = middle(view.find(".stage"));
  await commands.touch([[[x, y]], [[x + 20, y]], [[x + 40, y]], 700, []]);
  expect(menu(view).matches(":popover-open")).toBe(false);
});

test("two taps switch", async () => {
  const view = await mount();
  const at = middle(view.twin("edge", "0,1,2"));
  await commands.touch([[at], [], [at], []]);
  await frames(2);
  expect(view.model.traits.removed_edges).toEqual([[0, 1, 2]]);
  expect(menu(view).matches(":popover-open")).toBe(false);
});

test("two double taps at one point switch one edge off and on again, until a finger goes down elsewhere", async () => {
  const view = await mount();
  const places = () => ["0,0,0", "0,1,4", "1,2,0"].map((index) => shown(view, index).top);
  const before = places();
  const point = middle(view.twin("edge", "0,0,1"));
  const double = () => commands.touch([[point], [], 40, [point], []]);
  await double();
  await settled();
  expect(view.model.traits.removed_edges).toEqual([[0, 0, 1]]);
  expect(places()).toEqual(before);
  await commands.touch([600]);
  await double();
  await settled();
  expect(view.model.traits.removed_edges).toEqual([]);
  await commands.touch([600]);
  await double();
  await tap(view.find("[data-role=status]"));
  await settled();
  expect(view.model.traits.removed_edges).toEqual([[0, 0, 1]]);
  expect(places()).not.toEqual(before);
});
