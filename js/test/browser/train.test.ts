/** The tab Train and the action Retrain: what they ask Python for, and what they show of a training. */
import { expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import type { TrainingRun } from "../../src/wire/traits";
import { type FakeModel, fakeModel, pack } from "../fake";
import { click, frames, type Mounted, mount } from "./mounted";

const RUN: TrainingRun = {
  number: 1,
  state: "running",
  steps: 20,
  done: 3,
  opt: "LM",
  lr: 0.5,
  lamb: 0.01,
  lamb_entropy: 2,
  update_grid: true,
  batch: -1,
  stopped: "",
  error: "",
};
/** Steps, train loss, test loss, regulariser. */
const LOSSES = pack(new Float64Array([0, 1, 2, 0.5, 0.05, 0.005, 0.6, 0.07, 0.008, 0.1, 0.1, 0.1]), [4, 3]);

const doing = (view: Mounted) =>
  view.model.acts.filter(({ do: name }) => name !== "new_step" && name !== "send");
const said = (view: Mounted) => view.find("[data-role=training]").textContent;

async function open(model: FakeModel = fakeModel()): Promise<Mounted> {
  const view = await mount(model, 1100);
  await click(view.find("[data-panel=train]"));
  await frames(2);
  return view;
}

test("Retrain trains with the usual settings, and with those of the last training after it", async () => {
  const view = await mount();
  await click(view.find("[data-role=retrain]"));
  expect(doing(view)).toEqual(
    [{ do: "train", steps: 20, opt: "LBFGS", lr: 1, lamb: 0, update_grid: false }].map((act) =>
      expect.objectContaining(act),
    ),
  );
  view.model.receive({ _run: RUN, _run_losses: LOSSES });
  await frames(2);
  // One training at a time; its tab has come to the front.
  await click(view.find("[data-role=retrain]"));
  expect(doing(view)).toHaveLength(1);
  expect(said(view)).toBe("step 4 of 20");
  // Where the curves are of a step that has not ended, it says so.
  view.model.receive({ _run: { ...RUN, opt: "LBFGS", iteration: 12, train_loss: 0.01234 } });
  await frames(2);
  expect(said(view)).toBe("step 4 of 20, iteration 12 · train 0.01234");
  view.model.receive({ _run: { ...RUN, opt: "LBFGS", iteration: 0, train_loss: null } });
  await frames(2);
  expect(said(view)).toBe("step 4 of 20, iteration 0");
  view.model.receive({ _run: { ...RUN, state: "ended", done: 20 } });
  await frames(2);
  expect(said(view)).toBe("20 steps done");
  await click(view.find("[data-role=retrain]"));
  expect(doing(view).at(-1)).toMatchObject({ steps: 20, opt: "LM", lr: 0.5, lamb: 0.01, update_grid: true });
});

test("settings are what the next training gets, and what makes no sense is put back", async () => {
  const view = await open();
  const field = (role: string) => view.find<HTMLInputElement>(`.train [data-role=${role}]`);
  await userEvent.fill(field("steps"), "7");
  await userEvent.fill(field("lr"), "-3");
  await userEvent.selectOptions(field("opt") as unknown as HTMLSelectElement, "Adam");
  field("lamb").focus();
  await userEvent.keyboard("{ArrowRight}");
  expect(field("lamb").getAttribute("aria-valuetext")).toBe("1.0e-5");
  await click(field("update-grid"));
  expect(field("lr").value).toBe("1");
  await click(view.find("[data-role=play]"));
  expect(doing(view)).toEqual([
    expect.objectContaining({ do: "train", steps: 7, opt: "Adam", lr: 1, lamb: 1e-5, update_grid: true }),
  ]);
});

test("a training is paused, taken a step further, gone on with, and stopped", async () => {
  const view = await open();
  const press = async (role: string) => {
    await click(view.find(`.train [data-role=${role}]`));
    return doing(view).at(-1)?.do;
  };
  const isOff = (role: string) => view.find<HTMLButtonElement>(`.train [data-role=${role}]`).disabled;
  expect([isOff("stop"), isOff("one-step")]).toEqual([true, false]);
  await press("one-step");
  expect(doing(view).at(-1)).toMatchObject({ do: "train", one_step: true });
  view.model.receive({ _run: RUN });
  await frames(2);
  expect(isOff("one-step")).toBe(true);
  expect(await press("play")).toBe("pause");
  view.model.receive({ _run: { ...RUN, state: "paused" } });
  await frames(2);
  expect(said(view)).toBe("paused after step 3 of 20");
  expect(await press("one-step")).toBe("step");
  expect(await press("play")).toBe("resume");
  expect(await press("stop")).toBe("stop");
  view.model.receive({ _run: { ...RUN, state: "ended", stopped: "stopped on request in step 3" } });
  await frames(2);
  expect(said(view)).toBe("stopped on request in step 3");
});

test("settings change while it trains, and what Python refuses is put back", async () => {
  const view = await open();
  const field = (role: string) => view.find<HTMLInputElement>(`.train [data-role=${role}]`);
  view.model.receive({ _run: RUN, _run_losses: LOSSES });
  await frames(2);
  field("lr").focus();
  await userEvent.keyboard("{Control>}a{/Control}0.");
  view.model.receive({ _run: { ...RUN, done: 4 } });
  await frames(2);
  await userEvent.keyboard("25{Enter}");
  expect(doing(view)).toEqual([{ do: "change", lr: 0.25 }]);
  view.model.receive({ _run: { ...RUN, done: 5 } });
  await frames(2);
  expect(field("lr").value).toBe("0.25");
  view.model.receive({ _run: { ...RUN, done: 6, lr: 0.25 } });
  await frames(2);
  field("lamb").focus();
  await userEvent.keyboard("{ArrowRight}");
  expect(doing(view).at(-1)).toMatchObject({ do: "change", lamb: expect.any(Number) });
  await click(field("update-grid"));
  expect(doing(view).at(-1)).toEqual({ do: "change", update_grid: false });
  view.model.receive({ error: "no", _run: { ...RUN, done: 7, lr: 0.25 } });
  await frames(2);
  expect(field("update-grid").checked).toBe(true);
  expect(field("lr").value).toBe("0.25");
});

test("marks say after which step something was pruned or refined", async () => {
  const view = await open();
  const marks = [
    [1, "pruned"],
    [2, "refined"],
  ] as const;
  view.model.receive({ _run: { ...RUN, marks }, _run_losses: LOSSES });
  await frames(2);
  const drawn = [...view.root.querySelectorAll(".loss-chart .mark")];
  expect(drawn).toHaveLength(2);
  expect(drawn[0]!.textContent).toBe("pruned");
  const places = drawn.map((mark) =>
    Number(/M([\d.]+)/.exec(mark.querySelector("path")!.getAttribute("d")!)![1]),
  );
  expect(places[1]).toBeGreaterThan(places[0]!);
});

test("a loop of the user's own is paused and stopped, and settings are for the next training", async () => {
  const view = await open();
  const own = { ...RUN, own: true, steps: 7, done: 7, opt: "LBFGS" } as const;
  view.model.receive({ _run: own });
  await frames(2);
  expect(said(view)).toBe("7 steps of your own loop");
  await click(view.find(".train [data-role=play]"));
  expect(doing(view).at(-1)).toEqual({ do: "pause" });
  view.model.receive({ _run: { ...own, state: "paused" } });
  await frames(2);
  expect(said(view)).toBe("paused: 7 steps of your own loop");
  await userEvent.fill(view.find(".train [data-role=lr]"), "0.1");
  await click(view.find(".train [data-role=stop]"));
  expect(doing(view).map((act) => act.do)).toEqual(["pause", "stop"]);
  view.model.receive({ _run: { ...own, state: "ended" } });
  await frames(2);
  expect(said(view)).toBe("7 steps of your own loop done");
  await click(view.find(".train [data-role=play]"));
  expect(doing(view).at(-1)).toMatchObject({ do: "train", steps: 20, lr: 0.1 });
});

test("splines are refined to a grid of one's own", async () => {
  const view = await open();
  await userEvent.fill(view.find("[data-role=grid]"), "12");
  view.find("[data-role=refine]").scrollIntoView();
  await click(view.find("[data-role=refine]"));
  expect(doing(view)).toEqual([{ do: "refine", grid: 12 }]);
});

test("losses are drawn on one logarithmic axis, named, and told in words", async () => {
  const view = await open();
  const chart = view.find<HTMLElement>(".loss-chart");
  expect(chart.textContent).toContain("no training yet");
  view.model.receive({ _run: RUN, _run_losses: LOSSES });
  await frames(2);
  const heights = (series: string) =>
    [
      ...view
        .find(`.loss-chart path.${series}`)
        .getAttribute("d")!
        .matchAll(/[ML]\S+ ([\d.]+)/g),
    ].map((m) => Number(m[1]));
  const [first, second, third] = heights("train");
  expect(second! - first!).toBeGreaterThan(10);
  expect(third! - second!).toBeCloseTo(second! - first!, 0);
  expect(heights("test")).toHaveLength(3);
  const names = [...chart.querySelectorAll("text")].map((text) => text.textContent);
  expect(names).toEqual(expect.arrayContaining(["train", "test", "regulariser", "20 steps"]));
  const tops = [...chart.querySelectorAll("text[class]:not([class=''])")].map((text) =>
    Number(text.getAttribute("y")),
  );
  for (const [k, top] of tops.entries()) {
    for (const other of tops.slice(k + 1)) expect(Math.abs(top - other)).toBeGreaterThanOrEqual(11);
  }
  expect(chart.querySelector("title")!.textContent).toMatch(/3 steps.*0.5000 to 0.005000.*0.008000/);
  expect(view.find("[data-role=losses]").textContent).toBe(
    "train 0.005000 · test 0.008000 · regulariser 0.1000",
  );
});

test("a page without Python shows a training, but cannot begin one", async () => {
  const model = fakeModel();
  const page = Object.assign(model, { standalone: true, computes: true });
  const view = await mount(page, 1100);
  expect(view.root.querySelector("[data-role=retrain], [data-panel=train]")).toBeNull();
  model.receive({ _run: { ...RUN, state: "ended", done: 3 }, _run_losses: LOSSES });
  await frames(2);
  await click(view.find("[data-panel=train]"));
  await frames(2);
  expect(view.find(".loss-chart path.train").getAttribute("d")).not.toBe("");
  expect(view.root.querySelector("[data-role=play]")).toBeNull();
});
