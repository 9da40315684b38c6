/** The hints of the first time: they come one by one, are in nobody's way, and go for good. */
import { expect, onTestFinished, test } from "vitest";
import { userEvent } from "vitest/browser";
import { fakeModel } from "../fake";
import { richModel } from "../rich";
import { click, doubleClick, frames, grab, letGo, type Mounted, middle, mount } from "./mounted";

const hint = (view: Mounted) => {
  const card = view.root.querySelector<HTMLElement>(".hint-card");
  return card?.checkVisibility() ? card.querySelector("p")!.textContent! : "";
};
const focused = (view: Mounted) => (view.root.getRootNode() as ShadowRoot).activeElement;

test("each of the three goes when the person does what it says, and none comes again", async () => {
  const view = await mount(richModel(), 900, 0);
  const top = view.canvas.getBoundingClientRect().top;
  expect(hint(view)).toMatch(/^Drag this/);
  await grab(view.slider("node"), 600);
  expect(hint(view)).toMatch(/^Drag this/);
  await letGo();
  view.model.python();
  await frames(3);
  expect(hint(view)).toMatch(/^Click a curve/);
  await click(view.twin("edge", "0,1,4"));
  expect(hint(view)).toMatch(/every step can be taken back/);
  const history = view.model.traits._history;
  view.model.receive({ _current: history.length - 2 });
  await frames(2);
  expect(hint(view)).toBe("");
  expect(view.canvas.getBoundingClientRect().top).toBe(top);
  view.close();
  const again = await mount(richModel(), 900, Number(localStorage.getItem("kanwidget.hints")));
  expect(hint(again)).toBe("");
});

test("a hint stands beside what it is about, inside of the view, at every width, and under the lowest curve", async () => {
  for (const width of [390, 560, 1100]) {
    for (const seen of [0, 1, 2]) {
      const view = await mount(richModel(), width, seen);
      const card = view.find(".hint-card").getBoundingClientRect();
      const outer = view.root.getBoundingClientRect();
      expect(card.left).toBeGreaterThanOrEqual(outer.left);
      expect(card.right).toBeLessThanOrEqual(outer.right);
      expect(card.bottom).toBeLessThanOrEqual(outer.bottom);
      const about = ["[data-threshold]", "button[data-edge][aria-pressed=true]", "[data-role=undo]"][seen]!;
      const targets = [...view.root.querySelectorAll(about)].map((one) => one.getBoundingClientRect());
      const target = targets.reduce((best, one) => (best.bottom >= one.bottom ? best : one));
      const gap = Math.max(card.top - target.bottom, target.top - card.bottom);
      expect(gap).toBeGreaterThanOrEqual(0);
      expect(gap).toBeLessThan(16);
      if (seen === 1 && !view.find(".hints").hasAttribute("data-above")) {
        const isUnder = ({ left, right, top, bottom }: DOMRect) =>
          left < card.right && right > card.left && top < card.bottom && bottom > card.top;
        expect(targets.filter(isUnder)).toEqual([]);
      }
      view.close();
      view.el.remove();
    }
  }
});

test("they are read and ended by keys, and the focus stays in the view", async () => {
  const view = await mount(richModel(), 900, 0);
  const card = view.find(".hint-card");
  expect([card.getAttribute("role"), card.getAttribute("aria-label")]).toEqual(["note", "Hint 1 of 3"]);
  view.find("[data-role=next-hint]").focus();
  await userEvent.keyboard("{Enter}");
  await frames(2);
  expect(hint(view)).toMatch(/^Click a curve/);
  expect(focused(view)).toBe(view.find("[data-role=next-hint]"));
  await userEvent.keyboard("{Escape}");
  await frames(2);
  expect(hint(view)).toBe("");
  expect(focused(view)?.matches("button[data-edge]")).toBe(true);
  expect(localStorage.getItem("kanwidget.hints")).toBe("3");
});

test("a hint is in nobody's way: what lies under it can be clicked, and it is on no picture", async () => {
  const view = await mount(richModel(), 560, 1);
  const card = view.find(".hint-card").getBoundingClientRect();
  const under = [...view.root.querySelectorAll<HTMLElement>("button[data-edge], button[data-node]")].find(
    (twin) => {
      const [x, y] = middle(twin);
      const press = view.find("[data-role=next-hint]").getBoundingClientRect();
      return x > card.left && x < card.right && y > card.top && y < card.bottom - press.height - 12;
    },
  );
  if (under) {
    const was = under.getAttribute("aria-pressed");
    await doubleClick(under);
    expect(under.getAttribute("aria-pressed")).not.toBe(was);
  }
  const [x, y] = [card.left + 4, card.top + 4];
  const shadow = view.root.getRootNode() as ShadowRoot;
  expect(shadow.elementFromPoint(x, y)?.closest(".hints") ?? null).toBeNull();
  view.root.dataset.printing = "";
  expect(hint(view)).toBe("");
});

test("of two views on a page one has the hints, and a widget without them has none", async () => {
  const first = await mount(fakeModel(), 900, 0);
  const second = await mount(fakeModel(), 900, 0);
  expect([hint(first) !== "", hint(second) !== ""]).toEqual([true, false]);
  first.close();
  second.model.receive({ loss: 0.2 });
  await frames(2);
  expect(hint(second)).toMatch(/^Drag this/);
  second.model.receive({ hide: ["hints"] });
  await frames(2);
  expect(hint(second)).toBe("");
});

test("where the browser keeps nothing, they go as long as the page is open, and nothing breaks", async () => {
  const view = await mount(richModel(), 900, 0);
  const real = Object.getOwnPropertyDescriptor(window, "localStorage")!;
  onTestFinished(() => void Object.defineProperty(window, "localStorage", real));
  Object.defineProperty(window, "localStorage", {
    configurable: true,
    get: () => {
      throw new DOMException("denied", "SecurityError");
    },
  });
  view.model.receive({ loss: 0.2 });
  await frames(2);
  expect(hint(view)).toMatch(/^Drag this/);
  await click(view.find("[data-role=no-hints]"));
  view.model.receive({ loss: 0.3 });
  await frames(2);
  expect([hint(view), view.find("[data-role=error]").textContent]).toEqual(["", ""]);
});
