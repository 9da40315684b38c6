/** What hands and keys do on the network view: selection, lasso, menu, zoom, and the overlays. */
import { describe, expect, onTestFinished, test } from "vitest";
import { commands, userEvent } from "vitest/browser";
import { BACKGROUNDS, INKS } from "../../src/canvas/theme";
import { edgeIndex } from "../../src/model/network";
import { createStage, type FrameInput, type StageEvents } from "../../src/stage/stage";
import { reduce, type ViewState } from "../../src/state/view-state";
import { directPath } from "../../src/util/paths";
import { layout } from "../../src/views/network/layout";
import { paint } from "../../src/views/network/paint";
import { buildScene, createNormalizedCurves, inBox } from "../../src/views/network/scene";
import { createSnapshotReader } from "../../src/wire/snapshot";
import { type FakeModel, fakeModel, networkOf, pack, randomNumbers, sampleCurves, syncedOf } from "../fake";
import { click, doubleClick, frames, type Mounted, middle, mount, openMore, settled } from "./mounted";

const selected = (view: { model: FakeModel }) => view.model.traits.selected;
const current = (view: Mounted) => [...view.root.querySelectorAll(".twins [aria-current]")];
const focused = (view: Mounted) => (view.root.getRootNode() as ShadowRoot).activeElement;

/** A pixel of one of the canvases, at CSS coordinates of the page. */
function pixel(view: Mounted, role: string, x: number, y: number): number[] {
  const canvas = view.find<HTMLCanvasElement>(`canvas[data-role=${role}]`);
  const { left, top } = canvas.getBoundingClientRect();
  return [...canvas.getContext("2d")!.getImageData(Math.round(x - left), Math.round(y - top), 1, 1).data];
}

async function held(key: string, act: () => Promise<void>): Promise<void> {
  await commands.mouse([["press", key]]);
  await act();
  await commands.mouse([["lift", key]]);
}

describe("selection", () => {
  test("a click selects alone, with Shift or Ctrl it adds and takes out, on the background it lets go", async () => {
    const view = await mount();
    await click(view.twin("edge", "0,1,2"));
    expect(selected(view)).toEqual([[0, 1, 2]]);
    await click(view.twin("node", "1,3"));
    expect(selected(view)).toEqual([[1, 3]]);
    await held("Shift", () => click(view.twin("edge", "0,0,0")));
    expect(selected(view)).toEqual([
      [1, 3],
      [0, 0, 0],
    ]);
    await held("Control", () => click(view.twin("node", "1,3")));
    expect(selected(view)).toEqual([[0, 0, 0]]);
    expect(view.model.traits.removed_edges).toEqual([]);
    const { left, top } = view.find(".stage").getBoundingClientRect();
    await commands.mouse([["move", left + 5, top + 5], ["down"], ["up"]]);
    expect(selected(view)).toEqual([]);
  });

  test("what is selected has a halo, and says so to a screen reader", async () => {
    const view = await mount();
    view.model.receive({
      selected: [
        [0, 1, 2],
        [1, 3],
      ],
    });
    await frames(2);
    expect(current(view)).toEqual([view.twin("edge", "0,1,2"), view.twin("node", "1,3")]);
    const box = view.twin("edge", "0,1,2").getBoundingClientRect();
    const [r, g, b, alpha] = pixel(view, "marks", box.left - 2, box.top + box.height / 2);
    expect(alpha).toBeGreaterThan(200);
    expect(g! - Math.max(r!, b!)).toBeGreaterThan(60);
  });

  test("Esc lets go, and Delete and Space switch all that is selected", async () => {
    const view = await mount();
    await click(view.twin("edge", "0,1,2"));
    await held("Shift", () => click(view.twin("edge", "0,0,2")));
    await userEvent.keyboard("{Delete}");
    expect(view.model.traits.removed_edges).toEqual([
      [0, 0, 2],
      [0, 1, 2],
    ]);
    await userEvent.keyboard("{Delete}");
    expect(view.model.traits.removed_edges).toHaveLength(2);
    await userEvent.keyboard(" ");
    expect(view.model.traits.removed_edges).toEqual([]);
    await userEvent.keyboard("{Escape}");
    expect(selected(view)).toEqual([]);
  });

  test("a lasso with Shift takes the boxes whose middles it goes around, and Esc gives it up", async () => {
    const view = await mount();
    const [first, third] = ["0,0,0", "0,0,2"].map((index) =>
      view.twin("edge", index).getBoundingClientRect(),
    );
    const [left, right] = [first!.left - 20, first!.right + 20];
    const loop = [
      ["press", "Shift"],
      ["move", left, first!.top - 4],
      ["down"],
      ["move", right, first!.top - 4, 4],
      ["move", right, third!.bottom + 2, 4],
      ["move", left, third!.bottom + 2, 4],
    ] as const;
    await commands.mouse(loop.map((step) => [...step]) as Parameters<typeof commands.mouse>[0]);
    await frames(2);
    expect(pixel(view, "highlight", first!.left + 5, first!.top + 5)[3]).toBeGreaterThan(10);
    await userEvent.keyboard("{Escape}");
    await commands.mouse([["up"], ["lift", "Shift"]]);
    expect(selected(view)).toEqual([]);
    await commands.mouse(loop.map((step) => [...step]) as Parameters<typeof commands.mouse>[0]);
    await commands.mouse([["up"], ["lift", "Shift"]]);
    await frames(2);
    const inside = [...view.root.querySelectorAll<HTMLElement>("button[data-edge]")].filter((twin) => {
      const [x, y] = middle(twin);
      return x > left && x < right && y > first!.top - 4 && y < third!.bottom + 2;
    });
    expect(inside.length).toBeGreaterThan(1);
    expect(new Set(selected(view).map(String))).toEqual(new Set(inside.map((twin) => twin.dataset.edge)));
  });
});

test("a straight drag with Shift takes what is in the rectangle between its ends", async () => {
  const view = await mount();
  const boxes = ["0,0,0", "0,0,1", "0,1,0"].map((index) => view.twin("edge", index).getBoundingClientRect());
  const [left, right] = [boxes[0]!.left - 20, boxes[0]!.right + 20];
  const [top, bottom] = [
    Math.min(...boxes.map((box) => box.top)) - 4,
    Math.max(...boxes.map((box) => box.bottom)) + 2,
  ];
  await held("Shift", async () => {
    await commands.mouse([["move", left, top], ["down"], ["move", right, bottom, 8]]);
    await frames(2);
    const [inside, outside] = [bottom - 2, bottom + 5].map((y) => pixel(view, "highlight", left + 5, y)[3]);
    expect(inside).toBeGreaterThan(10);
    expect(outside).toBe(0);
    await commands.mouse([["up"]]);
  });
  await frames(2);
  const inside = [...view.root.querySelectorAll<HTMLElement>("button[data-edge]")].filter((twin) => {
    const [x, y] = middle(twin);
    return x > left && x < right && y > top && y < bottom;
  });
  expect(inside.length).toBeGreaterThan(2);
  expect(new Set(selected(view).map(String))).toEqual(new Set(inside.map((twin) => twin.dataset.edge)));
});

describe("by keyboard and screen reader", () => {
  test("what is off says why, and a node says its score", async () => {
    const view = await mount();
    const told = () => view.twin("node", "1,0").getAttribute("aria-description");
    expect(told()).toBeNull();
    expect(view.twin("node", "1,0").getAttribute("aria-label")).toMatch(/^Node h1,0, score [\d.e-]+$/);
    view.model.receive({ node_threshold: 2e-4 });
    view.model.python();
    await frames(2);
    expect(told()).toBe("removed by the node threshold");
    expect(view.twin("edge", "0,0,0").getAttribute("aria-description")).toBe("removed by the node threshold");
    view.model.receive({ node_threshold: 0, removed_nodes: [[1, 0]] });
    view.model.python();
    await frames(2);
    expect(told()).toBe("off by hand");
  });

  test("new scores are told in a moment, and at once where the focus comes", async () => {
    const view = await mount();
    const labels = () => ["0", "1"].map((i) => view.twin("edge", `0,${i},0`).getAttribute("aria-label"));
    const before = labels();
    const scores = Float64Array.from({ length: 15 }, (_, e) => 7 + e);
    view.model.receive({ _scores: pack(scores, [15]) });
    await frames(2);
    expect(labels()).toEqual(before);
    view.twin("edge", "0,1,0").focus();
    expect(labels()[0]).toBe(before[0]);
    expect(labels()[1]).toContain("score 8");
    await expect.poll(() => labels()[0]).toContain("score 7");
  });

  test("the network is one stop of the Tab key, and arrows go to the neighbour", async () => {
    const view = await mount();
    expect(view.root.querySelectorAll(".twins [tabindex='0']")).toHaveLength(1);
    view.twin("node", "0,0").focus();
    await userEvent.keyboard("{ArrowRight}");
    const first = focused(view)!;
    expect(first.getAttribute("data-edge")).toMatch(/^0,/);
    await userEvent.keyboard("{ArrowDown}");
    expect(focused(view)!.getBoundingClientRect().top).toBeGreaterThan(first.getBoundingClientRect().top);
    await userEvent.keyboard("{ArrowUp}");
    expect(focused(view)).toBe(first);
    await userEvent.keyboard("{End}");
    expect(focused(view)).toBe(view.twin("node", "2,0"));
    await userEvent.keyboard("{Home}");
    expect(focused(view)).toBe(view.twin("node", "0,0"));
    await userEvent.keyboard("{ArrowRight}{Tab}");
    expect(view.find(".twins").contains(focused(view))).toBe(false);
    await userEvent.keyboard("{Shift>}{Tab}{/Shift}");
    expect(focused(view)).toBe(first);
  });

  test("arrows scroll the page to where they lead", async () => {
    const view = await mount();
    view.el.style.cssText += "margin: 500px 0";
    window.scrollTo(0, 0);
    view.twin("edge", "0,0,0").focus({ preventScroll: true });
    for (let k = 0; k < 9; k++) await userEvent.keyboard("{ArrowDown}");
    await frames(2);
    const { top, bottom } = focused(view)!.getBoundingClientRect();
    expect(top).toBeGreaterThanOrEqual(0);
    // Browsers scroll by whole pixels.
    expect(bottom).toBeLessThan(innerHeight + 1);
    expect(window.scrollY).toBeGreaterThan(0);
    window.scrollTo(0, 0);
  });

  test("what has the focus has a ring on the canvas, and the mouse leaves none", async () => {
    const view = await mount();
    const ringAt = (twin: Element) => {
      const { left, top, height } = twin.getBoundingClientRect();
      return pixel(view, "highlight", left - 5, top + height / 2)[3]!;
    };
    const twin = view.twin("edge", "1,2,0");
    await click(twin);
    await commands.mouse([["move", 2, 2]]);
    await frames(2);
    expect(ringAt(twin)).toBe(0);
    expect(focused(view)).toBe(twin);
    await userEvent.keyboard("{ArrowDown}");
    await frames(2);
    expect(ringAt(focused(view)!)).toBeGreaterThan(200);
  });

  test("Enter opens the card, Space and a press without a pointer toggle", async () => {
    const view = await mount();
    const twin = view.twin("edge", "0,0,4");
    twin.focus();
    await userEvent.keyboard("{Enter}");
    expect(selected(view)).toEqual([[0, 0, 4]]);
    await userEvent.keyboard(" ");
    await frames(2);
    expect(twin.getAttribute("aria-pressed")).toBe("false");
    twin.click();
    await frames(2);
    expect(twin.getAttribute("aria-pressed")).toBe("true");
    expect(view.model.traits.removed_edges).toEqual([]);
  });
});

describe("the context menu", () => {
  const menu = (view: Mounted) => view.find(".menu");
  const open = async (element: Element) => {
    const right = { button: "right" } as const;
    await commands.mouse([
      ["move", ...middle(element)],
      ["down", right],
      ["up", right],
    ]);
    await frames(2);
  };

  test("a right click offers what can be done here, and Esc closes it", async () => {
    const view = await mount();
    await open(view.twin("edge", "0,0,3"));
    expect(menu(view).matches(":popover-open")).toBe(true);
    expect(menu(view).textContent).toContain("x1 → h1,3");
    expect(focused(view)?.textContent).toContain("Switch off");
    await userEvent.keyboard("{Escape}");
    expect(menu(view).matches(":popover-open")).toBe(false);
    await open(view.twin("edge", "0,0,3"));
    await userEvent.keyboard("{Enter}");
    expect(view.model.traits.removed_edges).toEqual([[0, 0, 3]]);
    expect(menu(view).matches(":popover-open")).toBe(false);
  });

  test("it selects all edges of a node, and switches off what is weaker in the layer", async () => {
    const view = await mount();
    await open(view.twin("node", "1,2"));
    await click(
      [...menu(view).querySelectorAll("button")].find((b) => b.textContent!.includes("all edges"))!,
    );
    expect(selected(view)).toEqual([
      [0, 0, 2],
      [0, 1, 2],
      [1, 2, 0],
    ]);
    await open(view.twin("edge", "1,2,0"));
    expect(menu(view).textContent).toContain("3 selected");
    await userEvent.keyboard("{Escape}{Escape}");
    expect(selected(view)).toEqual([]);
    await open(view.twin("edge", "1,2,0"));
    await click([...menu(view).querySelectorAll("button")].find((b) => b.textContent!.includes("2 weaker"))!);
    expect(view.model.traits.removed_edges).toEqual([
      [1, 0, 0],
      [1, 1, 0],
    ]);
  });

  test("Shift+F10 opens it for what has the focus, and gives the focus back", async () => {
    const view = await mount();
    const twin = view.twin("node", "1,4");
    twin.focus();
    await userEvent.keyboard("{Shift>}{F10}{/Shift}");
    await frames(2);
    expect(menu(view).textContent).toContain("h1,4");
    await userEvent.keyboard("{ArrowDown}");
    expect(focused(view)?.textContent).toContain("Open card");
    await userEvent.keyboard("{Escape}");
    expect(focused(view)).toBe(twin);
  });

  test("a click elsewhere closes it", async () => {
    const view = await mount();
    await open(view.twin("edge", "0,0,3"));
    await click(view.find("[data-role=status]"));
    expect(menu(view).matches(":popover-open")).toBe(false);
  });
});

describe("zoom and pan", () => {
  const wheel = async (view: Mounted, element: Element) => {
    await commands.mouse([["move", ...middle(element)]]);
    await held("Control", () => commands.mouse([["wheel", 0, -100]]));
    await settled();
    return view;
  };

  test("Ctrl and wheel make the box under the pointer grow where it is, and its button with it", async () => {
    const view = await mount();
    const twin = view.twin("edge", "0,1,1");
    const before = twin.getBoundingClientRect();
    const [x, y] = middle(twin);
    await wheel(view, twin);
    const after = twin.getBoundingClientRect();
    expect(after.width).toBeGreaterThan(1.2 * before.width);
    expect(Math.hypot(middle(twin)[0] - x, middle(twin)[1] - y)).toBeLessThan(2);
    expect(view.find(".scale").textContent).toMatch(/^1\d\d%$/);
    await doubleClick(twin);
    expect(view.model.traits.removed_edges).toEqual([[0, 1, 1]]);
  });

  test("buttons and keys zoom in and out, and fit", async () => {
    const view = await mount();
    const side = () => view.twin("edge", "0,1,1").getBoundingClientRect().width;
    const before = side();
    await click(view.find("[data-role=zoom-in]"));
    expect(side()).toBeCloseTo(1.5 * before, 0);
    await click(view.find("[data-role=zoom-in]"));
    await click(view.find("[data-role=zoom-out]"));
    expect(side()).toBeCloseTo(1.5 * before, 0);
    await click(view.find("[data-role=fit]"));
    expect(side()).toBeCloseTo(before, 5);
    view.twin("edge", "0,1,1").focus();
    await userEvent.keyboard("+");
    await frames(2);
    expect(side()).toBeCloseTo(1.5 * before, 0);
    await userEvent.keyboard("0");
    await frames(2);
    expect(side()).toBeCloseTo(before, 5);
  });

  test("a drag on the background pans when zoomed, and only then; a double click on it fits", async () => {
    const view = await mount();
    const stage = view.find(".stage").getBoundingClientRect();
    const [x, y] = [stage.left + stage.width / 2 + 60, stage.top + stage.height - 60];
    const drag = () => commands.mouse([["move", x, y], ["down"], ["move", x - 80, y - 50, 5], ["up"]]);
    const twin = view.twin("node", "1,2");
    const before = middle(twin);
    await drag();
    await frames(2);
    expect(middle(twin)).toEqual(before);
    await click(view.find("[data-role=zoom-in]"));
    const zoomed = middle(twin);
    await drag();
    await frames(2);
    expect(middle(twin)[0] - zoomed[0]).toBeCloseTo(-80, 0);
    expect(middle(twin)[1] - zoomed[1]).toBeCloseTo(-50, 0);
    expect(selected(view)).toEqual([]);
    const second = { clickCount: 2 };
    await commands.mouse([["move", x, y], ["down"], ["up"], ["down", second], ["up", second]]);
    await frames(2);
    expect(middle(twin)).toEqual(before);
  });

  test("it is redrawn and not stretched: a line is as thin as before", async () => {
    const view = await mount();
    for (let k = 0; k < 3; k++) await wheel(view, view.twin("edge", "1,2,0"));
    const box = view.twin("edge", "1,2,0").getBoundingClientRect();
    const row = Array.from({ length: 12 }, (_, k) =>
      pixel(view, "picture", box.left - 6 + k, box.top + box.height / 2),
    );
    const inked = row.filter(([r, , , alpha]) => alpha! > 60 && r! < 110).length;
    expect(inked).toBeGreaterThan(0);
    expect(inked).toBeLessThan(10);
  });

  test("the focus brings what is out of sight into sight", async () => {
    const view = await mount();
    for (let k = 0; k < 4; k++) await click(view.find("[data-role=zoom-in]"));
    view.twin("node", "0,0").focus();
    await userEvent.keyboard("{End}");
    await frames(3);
    const stage = view.find(".stage").getBoundingClientRect();
    const [x, y] = middle(view.twin("node", "2,0"));
    expect(x).toBeGreaterThan(stage.left);
    expect(x).toBeLessThan(stage.right);
    expect(y).toBeGreaterThan(stage.top);
    expect(y).toBeLessThan(stage.bottom);
  });

  test("full screen is asked of the host, and a refusal is said in words", async () => {
    const view = await mount();
    view.root.requestFullscreen = () => Promise.reject(new TypeError("not here"));
    await click(view.find("[data-role=full-screen]"));
    await frames(2);
    expect(view.find(".tools .hint").textContent).toContain("does not allow full screen");
  });
});

describe("the picture", () => {
  test("nodes ease into the new layout, and the live node ends in the middle with three large curves", async () => {
    const view = await mount();
    const removed_nodes = [1, 2, 3, 4].map((i): [number, number] => [1, i]);
    const before = middle(view.twin("node", "1,0"))[1];
    view.model.receive({ removed_nodes });
    await settled();
    const stage = view.find(".stage").getBoundingClientRect();
    expect(middle(view.twin("node", "1,0"))[1] - before).toBeGreaterThan(100);
    expect(middle(view.twin("node", "1,0"))[1] - stage.top).toBeCloseTo(stage.height / 2, 0);
    for (const index of ["0,0,0", "0,1,0", "1,0,0"]) {
      expect(view.twin("edge", index).getBoundingClientRect().width).toBeGreaterThan(150);
    }
    await doubleClick(view.twin("edge", "0,0,3"));
    expect(view.isOn("edge", "0,0,3")).toBe(true);
  });

  test("of a crowd, lines that would go are broken in the middle, so that colour is not all that tells", () => {
    const net = networkOf(
      [12, 20],
      Float64Array.from({ length: 240 }, (_, e) => 0.1 + e / 1000),
    );
    const made = layout(net, net.baseline, { width: 900, inNames: 20, outNames: 20 });
    const bare = new Map(
      [...made.places].map(([e, place]) => {
        const [x0, y0, x1, y1] = [0, 1, 14, 15].map((k) => place.path[k]!);
        return [e, { ...place, path: directPath([x0!, y0!, x1!, y1!]), box: null }];
      }),
    );
    const start = reduce(null, { type: "synced", reading: syncedOf(net) })!;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [made.width, made.height];
    const ctx = canvas.getContext("2d", { willReadFrequently: true })!;
    const curve = createNormalizedCurves(net, sampleCurves(net));
    const palette = { ...INKS.light, background: BACKGROUNDS.light };
    const inkAt = (share: number) => {
      const x = Math.round(made.nodeX[0]! + (made.nodeX[12]! - made.nodeX[0]!) * share);
      const { data } = ctx.getImageData(x, 0, 1, canvas.height);
      return data.filter((alpha, k) => k % 4 === 3 && alpha > 0).length;
    };
    const draw = (known: ViewState) =>
      paint(
        { ctx, ratio: 1, palette, font: "sans-serif", curve },
        buildScene({ ...made, places: bare }, known),
        [],
      );
    draw(start);
    expect(inkAt(0.4)).toBeGreaterThan(200);
    draw(reduce(start, { type: "dragged", axis: "edge", value: 1 })!);
    expect(inkAt(0.25)).toBeGreaterThan(150);
    expect(inkAt(0.4)).toBeLessThan(50);
  });

  test("a font that comes late is measured anew", async () => {
    const view = await mount();
    const before = middle(view.twin("node", "0,0"))[0];
    const { measureText } = CanvasRenderingContext2D.prototype;
    onTestFinished(() => {
      CanvasRenderingContext2D.prototype.measureText = measureText;
      document.fonts.dispatchEvent(new Event("loadingdone"));
    });
    CanvasRenderingContext2D.prototype.measureText = function (text) {
      return { ...measureText.call(this, text), width: 3 * measureText.call(this, text).width };
    };
    document.fonts.dispatchEvent(new Event("loadingdone"));
    await settled();
    expect(middle(view.twin("node", "0,0"))[0] - before).toBeGreaterThan(15);
  });

  test("upwards, outputs are over inputs", async () => {
    const view = await mount();
    view.model.receive({ orientation: "up" });
    await settled();
    expect(middle(view.twin("node", "2,0"))[1]).toBeLessThan(middle(view.twin("node", "1,0"))[1]);
    expect(middle(view.twin("node", "1,0"))[1]).toBeLessThan(middle(view.twin("node", "0,0"))[1]);
  });

  test("an edge with a formula has its colour and its text", async () => {
    const view = await mount();
    const box = () => view.twin("edge", "1,2,0").getBoundingClientRect();
    view.model.receive({ _symbolic: [[1, 2, 0, "x^2"]] });
    await settled();
    const { left, bottom, width } = box();
    let orange = 0;
    for (let x = left; x < left + width; x++) {
      for (let y = bottom + 2; y < bottom + 15; y++) {
        const [r, g, b, alpha] = pixel(view, "picture", x, y);
        if (alpha! > 100 && r! > g! + 60 && r! > b! + 60) orange++;
      }
    }
    expect(orange).toBeGreaterThan(10);
  });

  test("where two states differ is lit, and the rest steps back", async () => {
    const view = await mount();
    const bits = new Uint8Array(15).fill(3);
    bits.set([1, 2], 10);
    const dark = (index: string) => {
      const { left, top, height } = view.twin("edge", index).getBoundingClientRect();
      return 255 - pixel(view, "picture", left, top + height / 2 - 4)[0]!;
    };
    const before = dark("1,2,0");
    view.model.receive({ _compared: pack(bits, [15]) });
    await frames(3);
    expect(dark("1,2,0")).toBeLessThan(0.5 * before);
    for (const index of ["1,0,0", "1,1,0"]) {
      const { left, top } = view.twin("edge", index).getBoundingClientRect();
      expect(pixel(view, "marks", left - 7, top)[3], index).toBeGreaterThan(60);
    }
    // One that is selected too keeps its number, and has a frame of its own around the other.
    const { left, top, height } = view.twin("edge", "1,0,0").getBoundingClientRect();
    const outside = () => pixel(view, "marks", left - 5, top + height / 2)[3]!;
    const number = pixel(view, "marks", left, top);
    expect(outside()).toBe(0);
    view.model.receive({ selected: [[1, 0, 0]] });
    await frames(3);
    expect(outside()).toBeGreaterThan(100);
    expect(pixel(view, "marks", left, top)).toEqual(number);
    view.model.receive({ selected: [] });
    view.model.receive({ _compared: new DataView(new ArrayBuffer(0)) });
    await frames(3);
    expect(dark("1,2,0")).toBe(before);
  });

  test("at twice the device pixels it is twice as fine", async () => {
    const ratio = Object.getOwnPropertyDescriptor(window, "devicePixelRatio")!;
    Object.defineProperty(window, "devicePixelRatio", { value: 2, configurable: true });
    onTestFinished(() => void Object.defineProperty(window, "devicePixelRatio", ratio));
    const view = await mount();
    expect(view.canvas.width).toBe(2 * view.canvas.getBoundingClientRect().width);
    const [x, y] = middle(view.twin("node", "1,2"));
    const { left, top } = view.canvas.getBoundingClientRect();
    expect(view.ink(x - left, y - top)).toBe(255);
  });

  test("each view has its own zoom", async () => {
    const model = fakeModel();
    const [a, b] = [await mount(model, 480), await mount(model, 480)];
    b.el.scrollIntoView();
    const before = a.twin("edge", "0,0,0").getBoundingClientRect().width;
    await click(b.find("[data-role=zoom-in]"));
    expect(a.twin("edge", "0,0,0").getBoundingClientRect().width).toBe(before);
    expect(b.twin("edge", "0,0,0").getBoundingClientRect().width).toBeGreaterThan(1.4 * before);
    await frames(2);
    await click(b.twin("node", "1,2"));
    expect(current(a)).toEqual([a.twin("node", "1,2")]);
  });
});

describe("names of inputs", () => {
  /** Ink below the lowest dots, or left of the leftmost: runs of text, from the picture's own rows of pixels. */
  const words = (view: Mounted) => {
    const { top, left } = view.find(".stage").getBoundingClientRect();
    return Array.from({ length: 13 }, (_, i) => {
      const [x, y] = middle(view.twin("node", `0,${i}`));
      return { x: x - left, y: y - top };
    });
  };

  test("upright are all there though they are wider than their columns, inside of the stage and apart", async () => {
    const names = Array.from({ length: 13 }, (_, i) => `Feature ${"abcdefghijklm"[i]}`);
    const model = fakeModel([13, 1]);
    model.receive({ orientation: "up", in_vars: names });
    const view = await mount(model, 700);
    const stage = view.find(".stage");
    const written = svgTexts(view).filter(({ text }) => text.startsWith("Feature"));
    expect(written.map(({ text }) => text).toSorted()).toEqual(names);
    for (const { x, y, width } of written) {
      expect(x - width / 2).toBeGreaterThanOrEqual(0);
      expect(x + width / 2).toBeLessThanOrEqual(stage.clientWidth);
      expect(y).toBeLessThan(stage.clientHeight);
      for (const other of written) {
        if (other.x === x || Math.abs(other.y - y) > 15) continue;
        expect(Math.abs(other.x - x)).toBeGreaterThan((other.width + width) / 2);
      }
    }
    const columns = words(view).map(({ x }) => x);
    written.sort((a, b) => a.text.localeCompare(b.text));
    written.forEach(({ x, width }, i) => {
      expect(Math.abs(x - columns[i]!), "a name is below its own dot").toBeLessThan(width / 2);
    });
  });

  test("are whole where there is free room beside the network, and cut where there is none", async () => {
    const name = "a rather long name of an input that goes on";
    /** From the first ink of the first name to its dot. */
    const reach = (view: Mounted) => {
      const { left, top } = view.find(".stage").getBoundingClientRect();
      const [x, y] = middle(view.twin("node", "0,0"));
      for (let at = 0; at < x - left; at++) {
        for (let dy = -6; dy <= 6; dy++) if (view.ink(at, y - top + dy) > 100) return x - left - at;
      }
      return 0;
    };
    const ctx = document.createElement("canvas").getContext("2d")!;
    const model = fakeModel([2, 2, 1]);
    model.receive({ in_vars: [name, name] });
    const wide = await mount(model, 2000);
    ctx.font = `14px ${getComputedStyle(wide.root).fontFamily}`;
    const needed = ctx.measureText(name).width;
    expect(reach(wide)).toBeGreaterThan(needed);
    expect(reach(await mount(model, 560))).toBeLessThan(0.2 * 560 + 20);
  });
});

/** The texts of the picture that is kept for paper: where each is, and how wide. */
function svgTexts(view: Mounted): { text: string; x: number; y: number; width: number }[] {
  window.dispatchEvent(new Event("beforeprint"));
  const texts = [...view.root.querySelectorAll<SVGTextElement>(".scroll > svg text")].map((text) => {
    const x = Number(text.getAttribute("x"));
    const width = text.getComputedTextLength();
    return { text: text.textContent, x: x + width / 2, y: Number(text.getAttribute("y")), width };
  });
  window.dispatchEvent(new Event("afterprint"));
  return texts;
}

describe("a followed sample", () => {
  test("is a dot on every curve, and a value beside each node", async () => {
    const model = fakeModel();
    const reading = createSnapshotReader(model)();
    const known = reduce(null, { type: "synced", reading })!;
    const controller = new AbortController();
    const events = Object.fromEntries(
      ["hovered", "focused", "held", "selected", "toggled", "changed"].map((name) => [name, () => {}]),
    ) as unknown as StageEvents;
    const stage = createStage(events, controller.signal);
    document.body.append(stage.element);
    onTestFinished(() => {
      controller.abort();
      stage.element.remove();
    });
    const probe = {
      nodes: Float64Array.of(0.5, -0.5, 0.1, 0.2, 0.3, 0.4, 0.5, 12.3456),
      edges: Float64Array.from({ length: 15 }, () => 0.25),
    };
    const moment: FrameInput = {
      ...{ known, reading, font: "sans-serif", width: 900, probe },
      names: { inVars: reading.inVars, outVars: reading.outVars },
      palette: { ...INKS.light, background: "#ffffff" },
    };
    stage.render(moment, 0);
    const canvas = stage.element.querySelector<HTMLCanvasElement>("canvas[data-role=marks]")!;
    const ctx = canvas.getContext("2d")!;
    const unit = createNormalizedCurves(known.net, reading.curves);
    for (let e = 0; e < 15; e++) {
      const spot = stage.element.querySelector<HTMLElement>(
        `button[data-edge="${edgeIndex(known.net, e)}"]`,
      )!;
      const side = Number.parseFloat(spot.style.width);
      const [x0, y0] = [spot.style.marginLeft, spot.style.marginTop].map(Number.parseFloat) as [
        number,
        number,
      ];
      const box = { x: x0, y: y0, side };
      const [x, y] = inBox(box, ...unit.at(e, probe.nodes[known.net.source[e]!]!, 0.25));
      const [r, g, b, alpha] = ctx.getImageData(Math.floor(x), Math.floor(y), 1, 1).data;
      expect([r, g, b, alpha], `edge ${e}`).toEqual([0x7a, 0x0f, 0xb0, 255]);
    }
    stage.render({ ...moment, probe: null }, 1);
    expect(ctx.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0)).toBe(false);
  });
});

describe("fingers", () => {
  test("two of them zoom where they are", async () => {
    const view = await mount();
    const stage = view.find(".stage");
    const { left, top } = stage.getBoundingClientRect();
    const before = view.twin("edge", "1,2,0").getBoundingClientRect().width;
    const touch = (type: string, pointerId: number, x: number, y: number) =>
      stage.dispatchEvent(
        new PointerEvent(type, {
          pointerId,
          clientX: left + x,
          clientY: top + y,
          bubbles: true,
          pointerType: "touch",
        }),
      );
    touch("pointerdown", 1, 400, 200);
    touch("pointerdown", 2, 500, 200);
    touch("pointermove", 1, 350, 200);
    touch("pointermove", 2, 550, 200);
    touch("pointerup", 1, 350, 200);
    touch("pointerup", 2, 550, 200);
    await frames(3);
    expect(view.twin("edge", "1,2,0").getBoundingClientRect().width).toBeCloseTo(2 * before, 0);
    expect(selected(view)).toEqual([]);
  });
});

/** Generous, for a machine with other work: the figures themselves are printed. */
describe("what a frame costs while a threshold sweeps", () => {
  test.each([
    [[2, 5, 1], 4],
    [[10, 20, 10, 10], 4],
    [[20, 40, 20, 20], 8],
  ])("of [%s] as a network: %d ms is wished", async (width, wished) => {
    const random = randomNumbers(2);
    const edges = width.slice(1).reduce((sum, w, l) => sum + w * width[l]!, 0);
    const model = fakeModel(
      width,
      Float64Array.from({ length: edges }, () => 10 ** (-3 * random())),
    );
    model.traits.view = "network";
    const view = await mount(model);
    const slider = view.slider("edge");
    const [costs, strokes]: [number[], number[]] = [[], []];
    const other = document.createElement("canvas").getContext("2d")!;
    for (let k = 0; k < 60; k++) {
      const start = performance.now();
      for (let j = 0; j < 4000; j++) {
        other.beginPath();
        other.moveTo(j % 300, 0);
        other.bezierCurveTo(j % 300, 50, (7 * j) % 300, 100, (7 * j) % 300, 150);
        other.stroke();
      }
      strokes.push(performance.now() - start);
      slider.value = `${200 + 12 * k}`;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      await frames(2);
      costs.push(performance.getEntriesByName("kanwidget:draw").at(-1)!.duration);
    }
    costs.sort((a, b) => a - b);
    strokes.sort((a, b) => a - b);
    console.log(
      `[${width}] ${edges} edges: median ${costs[30]!.toFixed(1)}, p95 ${costs[57]!.toFixed(1)} ms a frame`,
    );
    // Four times that on a machine that needs 1.5 ms for 4000 strokes, and as much more as it is slower.
    expect(costs[30]).toBeLessThan((4 * wished * strokes[30]!) / 1.5);
  });
});

describe("matrix and network", () => {
  const wide = () => {
    const scores = Float64Array.from({ length: 48 }, (_, e) => (e < 36 ? 0.01 : 1) + e / 1000);
    return fakeModel([6, 8], scores);
  };

  test("too many curves for boxes are a matrix; what is left when they are pruned is a network", async () => {
    const view = await mount(wide());
    const stage = view.find(".stage");
    const below = () => view.find(".tools").getBoundingClientRect().top;
    const before = below();
    const cell = view.twin("edge", "0,0,7").getBoundingClientRect();
    expect(pixel(view, "picture", cell.left + cell.width / 2, cell.top + 2)[3]).toBe(255);
    view.model.receive({ edge_threshold: 0.5 });
    await settled();
    expect(view.twin("edge", "0,0,7").getBoundingClientRect().width).toBeGreaterThan(24);
    expect(below() - stage.getBoundingClientRect().bottom).toBeLessThan(12);
    view.model.receive({ edge_threshold: 0 });
    await settled();
    expect(below()).toBe(before);
    view.model.receive({ view: "network", edge_threshold: 0 });
    await settled();
    expect(view.twin("edge", "0,0,7").getBoundingClientRect().width).toBeGreaterThanOrEqual(24);
  });

  test("a matrix cannot be turned: the button says so, and works again in the network", async () => {
    const view = await mount(wide());
    const turn = view.find("[data-role=orientation]");
    expect(turn.getAttribute("aria-disabled")).toBe("true");
    expect(turn.title).toContain("matrix cannot be turned");
    await openMore(view);
    await click(turn);
    expect(view.model.traits.orientation).toBe("right");
    view.model.receive({ view: "network" });
    await frames(2);
    expect(turn.getAttribute("aria-disabled")).toBeNull();
    await click(turn);
    expect(view.model.traits.orientation).toBe("up");
  });

  test("a matrix is clicked, switched, zoomed and walked like a network", async () => {
    const view = await mount(wide());
    await click(view.twin("edge", "0,3,2"));
    expect(selected(view)).toEqual([[0, 3, 2]]);
    await doubleClick(view.twin("edge", "0,3,2"));
    expect(view.model.traits.removed_edges).toEqual([[0, 3, 2]]);
    const before = view.twin("edge", "0,3,2").getBoundingClientRect().width;
    await click(view.find("[data-role=zoom-in]"));
    const twin = view.twin("edge", "0,4,4");
    expect(view.twin("edge", "0,3,2").getBoundingClientRect().width).toBeCloseTo(1.5 * before, 0);
    await click(twin);
    expect(selected(view)).toEqual([[0, 4, 4]]);
    const box = twin.getBoundingClientRect();
    expect(pixel(view, "marks", box.left - 2, box.top + box.height / 2)[3]).toBeGreaterThan(100);
    await userEvent.keyboard("{ArrowRight}");
    expect(focused(view)?.getAttribute("data-edge")).toMatch(/^0,/);
    expect(focused(view)).not.toBe(twin);
  });

  test("the arrow keys lead to every patch, though only the strongest have a button of their own", async () => {
    const width = [40, 30];
    const random = randomNumbers(7);
    const scores = Float64Array.from({ length: 1200 }, () => 0.01 + random());
    const view = await mount(fakeModel(width, scores));
    await frames(2);
    const edges = () => view.root.querySelectorAll("button[data-edge]").length;
    expect(edges()).toBe(600);
    const where = () => focused(view)?.getAttribute("data-edge") ?? "";
    const start = view.root.querySelector<HTMLElement>("button[data-edge]")!;
    /** All that one key and the one against it lead to, until they leave the patches. */
    const along = async (...keys: string[]) => {
      const seen = new Set<string>();
      for (const key of keys) {
        start.focus();
        for (let before = ""; where() !== "" && where() !== before; ) {
          before = where();
          seen.add(before);
          await userEvent.keyboard(`{${key}}`);
        }
      }
      return seen;
    };
    const lines = [await along("ArrowLeft", "ArrowRight"), await along("ArrowUp", "ArrowDown")];
    expect(lines.map((line) => line.size).sort()).toEqual([30, 40]);
    expect(edges()).toBeLessThan(604);
  });

  test("a weak patch that the keyboard has come to is switched, and keeps the focus", async () => {
    const scores = Float64Array.from({ length: 1200 }, (_, e) => 1200 - e);
    const view = await mount(fakeModel([40, 30], scores));
    await frames(2);
    // Weaker ones come after it.
    const last = [...view.root.querySelectorAll<HTMLElement>("button[data-edge]")].find(
      (button) => edgeIndex(createSnapshotReader(view.model)().net, 599).join() === button.dataset.edge,
    )!;
    last.focus();
    const own = new Set(view.root.querySelectorAll("button[data-edge]"));
    for (const key of ["ArrowDown", "ArrowRight", "ArrowDown", "ArrowRight"])
      if (own.has(focused(view)!)) await userEvent.keyboard(`{${key}}`);
    const index = focused(view)!.getAttribute("data-edge")!;
    expect(own.has(focused(view)!)).toBe(false);
    await userEvent.keyboard(" ");
    expect(view.model.traits.removed_edges.map(String)).toEqual([index]);
    await frames(2);
    expect(focused(view)!.getAttribute("data-edge")).toBe(index);
    expect(focused(view)!.getAttribute("aria-pressed")).toBe("false");
  });
});

describe("how it is drawn", () => {
  const check = async (view: Mounted, role: string) => {
    await openMore(view);
    await click(view.find(`[data-role=${role}]`));
    await userEvent.keyboard("{Escape}");
  };

  test("what is off can be hidden: it is neither seen nor hit, and comes back on the hover of its node", async () => {
    const view = await mount();
    view.model.receive({ node_threshold: 0.05 });
    view.model.python();
    await settled();
    const [x, y] = middle(view.twin("edge", "0,0,0"));
    expect(pixel(view, "picture", x, y)[3]).toBeGreaterThan(0);
    await check(view, "removed");
    expect(view.model.traits.removed).toBe("hidden");
    const [nx, ny] = middle(view.twin("edge", "0,0,0"));
    expect(pixel(view, "picture", nx, ny)[3]).toBe(0);
    await commands.mouse([["move", nx, ny]]);
    await frames(2);
    expect(view.find(".stage").hasAttribute("data-over")).toBe(false);
    await commands.mouse([["move", ...middle(view.twin("node", "0,0"))]]);
    await frames(2);
    const row = Array.from({ length: 9 }, (_, k) => pixel(view, "highlight", nx - 4 + k, ny)[3]!);
    expect(Math.max(...row)).toBeGreaterThan(100);
  });

  test("the contrast makes weak edges fade, and writes pykan's beta", async () => {
    const view = await mount();
    const [x, y] = [view.twin("edge", "0,0,2")]
      .map((twin) => twin.getBoundingClientRect())
      .map((box) => [box.left + 8, box.top + 8])[0]!;
    const before = pixel(view, "picture", x!, y!)[0]!;
    const contrast = view.find<HTMLInputElement>("[data-role=contrast]");
    contrast.value = contrast.max;
    contrast.dispatchEvent(new Event("input", { bubbles: true }));
    await frames(3);
    expect(pixel(view, "picture", x!, y!)[0]!).toBeGreaterThan(before + 20);
    window.dispatchEvent(new PointerEvent("pointerup"));
    await frames(2);
    expect(view.model.traits.beta).toBe(0.03);
    expect(contrast.value).toBe(contrast.max);
  });

  test("one scale for each node is a switch that Python has, too", async () => {
    const view = await mount();
    await check(view, "shared-scale");
    expect(view.model.traits.shared_scale).toBe(true);
    view.model.receive({ shared_scale: false });
    await frames(2);
    expect(view.find<HTMLInputElement>("[data-role=shared-scale]").checked).toBe(false);
  });

  test("Tidy gives what is off its small place before the pointer has left", async () => {
    const view = await mount();
    const place = () => middle(view.twin("edge", "1,4,0")).map(Math.round);
    const before = place();
    expect(view.find("[data-role=tidy]").checkVisibility()).toBe(false);
    await doubleClick(view.twin("node", "1,0"));
    view.model.python();
    await settled();
    expect(place()).toEqual(before);
    expect(view.find("[data-role=tidy]").checkVisibility()).toBe(true);
    view.find("[data-role=tidy]").click();
    await settled();
    expect(place()).not.toEqual(before);
    expect(view.find("[data-role=tidy]").checkVisibility()).toBe(false);
  });

  test("a matrix that becomes a graph by itself says why", async () => {
    const view = await mount(fakeModel([23, 1]));
    const canvases = () => view.root.querySelectorAll(".stage > canvas").length;
    let most = 0;
    const observer = new MutationObserver(() => {
      most = Math.max(most, canvases());
    });
    observer.observe(view.find(".stage"), { childList: true });
    onTestFinished(() => observer.disconnect());
    view.model.receive({ removed_edges: [[0, 5, 0]] });
    view.model.python();
    await frames(3);
    expect(view.find(".hint").textContent).toBe("Shown as a graph: 22 edges are few enough to draw.");
    await expect.poll(canvases).toBe(3);
    expect(most).toBe(4);
    view.model.receive({ view: "matrix" });
    await frames(3);
    expect(view.find(".hint").textContent).not.toContain("matrix");
  });
});
