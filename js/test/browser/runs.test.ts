/** The view of a sweep on a page: by mouse, by keyboard, and as it grows. */
import axe from "axe-core";
import { expect, onTestFinished, test } from "vitest";
import { commands } from "vitest/browser";
import { createSweepPage } from "../../src/runs/page";
import { createRunReader } from "../../src/runs/run-data";
import { layoutScatter } from "../../src/runs/scatter-layout";
import widget from "../../src/sweep";
import { fakeModel, randomNumbers } from "../fake";
import { type FakeSweep, fakeSweep, type Runs, runTraits } from "../fake-sweep";
import { click, frames } from "./mounted";

const RUNS: Runs = [
  [3, 0.2],
  [5, 0.1],
  [5, 0.3],
  [9, 0.104],
  [Number.NaN, Number.NaN],
  [12, 0.05],
];

async function mount(model: FakeSweep = fakeSweep(RUNS), width = 900) {
  const el = document.body.appendChild(document.createElement("div"));
  el.style.width = `${width}px`;
  const close = widget().render({ model: model as never, el });
  onTestFinished(() => {
    close();
    el.remove();
  });
  await frames(3);
  return { model, el, close, ...partsOf(el) };
}

function partsOf(el: HTMLElement) {
  const root = el.firstElementChild!.shadowRoot!.querySelector<HTMLElement>(".kanwidget")!;
  const find = <E extends HTMLElement>(selector: string): E => {
    const found = root.querySelector<E>(selector);
    if (!found) throw new Error(`The view has no ${selector}`);
    return found;
  };
  return {
    root,
    find,
    plot: find<HTMLElement>(".scatter"),
    table: find<HTMLElement>("[role=grid]"),
    rows: () => [...root.querySelectorAll<HTMLElement>("tr[data-place]")],
    said: () => find(".unseen[role=status]").textContent,
  };
}

type View = Awaited<ReturnType<typeof mount>>;

/** Moves the pointer to the point of a run. */
async function pointAt({ plot, model }: View, number: number): Promise<void> {
  const data = createRunReader(model.get)();
  const { left, top } = plot.getBoundingClientRect();
  const { x, y } = layoutScatter(data, plot.clientWidth, plot.clientHeight);
  const place = data.placeOf.get(number)!;
  await commands.mouse([["move", left + x[place]! + 3, top + y[place]! - 2]]);
  await frames(2);
}

const key = async (press: string) => {
  await commands.mouse([
    ["press", press],
    ["lift", press],
  ]);
  await frames(2);
};

test("it says how many runs there are, and shows all of them in the table", async () => {
  const { find, rows, table } = await mount();
  expect(find(".status").textContent).toBe("6 runs, 1 failed · lowest test loss 0.05000 with 12 edges");
  expect(rows().map((row) => row.firstElementChild!.textContent)).toEqual(["5", "1", "3", "0", "2", "4"]);
  expect(rows().at(-1)!.textContent).toContain("ValueError: it went wrong");
  expect(table.getAttribute("aria-rowcount")).toBe("7");
  expect(find(".shared").textContent).toBe("width [2, 5, 1]");
  expect(find("[data-role=stop]").hidden).toBe(true);
});

test("points come while it runs, and Stop is said to Python", async () => {
  const model = fakeSweep(RUNS.slice(0, 2), 6);
  const view = await mount(model);
  expect(view.find(".status").textContent).toContain("2 of 6 runs");
  await click(view.find("[data-role=stop]"));
  expect(model.sent).toEqual([{ do: "stop" }]);
  model.receive(runTraits(RUNS.slice(0, 4)));
  await frames(2);
  expect(view.rows()).toHaveLength(4);
  model.receive({ _running: false });
  await frames(2);
  expect(view.find("[data-role=stop]").hidden).toBe(true);
  expect(view.said()).toBe("Stopped: 4 of 6 runs have ended");
});

test("a point shows its network small, once it rests, and opens it on a click", async () => {
  const model = fakeSweep(RUNS);
  const view = await mount(model);
  await pointAt(view, 3);
  expect(view.find(".runs-card b").textContent).toBe("Run 3: 9 edges, test loss 0.1040");
  expect(view.find(".runs-card p").textContent).toBe("seed 0, lamb 0.01");
  await expect.poll(() => model.sent).toContainEqual({ do: "thumbnail", run: 3 });
  const canvas = view.find<HTMLCanvasElement>(".runs-card canvas");
  expect(canvas.hidden).toBe(true);
  model.message({
    run: 3,
    thumbnail: {
      width: [2, 1, 1],
      edges: [
        [0, 0, 0, 1],
        [0, 1, 0, 0.4],
        [1, 0, 0, 1],
      ],
      curves: [
        [0, 50, 100],
        [0, 50, 100],
        [9, 0, 100],
      ],
    },
  });
  await frames(2);
  expect(canvas.hidden).toBe(false);
  const pixels = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data;
  expect(pixels.filter((value, k) => k % 4 === 3 && value > 100).length).toBeGreaterThan(300);
  expect(view.rows().find((row) => row.hasAttribute("data-hovered"))!.firstElementChild!.textContent).toBe(
    "3",
  );
  await commands.mouse([["down"], ["up"]]);
  await frames(2);
  expect(model.sent).toContainEqual({ do: "open", run: 3 });
  expect(model.traits.selected).toBe(3);
});

test("arrow keys go through the points, are told, and Enter opens", async () => {
  const view = await mount();
  view.plot.focus();
  await key("Home");
  expect(view.said()).toBe("Run 0: 3 edges, test loss 0.2000, on the front, seed 0, lamb 0.001");
  await key("ArrowRight");
  expect(view.said()).toContain("Run 2: 5 edges");
  await key("ArrowDown");
  expect(view.said()).toContain("Run 1: 5 edges");
  const row = view.rows().find((each) => each.getAttribute("aria-selected") === "true")!;
  expect(row.firstElementChild!.textContent).toBe("1");
  await key("Enter");
  expect(view.model.sent).toContainEqual({ do: "open", run: 1 });
  // Faster than the screen.
  view.plot.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
  view.plot.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
  await frames(2);
  expect(view.said()).toContain("5 edges");
});

test("the table is sorted, filtered, and gone through by keys; the plot follows", async () => {
  const view = await mount();
  view.find("th[data-column=edges] button").click();
  await frames(2);
  expect(view.rows().map((row) => row.firstElementChild!.textContent)).toEqual([
    "0",
    "1",
    "2",
    "3",
    "5",
    "4",
  ]);
  expect(view.find("th[data-column=edges]").getAttribute("aria-sort")).toBe("ascending");
  view.find("th[data-column=edges] button").click();
  await frames(2);
  expect(view.find("th[data-column=edges]").getAttribute("aria-sort")).toBe("descending");
  const most = view.find<HTMLInputElement>("[data-role=most-edges]");
  most.value = "5";
  most.dispatchEvent(new Event("input"));
  await frames(2);
  expect(view.find("[data-role=count]").textContent).toBe("3 of 6 runs");
  expect(view.rows().map((row) => row.firstElementChild!.textContent)).toEqual(["1", "2", "0"]);
  view.table.focus();
  await key("ArrowDown");
  await key("ArrowDown");
  expect(view.said()).toContain("Run 2:");
  expect(view.table.getAttribute("aria-activedescendant")).toBe(view.rows()[1]!.id);
  await key("Enter");
  expect(view.model.sent).toContainEqual({ do: "open", run: 2 });
  view.find("[data-role=clear]").click();
  await frames(2);
  expect(view.rows()).toHaveLength(6);
  expect(view.find<HTMLInputElement>("[data-role=most-edges]").value).toBe("");
});

test("of ten thousand runs few rows are in the page, and the last can be gone to", async () => {
  const random = randomNumbers(1);
  const runs: Runs = Array.from(
    { length: 10_000 },
    () => [Math.ceil(random() * 40), 10 ** (3 * random() - 3)] as const,
  );
  const view = await mount(fakeSweep(runs));
  expect(view.rows().length).toBeLessThan(40);
  expect(view.table.getAttribute("aria-rowcount")).toBe("10001");
  view.table.focus();
  await key("End");
  await frames(3);
  const row = view.rows().find((each) => each.getAttribute("aria-selected") === "true")!;
  expect(row.getAttribute("aria-rowindex")).toBe("10001");
  const [inside, box] = [row.getBoundingClientRect(), view.find(".runs-table").getBoundingClientRect()];
  expect(inside.bottom).toBeLessThanOrEqual(box.bottom + 1);
  expect(inside.top).toBeGreaterThan(box.top);
});

test("colours tell another setting when it is chosen", async () => {
  const view = await mount();
  const names = () => [...view.root.querySelectorAll(".marks li")].map((each) => each.textContent!.trim());
  expect(names()).toEqual(["0.001", "0.01"]);
  const menu = view.find<HTMLSelectElement>("[data-role=colour]");
  menu.value = "0";
  menu.dispatchEvent(new Event("change"));
  await frames(2);
  expect(names()).toEqual(["0", "1", "2"]);
});

test("networks that Python opens are drawn side by side, and closed again", async () => {
  const networks: Record<string, unknown> = { a: fakeModel([2, 5, 1]), b: fakeModel([2, 3, 1]) };
  const model = Object.assign(fakeSweep(RUNS), {
    widget_manager: {
      get_model: (id: string) =>
        id in networks ? Promise.resolve(networks[id]) : Promise.reject(new Error("?")),
    },
  });
  const view = await mount(model, 1300);
  model.receive({
    _networks: [
      [3, "a"],
      [5, "b"],
      [1, "gone"],
    ],
  });
  await expect.poll(() => view.root.querySelectorAll(".runs-networks section").length).toBe(3);
  const sections = [...view.root.querySelectorAll<HTMLElement>(".runs-networks section")];
  expect(sections[0]!.querySelector("h3")!.textContent).toContain("Run 3: 9 edges");
  const edges = (section: Element) =>
    section
      .querySelector(".network-view")!
      .firstElementChild?.shadowRoot?.querySelectorAll("button[data-edge]").length;
  await expect.poll(() => edges(sections[0]!)).toBe(15);
  await expect.poll(() => edges(sections[1]!)).toBe(9);
  expect(sections[0]!.getBoundingClientRect().top).toBe(sections[1]!.getBoundingClientRect().top);
  await expect.poll(() => sections[2]!.textContent).toContain("runs.session(1)");
  sections[0]!.querySelector<HTMLElement>("[data-role=close-network]")!.click();
  expect(model.sent).toContainEqual({ do: "close", run: 3 });
  const before = (networks.b as ReturnType<typeof fakeModel>).listeners();
  model.receive({ _networks: [[3, "a"]] });
  await frames(3);
  expect(view.root.querySelectorAll(".runs-networks section")).toHaveLength(1);
  expect((networks.b as ReturnType<typeof fakeModel>).listeners()).toBeLessThan(before);
});

test("what runs agree on is asked for, and drawn with how many have each curve", async () => {
  const view = await mount();
  await click(view.find("[data-role=compare]"));
  expect(view.model.sent).toContainEqual({ do: "compare" });
  view.model.receive({ _comparing: true });
  await frames(2);
  expect(view.find<HTMLButtonElement>("[data-role=compare]").disabled).toBe(true);
  view.model.receive({
    _comparing: false,
    _agreement: {
      runs: 3,
      inputs: [["x", 3, 3, 0.8]],
      curves: [
        {
          name: "x",
          node: 1,
          points: [-1, 0, 1],
          median: [0, 1, 0],
          lines: [
            [5, true, [0, 1, 0]],
            [1, true, [0, 0.9, 0]],
            [3, false, [1, 0, 1]],
          ],
        },
      ],
    },
  });
  await frames(2);
  expect(view.find(".runs-agreement .inputs").textContent).toBe("x: kept in 3 of 3 runs, 80% of what varies");
  expect(view.find(".runs-agreement figcaption").textContent).toBe("x → h1,1: in 2 of 3 runs");
  expect(view.root.querySelectorAll(".runs-agreement path")).toHaveLength(4);
  expect(view.root.querySelectorAll(".runs-agreement .other")).toHaveLength(1);
});

test("the plot and the table are saved as files", async () => {
  const view = await mount();
  const files: [string, Blob][] = [];
  const [make, press] = [URL.createObjectURL, HTMLAnchorElement.prototype.click];
  onTestFinished(() => {
    URL.createObjectURL = make;
    HTMLAnchorElement.prototype.click = press;
  });
  let last: Blob | null = null;
  URL.createObjectURL = (blob) => {
    last = blob as Blob;
    return make(blob);
  };
  HTMLAnchorElement.prototype.click = function () {
    files.push([this.download, last!]);
  };
  for (const role of ["save-svg", "save-csv", "save-png"]) view.find(`[data-role=${role}]`).click();
  await expect.poll(() => files.length).toBe(3);
  const of = (name: string) => files.find(([each]) => each === name)![1];
  const svg = await of("runs.svg").text();
  expect(svg).toContain("edges left");
  expect(new DOMParser().parseFromString(svg, "image/svg+xml").querySelector("parsererror")).toBe(null);
  expect((await of("runs.csv").text()).split("\r\n")).toHaveLength(8);
  expect((await createImageBitmap(of("runs.png"))).width).toBe(2 * view.plot.clientWidth);
});

test.each([
  [900, "light"],
  [340, "dark"],
])("at %s px, %s, nothing sticks out, and a screen reader finds names and roles", async (width, theme) => {
  document.body.dataset.theme = theme;
  onTestFinished(() => {
    delete document.body.dataset.theme;
  });
  const view = await mount(fakeSweep(RUNS), width);
  view.plot.focus();
  await key("Home");
  expect(view.el.scrollWidth).toBeLessThanOrEqual(width);
  expect(view.root.dataset.theme).toBe(theme);
  const { violations } = await axe.run(view.el, { runOnly: ["wcag2a", "wcag2aa"] });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`)).toEqual([]);
});

test("a page of its own opens the networks that it holds", async () => {
  const el = document.body.appendChild(document.createElement("div"));
  el.style.width = "900px";
  const page = { ...fakeModel([2, 5, 1]).traits };
  const close = createSweepPage({ ...fakeSweep(RUNS).traits, _pages: { 5: page }, _thumbnails: {} }, el);
  onTestFinished(() => {
    close();
    el.remove();
  });
  await frames(3);
  const view = partsOf(el);
  expect(view.find("[data-role=compare]").hidden).toBe(true);
  view.rows()[0]!.querySelector("button")!.click();
  await frames(3);
  view.rows()[1]!.querySelector("button")!.click();
  const sections = () => [...view.root.querySelectorAll(".runs-networks section")];
  await expect.poll(() => sections().length).toBe(2);
  const inner = () => sections()[0]!.querySelector(".network-view")!.firstElementChild?.shadowRoot;
  await expect.poll(() => inner()?.querySelectorAll("button[data-edge]").length).toBe(15);
  expect(sections()[1]!.textContent).toContain("only those of the front are");
  sections()[0]!.querySelector<HTMLElement>("[data-role=close-network]")!.click();
  await expect.poll(() => sections().length).toBe(1);
});

test("a view that ends leaves nothing behind", async () => {
  const view = await mount();
  view.close();
  expect(view.model.listeners()).toBe(0);
  expect(view.el.childElementCount).toBe(0);
});
