/** Names for curves: the action, an edge's card, and the tab Formula. */
import axe from "axe-core";
import { expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { standaloneModel } from "../../src/standalone/model";
import { type FakeModel, fakeModel } from "../fake";
import { CANDIDATES, FORMULA, MATHML, NAMED, NAMING } from "../formula";
import { richModel } from "../rich";
import { click, frames, type Mounted, middle, mount, settled } from "./mounted";

const doing = (view: Mounted) =>
  view.model.acts.filter(({ do: name }) => name !== "new_step" && name !== "send");

async function formulaTab(width = 1100): Promise<Mounted> {
  const model = richModel();
  model.receive({ ...NAMED, _formula: FORMULA, _naming: NAMING });
  const view = await mount(model, width);
  await click(view.find("[data-panel=formula]"));
  await frames(2);
  return view;
}

async function card(): Promise<Mounted> {
  const model = fakeModel();
  const view = await mount(model, 1100);
  model.receive({ selected: [[0, 0, 1]], ...CANDIDATES });
  await frames(3);
  return view;
}

const terms = (view: Mounted) => [...view.root.querySelectorAll<HTMLElement>(".math [data-edges]")];

test("Name curves looks for names within the tolerance, once at a time, and its tab comes to the front", async () => {
  const view = await mount();
  await click(view.find("[data-role=name]"));
  expect(doing(view)).toEqual([{ do: "name_all", tolerance: 0.05 }]);
  view.model.receive({ _naming: { ...NAMING, state: "running", steps: NAMING.steps.slice(0, 1), said: "" } });
  await frames(2);
  await click(view.find("[data-role=name]"));
  expect(doing(view).filter(({ do: name }) => name === "name_all")).toHaveLength(1);
  expect(view.find("[data-panel=formula]").getAttribute("aria-selected")).toBe("true");
  expect(view.find("[data-role=naming]").textContent).toBe("looking for names: 1 of 3");
  await click(view.find("[data-role=stop-naming]"));
  expect(doing(view).at(-1)).toEqual({ do: "stop_naming" });
  view.model.receive({ _naming: { ...NAMING, state: "running", said: "" } });
  await frames(2);
  expect(view.find("[data-role=naming]").textContent).toBe("3 names found, trying simpler ones");
  view.model.receive({ _naming: NAMING });
  await frames(2);
  expect(view.find("[data-role=naming]").textContent).toBe("3 curves named, test RMSE 0.13 → 0.0001");
});

test("a search that ends before it is seen to run brings its tab to the front, one that ended before does not", async () => {
  const view = await mount();
  const front = () => view.find("[data-panel=formula]").getAttribute("aria-selected");
  expect(front()).toBe("false");
  const failed = { ...NAMING, steps: [], said: "", error: "the function 'wave' raised ValueError" };
  view.model.receive({ _naming: { ...failed, number: NAMING.number + 1 } });
  await frames(2);
  expect(front()).toBe("true");
  await click(view.find("[data-panel=history]"));
  view.model.receive({ _naming: { ...failed, number: NAMING.number + 1, at: -1 } }); // the same search
  await frames(2);
  expect(front()).toBe("false");

  const model = fakeModel();
  model.receive({ _naming: failed });
  const late = await mount(model, 1100);
  expect(late.find("[data-panel=formula]").getAttribute("aria-selected")).toBe("false");
});

test("an open tab asks for the formula, with the digits that a person chooses", async () => {
  const view = await formulaTab();
  expect(doing(view)).toEqual([{ do: "formula", digits: 3, exact: true }]);
  view.find("[data-role=digits]").focus();
  await userEvent.keyboard("{ArrowRight}");
  await click(view.find("[data-role=exact]"));
  expect(doing(view).slice(1)).toEqual([
    { do: "formula", digits: 4, exact: true },
    { do: "formula", digits: 4, exact: false },
  ]);
});

test("a long sum goes on in the next line, whole or inside of a table, and its terms stay buttons", async () => {
  const view = await formulaTab();
  const term = (k: number) =>
    `<mrow data-edges="0,${k % 2},${k}"><mi>velocity</mi><mo>\u2062</mo><mn>${k}</mn></mrow>`;
  const sum = `<mrow data-edges="1,0,0"><mrow>${[0, 1, 2, 3].map(term).join("<mo>+</mo>")}</mrow></mrow>`;
  const equation = `<mrow><mi>y</mi><mo>=</mo>${sum}</mrow>`;
  const rows = `<mtr><mtd><mi>y</mi></mtd><mtd><mo>=</mo></mtd><mtd>${sum}</mtd></mtr>`;
  for (const content of [equation, `<mtable>${rows}${rows}</mtable>`]) {
    const mathml = `<math xmlns="http://www.w3.org/1998/Math/MathML">${content}</math>`;
    view.model.receive({ _formula: { ...FORMULA, mathml } });
    await frames(3);
    const paper = view.find(".math").getBoundingClientRect();
    const found = terms(view).filter((each) => each.dataset.edges !== "1,0,0");
    const places = found.map((each) => each.getBoundingClientRect());
    for (const place of places) expect(place.right).toBeLessThanOrEqual(paper.right);
    expect(new Set(places.map(({ top }) => Math.round(top))).size).toBeGreaterThan(1);
    expect(view.find(".math math").textContent!.replace(/\u2062/g, "")).toContain("velocity0+velocity1+");
  }
});

test("the formula is typeset, told in words, and its losses stand side by side", async () => {
  const view = await formulaTab();
  const math = view.find(".math math");
  expect(math.namespaceURI).toBe("http://www.w3.org/1998/Math/MathML");
  expect(math.getAttribute("aria-label")).toBe(FORMULA.words);
  const exponent = math.querySelector("msup > mrow")!.getBoundingClientRect();
  const base = math.querySelector("msup > mi")!.getBoundingClientRect();
  expect(exponent.top).toBeLessThan(base.top);
  expect(view.find(".formula-losses").textContent!.replace(/\s+/g, " ")).toContain("1.2e-4");
  expect(view.find(".blame").textContent).toContain("x2 → h1,3");
  await click(view.find("[data-role=blame]"));
  expect(view.model.traits.selected).toEqual([[0, 1, 3]]);
});

test("a term lights its edges under the pointer, and opens their cards at a click", async () => {
  const view = await formulaTab();
  const marks = view.root.querySelectorAll("canvas")[1]!;
  const ink = () =>
    marks
      .getContext("2d")!
      .getImageData(0, 0, marks.width, marks.height)
      .data.some((v) => v > 0);
  expect(ink()).toBe(false);
  const sine = terms(view)[1]!;
  const [x, y] = middle(sine);
  await userEvent.hover(sine, { position: { x: 2, y: 2 } });
  await frames(2);
  expect([x, y].every(Number.isFinite) && ink()).toBe(true);
  await click(sine);
  expect(view.model.traits.selected).toEqual([[0, 0, 3]]);
});

test("an edge under the focus marks its smallest term", async () => {
  const view = await formulaTab();
  view.twin("edge", "0,1,3").focus();
  await frames(2);
  expect(terms(view).map((term) => term.hasAttribute("data-lit"))).toEqual([false, false, true]);
});

test("terms are walked through with the arrow keys, and opened with Enter", async () => {
  const view = await formulaTab();
  const buttons = [...view.root.querySelectorAll<HTMLElement>("[data-role=terms] button")];
  buttons[0]!.focus();
  await userEvent.keyboard("{ArrowRight}{ArrowRight}");
  await frames(2);
  expect(buttons.map((button) => button.getAttribute("tabindex"))).toEqual(["-1", "-1", "0"]);
  expect(terms(view).map((term) => term.hasAttribute("data-focus"))).toEqual([false, false, true]);
  expect(buttons[2]!.textContent).toBe("Term of x2 → h1,3");
  await userEvent.keyboard("{Home}{End}{Enter}");
  expect(view.model.traits.selected).toEqual([[0, 1, 3]]);
});

test("one stands on any number of names: by a click on its point, and by the keys of the slider", async () => {
  const view = await formulaTab();
  const slider = view.find<HTMLInputElement>("[data-role=kept-names]");
  expect([slider.value, slider.max]).toEqual(["3", "3"]);
  expect(slider.getAttribute("aria-valuetext")).toBe("3 names, the last h1,3 → f(x): exp, loss 0.0001000");
  slider.focus();
  await userEvent.keyboard("{ArrowLeft}");
  view.find("circle[data-names='0']").dispatchEvent(new MouseEvent("click", { bubbles: true }));
  expect(doing(view).slice(1)).toEqual([
    { do: "keep_names", count: 2 },
    { do: "keep_names", count: 0 },
  ]);
  view.model.receive({ _naming: { ...NAMING, at: -1 } });
  await frames(2);
  expect(slider.disabled).toBe(true);
});

test("nothing but MathML gets into the page, and no name is taken for markup", async () => {
  const view = await formulaTab();
  const hostile = MATHML.replace(
    "<mi>f</mi>",
    '<mi onclick="alert(1)" style="color:red" href="javascript:1">&lt;img src=x&gt;</mi><script>1</script>' +
      '<html:img xmlns:html="http://www.w3.org/1999/xhtml" src="x"/><mrow data-edges="no,edge">a</mrow>',
  );
  view.model.receive({ _formula: { ...FORMULA, mathml: hostile } });
  await frames(2);
  const math = view.find(".math math");
  expect(math.querySelectorAll("script, img, [onclick], [style], [href]")).toHaveLength(0);
  expect(math.textContent).toContain("<img src=x>");
  expect(terms(view)).toHaveLength(3);
  view.model.receive({ _formula: { ...FORMULA, mathml: "<math><unclosed" } });
  await frames(2);
  expect(view.find(".math").childElementCount).toBe(0);
  view.model.receive({ _formula: { ...FORMULA, mathml: "", error: "“x” is the name of both" } });
  await frames(2);
  expect(view.find("[data-role=formula-error]").textContent).toContain("both");
});

test("a card shows functions over the curve, with what they cost, and names the curve at a press", async () => {
  const view = await card();
  const rows = [...view.root.querySelectorAll<HTMLElement>(".candidate")];
  expect(rows.map((row) => row.querySelector(".which")!.textContent)).toEqual([
    ...["sin", "exp(−x²)", "1/(1 + x²)"],
  ]);
  expect(rows[0]!.textContent!.replace(/\s+/g, " ").trim()).toBe("sinR² 0.9995 loss 0.15→ refitted 0.001");
  expect(rows[2]!.querySelector(".now")!.textContent).toContain("…");
  expect(view.root.querySelectorAll(".names ol.same .candidate")).toHaveLength(2);
  expect(rows[0]!.querySelectorAll("path")).toHaveLength(2);
  await click(rows[1]!);
  expect(doing(view)).toEqual([{ do: "name", edge: [0, 0, 1], function: "gaussian" }]);
});

test("a function under the pointer is shown in the network, and gone without it", async () => {
  const view = await card();
  await userEvent.hover(view.find(".detail h3"));
  await settled();
  const before = view.canvas.toDataURL();
  const isOwn = () => view.canvas.toDataURL() === before;
  await userEvent.hover(view.find(".candidate"));
  await expect.poll(isOwn).toBe(false);
  await userEvent.hover(view.find(".detail h3"));
  await expect.poll(isOwn).toBe(true);
  // Which is what the keyboard does, too.
  view.find(".close").focus();
  await userEvent.tab();
  await userEvent.tab();
  await userEvent.tab();
  const focused = (view.root.getRootNode() as ShadowRoot).activeElement!;
  expect(focused.className).toBe("candidate");
  await expect.poll(isOwn).toBe(false);
});

test("the card of a named edge tells its function with its constants, and gives the spline back", async () => {
  const view = await mount(richModel(), 1100);
  view.model.receive({ ...NAMED, selected: [[0, 0, 3]] });
  await frames(3);
  expect(view.find(".facts").textContent).toContain("−2 sin(3.2 x₁) + 0.5");
  await click(view.find("[data-role=unname]"));
  expect(doing(view)).toEqual([{ do: "unname", edge: [0, 0, 3] }]);
});

test("a page without Python shows the formula, and offers no names", async () => {
  const model = Object.assign(richModel(), { standalone: true, computes: true });
  const view = await mount(model, 1100);
  expect(view.root.querySelector("[data-role=name], [data-panel=formula]")).toBeNull();
  model.receive({ ...NAMED, _formula: FORMULA, selected: [[0, 0, 3]], ...CANDIDATES });
  await frames(3);
  expect(view.root.querySelector(".candidate, [data-role=unname]")).toBeNull();
  await click(view.find("[data-panel=formula]"));
  expect(view.find(".math math").textContent).toContain("sin");
  expect(view.root.querySelector(".formula .settings:not([hidden]), .names-curve")).toBeNull();
  expect(doing(view)).toEqual([]);
});

test.each([["formula"], ["card"]])("a screen reader finds nothing wrong with the %s", async (which) => {
  const view = which === "formula" ? await formulaTab() : await card();
  const found = await axe.run(view.el as HTMLElement, { rules: { region: { enabled: false } } });
  expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`)).toEqual([]);
});

test.each([560, 390])("the tab has no line that is wider than itself, at %i px", async (width) => {
  const view = await formulaTab(width);
  const long = MATHML.replace("<mi>f</mi>", `<mrow>${"<mi>verylongname</mi><mo>+</mo>".repeat(80)}</mrow>`);
  view.model.receive({ _formula: { ...FORMULA, mathml: long } });
  await frames(3);
  const panel = view.find(".formula");
  expect(panel.scrollWidth).toBeLessThanOrEqual(panel.clientWidth + 1);
  expect(view.find(".math").scrollWidth).toBeGreaterThan(panel.clientWidth);
});

test("on a page without Python a named edge's card gives it the spline back, and the name again", async () => {
  const { traits } = richModel();
  const given = { ...traits, ...NAMED, _splines: true, selected: [[0, 0, 3]], probe: [] };
  const view = await mount(standaloneModel(given) as unknown as FakeModel, 1100);
  await frames(3);
  const loss = () => Number(view.find(".loss").title);
  const first = loss();
  const words = () => view.find("[data-role=unname], [data-role=name-again]").textContent;
  expect(words()).toBe("Back to the spline");
  await click(view.find("[data-role=unname]"));
  await frames(3);
  expect(words()).toBe("Name it again: sin");
  expect(loss()).not.toBe(first);
  await click(view.find("[data-role=name-again]"));
  await frames(3);
  expect([words(), loss()]).toEqual(["Back to the spline", first]);
  expect((await axe.run(view.root)).violations).toEqual([]);
});
