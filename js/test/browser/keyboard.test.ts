/** The whole job without a mouse, and names for everything that can be reached. */
import { expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { richModel } from "../rich";
import { frames, type Mounted, mount, tabs } from "./mounted";

const focused = (view: Mounted) => (view.root.getRootNode() as ShadowRoot).activeElement as HTMLElement;

async function press(keys: string) {
  await userEvent.keyboard(keys);
  await frames(2);
}

/** Goes on with Tab until it stands on what it looks for. */
async function tabTo(view: Mounted, selector: string, key = "{Tab}") {
  for (let k = 0; k < 120; k++) {
    await userEvent.keyboard(key);
    if (focused(view)?.matches(selector)) return;
  }
  throw new Error(`Tab never came to ${selector}`);
}

test("go to the suggested threshold, prune, bring one edge back, undo, redo, commit, copy the script: by Tab and keys alone", async () => {
  const view = await mount(richModel());
  const { model } = view;
  view.find("[data-role=undo]").focus();
  await tabTo(view, "[data-role=suggest]");
  await press("{Enter}");
  expect(model.traits.node_threshold).toBeGreaterThan(0);
  model.python();
  await tabTo(view, "[data-threshold=node]");
  const before = model.traits.node_threshold;
  await press("{ArrowLeft}");
  expect(model.traits.node_threshold).toBeLessThan(before);
  model.receive({ selected: [[0, 0, 0]] });
  await frames(2);
  await tabTo(view, "[role=switch]");
  await press(" ");
  expect(model.traits.kept_edges).toEqual([[0, 0, 0]]);
  expect(focused(view).getAttribute("aria-checked")).toBe("true");
  await press("{Control>}z{/Control}{Control>}y{/Control}");
  await tabTo(view, "[data-panel=script]", "{Shift>}{Tab}{/Shift}");
  await press("{Enter}");
  expect(focused(view).matches("[data-panel=script]")).toBe(true);
  await tabTo(view, "[data-role=copy]");
  expect(focused(view).getAttribute("aria-label")).toBe("Copy the Python code");
  await tabTo(view, "[data-role=more]", "{Shift>}{Tab}{/Shift}");
  await press("{Enter}");
  await tabTo(view, "[data-role=commit]");
  await press("{Enter}");
  // Each gesture on the sliders begins a step of its own.
  expect(model.acts.map((act) => act.do)).toEqual(["new_step", "new_step", "undo", "redo", "commit"]);
});

test("everything that can have the focus has a name, and shows when it has it", async () => {
  const view = await mount(richModel());
  view.model.receive({
    selected: [
      [0, 0, 4],
      [1, 4],
    ],
    probe: [0.1, 0.2],
  });
  await tabs(view, ["history", "script"]);
  await frames(3);
  const reachable = [...view.root.querySelectorAll<HTMLElement>("button, input, select, [tabindex='0']")];
  expect(reachable.length).toBeGreaterThan(40);
  for (const one of reachable) {
    const name = one.getAttribute("aria-label") ?? one.textContent ?? "";
    expect(name.trim().length, one.outerHTML.slice(0, 80)).toBeGreaterThan(1);
  }
  for (const group of view.root.querySelectorAll(
    "[role=group], [role=toolbar], [role=radiogroup], section",
  )) {
    expect(group.getAttribute("aria-label") ?? "", group.outerHTML.slice(0, 60)).not.toBe("");
  }
  for (const controlling of view.root.querySelectorAll("[aria-controls]")) {
    expect(view.root.querySelector(`#${controlling.getAttribute("aria-controls")}`)).not.toBeNull();
  }
});

test("what controls do is explained behind a ? that Tab and Enter open, and Escape closes", async () => {
  const view = await mount(richModel());
  await tabs(view, ["history", "probe"]);
  await frames(3);
  view.find("[data-role=undo]").focus();
  await tabTo(view, ".slider .help button");
  const help = focused(view).nextElementSibling as HTMLElement;
  expect(help.checkVisibility()).toBe(false);
  await press("{Enter}");
  expect(help.matches(":popover-open")).toBe(true);
  expect(help.textContent).toContain("Goes to the last point before the loss gets clearly worse");
  const { left, right, bottom } = help.getBoundingClientRect();
  expect([left >= 0, right <= innerWidth, bottom <= innerHeight]).toEqual([true, true, true]);
  await press("{Escape}");
  expect(help.matches(":popover-open")).toBe(false);
  expect(focused(view).closest(".help")).not.toBeNull();
});

test("a control that has an explanation beside it is described by it, for screen readers too", async () => {
  const view = await mount(richModel());
  await tabs(view, ["history", "probe"]);
  await frames(3);
  const described = [...view.root.querySelectorAll("[aria-describedby]")];
  expect(described.length).toBeGreaterThan(15);
  for (const control of described) {
    for (const id of control.getAttribute("aria-describedby")!.split(" ")) {
      const words = view.root.querySelector(`#${id}`)?.textContent ?? "";
      expect(words.length, control.outerHTML.slice(0, 80)).toBeGreaterThan(10);
    }
  }
  for (const role of ["suggest", "allow", "keep-mean", "score", "commit", "reset", "row", "compare"]) {
    const control = view.find(`[data-role=${role}], [data-${role}]`);
    expect(control.hasAttribute("aria-describedby"), role).toBe(true);
  }
});

test("the focus outlives every answer of the model", async () => {
  const view = await mount(richModel());
  view.model.receive({
    selected: [
      [0, 0, 4],
      [1, 4],
    ],
    probe: [0.1, 0.2],
  });
  await frames(3);
  /** Each with the tab in which it is. */
  const places = [
    ["cards", "[data-threshold=node]"],
    ["cards", "[data-role=allow]"],
    ["cards", "[data-card=edge8] [role=switch]"],
    ["cards", "[data-card=node6] [data-small]"],
    ["probe", "[data-input='1']"],
    ["history", "[data-step='1']"],
    ["history", "[data-note='2']"],
    ["script", "[data-role=script]"],
    ["script", "[data-panel=history]"],
  ];
  for (const [tab, place] of places as [string, string][]) {
    const chosen = view.find(`[data-panel=${tab}]`);
    if (chosen.getAttribute("aria-selected") !== "true") chosen.click();
    await frames(2);
    const one = view.find(place);
    one.focus();
    view.model.receive({
      removed_edges: [[0, 1, 0]],
      loss: Math.random(),
      tolerance: 0.02,
      _script: `# ${place}`,
    });
    view.model.python();
    await frames(2);
    view.model.receive({ removed_edges: [], in_vars: ["a", "b"], _current: 2 });
    view.model.python();
    await frames(2);
    expect(focused(view), place).toBe(one);
  }
});
