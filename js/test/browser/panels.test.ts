/** What is around the network: cards, probe, figures, script, messages. */
import { expect, onTestFinished, test, vi } from "vitest";
import { commands, userEvent } from "vitest/browser";
import { trace } from "../../src/model/forward";
import { createSnapshotReader } from "../../src/wire/snapshot";
import { fakeModel, pack } from "../fake";
import { richModel } from "../rich";
import {
  click,
  frames,
  grab,
  letGo,
  type Mounted,
  middle,
  mount,
  openMore,
  settled,
  tabs,
  thumb,
} from "./mounted";

const card = (view: Mounted, key: string) => view.find(`[data-card=${key}]`);
const focused = (view: Mounted) => (view.root.getRootNode() as ShadowRoot).activeElement;

test("one card for each selected target, side by side where the network is above, in the order in which they were chosen", async () => {
  const view = await mount(richModel(), 980);
  const stage = view.canvas.getBoundingClientRect().top;
  view.model.receive({
    selected: [
      [1, 2],
      [0, 0, 4],
      [0, 1, 1],
    ],
  });
  await frames(2);
  const cards = [...view.root.querySelectorAll<HTMLElement>("[data-card]")];
  expect(cards.map((one) => one.querySelector("h3")!.textContent)).toEqual([
    "h1,2",
    "x1 → h1,4",
    "x2 → h1,1",
  ]);
  const lefts = cards.map((one) => one.getBoundingClientRect().left);
  expect(lefts[1]! - lefts[0]!).toBeGreaterThan(220);
  expect(lefts[2]! - lefts[1]!).toBe(lefts[1]! - lefts[0]!);
  expect(new Set(cards.map((one) => one.getBoundingClientRect().top)).size).toBe(1);
  expect(view.canvas.getBoundingClientRect().top).toBe(stage);
  expect(cards[1]!.querySelector("sub")!.textContent).toBe("1");
});

test("an edge's card tells its score and rank, what it costs to lose it, and the data off its grid", async () => {
  const view = await mount(richModel());
  view.model.receive({ selected: [[0, 1, 4]], loss: 0.13, _prices: [[[0, 1, 4], 0.4412]] });
  await frames(2);
  const text = card(view, "edge9").textContent!;
  expect(text).toContain("1.140, rank 2 of 15");
  expect(text).toContain("If removedtest RMSE 0.1300 → 0.4412 (×3.4)");
  expect(text).toContain("2.3% of rows");
  const words = [...card(view, "edge9").querySelectorAll(".chart text")].map((one) => one.textContent);
  expect(words).toEqual(expect.arrayContaining(["−1", "0", "1", "base", "spline"]));
  view.model.receive({ removed_edges: [[0, 1, 4]], _prices: [[[0, 1, 4], 0.12]] });
  await frames(2);
  expect(card(view, "edge9").textContent).toContain("off by hand");
  expect(card(view, "edge9").textContent).toContain("If switched ontest RMSE 0.1300 → 0.1200 (−7.7%)");
});

test("the curve on a card goes through the model's samples", async () => {
  const view = await mount(richModel());
  view.model.receive({ selected: [[0, 0, 3]] });
  await frames(2);
  const { curves } = createSnapshotReader(view.model)();
  const d = card(view, "edge6").querySelector(".phi")!.getAttribute("d")!;
  const points = d
    .slice(1)
    .split("L")
    .map((pair) => pair.split(" ").map(Number) as [number, number]);
  const y = curves.of(6);
  expect(points).toHaveLength(y.length);
  // Pixels are a linear function of values: two points fix it, all others must agree.
  const [a, b] = [y.indexOf(Math.min(...y)), y.indexOf(Math.max(...y))];
  const scale = (points[b]![1] - points[a]![1]) / (y[b]! - y[a]!);
  expect(scale).toBeLessThan(0);
  for (const [k, [, py]] of points.entries()) {
    expect(Math.abs(points[a]![1] + scale * (y[k]! - y[a]!) - py)).toBeLessThan(0.3);
  }
});

test("of an edge between long names both ends are seen on its card, and the whole names by its title", async () => {
  const view = await mount(richModel());
  view.model.receive({ in_vars: ["an_input_with_a_long_name", "b"], selected: [[0, 0, 3]] });
  await frames(2);
  const title = card(view, "edge6").querySelector<HTMLElement>("h3")!;
  expect(title.textContent).toBe("an_input_wi… → h1,3");
  expect(title.scrollWidth).toBeLessThanOrEqual(title.clientWidth);
  expect(title.title).toBe("Edge an_input_with_a_long_name to h1,3");
});

test("a card's switch toggles its edge, and the card stays", async () => {
  const view = await mount(richModel());
  view.model.receive({ selected: [[0, 0, 3]] });
  await frames(2);
  const flip = card(view, "edge6").querySelector<HTMLElement>("[role=switch]")!;
  expect(flip.getAttribute("aria-checked")).toBe("true");
  expect(flip.getAttribute("aria-label")).toBe("Edge x1 to h1,3");
  await click(flip);
  expect(view.model.traits.removed_edges).toEqual([[0, 0, 3]]);
  expect(flip.getAttribute("aria-checked")).toBe("false");
  expect(flip.isConnected).toBe(true);
  await userEvent.keyboard(" ");
  await frames(2);
  expect(view.model.traits.removed_edges).toEqual([]);
  expect(focused(view)).toBe(flip);
});

test("closing a card leaves the others where they are, and the focus on the next one", async () => {
  const view = await mount(richModel());
  view.model.receive({
    selected: [
      [0, 0, 3],
      [1, 3],
    ],
  });
  await frames(2);
  const other = card(view, "node5");
  await click(card(view, "edge6").querySelector("[data-role=close]")!);
  expect(view.model.traits.selected).toEqual([[1, 3]]);
  expect(card(view, "node5")).toBe(other);
  expect(other.contains(focused(view))).toBe(true);
  await userEvent.keyboard("{Enter}");
  await frames(2);
  expect(view.model.traits.selected).toEqual([]);
  expect(view.find("[data-role=cards]").hidden).toBe(true);
  expect(focused(view)).toBe(view.twin("node", "1,3"));
});

test("a node's card has all its edges as small curves, and a click on one opens its card", async () => {
  const view = await mount(richModel());
  view.model.receive({ selected: [[1, 3]], removed_edges: [[0, 0, 3]] });
  await frames(2);
  const small = [...card(view, "node5").querySelectorAll<HTMLElement>("[data-small]")];
  expect(small.map((one) => one.dataset.small)).toEqual(["7", "6", "13"]);
  expect(small[1]!.hasAttribute("data-off")).toBe(true);
  expect(card(view, "node5").textContent).toContain("in · 1 of 2 on");
  await click(small[0]!);
  expect(view.model.traits.selected).toEqual([
    [1, 3],
    [0, 1, 3],
  ]);
  expect(small[0]!.getAttribute("aria-pressed")).toBe("true");
});

test("the probe follows a row: its values on the cards are the network's, and they add up", async () => {
  const view = await mount(richModel());
  view.model.receive({
    selected: [
      [0, 0, 4],
      [1, 4],
    ],
  });
  await frames(2);
  await click(view.find("[data-panel=probe]"));
  const { probe } = view.model.traits;
  const { net, cells, rows, kernelMask } = createSnapshotReader(view.model)();
  expect(probe).toEqual([...rows!.inputs.subarray(0, 2)]);
  const values = trace(net, cells!, kernelMask, true, probe);
  const outputs = () => view.find("[data-role=outputs]").textContent!.replaceAll("−", "-");
  expect(outputs()).toContain(
    `f(x) = ${values.nodes[7]!.toPrecision(4)}, label ${rows!.labels![0]!.toPrecision(4)}`,
  );
  expect(card(view, "edge8").textContent).toContain("φ(");
  const [total, terms] = card(view, "node6")
    .querySelector(".sum")!
    .textContent!.replaceAll("−", "-")
    .split(" = ");
  expect(Number(total)).toBeCloseTo(values.nodes[6]!, 1);
  expect(terms).toContain("(bias)");
  await click(view.find("[data-role=next-row]"));
  expect(view.model.traits.probe).toEqual([...rows!.inputs.subarray(2, 4)]);
  expect(view.find<HTMLInputElement>("[data-role=row]").value).toBe("1");
  await click(view.find("[data-panel=probe]"));
  expect(view.model.traits.probe).toEqual([]);
  expect(card(view, "edge8").textContent).not.toContain("φ(");
});

test("a row of the probe has the number that it has in the data, and another one is said to be another", async () => {
  const view = await mount(richModel());
  const count = createSnapshotReader(view.model)().rows!.count;
  const numbers = Float64Array.from({ length: count }, (_, k) => 4 * k);
  view.model.receive({ _row_numbers: pack(numbers, [count]) });
  await click(view.find("[data-panel=probe]"));
  await frames(2);
  const row = view.find<HTMLInputElement>("[data-role=row]");
  const last = 4 * (count - 1);
  expect(row.parentElement!.textContent).toContain(`of ${(last + 1).toLocaleString("en")}`);
  const type = async (text: string) => {
    row.focus();
    row.value = text;
    row.dispatchEvent(new Event("change"));
    await frames(2);
    return [row.value, view.find("[data-role=instead]").textContent];
  };
  expect(await type("8")).toEqual(["8", ""]);
  expect(view.model.traits.probe).toEqual([
    ...createSnapshotReader(view.model)().rows!.inputs.subarray(4, 6),
  ]);
  expect(await type("9")).toEqual(["8", `row 9 is not among the ${count} that are here: this is row 8`]);
  expect(await type("99999")).toEqual([
    `${last}`,
    `there is no row 99999, they are 0 to ${last}: this is row ${last}`,
  ]);
  expect(await type("-3")).toEqual(["0", `there is no row -3, they are 0 to ${last}: this is row 0`]);
  expect(await type("")).toEqual(["0", "that is no number: still row 0"]);
  await click(view.find("[data-role=next-row]"));
  await frames(2);
  expect([row.value, view.find("[data-role=instead]").textContent]).toEqual(["4", ""]);
});

test("dragging an input moves the dot at once, and is written ten times a second at the most", async () => {
  const view = await mount(richModel());
  view.model.receive({ selected: [[0, 0, 4]], probe: [0.5, 0.5] });
  await frames(3);
  const input = view.find<HTMLInputElement>("[data-input='0']");
  input.scrollIntoView({ block: "center" });
  const dot = () => card(view, "edge8").querySelector("circle")!.getAttribute("cx");
  const before = [dot(), view.model.messages] as const;
  const { width } = input.getBoundingClientRect();
  const [x, y] = middle(input);
  const began = performance.now();
  await commands.mouse([["move", x, y], ["down"], ["move", x - width / 4, y, 25]]);
  await frames(2);
  expect(dot()).not.toBe(before[0]);
  expect(view.model.messages - before[1]).toBeLessThanOrEqual(2 + (performance.now() - began) / 100);
  await letGo();
  expect(view.model.traits.probe[0]).toBeCloseTo(Number(input.value), 9);
  expect(view.model.traits.probe[1]).toBe(0.5);
});

test("a network that cannot be followed says so", async () => {
  const view = await mount();
  await click(view.find("[data-panel=probe]"));
  expect(view.find("section.probe").textContent).toContain("too wide");
  expect(view.root.querySelector("[data-role=outputs]")).toBeNull();
  expect(view.model.traits.probe).toEqual([]);
});

test("a screen reader is told once when things have settled, not with every move", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const view = await mount(richModel());
  const said = view.find("[data-role=said]");
  let changes = 0;
  const observer = new MutationObserver(() => changes++);
  observer.observe(said, { childList: true, characterData: true, subtree: true });
  view.slider("edge").focus();
  await userEvent.keyboard("{ArrowRight}{ArrowRight}{ArrowRight}");
  await frames(3);
  expect(changes).toBe(0);
  vi.advanceTimersByTime(900);
  await frames(3);
  expect(changes).toBe(1);
  expect(said.textContent).toMatch(/^\d+ of 15 edges, test RMSE/);
  observer.disconnect();
});

test("what is written by the checkbox, the view switch and the arrow is what they show", async () => {
  const view = await mount();
  await openMore(view);
  await click(view.find("[data-role=keep-mean]"));
  expect(view.model.traits.keep_mean).toBe(false);
  await click(view.find("[data-role=orientation]"));
  expect(view.model.traits.orientation).toBe("up");
  expect(view.find("[data-role=orientation]").getAttribute("aria-label")).toContain("bottom");
  await click(view.find("input[value=matrix]").parentElement!);
  expect(view.model.traits.view).toBe("matrix");
  view.model.receive({ keep_mean: true, view: "network", orientation: "right" });
  await frames(2);
  expect(view.find<HTMLInputElement>("[data-role=keep-mean]").checked).toBe(true);
  expect(view.find<HTMLInputElement>("input[value=network]").checked).toBe(true);
});

test("the script is copied, and what could not be copied is said", async () => {
  const view = await mount(richModel());
  await click(view.find("[data-panel=script]"));
  expect(view.find("[data-role=script]").textContent).toBe(view.model.traits._script);
  const clipboard = navigator.clipboard;
  const texts: string[] = [];
  const put = (writeText: (text: string) => Promise<void>) =>
    Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
  put(async (text) => void texts.push(text));
  await click(view.find("[data-role=copy]"));
  expect(texts).toEqual([view.model.traits._script]);
  expect(view.find("[data-role=copied]").textContent).toBe("copied");
  const { execCommand } = document;
  put(() => Promise.reject(new Error("no")));
  document.execCommand = () => false;
  await click(view.find("[data-role=copy]"));
  await frames(2);
  expect(view.find("[data-role=copied]").textContent).toContain("could not copy");
  document.execCommand = execCommand;
  Object.defineProperty(navigator, "clipboard", { value: clipboard, configurable: true });
});

test("edges that lead nowhere are said, and can be removed", async () => {
  const view = await mount();
  expect(view.find("[data-role=remove-dead-ends]").hidden).toBe(true);
  view.model.receive({ removed_edges: [[1, 3, 0]] });
  await frames(2);
  expect(view.find("[data-role=warning]").textContent).toBe("1 node leads nowhere.");
  await click(view.find("[data-role=remove-dead-ends]"));
  expect(view.model.acts).toEqual([{ do: "remove_dead_ends" }]);
});

test("curves that have no room are counted in the legend, with the reason and a way to see them", async () => {
  const model = fakeModel([60, 5, 1]);
  model.receive({ view: "network" });
  const view = await mount(model);
  const missing = view.find("[data-role=missing]");
  const boxes = () =>
    [...view.root.querySelectorAll<HTMLElement>("button[data-edge]")].filter(
      (twin) => twin.getBoundingClientRect().width < 19.5 || twin.getBoundingClientRect().width > 20.5,
    ).length;
  expect(boxes()).toBeLessThan(305);
  expect(missing.textContent).toContain(`The curves of the ${boxes()} strongest of 305 edges are drawn`);
  expect(missing.textContent).toMatch(/too small.*full screen.*matrix/i);
  expect(missing.checkVisibility()).toBe(true);
  model.receive({ removed_nodes: [1, 2, 3, 4].map((j) => [1, j] as [number, number]) });
  await settled();
  await frames(2);
  expect(boxes()).toBe(61);
  expect(missing.checkVisibility()).toBe(false);
});

test("the small curves of a node card are all whole, and those that are too many are counted", async () => {
  const view = await mount(fakeModel([40, 3, 1]));
  view.model.receive({ selected: [[1, 1]] });
  await frames(2);
  const list = view.find(".detail .multiples");
  expect(list.scrollHeight).toBeLessThanOrEqual(list.clientHeight);
  const card = view.find(".detail").getBoundingClientRect();
  for (const small of list.querySelectorAll(".miniature")) {
    const { right, bottom, width } = small.getBoundingClientRect();
    expect(right).toBeLessThanOrEqual(card.right - 8);
    expect(bottom).toBeLessThanOrEqual(list.getBoundingClientRect().bottom);
    expect(width).toBeGreaterThan(36);
  }
  expect(view.find(".detail .more").textContent).toBe("and 25 weaker");
});

test.each([960, 560, 390])(
  "the legend has only states that are there, and stays as it is while a threshold takes edges, %i px wide",
  async (width) => {
    const view = await mount(fakeModel(), width);
    const legend = view.find(".legend");
    const seen = () =>
      [...legend.querySelectorAll("li")].filter((item) => item.checkVisibility({ visibilityProperty: true }));
    const states = () => seen().flatMap(({ textContent: words }) => (/score/.test(words!) ? [] : [words]));
    const places = () => {
      const { left, top, height } = legend.getBoundingClientRect();
      const of = seen().map((item) => item.getBoundingClientRect());
      return [height, ...of.flatMap(({ x, y, width }) => [x - left, y - top, width])];
    };
    const drag = async (to: number) => {
      await grab(view.slider("node"), to);
      const during = states();
      const at = places();
      const zoom = view.find("[data-role=zoom-out]").getBoundingClientRect();
      for (const item of seen().map((one) => one.getBoundingClientRect())) {
        expect(item.right < zoom.left || item.bottom <= zoom.top).toBe(true);
        expect(item.left >= 0 && item.bottom <= view.find(".tools").getBoundingClientRect().bottom).toBe(
          true,
        );
      }
      await letGo();
      await settled();
      return { during, at };
    };
    expect(states()).toEqual([]);
    const before = places();
    const taking = await drag(700);
    expect(taking.during).toEqual(["would be removed"]);
    expect(taking.at.slice(0, before.length)).toEqual(before);
    expect(states()).toEqual(["off"]);
    view.model.receive({ view: "matrix" });
    await settled();
    expect(states()).toEqual(["removed by a threshold"]);
    view.model.receive({ removed_edges: [[0, 0, 0]] });
    await settled();
    expect(states()).toEqual(["off", "removed by a threshold"]);
    const pruned = places();
    const giving = await drag(0);
    expect(giving.during).toEqual(["off", "removed by a threshold"]);
    expect(giving.at).toEqual(pruned);
    expect(states()).toEqual(["off"]);
    view.model.receive({ removed: "hidden" });
    await frames(2);
    expect(states()).toEqual([]);
  },
);

test.each([1300, 820, 560, 460, 390])(
  "no message lies over a part of the legend, %i px wide",
  async (width) => {
    const view = await mount(fakeModel(), width);
    view.model.receive({
      error: "Input x1 (and 2 more) do not vary in these data. ".repeat(width < 700 ? 3 : 1),
    });
    await frames(2);
    const over = view.find(".messages").getBoundingClientRect();
    expect(over.height).toBeGreaterThanOrEqual(28);
    for (const part of view.find(".legend").querySelectorAll("li, .numbers")) {
      if (!part.checkVisibility({ visibilityProperty: true })) continue;
      const { left, right, top, bottom } = part.getBoundingClientRect();
      const apart = right <= over.left || bottom <= over.top;
      // The last pixel of a line is empty.
      const covered =
        left >= over.left && right <= over.right && top >= over.top && bottom <= over.bottom + 1;
      expect(apart || covered, part.textContent).toBe(true);
    }
  },
);

test("the legend has only what is there", async () => {
  const view = await mount(richModel());
  const shown = () =>
    [...view.root.querySelectorAll<HTMLElement>(".legend li")]
      .filter((item) => !item.hidden)
      .map((item) => item.textContent);
  expect(shown().join()).not.toMatch(/symbolic|product|sample/);
  view.model.receive({ _symbolic: [[0, 0, 0, "sin"]], probe: [0, 0] });
  await frames(2);
  expect(shown().join()).toMatch(/symbolic.*sample/);
});

test("the legend shows the grounds of both views over the same scores, and which of them is on show", async () => {
  const view = await mount(richModel());
  const grounds = () =>
    [...view.root.querySelectorAll<HTMLElement>(".legend .ramp")].map((ramp) => {
      const name = ramp.nextElementSibling!;
      const last = ramp.style.background.match(/rgb\([^)]*\)/g)!.at(-1)!;
      const lightness = last.match(/\d+/g)!.reduce((sum, channel) => sum + Number(channel), 0);
      return { name: name.textContent, lightness, colour: getComputedStyle(name).color };
    });
  const [network, matrix] = grounds();
  expect([network!.name, matrix!.name]).toEqual(["in the network", "in the matrix"]);
  expect(matrix!.lightness).toBeLessThan(network!.lightness / 2);
  expect(network!.colour).not.toBe(matrix!.colour);
  view.model.receive({ view: "matrix" });
  await frames(2);
  const switched = grounds();
  expect(switched.map(({ lightness }) => lightness)).toEqual([network!.lightness, matrix!.lightness]);
  expect(switched.map(({ colour }) => colour)).toEqual([matrix!.colour, network!.colour]);
});

test("from 320 px on nothing sticks out, with long names and eight cards", async () => {
  const model = richModel();
  model.receive({
    in_vars: ["a_very_long_name_of_a_variable_that_does_not_end", "$\\alpha_{12}$"],
    selected: [0, 1, 2, 3].flatMap((j) => [
      [0, 0, j] as [number, number, number],
      [1, j] as [number, number],
    ]),
    probe: [0.2, -0.3],
    error: "a".repeat(400),
  });
  for (const width of [320, 560, 1000]) {
    const view = await mount(model, width);
    const { right } = view.root.getBoundingClientRect();
    const scrollers = ".cards, .rows, pre, .scroll";
    for (const tab of ["script", "history", "probe", "cards"]) {
      await tabs(view, [tab]);
      for (const one of view.root.querySelectorAll("button, input, p, h3, dd, svg, label")) {
        // What has no room in the line under the network is out of sight.
        if (one.closest(scrollers) || one.closest(".tools .hint")) continue;
        expect(one.getBoundingClientRect().right, one.outerHTML.slice(0, 80)).toBeLessThanOrEqual(
          right + 0.5,
        );
      }
    }
    view.close();
    view.el.remove();
  }
});

test("text is at least 4.5 to 1 on its ground, in light and dark", async () => {
  for (const theme of ["light", "dark"]) {
    document.body.setAttribute("data-jp-theme-light", `${theme === "light"}`);
    const view = await mount(richModel());
    view.model.receive({
      selected: [
        [0, 0, 4],
        [1, 4],
      ],
      probe: [0.1, 0.2],
      removed_edges: [[0, 0, 4]],
    });
    view.model.python();
    await tabs(view, ["history", "script"]);
    await frames(3);
    const ground = parse(getComputedStyle(view.root).backgroundColor);
    for (const one of view.root.querySelectorAll<HTMLElement>("*")) {
      const words = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim());
      if (!words || one.closest("button:disabled, .twins")) continue;
      const style = getComputedStyle(one);
      const ink = one instanceof SVGElement ? style.fill : style.color;
      expect(contrast(parse(ink), ground), `${theme}: ${one.outerHTML.slice(0, 90)}`).toBeGreaterThan(4.5);
    }
    document.body.removeAttribute("data-jp-theme-light");
    view.close();
    view.el.remove();
  }
});

function parse(colour: string): [number, number, number] {
  const ctx = new OffscreenCanvas(1, 1).getContext("2d")!;
  ctx.fillStyle = colour;
  ctx.fillRect(0, 0, 1, 1);
  const [r, g, b] = ctx.getImageData(0, 0, 1, 1).data;
  return [r!, g!, b!];
}

function contrast(a: [number, number, number], b: [number, number, number]): number {
  const light = (colour: [number, number, number]) => {
    const [r, g, blue] = colour.map((v) =>
      v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * blue!;
  };
  const [high, low] = [light(a), light(b)].sort((p, q) => q - p);
  return (high! + 0.05) / (low! + 0.05);
}

test("a page with a strict policy shows it as any other", async () => {
  const frame = document.createElement("iframe");
  frame.width = "1000";
  frame.height = "1200";
  const policy = "default-src 'none'; script-src 'self' 'nonce-here'";
  const script = `
    import widget from "${location.origin}/src/index.ts";
    import { richModel } from "${location.origin}/test/rich.ts";
    const model = richModel();
    model.receive({ selected: [[0, 0, 4], [1, 4]], probe: [0.1, 0.2] });
    const el = document.body.appendChild(document.createElement("div"));
    window.close_ = widget().render({ model, el });
    window.root = el.firstElementChild.shadowRoot.querySelector(".kanwidget");
  `;
  frame.srcdoc = `<!doctype html><meta http-equiv="Content-Security-Policy" content="${policy}">
    <script nonce="here">window.broken = []; document.addEventListener("securitypolicyviolation", (event) => window.broken.push(event.violatedDirective + " " + event.sourceFile));</script>
    <body><script type="module" nonce="here">${script}</script>`;
  document.body.append(frame);
  onTestFinished(() => frame.remove());
  type Page = Window & { root?: HTMLElement; broken: string[]; close_(): void };
  const page = () => frame.contentWindow as unknown as Page;
  await vi.waitUntil(() => page()?.root, 60_000);
  const root = page().root!;
  await vi.waitUntil(() => root.querySelector("[data-panel]"), 60_000);
  for (const name of ["history", "script", "cards"]) {
    root.querySelector<HTMLElement>(`[data-panel=${name}]`)!.click();
    await frames(2);
  }
  await vi.waitUntil(() => root.querySelector(".chart .phi"), 60_000);
  await frames(3);
  const look = (selector: string) => getComputedStyle(root.querySelector(selector)!);
  expect(look(".sliders").display).toBe("grid");
  expect(look(".chart .phi").strokeWidth).toBe("2px");
  expect(look(".cards").display).toBe("flex");
  const [stage, twin] = [".stage", "button[data-edge]"].map((one) =>
    root.querySelector(one)!.getBoundingClientRect(),
  );
  expect(stage!.height).toBeGreaterThan(200);
  expect(twin!.width).toBeGreaterThan(20);
  expect(root.querySelector<HTMLElement>(".dot")!.getBoundingClientRect().width).toBeGreaterThan(5);
  const canvas = root.querySelector("canvas")!;
  const pixels = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data;
  expect(pixels.some((value) => value > 0)).toBe(true);
  expect(page().broken.filter((one) => !one.includes("@vite"))).toEqual([]);
  page().close_();
});

test("a model without any of the newer traits shows what it has", async () => {
  const model = fakeModel();
  for (const name of ["_history", "_prices", "_script", "selected", "probe", "tolerance"] as const) {
    delete (model.traits as unknown as Record<string, unknown>)[name];
  }
  const view = await mount(model);
  expect(view.find("[data-role=error]").textContent).toBe("");
  expect(view.find("[data-role=status]").textContent).toContain("15 of 15 edges");
});

test("what the scores are is told and can be chosen, where the model knows more than one", async () => {
  const view = await mount(richModel());
  const choice = view.find<HTMLSelectElement>("[data-role=score]");
  expect([...choice.options].map((option) => option.value)).toEqual(["l1", "ablation"]);
  expect(choice.value).toBe("l1");
  await openMore(view);
  choice.focus();
  await userEvent.selectOptions(choice, "ablation");
  expect(view.model.traits.score).toBe("ablation");
  view.model.receive({ score: "l1", _scores_known: ["l1"] });
  await frames(2);
  expect(choice.checkVisibility()).toBe(false);
});

test("the card of a formula shows it whole, without the parts of a spline", async () => {
  const view = await mount(richModel());
  view.model.receive({ selected: [[0, 0, 0]] });
  await frames(2);
  expect(view.find(".detail .chart").textContent).toContain("spline");
  view.model.receive({ _symbolic: [[0, 0, 0, "sin"]] });
  await frames(2);
  expect(view.find(".detail .facts").textContent).toContain("formulasin");
  expect(view.find(".detail .chart").textContent).not.toContain("spline");
});

test("a drag out and back lets go of what it held: what Python sets later is shown, and stays", async () => {
  const view = await mount(richModel());
  view.model.receive({ probe: [0.1, 0.2] });
  await frames(3);
  const input = view.find<HTMLInputElement>('[data-input="0"]');
  input.scrollIntoView({ block: "center" });
  const at = ((Number(input.value) - Number(input.min)) / (Number(input.max) - Number(input.min))) * 1000;
  await commands.mouse([
    ["move", ...thumb(input, at)],
    ["down"],
    ["move", ...thumb(input, at + 300), 5],
    ["move", ...thumb(input, at), 5],
    ["up"],
  ]);
  await frames(2);
  view.model.receive({ probe: [0.6, 0.2] });
  await frames(2);
  expect(Number(input.value)).toBeCloseTo(0.6, 1);
  view.find("[data-panel=history]").click();
  await frames(2);
  expect(view.model.traits.probe).toEqual([0.6, 0.2]);

  const grip = view.find<HTMLElement>("[data-role=tolerance-line]");
  grip.scrollIntoView({ block: "center" });
  const { left, width, top } = grip.getBoundingClientRect();
  const [x, y] = [left + width / 2, top];
  await commands.mouse([["move", x, y], ["down"], ["move", x, y - 15, 5], ["move", x, y, 5], ["up"]]);
  view.model.receive({ tolerance: 0.2 });
  await frames(2);
  expect(view.find("[data-role=allow]").textContent).toBe("Allow +20% loss");
  const keys = view.find<HTMLInputElement>("[data-role=tolerance]");
  keys.focus();
  await userEvent.keyboard("{ArrowRight}{ArrowLeft}");
  view.model.receive({ tolerance: 0.1 });
  await frames(2);
  expect([view.find("[data-role=allow]").textContent, view.model.traits.tolerance]).toEqual([
    "Allow +10% loss",
    0.1,
  ]);
});

test("what Python warns of is not read out again at every step of a drag", async () => {
  const model = richModel();
  model.receive({ _warnings: [["unused_input", 1]] });
  const view = await mount(model);
  const warning = view.find("[data-role=warning]");
  let changes = 0;
  const watch = new MutationObserver(() => changes++);
  watch.observe(warning, { childList: true, characterData: true, subtree: true });
  for (const to of [500, 560, 620]) {
    await grab(view.slider("node"), to);
    model.python();
    await frames(2);
  }
  await letGo();
  watch.disconnect();
  expect([warning.textContent, changes]).toEqual(["Input x2 leads nowhere any more.", 0]);
});

test("a card or a panel that opens never scrolls the page", async () => {
  const view = await mount(richModel());
  view.el.style.cssText += "margin-bottom: 2000px";
  view.canvas.scrollIntoView({ block: "end" });
  const before = window.scrollY;
  await click(view.twin("edge", "0,0,3"));
  await tabs(view, ["history", "probe", "script"]);
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(view.root.querySelectorAll("[data-card]")).toHaveLength(1);
  expect(window.scrollY).toBe(before);
  window.scrollTo(0, 0);
});
