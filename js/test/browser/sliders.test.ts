/** Thresholds: what the track shows, what the hand and the keys do, what is said. */

import { expect, test } from "vitest";
import { commands, userEvent } from "vitest/browser";
import { countOn, maskOf, NO_EDITS } from "../../src/model/mask";
import { createNetwork } from "../../src/model/network";
import { standaloneModel } from "../../src/standalone/model";
import { type FakeModel, fakeModel, networkOf, pack } from "../fake";
import { packTradeoff, richModel } from "../rich";
import { click, frames, grab, letGo, type Mounted, middle, mount, thumb } from "./mounted";

const rising = Float64Array.from({ length: 15 }, (_, e) => 1e-4 * 1.9 ** e);
const panel = (view: Mounted, axis: "node" | "edge") => view.slider(axis).closest<HTMLElement>(".slider")!;
const inside = <E extends Element = HTMLElement>(view: Mounted, axis: "node" | "edge", what: string) =>
  panel(view, axis).querySelector<E>(what)!;
const next = (view: Mounted, axis: "node" | "edge") => inside(view, axis, "[data-role=next]").textContent;

function curve(model: FakeModel) {
  const { thresholds, ...rest } = {
    thresholds: Float64Array.of(0, ...rising),
    activeEdges: Float64Array.from({ length: 16 }, (_, k) => 15 - k),
    lossZeroed: Float64Array.from({ length: 16 }, (_, k) => 0.1 + 0.02 * k),
    lossKept: Float64Array.from({ length: 16 }, (_, k) => 0.1 + 0.001 * k),
  };
  model.receive({ _tradeoff_edge: packTradeoff({ thresholds, ...rest }) });
}

test("an arrow key takes exactly one edge, or gives it back; Page keys ten; Home and End all", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  view.slider("edge").focus();
  const left = () => view.find("[data-role=status]").textContent!.split(" ")[0];
  const seen: (string | undefined)[] = [];
  for (const key of [
    "ArrowRight",
    "ArrowUp",
    "ArrowLeft",
    "PageUp",
    "PageDown",
    "End",
    "ArrowDown",
    "Home",
  ]) {
    await userEvent.keyboard(`{${key}}`);
    await frames(2);
    seen.push(left());
  }
  expect(seen).toEqual(["14", "13", "14", "4", "14", "0", "1", "15"]);
  expect(view.model.traits.edge_threshold).toBe(0);
});

test("the next change is said in words, with its loss, and comes true", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  expect(next(view, "edge")).toBe("Next: x₁ → h₁,₀, 14 of 15 edges left");
  curve(view.model);
  await frames(2);
  expect(next(view, "edge")).toBe("Next: x₁ → h₁,₀, loss 0.1000 → 0.1010, 14 of 15 edges left");
  view.slider("edge").focus();
  await userEvent.keyboard("{ArrowRight}");
  await frames(2);
  expect(view.isOn("edge", "0,0,0")).toBe(false);
  expect(next(view, "edge")).toBe("Next: x₂ → h₁,₀, loss 0.1010 → 0.1020, 13 of 15 edges left");
});

test("wherever the hand lets go between two scores, the model gets the same short number", async () => {
  const view = await mount();
  const written = new Set<number>();
  for (const position of [330, 420, 500]) {
    await grab(view.slider("node"), position);
    await letGo();
    written.add(view.model.traits.node_threshold);
  }
  expect(written.size).toBe(1);
  expect(`${[...written][0]}`.length).toBeLessThan(7);
});

test("a typed number is taken as it is; off means none; rubbish is refused in words and changes nothing", async () => {
  const view = await mount();
  const field = view.find<HTMLInputElement>("[data-readout=node]");
  const type = async (text: string) => {
    field.focus();
    await userEvent.fill(field, text);
    await userEvent.keyboard("{Enter}");
    await frames(2);
  };
  await type("0.012");
  expect(view.model.traits.node_threshold).toBe(0.012);
  expect(field.value).toBe("0.012");
  await type("1e-3");
  expect(view.model.traits.node_threshold).toBe(0.001);
  await type("a lot");
  expect(view.model.traits.node_threshold).toBe(0.001);
  expect(field.value).toBe("0.001");
  expect(next(view, "node")).toContain("“a lot” is no threshold: type a number such as 0.012");
  // An undo, say: that was long ago.
  view.model.receive({ node_threshold: 0.002 });
  await frames(2);
  expect(next(view, "node")).not.toContain("is no threshold");
  await type("0,03");
  expect(view.model.traits.node_threshold).toBe(0.03);
  await type("a lot");
  expect(next(view, "node")).toContain("is no threshold");
  await type("");
  expect([view.model.traits.node_threshold, field.value]).toEqual([0, "off"]);
  expect(next(view, "node")).not.toContain("is no threshold");
  await type("1e-3");
  await type("off");
  expect(view.model.traits.node_threshold).toBe(0);
  expect(next(view, "node")).not.toContain("is no threshold");
});

const UNDO = "{Control>}z{/Control}";
const REDO = "{Control>}{Shift>}z{/Shift}{/Control}";
const press = async (keys: string) => {
  await userEvent.keyboard(keys);
  await frames(2);
};

test("undo in a threshold's field is of the text while it is a draft, and of the session else", async () => {
  const model = standaloneModel({ ...richModel().traits });
  const view = await mount(model as unknown as FakeModel);
  const field = view.find<HTMLInputElement>("[data-readout=edge]");
  const now = () => [field.value, (model.get as (name: string) => unknown)("edge_threshold")];
  const leave = async () => {
    await click(view.find("[data-role=status]"));
    await frames(2);
  };
  field.focus();
  await press("0.02{Enter}");
  expect(now()).toEqual(["0.02", 0.02]);

  // A draft is given up, and nothing else is undone.
  await press("{End}57");
  expect(now()).toEqual(["0.0257", 0.02]);
  await press(UNDO);
  expect(now()).toEqual(["0.02", 0.02]);
  await leave();
  expect(now()).toEqual(["0.02", 0.02]);

  // Undo goes back by a step and redo forward, the field follows, and leaving it takes nothing.
  field.focus();
  await press("0.04{Enter}");
  expect(now()).toEqual(["0.04", 0.04]);
  await press(UNDO);
  expect(now()).toEqual(["0.02", 0.02]);
  await leave();
  expect(now()).toEqual(["0.02", 0.02]);
  field.focus();
  await press(REDO);
  expect(now()).toEqual(["0.04", 0.04]);
  await press(UNDO);
  await press(UNDO);
  expect(now()).toEqual(["off", 0]);
  await press(UNDO);
  await leave();
  expect(now()).toEqual(["off", 0]);

  // The browser's menu has an undo, too: what that brings back was not typed.
  field.focus();
  await press("0.03{Enter}");
  await press("{End}5");
  document.execCommand("undo");
  await leave();
  expect(now()).toEqual(["0.03", 0.03]);
  // A draft is taken when its field is left.
  field.focus();
  await press("0.05");
  await leave();
  expect(now()).toEqual(["0.05", 0.05]);
});

test("undo in a threshold's field asks Python, and the field shows its answer", async () => {
  const view = await mount();
  const field = view.find<HTMLInputElement>("[data-readout=node]");
  const acts = () => view.model.acts.map((act) => act.do).filter((act) => act !== "new_step");
  field.focus();
  await press("0.02{Enter}");
  await press("5");
  await press(UNDO);
  expect([field.value, ...acts()]).toEqual(["0.02"]);
  await press(UNDO);
  expect(acts()).toEqual(["undo"]);
  view.model.receive({ node_threshold: 0.01 });
  await frames(2);
  expect(field.value).toBe("0.01");
  await press("{Control>}y{/Control}");
  expect(acts()).toEqual(["undo", "redo"]);
  // What is being typed stays when something changes elsewhere.
  await press("{Control>}a{/Control}0.7");
  view.model.receive({ node_threshold: 0.02 });
  await frames(2);
  expect(field.value).toBe("0.7");
  await press("{Escape}");
  expect(field.value).toBe("0.02");
});

test("the button goes beyond a loss that is too large, never back, and says when there is none", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  const go = inside<HTMLButtonElement>(view, "edge", "[data-role=allow]");
  const left = () => Number(view.find("[data-role=status]").textContent!.split(" ")[0]);
  const lossKept = Float64Array.from({ length: 16 }, (_, k) => (k === 9 ? 0.104 : 0.1 + 0.01 * k));
  view.model.receive({
    _tradeoff_edge: packTradeoff({
      thresholds: Float64Array.of(0, ...rising),
      activeEdges: Float64Array.from({ length: 16 }, (_, k) => 15 - k),
      lossZeroed: lossKept,
      lossKept,
    }),
  });
  await frames(2);
  await click(go);
  await frames(2);
  expect(left()).toBe(6);
  expect(next(view, "edge")).not.toContain("no smaller");
  await click(go);
  await frames(2);
  expect(left()).toBe(6);
  expect(next(view, "edge")).toContain("No smaller network is within +5% of the best along this threshold");
  view.slider("edge").focus();
  await userEvent.keyboard("{ArrowRight}");
  await frames(2);
  expect(left()).toBe(5);
  await click(go);
  await frames(2);
  expect(left()).toBe(5);
  expect(next(view, "edge")).toContain("No smaller network is within +5%");
});

const along = (losses: ArrayLike<number>, zeroed = losses) =>
  packTradeoff({
    thresholds: Float64Array.of(0, ...rising),
    activeEdges: Float64Array.from({ length: 16 }, (_, k) => 15 - k),
    lossZeroed: Float64Array.from(zeroed),
    lossKept: Float64Array.from(losses),
  });

test.each([
  ["where pruning improves the loss", 0.2, false, 0.1],
  ["where the loss is not a number at first", Number.NaN, false, 0.1],
  ["of a metric of which more is better", 0.5, true, 0.9],
])("%s, the tolerance is of the best loss along the threshold", async (_, first, more, best) => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  // 4 edges may go: the loss is the best one after 3, and hardly worse after 4.
  const losses = [first, first, first, best, best * (more ? 0.97 : 1.03), first, first];
  view.model.receive({
    higher_is_better: more,
    _tradeoff_edge: along([...losses, ...new Array(9).fill(more ? 0.1 : 3)]),
  });
  await frames(2);
  await click(inside(view, "edge", "[data-role=allow]"));
  await frames(2);
  expect(view.find("[data-role=status]").textContent).toContain("11 of 15 edges");
  expect(inside(view, "edge", ".present").getAttribute("d")).not.toContain("NaN");
  // A loss is under the dashed line and one step on it is above; of a metric that rises with quality it is the other way.
  const down = more ? -1 : 1;
  const height = (selector: string) => middle(inside<SVGElement>(view, "edge", selector))[1];
  const limit = height("[data-role=tolerance-line]");
  expect(down * height(".dot")).toBeGreaterThan(down * limit);
  view.slider("edge").focus();
  await userEvent.keyboard("{ArrowRight}");
  await frames(2);
  expect(down * height(".dot")).toBeLessThan(down * limit);
  // The line stays under the hand.
  const [x, y] = middle(inside<SVGElement>(view, "edge", "[data-role=tolerance-line]"));
  await commands.mouse([["move", x - 80, y], ["down"], ["move", x - 80, y - 10 * down, 8]]);
  await frames(2);
  expect(Math.abs(height("[data-role=tolerance-line]") - (y - 10 * down))).toBeLessThan(3);
  await letGo();
  expect(view.model.traits.tolerance).toBeGreaterThan(0.05);
});

test("the axis is numbered: the best loss, the end of what is drawn to scale, and the worst", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  const marks = () =>
    [...panel(view, "edge").querySelectorAll<HTMLElement>(".marks span")]
      .filter(({ hidden }) => !hidden)
      .map(({ textContent }) => textContent);
  const line = (from: number, step: number) => Float64Array.from({ length: 16 }, (_, k) => from + step * k);
  const name = () => inside(view, "edge", ".curve-names span").textContent;
  view.model.receive({ _tradeoff_edge: along(line(0.1, 0.1)) });
  await frames(2);
  expect([name(), ...marks()]).toEqual(["test RMSE", "0.1", "0.115", "1.6"]);
  view.model.receive({ loss_name: "", _tradeoff_edge: along(line(0, 0.02), line(0, 0.2)) });
  await frames(2);
  expect([name(), ...marks()]).toEqual(["loss", "0", "0.045", "3"]);
  view.model.receive({ tolerance: 0.2, _tradeoff_edge: along(line(-0.5, 0.2)) });
  await frames(2);
  expect(marks()).toEqual(["−0.5", "−0.2", "2.5"]);
  // Seven tenths of the height are drawn to scale.
  const middles = [...panel(view, "edge").querySelectorAll(".marks span")].map((mark) => middle(mark)[1]);
  const share = (middles[0]! - middles[1]!) / (middles[0]! - middles[2]!);
  expect(Math.abs(share - 0.7)).toBeLessThan(0.02);
});

test("the plot says what each curve is, and the loss at the thumb and at the suggestion", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  const losses = Float64Array.from({ length: 16 }, (_, k) =>
    k < 9 ? 0.1 + 0.0005 * k : 0.104 + 0.05 * (k - 8),
  );
  view.model.receive({
    _tradeoff_edge: along(
      losses,
      losses.map((loss, k) => loss + 0.01 * k),
    ),
  });
  await frames(2);
  const values = () =>
    [...panel(view, "edge").querySelectorAll<HTMLElement>(".value")]
      .filter((value) => value.checkVisibility())
      .map(({ textContent }) => textContent);
  expect(inside(view, "edge", ".curve-names").textContent).toBe("test RMSEmean keptnot kept");
  expect(values()).toEqual(["0.1040", "0.1000"]);
  view.slider("edge").focus();
  await userEvent.keyboard("{PageUp}");
  await frames(2);
  expect(values()).toEqual(["0.1040", "0.2040"]);
  // At the suggestion one number is enough.
  await click(inside(view, "edge", "[data-role=suggest]"));
  expect(values()).toEqual(["0.1040"]);
});

test("with a metric of which more is better the tolerance is a loss of it", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  const go = inside<HTMLButtonElement>(view, "edge", "[data-role=allow]");
  const accuracy = Float64Array.from({ length: 16 }, (_, k) => (k < 5 ? 0.97 - 0.01 * k : 0.5));
  view.model.receive({
    loss: 0.97,
    loss_name: "test accuracy",
    higher_is_better: true,
    _tradeoff_edge: packTradeoff({
      thresholds: Float64Array.of(0, ...rising),
      activeEdges: Float64Array.from({ length: 16 }, (_, k) => 15 - k),
      lossZeroed: accuracy,
      lossKept: accuracy,
    }),
  });
  await frames(2);
  expect(go.textContent).toBe("Allow −5% test accuracy");
  expect(inside(view, "edge", ".limit-label").textContent).toBe("−5%");
  await click(go);
  await frames(2);
  expect(view.find("[data-role=status]").textContent).toContain("11 of 15 edges");
  await click(inside(view, "edge", "[data-role=suggest]"));
  await frames(2);
  expect(view.find("[data-role=status]").textContent).toContain("11 of 15 edges");
  // A better network is higher in the plot: the dashed line is dragged down to allow more loss.
  const [x, y] = middle(inside<SVGElement>(view, "edge", "[data-role=tolerance-line]"));
  await commands.mouse([["move", x - 80, y], ["down"], ["move", x - 80, y + 14, 8]]);
  await letGo();
  expect(view.model.traits.tolerance).toBeGreaterThan(0.05);
});

test("the button finds the smallest network within the tolerance, and the loss stays under the line", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  const go = inside<HTMLButtonElement>(view, "edge", "[data-role=allow]");
  expect(go.disabled).toBe(true);
  curve(view.model);
  await frames(2);
  expect(go.textContent).toBe("Allow +5% loss");
  await click(go);
  // 0.105 is 5 % more than 0.1: five edges may go.
  const mask = maskOf(createNetwork([2, 5, 1], rising, new Uint8Array(15).fill(1)), {
    ...NO_EDITS,
    edgeThreshold: view.model.traits.edge_threshold,
  });
  expect(countOn(mask)).toBe(10);
  expect(view.find("[data-role=status]").textContent).toContain("10 of 15 edges · test RMSE 0.1050");
});

test("the tolerance line can be dragged, and moved by keys, and the model is told", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  curve(view.model);
  await frames(2);
  const line = inside<SVGElement>(view, "edge", "[data-role=tolerance-line]");
  const [x, y] = middle(line);
  const before = view.model.messages;
  await commands.mouse([["move", x - 80, y], ["down"], ["move", x - 80, y - 14, 8]]);
  await frames(2);
  const label = inside(view, "edge", ".limit-label").textContent;
  expect(label).not.toBe("+5%");
  await letGo();
  const { tolerance } = view.model.traits;
  expect(tolerance).toBeGreaterThan(0.05);
  expect(label).toBe(`+${Number((100 * tolerance).toPrecision(3))}%`);
  expect(inside(view, "node", "[data-role=allow]").textContent).toBe(`Allow ${label} loss`);
  expect(view.model.messages - before).toBeLessThan(8);
  expect(view.model.traits.edge_threshold).toBe(0);
  const keys = inside<HTMLInputElement>(view, "edge", "[data-role=tolerance]");
  keys.focus();
  await userEvent.keyboard("{ArrowLeft}");
  await frames(2);
  expect(view.model.traits.tolerance).toBeLessThan(tolerance);
  expect(keys.getAttribute("aria-valuetext")).toMatch(/^\+[\d.]+%$/);
});

test("where no curve will ever come it says why", async () => {
  const said = (view: Mounted, axis: "node" | "edge") => inside(view, axis, ".unknown").textContent;
  const waiting = await mount(fakeModel());
  expect(said(waiting, "edge")).toContain("still being computed");
  waiting.model.receive({ loss: null });
  await frames(2);
  expect(said(waiting, "edge")).toBe("The loss is not a number");
  waiting.model.receive({ loss: "nan" as unknown as number });
  await frames(2);
  expect(said(waiting, "node")).toBe("The loss is not a number");
  const one = await mount(fakeModel([1, 1], Float64Array.of(0.5)));
  expect(said(one, "node")).toContain("there are no hidden nodes");
  expect(inside(one, "node", "[data-role=next]").textContent).toBe("there are no hidden nodes");
  const none = await mount(fakeModel([1, 2, 1], new Float64Array(4)));
  expect([said(none, "node"), said(none, "edge")]).toEqual([
    "Nothing to draw: no hidden node has a score above 0",
    "Nothing to draw: no edge has a score above 0",
  ]);
  const broken = await mount(fakeModel([1, 2, 1], new Float64Array(4).fill(Number.NaN)));
  expect(said(broken, "edge")).toBe("Nothing to draw: the scores are not numbers");
});

test("a page that cannot compute the loss says that it does not know it, and tells no change of it", async () => {
  const { _cells_x, _cells_y, ...traits } = richModel().traits;
  const costs = [[[1, 0, 0], 0.3]];
  const view = await mount(
    standaloneModel({ ...traits, selected: [[1, 0, 0]], _prices: costs }) as unknown as FakeModel,
  );
  const said = (axis: "node" | "edge") => {
    const plot = inside(view, axis, ".lossplot");
    return plot.hasAttribute("data-unknown") ? inside(view, axis, ".unknown").textContent : "";
  };
  const within = inside<HTMLButtonElement>(view, "edge", "[data-role=allow]");
  const card = () => view.find(".inspector").textContent;
  expect([said("node"), said("edge"), within.disabled]).toEqual(["", "", false]);
  expect(card()).toMatch(/If removed.*test RMSE.*→ 0.3000 \(/);
  view.twin("edge", "0,0,0").focus();
  await userEvent.keyboard("{Delete}");
  await expect.poll(() => said("edge")).toBe("This page does not know the loss along this threshold");
  expect(said("node")).toBe(said("edge"));
  expect(view.find("[data-role=status]").textContent).toBe("14 of 15 edges");
  expect(next(view, "edge")).not.toContain("loss");
  expect(card()).toContain("h1,0 → f(x)");
  expect(card()).not.toContain("RMSE");
  expect(within.disabled).toBe(true);
  await press(UNDO);
  expect([said("node"), said("edge"), within.disabled]).toEqual(["", "", false]);
});

test("while a cell runs, an old curve gives way to words that the next is being computed", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  curve(view.model);
  await frames(2);
  view.model.receive({ removed_edges: [[0, 0, 3]] });
  await expect.poll(() => inside(view, "edge", ".lossplot").hasAttribute("data-unknown")).toBe(true);
  expect(inside(view, "edge", ".unknown").textContent).toContain("still being computed");
});

test("of a best loss of 0 the tolerance is no percentage: the loss that is allowed is said", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  const go = inside<HTMLButtonElement>(view, "edge", "[data-role=allow]");
  view.model.receive({ _tradeoff_edge: along(Float64Array.from({ length: 16 }, (_, k) => 0.02 * k)) });
  await frames(2);
  expect([go.textContent, inside(view, "edge", ".limit-label").textContent]).toEqual([
    "Allow loss up to 0.015",
    "0.015",
  ]);
  await click(go);
  await frames(2);
  expect(view.find("[data-role=status]").textContent).toContain("15 of 15 edges");
  expect(next(view, "edge")).toContain("No smaller network is within 0.015 along this threshold");
  view.model.receive({ tolerance: 0.1 });
  await frames(2);
  await click(go);
  await frames(2);
  expect(view.find("[data-role=status]").textContent).toContain("14 of 15 edges");
});

test("without a curve the slider says so and works; the curve comes without moving anything", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  expect(panel(view, "edge").querySelector(".unknown")!.getBoundingClientRect().height).toBeGreaterThan(40);
  const top = view.canvas.getBoundingClientRect().top;
  await grab(view.slider("edge"), 500);
  await letGo();
  expect(view.model.traits.edge_threshold).toBeGreaterThan(0);
  curve(view.model);
  await frames(2);
  expect(view.canvas.getBoundingClientRect().top).toBe(top);
  expect(panel(view, "edge").querySelector(".unknown")!.getBoundingClientRect().height).toBe(0);
});

test("the dot is on the curve: where the thumb comes to rest, at the height of its loss", async () => {
  const view = await mount(richModel());
  await grab(view.slider("edge"), 700);
  const dot = inside(view, "edge", ".dot").getBoundingClientRect();
  const line = inside<SVGPathElement>(view, "edge", ".present");
  const box = inside<SVGSVGElement>(view, "edge", ".lossplot svg").getBoundingClientRect();
  const [x, y] = [dot.x + dot.width / 2, dot.y + dot.height / 2];
  const at = (1000 * (x - box.x)) / box.width;
  let [a, b] = [0, line.getTotalLength()];
  for (let k = 0; k < 40; k++) {
    const middle = (a + b) / 2;
    if (line.getPointAtLength(middle).x < at) a = middle;
    else b = middle;
  }
  const high = box.height / inside<SVGSVGElement>(view, "edge", ".lossplot svg").viewBox.baseVal.height;
  expect(Math.abs(line.getPointAtLength(a).y * high + box.y - y)).toBeLessThan(1);
  const track = view.slider("edge").getBoundingClientRect();
  const fromThumb = (share: number) => Math.abs(track.x + 8 + share * (track.width - 16) - x);
  expect(fromThumb(Number(view.slider("edge").style.getPropertyValue("--at")))).toBeLessThan(1);
  await letGo();
  expect(fromThumb(Number(view.slider("edge").value) / 1000)).toBeLessThan(1);
});

test("losses that are absurd or no numbers are marked, and the rest stays legible", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  const losses = Float64Array.of(0.1, 0.101, 0.104, 1e9, Number.NaN);
  const absurd = {
    thresholds: Float64Array.of(0, ...rising.slice(0, 4)),
    activeEdges: Float64Array.of(15, 14, 13, 12, 11),
    lossKept: losses,
    lossZeroed: losses,
  };
  view.model.receive({ _tradeoff_edge: packTradeoff(absurd) });
  await frames(2);
  expect(inside(view, "edge", ".over").getAttribute("d")).not.toBe("");
  expect(inside(view, "edge", ".present").getAttribute("d")).not.toContain("NaN");
  await click(inside(view, "edge", "[data-role=allow]"));
  expect(view.find("[data-role=status]").textContent).toContain("13 of 15 edges · test RMSE 0.1040");
  await userEvent.keyboard("{Tab}");
  view.slider("edge").focus();
  await userEvent.keyboard("{ArrowRight}{ArrowRight}");
  await frames(2);
  expect(next(view, "edge")).toContain("loss not a number →");
});

test("50,816 scores give no more ticks than there is room for", async () => {
  const scores = Float64Array.from({ length: 50816 }, (_, e) => 1 / (1 + ((e * 7919) % 50816)));
  const view = await mount(fakeModel([784, 64, 10], scores));
  const ticks = [...inside(view, "edge", ".ticks").querySelectorAll("path")]
    .map((path) => path.getAttribute("d")!.split("M").length - 1)
    .reduce((a, b) => a + b);
  expect(ticks).toBeLessThanOrEqual(1001);
  expect(ticks).toBeGreaterThan(500);
  view.slider("edge").focus();
  await userEvent.keyboard("{ArrowRight}");
  await frames(2);
  expect(view.find("[data-role=status]").textContent).toMatch(/^50,815 of 50,816 edges/);
});

test("whatever the next change is called, it moves nothing below it", async () => {
  for (const width of [320, 560, 1000]) {
    const view = await mount(fakeModel([2, 5, 1], rising), width);
    view.find(".sliders > .segments input[value=edge]").click();
    const top = view.canvas.getBoundingClientRect().top;
    view.model.receive({
      in_vars: ["a name of a variable that is far too long to be read", "b ".repeat(60)],
    });
    curve(view.model);
    await frames(2);
    expect(view.canvas.getBoundingClientRect().top).toBe(top);
    view.find<HTMLInputElement>("[data-readout=edge]").focus();
    await userEvent.keyboard("much too much of everything{Enter}");
    await frames(2);
    expect(next(view, "edge")).toContain("is no threshold");
    expect(view.canvas.getBoundingClientRect().top).toBe(top);
    view.close();
    view.el.remove();
  }
});

test("a curve of a moment ago stays, faint and without promises, until the next one comes", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  curve(view.model);
  await frames(2);
  const plot = inside(view, "edge", ".lossplot");
  const line = inside<SVGPathElement>(view, "edge", ".present");
  const says = inside(view, "edge", ".unknown");
  const drawn = line.getAttribute("d");

  expect(plot.hasAttribute("data-stale")).toBe(false);
  // An edge goes by hand: what the curve says is of another state, though it is still here.
  view.model.receive({ removed_edges: [[0, 0, 3]] });
  await frames(2);
  expect(getComputedStyle(line.ownerSVGElement!).opacity).toBe("0.35");
  expect(next(view, "edge")).not.toContain("loss");
  view.model.receive({ _tradeoff_edge: new DataView(new ArrayBuffer(0)) });
  await frames(2);
  expect(line.getAttribute("d")).toBe(drawn);
  expect(getComputedStyle(line).visibility).toBe("visible");
  expect(getComputedStyle(says).display).toBe("none");
  expect(inside<HTMLButtonElement>(view, "edge", "[data-role=suggest]").disabled).toBe(true);
  const without = Array.from(rising).filter((_, e) => e !== 6);
  view.model.receive({
    _tradeoff_edge: packTradeoff({
      thresholds: Float64Array.of(0, ...without),
      activeEdges: Float64Array.from({ length: 15 }, (_, k) => 14 - k),
      lossZeroed: Float64Array.from({ length: 15 }, (_, k) => 0.2 + 0.03 * k),
      lossKept: Float64Array.from({ length: 15 }, (_, k) => 0.2 + 0.04 * k ** 2),
    }),
  });
  await frames(2);
  expect(plot.hasAttribute("data-stale")).toBe(false);
  expect(line.getAttribute("d")).not.toBe(drawn);
  expect(next(view, "edge")).toContain("loss 0.2000 → 0.2400, 13 of");
});

test("no curve stays for good: after a while it is said why there is none", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  curve(view.model);
  await frames(2);
  view.model.receive({ _tradeoff_edge: new DataView(new ArrayBuffer(0)) });
  await frames(2);
  const says = inside(view, "edge", ".unknown");
  expect(getComputedStyle(says).display).toBe("none");
  await expect.poll(() => getComputedStyle(says).display).toBe("grid");
  expect(says.textContent).toContain("still being computed");
});

test("where every step costs, Suggest removes nothing and says why", async () => {
  const view = await mount(fakeModel([2, 5, 1], rising));
  const losses = Float64Array.from({ length: 16 }, (_, k) => 0.02 + 0.1 * k);
  const steep = {
    thresholds: Float64Array.of(0, ...rising),
    activeEdges: Float64Array.from({ length: 16 }, (_, k) => 15 - k),
    lossZeroed: losses,
    lossKept: losses,
  };
  view.model.receive({ _tradeoff_edge: packTradeoff(steep) });
  await frames(2);
  await click(inside(view, "edge", "[data-role=suggest]"));
  await frames(2);
  expect(view.find("[data-role=status]").textContent).toContain("15 of 15 edges");
  expect(next(view, "edge")).toContain("Nothing to suggest: the first steps cost as much");
});

test("the thumb is at the step that is written while it is dragged, and does not move when it is let go", async () => {
  const view = await mount();
  const slider = view.slider("node");
  const filled = () => Math.round(1000 * Number(slider.style.getPropertyValue("--at")));
  const seen: number[] = [];
  const steps: number[] = [];
  for (const position of [560, 600, 640, 680]) {
    if (seen.length === 0) await grab(slider, position);
    else await commands.mouse([["move", ...thumb(slider, position)]]);
    await frames(2);
    expect(Number(slider.value)).toBe(filled());
    seen.push(view.model.traits.node_threshold);
    steps.push(Number(slider.value));
  }
  // One score in a wide span: the value has two places at most.
  expect(new Set(seen).size).toBeLessThanOrEqual(2);
  expect(new Set(steps).size).toBeLessThanOrEqual(2);
  await letGo();
  expect(Number(slider.value)).toBe(steps.at(-1));
  expect(filled()).toBe(steps.at(-1));
  slider.focus();
  await userEvent.keyboard("{Home}");
  await frames(2);
  expect(slider.value).toBe("0");
});

test("wherever the thumb is let go, it does not move by a pixel: not on release, and not by Python's answer", async () => {
  const view = await mount(richModel([4, 6, 1]));
  for (const axis of ["node", "edge"] as const) {
    const slider = view.slider(axis);
    const place = () => [
      thumb(slider, Number(slider.value))[0],
      thumb(slider, 1000 * Number(slider.style.getPropertyValue("--at")))[0],
      middle(inside(view, axis, ".dot"))[0],
    ];
    for (const position of [137, 583, 742, 1000, 0]) {
      await grab(slider, position);
      const [held, text] = [place(), view.find<HTMLInputElement>(`[data-readout=${axis}]`).value];
      expect(Math.abs(held[2]! - held[0]!)).toBeLessThan(0.6);
      await letGo();
      expect(place()).toEqual(held);
      view.model.python();
      await frames(3);
      expect(place()).toEqual(held);
      expect(view.find<HTMLInputElement>(`[data-readout=${axis}]`).value).toBe(text);
    }
  }
});

test("scores that come while a slider is dragged move neither its axis under the hand nor the network", async () => {
  const view = await mount();
  const slider = view.slider("edge");
  await grab(slider, 500);
  const places = () =>
    [...view.root.querySelectorAll(".twins button")].map((twin) => middle(twin).map(Math.round).join());
  const shown = () => Number(view.find<HTMLInputElement>("[data-readout=edge]").value);
  // What is dragged is written now and then.
  await expect.poll(() => view.model.traits.edge_threshold).toBe(shown());
  const [value, before, threshold] = [slider.value, places(), shown()];
  const scores = networkOf([2, 5, 1]).scores.map((score) => 40 * score);
  view.model.receive({ _scores: pack(scores, [15]) });
  await frames(3);
  expect(slider.value).toBe(value);
  expect(places()).toEqual(before);
  await letGo();
  expect(view.model.traits.edge_threshold).toBe(threshold);
  const left = scores.filter((score) => score > threshold).length;
  expect(view.find("[data-role=status]").textContent).toContain(`${left} of 15 edges`);
  await frames(2);
  expect(Number(slider.value)).toBeLessThan(Number(value));
});

test.each([[[2, 5, 1]], [[4, 6, 1]], [[2, 12, 2]]])(
  "of [%s], the label of the tolerated loss covers no curve and no number, whatever is tolerated",
  async (width) => {
    const model = richModel(width);
    const view = await mount(model);
    for (const tolerance of [0, 0.02, 0.05, 0.2, 1, 5, 20]) {
      model.receive({ tolerance });
      await frames(2);
      for (const axis of ["node", "edge"]) {
        const plot = view.find(`.slider:has([data-threshold=${axis}]) .lossplot`);
        if (plot.hasAttribute("data-unknown")) continue;
        const label = plot.querySelector(".limit-label")!.getBoundingClientRect();
        const frame = plot.getBoundingClientRect();
        expect(label.left).toBeGreaterThanOrEqual(frame.left - 0.5);
        expect(label.right).toBeLessThanOrEqual(frame.right + 0.5);
        const covers = (x: number, y: number) =>
          x > label.left && x < label.right && y > label.top && y < label.bottom;
        for (const name of ["kept", "zeroed"]) {
          const path = plot.querySelector<SVGPathElement>(`path.${name}`)!;
          const length = path.getTotalLength();
          for (let at = 0; at < length; at += 0.5) {
            const { x, y } = path.getPointAtLength(at);
            const high = frame.height / path.ownerSVGElement!.viewBox.baseVal.height;
            const inside = covers(frame.left + (x / 1000) * frame.width, frame.top + y * high);
            expect(inside, `${axis}, ${tolerance}: the ${name} curve at ${x}, ${y}`).toBe(false);
          }
        }
        const others = [".marks span", ".curve-names", ".value"].flatMap((what) => [
          ...plot.querySelectorAll<HTMLElement>(what),
        ]);
        for (const other of others) {
          if (!other.checkVisibility()) continue;
          const { left, right, top, bottom } = other.getBoundingClientRect();
          const touches =
            left < label.right && right > label.left && top < label.bottom && bottom > label.top;
          expect(touches, `${axis}, ${tolerance}: ${other.textContent}`).toBe(false);
        }
      }
    }
  },
);

test("where a training that was under way has changed the scores, a threshold says that it removes others", async () => {
  const view = await mount();
  const said = () => view.find(".slider:has([data-threshold=edge]) [data-role=rescored]").textContent;
  const scores = networkOf([2, 5, 1]).scores;
  const train = async () => {
    view.model.receive({ _scores: pack(scores.reverse(), [15]) });
    await frames(2);
  };
  await grab(view.slider("edge"), 500);
  await letGo();
  view.model.python();
  await frames(2);
  // What Python has confirmed is as it was shown, whatever is trained later.
  await train();
  expect(said()).toBe("");
  await train();
  // The kernel is busy: the new scores come first, and then what it makes of the threshold.
  await grab(view.slider("edge"), 700);
  await letGo();
  await train();
  expect(said()).toMatch(/^Training changed the scores: [\d.e-]+ removes other edges than were shown/);
  view.model.python();
  await frames(2);
  expect(said()).toMatch(/^Training changed/);
  await grab(view.slider("edge"), 300);
  expect(said()).toBe("");
  await letGo();
});
