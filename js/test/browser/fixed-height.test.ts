/** A host that fixes the height of a view: everything can still be reached, and the network is whole. */
import { describe, expect, onTestFinished, test } from "vitest";
import { fakeModel } from "../fake";
import { frames, type Mounted, mount, settled } from "./mounted";

/** Everything that is drawn, and its distance to the lower end of what is seen of the stage. */
function sticksOut(view: Mounted): number {
  const { bottom } = view.find(".scroll").getBoundingClientRect();
  const lowest = Math.max(
    ...[...view.root.querySelectorAll(".twins button")].map((twin) => twin.getBoundingClientRect().bottom),
  );
  return lowest - bottom;
}

const inside = (view: Mounted, box: Element) =>
  view.root.getBoundingClientRect().bottom <= box.getBoundingClientRect().bottom + 1;

async function put(height: string, style = "", ancestor = ""): Promise<{ view: Mounted; box: HTMLElement }> {
  const view = await mount(fakeModel([3, 7, 2]));
  const outer = document.body.appendChild(document.createElement("div"));
  onTestFinished(() => outer.remove());
  outer.style.cssText = ancestor;
  outer.append(view.el);
  view.el.style.cssText += `; width: 880px; height: ${height}; ${style}`;
  await settled();
  return { view, box: ancestor ? outer : view.el };
}

describe.each([
  ["the height of the widget itself", "height", "", ""],
  ["a fixed height that hides what sticks out", "height", "overflow: hidden", ""],
  ["an element around it", "auto", "", "overflow: hidden"],
  ["a flex box, as in Shiny", "height", "overflow: hidden; display: flex", ""],
])("%s", (_, kind, style, around) => {
  test.each([760, 560, 400])(
    "of %d px leaves the network whole, and all else within reach",
    async (height) => {
      const ancestor = around && `${around}; height: ${height}px`;
      const { view, box } = await put(kind === "auto" ? "auto" : `${height}px`, style, ancestor);
      expect(inside(view, box)).toBe(true);
      expect(sticksOut(view)).toBeLessThanOrEqual(0.5);
      expect(view.find(".scroll").clientHeight).toBeGreaterThanOrEqual(178);
      const hidden = view.root.scrollHeight - view.root.clientHeight;
      if (height === 760) expect(hidden).toBe(0);
      // What has no room is scrolled to.
      if (hidden > 0) expect(getComputedStyle(view.root).overflowY).toBe("auto");
      view.root.scrollTop = 1e4;
      const last = view.find(".tools").getBoundingClientRect();
      expect(last.bottom).toBeLessThanOrEqual(box.getBoundingClientRect().bottom);
    },
  );
});

test("a card that opens is within reach, and a height that is no longer fixed gives the room back", async () => {
  const { view } = await put("520px");
  view.model.receive({ selected: [[0, 0, 1]] });
  await settled();
  expect(inside(view, view.el)).toBe(true);
  view.root.scrollTop = 1e4;
  const { bottom } = view.find(".detail").getBoundingClientRect();
  expect(bottom).toBeLessThanOrEqual(view.el.getBoundingClientRect().bottom);
  view.el.style.height = "auto";
  await settled();
  expect(view.root.scrollHeight).toBe(view.root.clientHeight);
  expect(view.root.clientHeight).toBeGreaterThan(700);
  view.el.style.height = "500px";
  await settled();
  expect(inside(view, view.el)).toBe(true);
  view.el.style.height = "1500px";
  await settled();
  expect(view.root.style.height).toBe("");
});

test("a host that scrolls by itself, one that is folded, and one as high as its content are left alone", async () => {
  const scrolls = await put("auto", "", "overflow: auto; height: 400px");
  expect(scrolls.view.root.style.height).toBe("");
  const folded = await put("auto", "", "overflow: hidden; height: 0");
  expect(folded.view.root.style.height).toBe("");
  const { view, box } = await put("auto", "", "overflow: hidden; height: 300px");
  expect(inside(view, box)).toBe(true);
  box.style.height = "auto";
  await settled();
  expect(view.root.style.height).toBe("");
  const natural = view.root.clientHeight;
  await frames(5);
  expect(view.root.clientHeight).toBe(natural);
});
