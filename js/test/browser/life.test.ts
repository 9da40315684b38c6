/** A view among others on a page of somebody else's: how it begins and ends, what it takes in and lets out. */
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { commands, userEvent } from "vitest/browser";
import widget from "../../src/index";
import { standaloneModel } from "../../src/standalone/model";
import { type FakeModel, fakeModel, pack } from "../fake";
import { richModel } from "../rich";
import { click, doubleClick, frames, grab, letGo, middle, mount, settled } from "./mounted";

test("two views of one model show the same decisions, each with its own pointer", async () => {
  const model = fakeModel();
  const [a, b] = [await mount(model, 480), await mount(model, 480)];
  // The other is out of sight: what opens there moves nothing here.
  b.el.style.marginBottom = "1200px";
  b.canvas.scrollIntoView({ block: "start" });
  await frames(2);
  await doubleClick(b.twin("edge", "0,0,1"));
  expect(a.isOn("edge", "0,0,1")).toBe(false);
  await commands.mouse([["move", ...middle(b.twin("edge", "0,1,3"))]]);
  await frames(2);
  expect(b.find("[data-role=card]").hidden).toBe(false);
  expect(a.find("[data-role=card]").hidden).toBe(true);
});

test("widgets of two models keep apart", async () => {
  const [a, b] = [await mount(), await mount(fakeModel([3, 2]))];
  a.el.scrollIntoView();
  await doubleClick(a.twin("edge", "0,0,1"));
  expect(b.model.messages).toBe(0);
  expect(b.find("[data-role=status]").textContent).toContain("6 of 6 edges");
});

test("a widget whose model was given back says so, and nothing in it can be moved or pressed", async () => {
  const view = await mount();
  await click(view.find("[data-panel=history]"));
  const acting = () => [...view.root.querySelectorAll<HTMLElement>("button, input, canvas")];
  const reached = () => acting().filter((one) => !one.closest("[inert]") && one.checkVisibility());
  expect(reached().length).toBeGreaterThan(10);
  view.model.receive({ _closed: true });
  await frames(2);
  expect(view.find("[data-role=error]").textContent).toMatch(/^Closed: the model is as it was/);
  expect(reached()).toEqual([]);
  await doubleClick(view.twin("edge", "0,0,1"));
  view.find("[data-role=undo]").focus();
  await userEvent.keyboard("{Enter}");
  expect([view.model.messages, view.model.acts]).toEqual([0, []]);
  expect(view.isOn("edge", "0,0,1")).toBe(true);
});

describe("a view whose kernel has gone says so, and offers nothing that could not be done", () => {
  const ways: Record<string, (model: FakeModel & { widget_manager?: unknown }) => void> = {
    "the host tells of a restart": (model) => model.tell("comm_live_update"),
    "a message cannot be sent": (model) => {
      model.send = () => {
        throw new Error("Cannot send");
      };
    },
    "the manager has none any more": (model) => {
      model.widget_manager = { kernel: null };
    },
  };
  for (const [name, go] of Object.entries(ways)) {
    test(name, async () => {
      const model = Object.assign(fakeModel(), { widget_manager: { kernel: {} } });
      const view = await mount(model);
      expect(view.find("[data-role=error]").textContent).toBe("");
      go(model);
      // By now it may not be there to be pressed.
      view.find("[data-role=commit]").click();
      await frames(2);
      expect(view.find("[data-role=error]").textContent).toMatch(
        /^Kernel disconnected: this is the last state/,
      );
      for (const part of [".bar", ".sliders", ".network"]) expect(view.find(part).inert).toBe(true);
      view.close();
      expect(model.listeners()).toBe(0);
    });
  }
});

describe("a view that has what it takes goes on without a kernel, and says so", () => {
  const ways: Record<string, (model: FakeModel & { widget_manager?: unknown }) => void> = {
    "it never had one": () => {},
    "the kernel is restarted": (model) => {
      model.live = false;
      model.tell("comm_live_update");
    },
    "the manager has none any more": (model) => {
      model.widget_manager = { kernel: null };
    },
  };
  for (const [name, go] of Object.entries(ways)) {
    test(name, async () => {
      const model = Object.assign(richModel(), { widget_manager: { kernel: {} } });
      model.live = !name.startsWith("it never");
      const view = await mount(model);
      go(model);
      model.tell("change:view");
      await frames(4);
      const root = () => view.el.firstElementChild!.shadowRoot!.querySelector<HTMLElement>(".kanwidget")!;
      const find = (selector: string) => root().querySelector<HTMLElement>(selector)!;
      expect(view.el.childElementCount).toBe(1);
      expect(find("[data-role=notice]").textContent).toMatch(/^No kernel is connected: this view computes/);
      expect(find("[data-role=error]").textContent).toBe("");
      expect(root().querySelector("[data-role=commit]")).toBeNull();
      const alone = standaloneModel({ ...model.traits });
      expect(find(".status .loss").title).toBe(`${alone.get("loss")}`);
      const { messages } = model;
      await doubleClick(find('button[data-edge="0,0,3"]'));
      alone.set("removed_edges", [[0, 0, 3]]);
      alone.save_changes();
      expect(find(".status .loss").title).toBe(`${alone.get("loss")}`);
      expect(find("[data-role=status]").textContent).toContain("14 of 15 edges");
      // Nothing of it goes to the host.
      expect([model.messages, model.acts]).toEqual([messages, []]);
      view.close();
      expect(model.listeners()).toBe(0);
      expect(view.el.childElementCount).toBe(0);
    });
  }
});

test("a model that is connected later works on its kernel's model then", async () => {
  const model = richModel();
  model.live = false;
  const view = await mount(model);
  await frames(4);
  model.live = true;
  model.tell("comm_live_update");
  await frames(4);
  const root = view.el.firstElementChild!.shadowRoot!;
  expect(root.querySelector("[data-role=notice]")!.textContent).toBe("");
  root.querySelector<HTMLElement>("[data-role=commit]")!.click();
  expect(model.acts).toEqual([{ do: "commit" }]);
  view.close();
  expect(model.listeners()).toBe(0);
});

test("a kernel that is busy is not missed", async () => {
  const model = richModel();
  model.live = true;
  const view = await mount(model);
  await doubleClick(view.twin("edge", "0,0,3"));
  const { messages } = model;
  model.tell("comm_live_update");
  await frames(30);
  expect(view.find("[data-role=notice]").textContent).toBe("");
  expect(view.find("[data-role=error]").textContent).toBe("");
  expect(view.find(".status .loss").classList).toContain("pending");
  expect([model.messages, view.isOn("edge", "0,0,3")]).toEqual([messages, false]);
});

describe("a kernel that answers nothing", () => {
  const STATUSES = { idle: true, busy: false, unknown: false };
  for (const [status, gone] of Object.entries(STATUSES)) {
    test(`and is ${status} ${gone ? "has gone" : "may yet answer"}`, async () => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      onTestFinished(() => void vi.useRealTimers());
      const slots = new Set<() => void>();
      const statusChanged = {
        connect: (slot: () => void) => slots.add(slot),
        disconnect: (slot: () => void) => slots.delete(slot),
      };
      const model = Object.assign(richModel(), { widget_manager: { kernel: { status, statusChanged } } });
      model.live = true;
      const view = await mount(model);
      const notice = () =>
        view.el.firstElementChild!.shadowRoot!.querySelector("[data-role=notice]")!.textContent;
      await doubleClick(view.twin("edge", "0,0,3"));
      for (const slot of slots) slot();
      vi.advanceTimersByTime(30_000);
      await frames(4);
      expect(notice()).toBe("");
      await doubleClick(view.twin("edge", "0,0,4"));
      vi.advanceTimersByTime(9_000);
      await frames(4);
      expect(notice()).toBe("");
      vi.advanceTimersByTime(2_000);
      await frames(4);
      expect(notice()).toMatch(gone ? /^No kernel is connected: this view computes/ : /^$/);
      view.close();
      expect([slots.size, model.listeners()]).toEqual([0, 0]);
    });
  }
});

test("a view that is closed leaves nothing behind, by its function or by the host's signal", async () => {
  for (const end of ["function", "signal"]) {
    const model = fakeModel();
    const el = document.body.appendChild(document.createElement("div"));
    const controller = new AbortController();
    const close = widget().render({ model, el, signal: controller.signal });
    await frames(2);
    expect(model.listeners()).toBeGreaterThan(0);
    if (end === "function") close();
    else controller.abort();
    expect(model.listeners()).toBe(0);
    expect(el.childElementCount).toBe(0);
    model.receive({ node_threshold: 1 });
    await frames(2);
    expect(() => close()).not.toThrow();
    el.remove();
  }
});

test("closing one of two views leaves the other alive", async () => {
  const model = fakeModel();
  const [a, b] = [await mount(model, 480), await mount(model, 480)];
  a.close();
  model.receive({ removed_edges: [[0, 0, 0]] });
  await frames(2);
  expect(b.isOn("edge", "0,0,0")).toBe(false);
});

test("a view that is closed in the middle of a drag sends the last value", async () => {
  const view = await mount();
  const slider = view.slider("node");
  for (const value of ["100", "1000"]) {
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const first = view.model.traits.node_threshold;
  view.close();
  expect(view.model.traits.node_threshold).toBeGreaterThan(first);
});

test("it follows the host into the dark and back", async () => {
  const view = await mount();
  const node = view.twin("node", "0,0");
  const stage = view.find(".stage").getBoundingClientRect();
  const [x, y] = middle(node);
  const red = () => view.canvas.getContext("2d")!.getImageData(x - stage.x, y - stage.y, 1, 1).data[0]!;
  expect(red()).toBeLessThan(60);
  for (const [element, attribute, value] of [
    [document.body, "data-jp-theme-light", "false"],
    [document.body, "class", "vscode-dark"],
    [document.documentElement, "theme", "dark"],
    [document.body, "class", "dark"],
  ] as const) {
    onTestFinished(() => element.removeAttribute(attribute));
    element.setAttribute(attribute, value);
    await frames(2);
    expect(red(), `${attribute}=${value}`).toBeGreaterThan(200);
    element.removeAttribute(attribute);
    await frames(2);
    expect(red(), `without ${attribute}`).toBeLessThan(60);
  }
});

test("a training step gives other scores: what is pointed at, the focus and the layout stay", async () => {
  // More edges than there is room for boxes: the strongest have one.
  const width = [40, 10, 4];
  const model = fakeModel(
    width,
    Float64Array.from({ length: 440 }, (_, e) => 1 + e),
  );
  model.traits.view = "network";
  const view = await mount(model);
  const stage = view.find(".stage");
  const boxes = () =>
    [...stage.querySelectorAll<HTMLButtonElement>("button[data-edge], button[data-node]")].map(
      (button) => `${button.dataset.edge ?? button.dataset.node} ${button.style.cssText}`,
    );
  const focused = view.twin("edge", "0,5,9");
  focused.focus();
  await commands.mouse([["move", ...middle(view.twin("node", "1,9"))]]);
  await settled();
  const before = boxes();
  const name = focused.getAttribute("aria-label");
  expect(stage.hasAttribute("data-over")).toBe(true);
  expect(new Set(before.map((box) => /width: ?[\d.]+/.exec(box)?.[0])).size).toBeGreaterThan(2);
  for (let step = 1; step <= 5; step++) {
    model.receive({
      _scores: pack(
        Float64Array.from({ length: 440 }, (_, e) => step + 440 - e),
        [440],
      ),
    });
    await frames(2);
    expect(boxes(), `step ${step}`).toEqual(before);
    expect(stage.hasAttribute("data-over"), `step ${step}`).toBe(true);
    expect((view.root.getRootNode() as ShadowRoot).activeElement).toBe(focused);
  }
  expect(focused.getAttribute("aria-label")).not.toBe(name);
  // By another kind of score others are the strongest.
  model.receive({ score: "ablation" });
  await settled();
  expect(boxes()).not.toEqual(before);
});

test.each(["network", "matrix"] as const)(
  "after a training the labels in the %s tell the new scores, and the focus stays",
  async (shown) => {
    // More edges than have a button: the weak ones get theirs when others are the strongest.
    const scores = Float64Array.from({ length: 840 }, (_, e) => 1 + e);
    const model = fakeModel([40, 20, 2], scores);
    model.traits.view = shown;
    const view = await mount(model);
    const ids = () =>
      new Set(
        [...view.root.querySelectorAll("button[data-edge]")].map((one) => one.getAttribute("data-edge")),
      );
    const focused = view.twin("edge", "1,19,1");
    focused.focus();
    await settled();
    const [before, name] = [ids(), focused.getAttribute("aria-label")];
    expect(before).not.toContain("0,0,0");
    model.receive({ _scores: pack(scores.toReversed(), [840]) });
    await frames(2);
    expect(focused.getAttribute("aria-label")).not.toBe(name);
    expect(ids()).toEqual(before);
    await expect.poll(ids).toContain("0,0,0");
    expect(view.twin("edge", "0,0,0").getAttribute("aria-label")).toContain("840");
    expect((view.root.getRootNode() as ShadowRoot).activeElement).toBe(focused);
  },
);

test("the page's own style does not reach in", async () => {
  const style = document.head.appendChild(document.createElement("style"));
  onTestFinished(() => style.remove());
  style.textContent = "button, input, canvas { display: none !important } * { letter-spacing: 20px }";
  const view = await mount();
  expect(view.find("[data-role=prune]").getBoundingClientRect().width).toBeGreaterThan(30);
  expect(getComputedStyle(view.find("[data-role=status]")).letterSpacing).toBe("normal");
});

test("its keys do not reach the host, which gets the others", async () => {
  const view = await mount();
  const heard: string[] = [];
  const listen = (event: KeyboardEvent) => heard.push(event.key);
  document.addEventListener("keydown", listen);
  onTestFinished(() => document.removeEventListener("keydown", listen));
  view.twin("edge", "0,0,0").focus();
  await userEvent.keyboard(" d{ArrowDown}{Control>}s{/Control}");
  expect(heard).not.toContain(" ");
  expect(heard).not.toContain("d");
  expect(heard).not.toContain("ArrowDown");
  expect(heard).toContain("s");
  expect(view.el.firstElementChild!.getAttribute("data-lm-suppress-shortcuts")).toBe("true");
});

test("a wheel over the network scrolls the page", async () => {
  const view = await mount();
  const event = new WheelEvent("wheel", { bubbles: true, cancelable: true, deltaY: 100 });
  view.canvas.dispatchEvent(event);
  expect(event.defaultPrevented).toBe(false);
});

test("an output that is hidden and shown again is as it was", async () => {
  const view = await mount();
  const before = view.canvas.toDataURL();
  view.el.style.display = "none";
  await frames(3);
  view.model.receive({ loss: 0.2 });
  await frames(3);
  view.el.style.display = "";
  await frames(3);
  expect(view.canvas.toDataURL()).toBe(before);
  expect(view.find("[data-role=status]").textContent).toContain("0.2000");
});

test("it fits any width, and boxes stay within it", async () => {
  for (const width of [320, 600, 990]) {
    const view = await mount(fakeModel(), width);
    expect(view.find(".stage").getBoundingClientRect().width).toBeLessThanOrEqual(width);
    expect(view.root.scrollWidth).toBeLessThanOrEqual(width);
    for (const twin of view.root.querySelectorAll("button[data-edge]")) {
      const box = twin.getBoundingClientRect();
      expect(box.right).toBeLessThanOrEqual(view.el.getBoundingClientRect().right);
    }
    view.el.remove();
  }
});

test("without motion, for those who ask, the new layout is there at once", async () => {
  const view = await mount();
  const { matchMedia } = window;
  window.matchMedia = (query) => ({
    ...matchMedia.call(window, query),
    matches: query.includes("reduced-motion"),
  });
  onTestFinished(() => {
    window.matchMedia = matchMedia;
  });
  await doubleClick(view.twin("node", "1,0"));
  const first = view.canvas.toDataURL();
  await settled();
  expect(view.canvas.toDataURL()).toBe(first);
});

test("what is wrong is said in words: Python's errors, bytes that cannot be read, a network that is cut", async () => {
  const view = await mount();
  const error = view.find("[data-role=error]");
  const warning = view.find("[data-role=warning]");
  expect([error.textContent, warning.textContent]).toEqual(["", ""]);
  view.model.receive({ error: "edge_threshold must not be negative" });
  await frames(2);
  expect(error.textContent).toBe("edge_threshold must not be negative");
  const good = view.model.traits._scores;
  view.model.receive({ error: "", _scores: new DataView(new ArrayBuffer(4)) });
  await frames(2);
  expect(error.textContent).toContain("_scores: 4 bytes are too few");
  view.model.receive({ _scores: good });
  await frames(2);
  expect(error.textContent).toBe("");
  const place = view.canvas.getBoundingClientRect().y;
  await grab(view.slider("node"), 1000);
  expect(view.canvas.getBoundingClientRect().y).toBe(place);
  expect(warning.textContent).toContain("Nothing leads from the inputs to the outputs any more");
  await letGo();
});

test("what Python warns of is said once the model has what is shown, a few at a time, in the view's names", async () => {
  const view = await mount();
  const warning = view.find("[data-role=warning]");
  const warnings = [
    ...[0, 1].map((i) => ["unused_input", i] as const),
    ...["One.", "Two.", "Three."].map((words) => ["text", words] as const),
  ];
  view.model.receive({ _warnings: warnings });
  await frames(2);
  expect(warning.textContent).toBe("Inputs x1 and x2 lead nowhere any more. One. And 2 more.");
  view.model.receive({ _warnings: [] });
  await frames(2);
  expect(warning.textContent).toBe("");
});

test("every control has a name and a value", async () => {
  const view = await mount();
  for (const control of view.root.querySelectorAll("button, input")) {
    const name = control.getAttribute("aria-label") ?? control.textContent ?? "";
    expect(name.length).toBeGreaterThan(3);
  }
  expect(view.root.querySelectorAll("button[data-edge]")).toHaveLength(15);
  expect(view.root.querySelectorAll("button[data-node]")).toHaveLength(8);
  view.model.receive({ node_threshold: 0.005 });
  await frames(2);
  expect(view.slider("node").getAttribute("aria-valuetext")).toBe("0.005, removes 2 nodes, 6 edges");
});
