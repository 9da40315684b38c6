/** The picture that a notebook keeps is seen when no view of its widget is on the page, and only then. */
import { expect, onTestFinished, test } from "vitest";
import widget from "../../src/index";
import { fakeModel } from "../fake";
import { frames, mount, settled } from "./mounted";

test("a picture is hidden while its own widget has a view, whichever came first", async () => {
  const [early, other] = [picture("a1b"), picture("c2d")];
  const model = fakeModel();
  model.receive({ _picture: "a1b" });
  const [one, two] = [await mount(model, 480), await mount(model, 480)];
  const late = picture("a1b");
  expect([early, other, late].map(seen)).toEqual([false, true, false]);
  one.close();
  await settled();
  await settled();
  expect([early, other, late].map(seen)).toEqual([false, true, false]);
  two.close();
  await expect.poll(() => [early, other, late].map(seen)).toEqual([true, true, true]);
  await expect.poll(() => document.querySelector("head > style[data-kanwidget]")).toBeNull();
});

test("a picture that goes after its view is not seen for a moment", async () => {
  const model = fakeModel();
  model.receive({ _picture: "a1b" });
  const old = await mount(model, 480);
  const left = picture("a1b");
  old.close();
  for (let frame = 0; frame < 5; frame++) {
    await frames(1);
    expect(seen(left)).toBe(false);
  }
});

test("the empty row of a hidden picture takes no room, and what is no mark hides nothing", async () => {
  const row = document.body.appendChild(document.createElement("div"));
  onTestFinished(() => row.remove());
  row.className = "jp-OutputArea-child";
  const output = row.appendChild(document.createElement("div"));
  row.prepend("[1]:");
  output.className = "jp-OutputArea-output";
  output.append(picture("a1b"));
  for (const mark of [undefined, "", 'a1b"], *[x="', 7, null]) {
    const model = fakeModel();
    model.receive({ _picture: mark as string });
    (await mount(model, 480)).close();
    await expect.poll(() => seen(row)).toBe(true);
  }
  const model = fakeModel();
  model.receive({ _picture: "a1b" });
  await mount(model, 480);
  expect(seen(row)).toBe(false);
});

test("an output that holds other outputs stays, whatever is in these", async () => {
  const outer = document.body.appendChild(document.createElement("div"));
  onTestFinished(() => outer.remove());
  outer.innerHTML =
    '<div class="jp-OutputArea-child"><div class="jp-OutputArea-output">an Output' +
    '<div class="jp-OutputArea-child"><div class="jp-OutputArea-output"></div></div></div></div>';
  const [one, other] = [...outer.querySelectorAll<HTMLElement>(".jp-OutputArea-child")];
  const inner = outer.querySelectorAll(".jp-OutputArea-output")[1]!;
  inner.append(picture("a1b"));
  const model = fakeModel();
  model.receive({ _picture: "a1b" });
  await mount(model, 480);
  expect([one!, other!].map(seen)).toEqual([true, false]);
});

test("a widget that has just come hides its picture before its view is there", async () => {
  const made = picture("a1b");
  const model = fakeModel();
  model.receive({ _picture: "a1b" });
  widget().initialize({ model });
  expect(seen(made)).toBe(false);
  await expect.poll(() => seen(made)).toBe(true);
});

/** As `marked` of `kanwidget/widget/notebook_preview.py` makes them of a PNG of 20 by 10 pixels. */
const PNG: Readonly<Record<string, string>> = {
  a1b: "iVBORw0KGgoAAAANSUhEUgAAABQAAAAKAQMAAACOm+ylAAAADXRFWHRrYW53aWRnZXQAYTFi5rLUoQAAAANQTFRFAAAAp3o92gAAAAxJREFUeJxjYCAOAAAAKAABNVRyhAAAAABJRU5ErkJggg==",
  c2d: "iVBORw0KGgoAAAANSUhEUgAAABQAAAAKAQMAAACOm+ylAAAADXRFWHRrYW53aWRnZXQAYzJkJ3j2OQAAAANQTFRFAAAAp3o92gAAAAxJREFUeJxjYCAOAAAAKAABNVRyhAAAAABJRU5ErkJggg==",
};

function picture(mark: string): HTMLElement {
  const made = document.body.appendChild(document.createElement("img"));
  onTestFinished(() => made.remove());
  made.src = `data:image/png;base64,${PNG[mark]}`;
  made.height = 10;
  return made;
}

function seen(element: HTMLElement): boolean {
  return element.getBoundingClientRect().height > 0;
}
