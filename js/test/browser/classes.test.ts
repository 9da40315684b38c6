/** Classification: what the traced sample is taken for, and metrics beside the loss. */
import { expect, test } from "vitest";
import { softmax } from "../../src/model/classes";
import { trace } from "../../src/model/forward";
import { createSnapshotReader } from "../../src/wire/snapshot";
import type { Traits } from "../../src/wire/traits";
import { fakeModel, pack } from "../fake";
import { richModel } from "../rich";
import { click, frames, type Mounted, mount } from "./mounted";

async function traced(width: number[], traits: (count: number) => Partial<Traits>) {
  const model = richModel(width);
  const count = createSnapshotReader(model)().rows!.count;
  model.receive({ out_vars: ["setosa", "versicolor", "virginica"].slice(0, width.at(-1)), ...traits(count) });
  const view = await mount(model);
  await click(view.find("[data-panel=probe]"));
  return view;
}
const classes = (count: number) =>
  pack(
    Float32Array.from({ length: count }, (_, k) => k % 3),
    [count],
  );
const rows = (view: Mounted) => [...view.root.querySelectorAll<HTMLElement>(".outcome [data-class]")];

test("of a classifier the trace tells each class's probability, which is predicted, and which it is", async () => {
  const view = await traced([2, 5, 3], (count) => ({ _prediction: "softmax", _row_classes: classes(count) }));
  const { net, cells, kernelMask } = createSnapshotReader(view.model)();
  const outputs = () => trace(net, cells!, kernelMask, true, view.model.traits.probe).nodes.subarray(-3);
  for (let row = 0; row < 4; row++) {
    const shares = [...softmax(outputs())];
    const predicted = shares.indexOf(Math.max(...shares));
    expect(rows(view).map((one) => one.querySelector("th")!.textContent)).toEqual([
      "setosa",
      "versicolor",
      "virginica",
    ]);
    for (const [k, one] of rows(view).entries()) {
      expect(Math.abs(Number.parseFloat(one.children[1]!.textContent!) / 100 - shares[k]!)).toBeLessThan(
        0.006,
      );
      expect(Number(one.querySelector("rect")!.getAttribute("width"))).toBeCloseTo(100 * shares[k]!, 6);
      expect([one.hasAttribute("data-predicted"), one.hasAttribute("data-label")]).toEqual([
        k === predicted,
        k === row % 3,
      ]);
    }
    const said = view.find("[data-role=outputs]").textContent!;
    expect(said).toContain(`predicted ${["setosa", "versicolor", "virginica"][predicted]}`);
    expect(said).toMatch(predicted === row % 3 ? /: right$/ : /: wrong$/);
    await click(view.find("[data-role=next-row]"));
  }
  // A sample of one's own has no label.
  view.model.receive({ probe: [0.123, 0.456] });
  await frames(2);
  expect(view.find("[data-role=outputs]").textContent).not.toContain("label");
});

test("without a loss that says what outputs mean, the class is told, and no probability", async () => {
  const view = await traced([2, 5, 3], (count) => ({ _prediction: "class", _row_classes: classes(count) }));
  expect(view.find("[data-role=outputs]").textContent).toMatch(
    /^predicted \w+, label setosa: (right|wrong)$/,
  );
  expect(view.find(".outcome").textContent).not.toContain("%");
  expect(view.root.querySelector(".outcome rect")).toBeNull();
});

test("an output that answers yes or no has a probability of its own", async () => {
  const view = await traced([2, 5, 1], (count) => ({
    _prediction: "sigmoid",
    _row_labels: pack(new Float32Array(count).fill(1), [count, 1]),
  }));
  expect(rows(view)).toHaveLength(1);
  expect(rows(view)[0]!.textContent!.replace(/\s+/g, " ")).toMatch(
    /setosa [\d.]+% predicted [01], label 1: (right|wrong)/,
  );
});

test("of many classes the most probable are told, the label's always, and the rest are counted", async () => {
  const model = richModel([2, 3, 40]);
  const count = createSnapshotReader(model)().rows!.count;
  model.receive({ _prediction: "softmax", _row_classes: pack(new Float32Array(count).fill(39), [count]) });
  const view = await mount(model);
  await click(view.find("[data-panel=probe]"));
  expect(rows(view)).toHaveLength(12);
  expect(rows(view).at(-1)!.hasAttribute("data-label")).toBe(true);
  expect(view.find(".outcome .more").textContent).toBe("and 28 smaller");
});

test("beside the loss are the other metrics, and all of them on the training rows; what is old is faint", async () => {
  const model = fakeModel();
  const view = await mount(model);
  const metrics = () => view.find("[data-role=metrics]");
  expect(metrics().textContent).toBe("");
  model.receive({
    _metrics: [
      ["cross entropy", 0.13, 0.12],
      ["accuracy", 0.97, 0.99],
    ],
  });
  await frames(2);
  expect(metrics().textContent).toBe(" · train 0.1200 · accuracy 0.9700 (train 0.9900)");
  expect(metrics().classList.contains("pending")).toBe(false);
  view.twin("edge", "0,0,0").focus();
  model.receive({ removed_edges: [[0, 0, 0]] });
  await frames(2);
  expect(metrics().classList.contains("pending")).toBe(true);
  model.receive({ _metrics: [] });
  model.python();
  await frames(2);
  expect([metrics().textContent, metrics().classList.contains("pending")]).toEqual([
    " · train 0.1200 · accuracy 0.9700 (train 0.9900)",
    true,
  ]);
  model.receive({
    _metrics: [
      ["RMSE", 0.14, null],
      ["accuracy", null, null],
    ],
  });
  await frames(2);
  expect([metrics().textContent, metrics().classList.contains("pending")]).toEqual([" · accuracy –", false]);
});

test("parts that are left out are not there, for keys and screen readers either, and come back", async () => {
  const view = await mount(richModel());
  const parts: [string, string][] = [
    ["status", "[data-role=status]"],
    ["toolbar", "[data-role=undo]"],
    ["thresholds", "[data-threshold=edge]"],
    ["legend", ".legend"],
    ["history", "[data-panel=history]"],
    ["code", "[data-panel=script]"],
    ["trace", "[data-panel=probe]"],
    ["training", "[data-panel=train]"],
  ];
  const there = () =>
    parts
      .filter(([, selector]) => view.root.querySelector(selector)?.checkVisibility())
      .map(([part]) => part);
  expect(there()).toEqual(parts.map(([part]) => part));
  for (const [part] of parts) {
    view.model.receive({ hide: [part] });
    await frames(2);
    // The buttons of panels are in the toolbar.
    const gone = parts.map(([other]) => other).filter((other) => !there().includes(other));
    expect(gone, part).toContain(part);
    if (part !== "toolbar") expect(gone).toEqual([part]);
  }
  view.model.receive({ hide: parts.map(([part]) => part), selected: [[0, 0, 0]] });
  await frames(2);
  expect(there()).toEqual([]);
  expect(view.find(".cards").checkVisibility()).toBe(true);
  expect(view.canvas.checkVisibility()).toBe(true);
  view.model.receive({ hide: ["cards", "a part of another version"] });
  await frames(2);
  expect(view.find(".cards").checkVisibility()).toBe(false);
  // The first tab that there is, in the place of that of the cards.
  expect(view.find(".tabs [aria-selected=true]").dataset.panel).toBe("train");
  expect(there()).toHaveLength(8);
});
