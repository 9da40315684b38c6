/** A view in what hosts and layouts put it into: rows, given sizes, hidden parents, models that come late. */
import { expect, onTestFinished, test, vi } from "vitest";
import widget from "../../src/index";
import { fakeModel } from "../fake";
import { frames, mount } from "./mounted";

/** Elements as hosts make them, in a box with this style; each holds a view. */
async function inBox(style: string, ...layouts: string[]) {
  const box = document.body.appendChild(document.createElement("div"));
  box.style.cssText = style;
  const views = layouts.map((layout) => {
    const el = box.appendChild(document.createElement("div"));
    el.style.cssText = layout;
    return { el, close: widget().render({ model: fakeModel(), el }) };
  });
  onTestFinished(() => {
    for (const view of views) view.close();
    box.remove();
  });
  await frames(4);
  const of = (k: number) => views[k]!.el.firstElementChild!.shadowRoot!.querySelector(".kanwidget")!;
  return { box, els: views.map(({ el }) => el), of, widths: () => views.map(({ el }) => el.offsetWidth) };
}

const ROW = "display: flex; flex-direction: row; overflow: auto;";

test("side by side they share the width of a row", async () => {
  const { widths, box } = await inBox(`${ROW} width: 1200px`, "", "", "");
  expect(widths()).toEqual([400, 400, 400]);
  box.style.width = "600px";
  await frames(3);
  // What has no room is scrolled to.
  expect(Math.min(...widths())).toBeGreaterThanOrEqual(280);
  expect(box.scrollWidth).toBeGreaterThan(800);
});

test("a layout of one's own comes first", async () => {
  const { widths } = await inBox(
    `${ROW} width: 1200px`,
    "width: 200px; flex-grow: 0",
    "flex: 1 1 0",
    "flex: 2 1 0",
  );
  const [first, second, third] = widths();
  expect(first).toBe(200);
  expect(second! + third!).toBe(1000);
  expect(third! / second!).toBeCloseTo(2, 1);
});

test("in a column each has the whole width, and no more height than it needs", async () => {
  const { widths, els } = await inBox("display: flex; flex-direction: column; width: 700px", "", "");
  expect(widths()).toEqual([700, 700]);
  for (const el of els) expect(el.offsetHeight).toBe((el.firstElementChild as HTMLElement).offsetHeight);
});

test("in a parent that is hidden at first it is drawn when that is shown", async () => {
  const { box, of } = await inBox("display: none; width: 700px", "");
  expect(of(0).querySelector("button[data-edge]")).toBe(null);
  box.style.display = "block";
  await expect.poll(() => of(0).querySelectorAll("button[data-edge]").length).toBe(15);
  expect(of(0).clientWidth).toBe(700);
});

test("a view that has lost what came before it asks for it, once; one that lacks nothing does not", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const start = {
    id: 0,
    parent: null,
    kind: "start",
    what: [],
    edges_removed: 0,
    note: "",
    loss_before: 1,
    loss_after: 1,
    active_edges: 15,
  } as const;
  const [full, late] = [fakeModel(), fakeModel()];
  full.receive({ _history: [start] });
  await mount(full);
  const curves = late.traits._curves_x;
  late.receive({ _curves_x: new DataView(new ArrayBuffer(0)) });
  const view = await mount(late);
  vi.advanceTimersByTime(5000);
  expect(full.acts).toEqual([]);
  expect(late.acts).toEqual([{ do: "send" }]);
  late.receive({ _curves_x: curves });
  await frames(3);
  expect(view.root.querySelectorAll("button[data-edge]").length).toBe(15);
});
