/** Where hosts put views beside each other or out of sight: each has room, and is drawn when it is shown. */
import { describe, expect, onTestFinished, test } from "vitest";
import { doubleClick, frames, type Mounted, mount, settled } from "./mounted";

/** As ipywidgets has boxes: a row that scrolls, whose children say nothing of their width. */
async function put(style: string, count: number): Promise<{ box: HTMLElement; views: Mounted[] }> {
  const box = document.body.appendChild(document.createElement("div"));
  box.style.cssText = style;
  onTestFinished(() => box.remove());
  const views: Mounted[] = [];
  for (let k = 0; k < count; k++) {
    const view = await mount();
    view.el.style.cssText = "margin: 2px; box-sizing: border-box";
    box.append(view.el);
    views.push(view);
  }
  await settled();
  return { box, views };
}

const ROW = "display: flex; flex-direction: row; overflow: auto; box-sizing: border-box";

describe.each([
  ["a row", ROW],
  ["a grid", "display: grid; grid-template-columns: repeat(3, 1fr); overflow: auto"],
])("three views in %s", (_, style) => {
  test.each([980, 890])("of %d px share it, and each can be used", async (width) => {
    const { box, views } = await put(`${style}; width: ${width}px`, 3);
    const widths = views.map(({ el }) => el.getBoundingClientRect().width);
    for (const each of widths) expect(Math.abs(each - (width - 12) / 3)).toBeLessThan(3);
    expect(box.scrollWidth).toBe(box.clientWidth);
    for (const view of views) {
      const { left, right } = view.root.getBoundingClientRect();
      const outside = [...view.root.querySelectorAll(".twins button, input, .bar button")].filter((part) => {
        const at = part.getBoundingClientRect();
        if (at.width === 0) return false;
        return at.left < left - 1 || at.right > right + 1;
      });
      expect(outside).toEqual([]);
      await doubleClick(view.twin("edge", "0,1,2"));
      expect(view.model.traits.removed_edges).toEqual([[0, 1, 2]]);
    }
  });

  test("of 600 px have as much as one needs, and the row scrolls", async () => {
    const { box, views } = await put(`${style}; width: 600px`, 3);
    for (const { el } of views) expect(el.getBoundingClientRect().width).toBeGreaterThanOrEqual(278);
    expect(box.scrollWidth).toBeGreaterThan(box.clientWidth);
  });
});

test("a view beside something narrow has the rest, and one below another the whole", async () => {
  const { box, views } = await put(`${ROW}; width: 800px`, 1);
  const button = box.appendChild(document.createElement("button"));
  button.style.cssText = "width: 148px; flex: none; margin: 2px";
  await settled();
  expect(Math.abs(views[0]!.el.getBoundingClientRect().width - 644)).toBeLessThan(3);
  const column = await put("display: flex; flex-direction: column; width: 1400px", 2);
  for (const { el } of column.views) expect(el.getBoundingClientRect().width).toBe(1396);
});

test("a view narrower than it can be made does not let its host scroll for nothing to see", async () => {
  const { box } = await put("width: 240px; overflow-x: auto", 1);
  expect(box.scrollWidth).toBe(240);
});

test("a view in a hidden tab, or of no size, is drawn when it is shown, and again after it was away", async () => {
  const { box, views } = await put("display: none; width: 900px", 1);
  const [view] = views;
  const ink = () => {
    const { left, top } = view!.canvas.getBoundingClientRect();
    const at = view!.twin("node", "0,0").getBoundingClientRect();
    return view!.ink(at.left + at.width / 2 - left, at.top + at.height / 2 - top);
  };
  box.style.display = "block";
  await settled();
  expect(ink()).toBeGreaterThan(200);
  for (const hide of ["display: none", "width: 0; height: 0; overflow: hidden"]) {
    box.style.cssText = hide;
    await frames(3);
    view!.model.receive({ removed_edges: [[0, 0, 1]] });
    await frames(3);
    box.style.cssText = "width: 900px";
    await settled();
    expect(ink()).toBeGreaterThan(200);
    expect(view!.root.style.height).toBe("");
    expect(view!.find(".stage").getBoundingClientRect().width).toBeGreaterThan(600);
  }
});

test("a theme is seen wherever around the view it is said, and in the place to which the view is moved", async () => {
  const outer = document.body.appendChild(document.createElement("div"));
  const host = outer.appendChild(document.createElement("div"));
  const shadow = host.attachShadow({ mode: "open" });
  const inner = shadow.appendChild(document.createElement("div"));
  onTestFinished(() => outer.remove());
  const view = await mount();
  inner.append(view.el);
  view.el.style.width = "880px";
  await frames(3);
  const theme = () => view.root.dataset.theme;
  expect(theme()).toBe("light");
  for (const [element, name, value] of [
    [inner, "class", "dark"],
    [outer, "data-theme", "dark"],
    [host, "theme", "dark"],
    [view.el, "data-jp-theme-light", "false"],
  ] as const) {
    element.setAttribute(name, value);
    await frames(3);
    expect(theme(), name).toBe("dark");
    element.removeAttribute(name);
    await frames(3);
    expect(theme(), name).toBe("light");
  }
  const other = document.body.appendChild(document.createElement("div"));
  onTestFinished(() => other.remove());
  other.className = "dark";
  view.el.style.display = "none";
  await frames(3);
  other.append(view.el);
  view.el.style.display = "block";
  await frames(4);
  expect(theme()).toBe("dark");
});
