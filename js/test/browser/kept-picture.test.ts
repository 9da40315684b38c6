/** The picture that a notebook keeps is seen when no view of its widget is on the page, and only then. */
import { expect, onTestFinished, test } from "vitest";
import { fakeModel } from "../fake";
import { frames, mount } from "./mounted";

test("a picture is hidden while its own widget has a view, whichever came first", async () => {
  const [early, other] = [picture("a1"), picture("b2")];
  const model = fakeModel();
  model.receive({ _picture: "a1" });
  const [one, two] = [await mount(model, 480), await mount(model, 480)];
  const late = picture("a1");
  expect([early, other, late].map(seen)).toEqual([false, true, false]);
  one.close();
  expect([early, other, late].map(seen)).toEqual([false, true, false]);
  two.close();
  await frames(1);
  expect([early, other, late].map(seen)).toEqual([true, true, true]);
});

test("the empty row of a hidden picture takes no room, and what is no mark hides nothing", async () => {
  const row = document.body.appendChild(document.createElement("div"));
  onTestFinished(() => row.remove());
  row.className = "jp-OutputArea-child";
  row.append("[1]:", picture("a1"));
  for (const mark of [undefined, "", 'a1"], *[x="', 7, null]) {
    const model = fakeModel();
    model.receive({ _picture: mark as string });
    (await mount(model, 480)).close();
    expect(seen(row)).toBe(true);
  }
  const model = fakeModel();
  model.receive({ _picture: "a1" });
  await mount(model, 480);
  expect(seen(row)).toBe(false);
});

function picture(mark: string): HTMLElement {
  const made = document.body.appendChild(document.createElement("div"));
  onTestFinished(() => made.remove());
  made.dataset.kanwidget = mark;
  made.textContent = "a picture";
  return made;
}

function seen(element: HTMLElement): boolean {
  return element.getBoundingClientRect().height > 0;
}
