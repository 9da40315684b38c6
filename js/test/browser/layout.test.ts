/** The network is the page: a low head, the network in what a person sees, the inspector beside it, and no jumps. */
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { commands, page, userEvent } from "vitest/browser";
import { toleratedLoss } from "../../src/model/loss-curve";
import { standaloneModel } from "../../src/standalone/model";
import { formatRatio } from "../../src/text/format";
import { createSnapshotReader } from "../../src/wire/snapshot";
import { type FakeModel, fakeModel } from "../fake";
import { richModel } from "../rich";
import { click, doubleClick, frames, type Mounted, middle, mount, openMore, settled } from "./mounted";

afterEach(() => page.viewport(1000, 1200));

/** A view as wide as a window of this size, below what a notebook has over it. */
async function open(width: number, height: number, model = fakeModel()): Promise<Mounted> {
  await page.viewport(width, height);
  const above = document.createElement("div");
  above.style.height = "300px";
  document.body.prepend(above);
  const margin = document.body.style.margin;
  document.body.style.margin = "0";
  onTestFinished(() => {
    above.remove();
    document.body.style.margin = margin;
  });
  const view = await mount(model, width);
  view.el.style.width = "auto";
  await settled();
  view.root.scrollIntoView();
  await frames(2);
  return view;
}

const headOf = (view: Mounted) => view.find(".view-head").getBoundingClientRect().height;

/** The part of the window that is network, all of which must be seen. */
function share(view: Mounted): number {
  const { width, height, top, bottom } = view.find(".stage").getBoundingClientRect();
  expect([top >= 0, bottom <= innerHeight]).toEqual([true, true]);
  return (width * height) / (innerWidth * innerHeight);
}

const places = (view: Mounted) =>
  [...view.root.querySelectorAll<HTMLElement>(".twins button")].map((twin) => {
    const { x, y, width, height } = twin.getBoundingClientRect();
    return [twin.dataset.edge ?? twin.dataset.node, x, y, width, height];
  });

describe("the head", () => {
  test.each([
    [1440, 820, 170],
    [1000, 900, 170],
    [940, 900, 170],
    [1067, 667, 150],
    [1000, 600, 150],
    [699, 900, 170],
    [560, 900, 170],
    [390, 844, 170],
  ])("of a view in a window of %d by %d is at most %d px with the sliders", async (width, height, most) => {
    const view = await open(width, height, richModel());
    console.log(`${width} x ${height}: the head has ${headOf(view)} px`);
    expect(headOf(view)).toBeLessThanOrEqual(most);
    if (width < 700) return;
    // As with Python, which knows the loss on the training rows, too.
    view.model.receive({ removed_edges: [[0, 0, 0]], _metrics: [["test RMSE", 0.1307, 0.1567]] });
    view.model.python();
    await frames(2);
    expect(view.find(".metrics").textContent).toContain("train 0.1567");
    expect(headOf(view)).toBeLessThanOrEqual(most);
    const [node, edge] = (["node", "edge"] as const).map((axis) => view.slider(axis).getBoundingClientRect());
    expect(node!.top).toBe(edge!.top);
    expect(edge!.left).toBeGreaterThan(node!.right);
  });

  test.each([1400, 1067, 1000, 900, 720, 560, 480, 390])(
    "at %d px says whole what a threshold removes, or shorter, and never cuts it",
    async (width) => {
      const view = await open(width, 667, richModel());
      const seen = new Set<string>();
      for (const threshold of [0, 0.001, 0.02, 0.05, 0.1, 0.2, 0.5, 10]) {
        view.model.receive({ node_threshold: threshold, edge_threshold: threshold });
        await frames(2);
        for (const removes of view.root.querySelectorAll<HTMLElement>(".removes")) {
          if (!removes.checkVisibility()) continue;
          const frame = removes.getBoundingClientRect();
          const whole = removes.querySelector(".whole")!.getBoundingClientRect();
          const brief = getComputedStyle(removes, "::after");
          expect(removes.title).toBe(removes.textContent);
          const isWhole = whole.top < frame.bottom - 1;
          const width = isWhole ? whole.width : Number.parseFloat(brief.width);
          const isSeen = isWhole || brief.visibility === "visible";
          if (isSeen) expect(width).toBeLessThanOrEqual(frame.width);
          seen.add(isWhole ? "whole" : isSeen ? "brief" : "none");
        }
      }
      expect(seen).toContain(width >= 1067 ? "whole" : [720, 390].includes(width) ? "none" : "brief");
    },
  );

  test.each([1000, 1067, 1120, 1300, 1361, 1600])(
    "at %d px is over an inspector whose tabs stand in one row, whichever is chosen",
    async (width) => {
      const view = await open(width, 820, richModel());
      const tabs = [...view.root.querySelectorAll<HTMLElement>(".tabs button")];
      expect(tabs.map((tab) => tab.textContent)).toEqual([
        "Cards",
        "Train",
        "Formula",
        "Trace",
        "History",
        "Code",
      ]);
      for (const tab of tabs) {
        tab.click();
        await frames(2);
        expect(new Set(tabs.map((each) => each.getBoundingClientRect().top)).size).toBe(1);
      }
    },
  );

  test("is one line of status and one row of actions, the most frequent first", async () => {
    const view = await open(1000, 900, richModel());
    const [status, ...buttons] = [
      view.find("[data-role=status]"),
      ...["prune", "undo", "redo", "more"].map((role) => view.find(`[data-role=${role}]`)),
    ].map((one) => middle(one));
    for (const [k, [x, y]] of buttons.entries()) {
      expect(Math.abs(y - status![1])).toBeLessThan(4);
      expect(x).toBeGreaterThan(k === 0 ? status![0] : buttons[k - 1]![0]);
    }
  });

  test("shows one threshold at a time below 700 px, and both from there on", async () => {
    const view = await open(560, 900);
    const seen = () => (["node", "edge"] as const).map((axis) => view.slider(axis).checkVisibility());
    expect(seen()).toEqual([true, false]);
    await click(view.find(".sliders > .segments input[value=edge]").parentElement!);
    expect(seen()).toEqual([false, true]);
    await page.viewport(720, 900);
    await settled();
    expect(seen()).toEqual([true, true]);
    expect(view.find(".sliders > .segments input[value=edge]").checkVisibility()).toBe(false);
  });

  test("of a model without hidden nodes shows the edges first where there is no room for both", async () => {
    const view = await open(400, 900, fakeModel([3, 2]));
    expect(view.slider("edge").checkVisibility()).toBe(true);
  });

  test("tells what the loss is, and by how much it is another than at the start", async () => {
    const view = await open(1000, 900, richModel());
    const words = () => view.find("[data-role=status]").textContent;
    view.model.receive({ removed_edges: [[0, 0, 0]] });
    view.model.python();
    await frames(2);
    const start = view.model.traits._history[0]!.loss_after!;
    expect(words()).toBe(`14 of 15 edges · test RMSE 0.1400, ${formatRatio(start, 0.14)}`);
    expect(formatRatio(start, 0.14)).not.toBe("");
  });
});

describe("the network", () => {
  test.each([
    [1440, 820],
    [1067, 667],
  ])("is at least 55 percent of a window of %d by %d, seen with the head", async (width, height) => {
    const view = await open(width, height, richModel());
    expect(view.find(".view-head").getBoundingClientRect().top).toBeGreaterThanOrEqual(0);
    console.log(`${width} x ${height}: ${(100 * share(view)).toFixed(1)} % is network`);
    expect(share(view)).toBeGreaterThanOrEqual(0.55);
  });

  test("begins in the upper third of a phone", async () => {
    const view = await open(390, 844, richModel());
    const { top, height } = view.find(".stage").getBoundingClientRect();
    expect(top).toBeLessThan(844 / 3);
    expect(height).toBeGreaterThan(844 / 2);
    expect(share(view)).toBeGreaterThan(0.5);
    expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(390);
  });

  test("keeps its height whatever is removed, and what is left gets larger", async () => {
    const view = await open(1067, 667);
    const height = view.find(".stage").getBoundingClientRect().height;
    const side = () => view.twin("edge", "0,0,4").getBoundingClientRect().width;
    const before = side();
    view.model.receive({ node_threshold: 0.5 });
    await settled();
    expect(view.find(".stage").getBoundingClientRect().height).toBe(height);
    expect(side()).toBeGreaterThan(2 * before);
  });

  test("fits into what scrolls around it, and not only into the window", async () => {
    const view = await open(1000, 900);
    const box = document.body.appendChild(document.createElement("div"));
    onTestFinished(() => box.remove());
    box.style.cssText = "height: 560px; overflow: auto";
    const filler = box.appendChild(document.createElement("div"));
    filler.style.height = "700px";
    // As a host that shows it later.
    view.el.style.display = "none";
    box.append(view.el);
    await frames(3);
    view.el.style.display = "block";
    await settled();
    const { bottom } = view.find(".tools").getBoundingClientRect();
    expect(bottom - view.root.getBoundingClientRect().top).toBeLessThanOrEqual(560);
    expect(headOf(view)).toBeLessThanOrEqual(150);
  });

  test("lies in the way in which its curves are larger, and does not turn when edges go", async () => {
    const model = fakeModel([2, 5, 1]);
    model.traits.orientation = "auto";
    const view = await open(1000, 560, model);
    const isUp = () => {
      const [input, output] = [middle(view.twin("node", "0,0")), middle(view.twin("node", "2,0"))];
      return input[1] > output[1] + 100;
    };
    const size = () =>
      [...view.root.querySelectorAll<HTMLElement>("button[data-edge]")].reduce(
        (sum, twin) => sum + twin.getBoundingClientRect().width,
        0,
      );
    const chosen = size();
    for (const orientation of ["right", "up"] as const) {
      model.receive({ orientation });
      await settled();
      expect(size()).toBeLessThanOrEqual(1.2 * chosen);
    }
    model.receive({ orientation: "auto" });
    await settled();
    expect(size()).toBe(chosen);
    const before = isUp();
    model.receive({ node_threshold: 0.5 });
    await settled();
    expect(isUp()).toBe(before);
    await openMore(view);
    await click(view.find("[data-role=orientation]"));
    expect(model.traits.orientation).toBe(before ? "right" : "up");
    await settled();
    expect(isUp()).toBe(!before);
  });
});

describe("a click", () => {
  // The mouse of these tests reaches no farther than 1000 px.
  test.each([
    [1000, 820],
    [560, 820],
  ])("on any edge moves neither the page nor anything on the stage, at %d by %d", async (width, height) => {
    const view = await open(width, height, richModel());
    view.el.style.marginBottom = "2000px";
    window.scrollBy(0, -40);
    await frames(2);
    const before = [scrollY, ...places(view)];
    for (const twin of view.root.querySelectorAll<HTMLElement>("button[data-edge]")) {
      const [x, y] = middle(twin);
      await commands.mouse([["move", x, y], ["down"], ["up"]]);
      await frames(2);
      expect(view.model.traits.selected, twin.dataset.edge).toHaveLength(1);
      expect([scrollY, ...places(view)]).toEqual(before);
    }
    await settled();
    expect([scrollY, ...places(view)]).toEqual(before);
    window.scrollTo(0, 0);
  });
});

describe("the inspector", () => {
  const three = {
    selected: [
      [0, 0, 3],
      [1, 3],
      [0, 1, 1],
    ] as [number, number][],
  };

  test("is at the right of the network from 1000 px on, with its cards in one column, and below otherwise", async () => {
    for (const width of [1000, 1440]) {
      const view = await open(width, 820, richModel());
      view.model.receive(three);
      await frames(3);
      const stage = view.find(".stage").getBoundingClientRect();
      const inspector = view.find(".inspector").getBoundingClientRect();
      expect(inspector.left).toBeGreaterThanOrEqual(stage.right - 1);
      expect(Math.abs(inspector.bottom - view.find(".middle").getBoundingClientRect().bottom)).toBeLessThan(
        1,
      );
      const cards = [...view.root.querySelectorAll(".detail")].map((card) => card.getBoundingClientRect());
      expect(new Set(cards.map((card) => card.left)).size).toBe(1);
      for (const [k, card] of cards.entries())
        if (k > 0) expect(card.top).toBeGreaterThan(cards[k - 1]!.bottom);
      for (const chart of view.root.querySelectorAll(".detail .chart")) {
        expect(chart.getBoundingClientRect().right).toBeLessThanOrEqual(cards[0]!.right);
      }
      view.close();
      view.el.remove();
    }
    const view = await open(990, 820, richModel());
    view.model.receive(three);
    await frames(3);
    const middle = view.find(".middle").getBoundingClientRect();
    expect(view.find(".inspector").getBoundingClientRect().top).toBeGreaterThanOrEqual(middle.bottom - 1);
  });

  test("shows one tab at a time, and a card that opens comes to the front", async () => {
    const view = await open(1000, 820, richModel());
    const shown = () =>
      [...view.root.querySelectorAll("[role=tabpanel]")].filter((one) => one.checkVisibility()).length;
    await click(view.find("[data-panel=history]"));
    expect([shown(), view.find(".steps").checkVisibility()]).toEqual([1, true]);
    await click(view.find("[data-panel=script]"));
    expect([shown(), view.find(".steps").checkVisibility()]).toEqual([1, false]);
    await click(view.twin("edge", "0,0,3"));
    expect([shown(), view.find(".detail").checkVisibility()]).toEqual([1, true]);
    expect(view.find("[data-panel=cards]").getAttribute("aria-selected")).toBe("true");
  });

  test("goes on with a trace while other tabs are read, marks it, and ends it from its own tab", async () => {
    const view = await open(1000, 820, richModel());
    await click(view.find("[data-panel=probe]"));
    const { probe } = view.model.traits;
    expect(probe).toHaveLength(2);
    await click(view.twin("edge", "0,0,3"));
    const tab = view.find("[data-panel=probe]");
    expect(view.model.traits.probe).toEqual(probe);
    expect([tab.getAttribute("aria-selected"), tab.hasAttribute("data-running")]).toEqual(["false", true]);
    await click(tab);
    expect(view.model.traits.probe).toEqual(probe);
    await click(tab);
    expect(view.model.traits.probe).toEqual([]);
    expect(view.find("[data-panel=cards]").getAttribute("aria-selected")).toBe("true");
  });

  test("is walked through with the arrow keys", async () => {
    const view = await open(1000, 820, richModel());
    const focused = () => (view.root.getRootNode() as ShadowRoot).activeElement as HTMLElement;
    view.find("[data-panel=cards]").focus();
    const seen: (string | undefined)[] = [];
    for (const key of ["ArrowRight", "ArrowLeft", "ArrowLeft", "Home", "End"]) {
      await userEvent.keyboard(`{${key}}`);
      seen.push(focused().dataset.panel);
    }
    expect(seen).toEqual(["train", "cards", "script", "cards", "script"]);
    await userEvent.keyboard("{Enter}");
    await frames(2);
    expect(view.find("[data-role=script]").checkVisibility()).toBe(true);
  });
});

describe("Prune", () => {
  const alone = () => {
    const { traits } = richModel();
    return standaloneModel({ ...traits, selected: [], probe: [] }) as unknown as FakeModel;
  };
  const loss = (view: Mounted) => Number(view.find(".loss").title);

  test("leaves a smaller network whose loss is within the tolerance, and undo leads back", async () => {
    const model = alone();
    const view = await open(1000, 900, model);
    for (const tolerance of [0.05, 0.3, 0.8]) {
      model.set("tolerance", tolerance);
      await frames(3);
      const edges = model.get("active_edges");
      const { tradeoff, keepMean } = createSnapshotReader(model)();
      const limits = [tradeoff.node!, tradeoff.edge!].map((curve) =>
        toleratedLoss(curve, tolerance, keepMean),
      );
      await click(view.find("[data-role=prune]"));
      await expect.poll(() => view.find("[data-role=prune]").getAttribute("aria-busy")).toBe("false");
      expect(model.get("active_edges")).toBeLessThanOrEqual(edges);
      expect(loss(view)).toBeLessThanOrEqual(Math.max(...limits) * 1.0001);
    }
    expect(model.get("active_edges")).toBeLessThan(15);
    for (let k = 0; k < 8; k++) view.find("[data-role=undo]").click();
    await frames(3);
    expect(model.get("active_edges")).toBe(15);
  });

  test("is one step, which one undo takes back", async () => {
    const model = alone();
    const view = await open(1000, 900, model);
    const thresholds = () => [model.get("node_threshold"), model.get("edge_threshold")];
    const before = thresholds();
    const seen: number[][] = [];
    for (const tolerance of [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5]) {
      model.set("tolerance", tolerance);
      await frames(3);
      const step = model.get("_current");
      await click(view.find("[data-role=prune]"));
      await expect.poll(() => view.find("[data-role=prune]").getAttribute("aria-busy")).toBe("false");
      if (model.get("_current") === step) continue;
      seen.push(thresholds());
      expect(model.get("_history").find(({ id }) => id === model.get("_current"))?.parent).toBe(step);
      view.find("[data-role=undo]").click();
      await frames(3);
      expect(thresholds()).toEqual(before);
    }
    // Or it shows nothing.
    expect(seen.filter(([node, edge]) => node! > before[0]! && edge! > before[1]!).length).toBeGreaterThan(0);
  });

  test("says so when no smaller network is within the tolerance, until something is done", async () => {
    const model = alone();
    const view = await open(1000, 900, model);
    model.set("tolerance", 0);
    await frames(3);
    const before = model.get("active_edges");
    await click(view.find("[data-role=prune]"));
    await frames(3);
    if (model.get("active_edges") < before) return;
    expect(view.find("[data-role=notice]").textContent).toMatch(/^No smaller network is within/);
    await doubleClick(view.twin("edge", "0,0,0"));
    await frames(3);
    expect(view.find("[data-role=notice]").textContent).toBe("");
  });

  test("waits for the loss along the edge threshold, and gives way to what a person does meanwhile", async () => {
    const view = await open(1000, 900, richModel());
    view.model.receive({ tolerance: 10 });
    await frames(2);
    await click(view.find("[data-role=prune]"));
    const prune = view.find("[data-role=prune]");
    expect(view.model.traits.node_threshold).toBeGreaterThan(0);
    expect(view.model.acts).toEqual([{ do: "new_step" }]);
    expect(prune.getAttribute("aria-busy")).toBe("true");
    expect(view.model.traits.edge_threshold).toBe(0);
    view.model.receive({ node_threshold: 0 });
    await frames(3);
    expect(prune.getAttribute("aria-busy")).toBe("false");
  });
});

test("a message lies over the line under the network, and moves nothing", async () => {
  const view = await open(1000, 900);
  const before = places(view);
  view.model.receive({ error: "a long message ".repeat(30) });
  await frames(3);
  expect(places(view)).toEqual(before);
  const message = view.find("[data-role=error]").getBoundingClientRect();
  expect(message.bottom).toBeLessThanOrEqual(view.find(".middle").getBoundingClientRect().bottom + 1);
  const top = document.elementFromPoint(message.left + 20, message.top + 5)!;
  expect(top.shadowRoot!.elementFromPoint(message.left + 20, message.top + 5)).toBe(
    view.find("[data-role=error]"),
  );
});

test("a frame that is as high as what is in it does not grow without end", async () => {
  await page.viewport(1000, 900);
  const frame = document.body.appendChild(document.createElement("iframe"));
  onTestFinished(() => frame.remove());
  frame.style.cssText = "width: 900px; height: 150px; border: 0";
  frame.srcdoc = `<!doctype html><style>body { margin: 8px 0 20px }</style><body><script type="module">
    import widget from "${location.origin}/src/index.ts";
    import { richModel } from "${location.origin}/test/rich.ts";
    const el = document.body.appendChild(document.createElement("div"));
    widget().render({ model: richModel(), el });
    window.root = el.firstElementChild.shadowRoot.querySelector(".kanwidget");
  </script>`;
  const inside = () => frame.contentWindow as (Window & { root?: HTMLElement }) | null;
  await expect.poll(() => inside()?.root !== undefined).toBe(true);
  const heights: number[] = [];
  for (let k = 0; k < 40; k++) {
    await frames(2);
    const height = inside()!.document.body.offsetHeight + 28;
    frame.style.height = `${height}px`;
    heights.push(height);
  }
  expect(heights.at(-1)).toBe(heights.at(-10));
  expect(heights.at(-1)).toBeLessThan(1100);
  expect(inside()!.root!.querySelector(".stage")!.getBoundingClientRect().height).toBeGreaterThan(400);
});
