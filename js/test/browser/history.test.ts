/** The history: what is listed, a way back to each step, notes, two compared. */
import { expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { INDICES, stepWords } from "../../src/text/session-messages";
import type { HistoryStep, Message, Traits } from "../../src/wire/traits";
import { networkOf, pack } from "../fake";
import { historyOf, richModel } from "../rich";
import { click, frames, type Mounted, mount, openMore } from "./mounted";

async function open(count: number) {
  const model = richModel();
  model.receive(historyOf(networkOf([2, 5, 1]), 0.1, count));
  const view = await mount(model);
  await click(view.find("[data-panel=history]"));
  return view;
}
const steps = (view: Mounted) => [...view.root.querySelectorAll<HTMLElement>(".steps li")];
const focused = (view: Mounted) => (view.root.getRootNode() as ShadowRoot).activeElement;

test("every step is listed with its edges, loss and note, the newest last, and the present one is marked", async () => {
  const view = await open(4);
  expect(view.find("[data-panel=history]").getAttribute("aria-selected")).toBe("true");
  expect(steps(view).map((one) => one.querySelector("button")!.textContent)).toEqual(
    view.model.traits._history.map((step) => stepWords(step, INDICES)),
  );
  expect(steps(view)[2]!.querySelector(".edges")!.textContent).toBe("13");
  expect(steps(view)[2]!.querySelector(".loss")!.textContent).toBe("0.1020");
  expect(view.find(".rows .columns").textContent!.match(/Step|Edges|Loss|A\/B/g)).toEqual([
    "Step",
    "Edges",
    "Loss",
    "A/B",
  ]);
  const heights = steps(view).map((one) => one.getBoundingClientRect().height);
  expect(new Set(heights)).toEqual(new Set([28]));
  expect(steps(view)[2]!.querySelector<HTMLInputElement>(".note")!.value).toBe("x1 alone is not enough");
  expect(steps(view).map((one) => one.getAttribute("aria-current"))).toEqual([null, null, null, "step"]);
});

test("a step measured before others changed the model says that its numbers are of then", async () => {
  const view = await open(3);
  const history = view.model.traits._history.map((step) => ({ ...step, stale: step.id < 2 }));
  view.model.receive({ _history: history });
  await frames(2);
  expect(steps(view).map((one) => one.querySelector(".edges")!.textContent)).toEqual([
    "15 then",
    "14 then",
    "13",
  ]);
  expect(steps(view).map((one) => one.title !== "")).toEqual([true, true, false]);
  const [old, now] = [1, 2].map((k) => getComputedStyle(steps(view)[k]!.querySelector(".loss")!));
  expect([old!.fontStyle, now!.fontStyle]).toEqual(["italic", "normal"]);
});

test("a click or Enter on a step jumps there; the focus stays on it when the answer comes", async () => {
  const view = await open(6);
  const row = view.find("[data-step='1']");
  await click(row);
  expect(view.model.acts).toEqual([{ do: "jump", id: 1 }]);
  view.model.receive({ _current: 1 });
  await frames(2);
  expect(focused(view)).toBe(row);
  expect(steps(view)[1]!.getAttribute("aria-current")).toBe("step");
  view.find("[data-step='0']").focus();
  await userEvent.keyboard("{Enter}");
  expect(view.model.acts.at(-1)).toEqual({ do: "jump", id: 0 });
});

test("a note is written where it stands, Escape leaves it as it was, and new steps do not disturb the writing", async () => {
  const view = await open(4);
  const note = view.find<HTMLInputElement>("[data-note='1']");
  note.focus();
  await userEvent.keyboard("half a tho");
  view.model.receive(historyOf(networkOf([2, 5, 1]), 0.1, 5));
  await frames(2);
  expect(focused(view)).toBe(note);
  await userEvent.keyboard("ught{Enter}");
  expect(view.model.acts).toEqual([{ do: "note", id: 1, text: "half a thought" }]);
  const other = view.find<HTMLInputElement>("[data-note='2']");
  other.focus();
  await userEvent.keyboard("rubbish{Escape}");
  expect(other.value).toBe("x1 alone is not enough");
  expect(view.model.acts).toHaveLength(1);
});

test("undo and redo are asked for by button and by key, and are closed where there is nothing to do", async () => {
  const view = await open(4);
  const [undo, redo] = [
    view.find<HTMLButtonElement>("[data-role=undo]"),
    view.find<HTMLButtonElement>("[data-role=redo]"),
  ];
  expect([undo.disabled, redo.disabled]).toEqual([false, true]);
  await click(undo);
  view.model.receive({ _current: 0 });
  await frames(2);
  // The button that has the focus keeps it, and says that it does nothing.
  expect(focused(view)).toBe(undo);
  expect([undo.getAttribute("aria-disabled"), redo.disabled]).toEqual(["true", false]);
  await click(redo);
  view.slider("node").focus();
  await userEvent.keyboard("{Control>}z{/Control}{Control>}{Shift>}z{/Shift}{/Control}{Control>}y{/Control}");
  expect(view.model.acts.map((act) => act.do)).toEqual(["undo", "redo", "undo", "redo", "redo"]);
});

test("in a field that is being typed in, Ctrl+Z is the field's own", async () => {
  const view = await open(4);
  view.find<HTMLInputElement>("[data-note='1']").focus();
  await userEvent.keyboard("a{Control>}z{/Control}");
  expect(view.model.acts.filter((act) => act.do === "undo")).toEqual([]);
});

test("two steps are compared: how many edges differ is said, and it ends when asked", async () => {
  const view = await open(5);
  const pick = (id: number) => view.find(`[data-compare='${id}']`);
  await click(pick(1));
  expect(view.model.acts).toEqual([]);
  expect(view.find("[data-role=compared]").textContent).toContain("choose another");
  await click(pick(3));
  expect(view.model.acts).toEqual([{ do: "compare", ids: [1, 3] }]);
  const letter = (id: number) => pick(id).closest("label")!.textContent!.trim();
  expect([letter(1), letter(2), letter(3)]).toEqual(["A", "", "B"]);
  expect(pick(3).getAttribute("aria-label")).toBe("Compare step 3, B");
  const bits = new Uint8Array(15).fill(3);
  bits.set([1, 2, 0, 1], 4);
  view.model.receive({ _compared: pack(bits, [15]) });
  await frames(2);
  expect(view.find("[data-role=compared]").textContent).toBe("3 edges differ");
  await click(view.find("[data-role=end-compare]"));
  expect(view.model.acts.at(-1)).toEqual({ do: "compare", ids: [] });
  view.model.receive({ _compared: new DataView(new ArrayBuffer(0)) });
  await frames(2);
  expect(view.find("[data-role=compared]").textContent).toBe("");
  expect(
    [...view.root.querySelectorAll("[data-compare]")].some((box) => (box as HTMLInputElement).checked),
  ).toBe(false);
});

test("a long history shows its newest step, and moves neither the page nor the network", async () => {
  const view = await open(40);
  const rows = view.find(".rows");
  const last = steps(view).at(-1)!.getBoundingClientRect();
  expect(last.bottom).toBeLessThanOrEqual(rows.getBoundingClientRect().bottom + 1);
  const [scroll, top] = [scrollY, view.canvas.getBoundingClientRect().top];
  view.model.receive({ _current: 2 });
  await frames(2);
  expect([scrollY, view.canvas.getBoundingClientRect().top]).toEqual([scroll, top]);
  expect(steps(view)[2]!.getBoundingClientRect().top).toBeGreaterThanOrEqual(
    rows.getBoundingClientRect().top,
  );
});

/** Three edges switched by hand after the start, and so many thresholds then. */
function handHistory(thresholds: number): Partial<Traits> {
  const step = (id: number, what: Message[], edges: number): HistoryStep => ({
    ...{ id, parent: id === 0 ? null : id - 1, kind: id === 0 ? "start" : "set", what, note: "" },
    ...{
      edges_removed: id === 0 ? 0 : 1,
      loss_before: 0.1,
      loss_after: 0.1 + 0.001 * id,
      active_edges: edges,
    },
  });
  const steps = [step(0, [], 15), ...[1, 2, 3].map((id) => step(id, [["edge_off", 0, 0, id]], 15 - id))];
  for (let k = 0; k < thresholds; k++) steps.push(step(4 + k, [["edge_threshold", 0.01 * (k + 1)]], 11 - k));
  return { _history: steps, _current: steps.length - 1 };
}
const folded = (view: Mounted) => view.find<HTMLButtonElement>(".steps .run .go");

test("steps of one kind in a row are one row with their losses as a line, which unfolds by a click or a key", async () => {
  const view = await open(1);
  view.model.receive(handHistory(1));
  await frames(2);
  const words = () => steps(view).map((one) => one.querySelector("button")!.textContent!.trim());
  expect(words()).toEqual(["the model as it came", "3 hand edits", "edge threshold 0.01: 1 edge goes"]);
  const run = steps(view)[1]!;
  expect([".edges", ".loss"].map((one) => run.querySelector(one)!.textContent)).toEqual([
    "15 → 12",
    "0.1030",
  ]);
  const points = run.querySelector("polyline")!.getAttribute("points")!.split(" ");
  const tops = points.map((point) => Number(point.split(",")[1]));
  expect(tops).toHaveLength(4);
  // Losses that rise are a line that rises.
  expect(tops).toEqual([...tops].sort((a, b) => b - a));
  expect(new Set(tops).size).toBe(4);
  await click(folded(view));
  expect(folded(view).getAttribute("aria-expanded")).toBe("true");
  expect(words()).toHaveLength(6);
  await click(view.find("[data-step='2']"));
  expect(view.model.acts).toEqual([{ do: "jump", id: 2 }]);
  folded(view).focus();
  await userEvent.keyboard("{Enter}");
  await frames(2);
  expect([focused(view), words().length]).toEqual([folded(view), 3]);
});

test("the present step, one with a note, one that is compared and one where a branch begins are never folded away", async () => {
  const view = await open(1);
  view.model.receive(handHistory(6));
  await frames(2);
  const ids = () =>
    [...view.root.querySelectorAll<HTMLElement>("[data-step]")].map((one) => Number(one.dataset.step));
  // The thresholds of five steps are a run, too; the last one is the present step.
  expect(ids()).toEqual([0, 9]);
  view.model.receive({ _current: 6 });
  await frames(2);
  expect(ids()).toEqual([0, 4, 5, 6]);
  const history = view.model.traits._history.map((step) =>
    step.id === 2 ? { ...step, note: "good" } : step,
  );
  view.model.receive({ _history: [...history, { ...history[9]!, id: 10, parent: 7 }] });
  await frames(2);
  expect(ids()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("in a narrow list steps are told in short, and their whole words are still there to hear and to hover", async () => {
  const view = await open(4);
  const go = () => view.find("[data-step='1']");
  const whole = go().textContent!;
  expect(whole).toMatch(/^node threshold/);
  view.find(".panel.history").style.maxWidth = "240px";
  await expect.poll(() => go().textContent).toBe("nodes ≤ 0.002");
  expect([go().getAttribute("aria-label"), go().title]).toEqual([whole, `Go to: ${whole}`]);
  view.find(".panel.history").style.maxWidth = "";
  await expect.poll(() => go().textContent).toBe(whole);
  expect(go().hasAttribute("aria-label")).toBe(false);
});

test("when the list is scrolled it says how many steps are above, and goes there", async () => {
  const view = await open(40);
  const earlier = view.find<HTMLButtonElement>("[data-role=earlier]");
  await expect.poll(() => earlier.hidden).toBe(false);
  const head = view.find(".rows .columns").getBoundingClientRect().bottom;
  const above = steps(view).filter((one) => one.getBoundingClientRect().top < head - 14).length;
  expect(earlier.textContent).toBe(`${above} earlier`);
  const top = view.canvas.getBoundingClientRect().top;
  earlier.focus();
  await userEvent.keyboard("{Enter}");
  await expect.poll(() => earlier.hidden).toBe(true);
  expect(focused(view)).toBe(view.find("[data-step='0']"));
  expect(view.canvas.getBoundingClientRect().top).toBe(top);
});

test("commit says what it does and asks for it", async () => {
  const view = await open(3);
  const commit = view.find("[data-role=commit]");
  expect(commit.title).toContain("new starting point");
  await openMore(view);
  await click(commit);
  expect(view.model.acts).toEqual([{ do: "commit" }]);
  view.model.receive({ error: "there is nothing to commit" });
  await frames(2);
  expect(view.find("[data-role=error]").textContent).toBe("there is nothing to commit");
});
