/** Pictures to keep: what the view hands out is what it shows. */
import { expect, onTestFinished, test, vi } from "vitest";
import { LEGEND_HEIGHT } from "../../src/views/matrix/layout";
import { type FakeModel, fakeModel } from "../fake";
import { richModel } from "../rich";
import { click, frames, type Mounted, mount, openMore, settled } from "./mounted";

// The canvas is called a picture too.
const BUTTON = "button[data-role=picture]";

function inSight<E extends Element>(element: E): E {
  element.scrollIntoView({ block: "center" });
  return element;
}

/** Presses an entry of the picture menu and catches the file that the page would have saved. */
async function save(view: Mounted, entry: string): Promise<{ name: string; blob: Blob }> {
  const made = vi.spyOn(URL, "createObjectURL");
  const names: string[] = [];
  const pressed = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (
    this: HTMLAnchorElement,
  ) {
    names.push(this.download);
  });
  try {
    await openMore(view);
    await click(view.find(BUTTON));
    const items = [...view.root.querySelectorAll<HTMLButtonElement>("[role=menuitem]")];
    const item = items.find((each) => each.textContent === entry);
    expect(item, items.map((each) => each.textContent).join()).toBeTruthy();
    await click(item!);
    await expect.poll(() => names.length).toBe(1);
    return { name: names[0]!, blob: made.mock.calls[0]![0] as Blob };
  } finally {
    made.mockRestore();
    pressed.mockRestore();
  }
}

function parse(text: string): Document {
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
  expect(parsed.querySelector("parsererror")?.textContent ?? "").toBe("");
  return parsed;
}

async function pixelsOf(blob: Blob, width: number, height: number): Promise<Uint8ClampedArray> {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  await image.decode();
  const ctx = new OffscreenCanvas(width, height).getContext("2d")!;
  ctx.drawImage(image, 0, 0, width, height);
  return ctx.getImageData(0, 0, width, height).data;
}

/** What the canvases show, on a ground. */
function shown(view: Mounted, ground = "#ffffff"): Uint8ClampedArray {
  const { width, height } = view.canvas;
  const ctx = new OffscreenCanvas(width, height).getContext("2d")!;
  ctx.fillStyle = ground;
  ctx.fillRect(0, 0, width, height);
  for (const role of ["picture", "marks"])
    ctx.drawImage(view.find<HTMLCanvasElement>(`canvas[data-role=${role}]`), 0, 0);
  return ctx.getImageData(0, 0, width, height).data;
}

/** Share of the pixels that look different. */
function different(a: Uint8ClampedArray, b: Uint8ClampedArray): number {
  let count = 0;
  for (let k = 0; k < a.length; k += 4) {
    const most = Math.max(...[0, 1, 2].map((d) => Math.abs(a[k + d]! - b[k + d]!)));
    if (most > 48) count++;
  }
  return (4 * count) / a.length;
}

async function away(view: Mounted): Promise<void> {
  view.canvas.dispatchEvent(new PointerEvent("pointerleave"));
  await settled();
}

const PROBED = { probe: [0.3, -0.2] };
const CASES: [name: string, make: () => FakeModel, allowed: number][] = [
  ["a network", () => richModel(), 0.002],
  ["a network with a sample and pruned edges", () => pruned(PROBED), 0.002],
  ["a matrix of curves", () => pruned({ view: "matrix" }), 0.004],
  ["a matrix of colours", () => fakeModel([400, 64, 3]), 0.004],
];

function pruned(more: Parameters<FakeModel["receive"]>[0]): FakeModel {
  const model = richModel();
  model.receive({ removed_edges: [[0, 0, 1]], node_threshold: 0.005, kept_edges: [[0, 1, 0]], ...more });
  model.python();
  return model;
}

test.each(CASES)("the SVG of %s is what the canvas shows, drawn anew", async (_, make, allowed) => {
  const view = await mount(make());
  await settled();
  const { name, blob } = await save(view, "Save as SVG");
  await away(view);
  expect(name).toMatch(/^kan-[\d-]+\.svg$/);
  const text = await blob.text();
  const { documentElement: svg } = parse(text);
  const { width, height } = view.canvas;
  // A matrix has a legend below it.
  const below = svg.textContent!.includes("edge score") ? LEGEND_HEIGHT : 0;
  expect([svg.getAttribute("width"), svg.getAttribute("height")]).toEqual([`${width}`, `${height + below}`]);
  const values = [...svg.querySelectorAll("*")].flatMap((each) => [...each.attributes]);
  const odd = /NaN|Infinity|undefined|null|\de-\d/;
  expect(values.filter(({ name, value }) => name !== "xlink:href" && odd.test(value))).toEqual([]);
  const written = (await pixelsOf(blob, width, height + below)).subarray(0, 4 * width * height);
  expect(different(written, shown(view))).toBeLessThan(allowed);
  // And it is a picture: not all of it is ground.
  expect(different(written, new Uint8ClampedArray(written.length).fill(255))).toBeGreaterThan(0.005);
  expect(view.find(".hint").textContent).toContain(`Saved as ${name}`);
  expect(view.find(".hint").textContent).toContain(`w.save_image("${name}")`);
});

test("its text is text, and names can hold anything", async () => {
  const model = fakeModel();
  const names = ['<script>alert("1")</script>', "a & b's \u2028 \ud83d\ude00 \ud83d \u0007 ]]>"];
  model.receive({ in_vars: names, out_vars: ["</svg>"] });
  const view = await mount(model, 1000);
  const svg = parse(await (await save(view, "Save as SVG")).blob.text());
  const texts = [...svg.querySelectorAll("text")].map((text) => text.textContent);
  expect(texts).toContain("</svg>");
  expect(texts.some((text) => text!.startsWith("<script>al"))).toBe(true);
  expect(texts.some((text) => text!.includes("\u{1f600} \ufffd \ufffd ]]>"))).toBe(true);
  expect(svg.querySelectorAll("script")).toHaveLength(0);
  expect(svg.querySelector("title")!.textContent).toBe("KAN [2, 5, 1], 15 of 15 edges");
});

test("curves of a matrix are lines in it, and only colours are pixels", async () => {
  const curves = await mount(pruned({ view: "matrix" }));
  const svg = parse(await (await save(curves, "Save as SVG")).blob.text());
  expect(svg.querySelectorAll("image")).toHaveLength(0);
  expect(svg.querySelectorAll("g path").length).toBeGreaterThan(8);
  const colours = await mount(fakeModel([400, 64, 3]));
  const heat = parse(await (await save(colours, "Save as SVG")).blob.text());
  const images = [...heat.querySelectorAll("image")];
  expect(images.length).toBeGreaterThan(0);
  for (const image of images) expect(image.getAttribute("xlink:href")).toMatch(/^data:image\/png;base64,/);
});

test("the PNG has two pixels for one, is opaque, and shows the same", async () => {
  const view = await mount(pruned(PROBED));
  await settled();
  const { name, blob } = await save(view, "Save as PNG (2×)");
  await away(view);
  expect(name).toBe("kan-2-5-1.png");
  expect(blob.type).toBe("image/png");
  const bitmap = await createImageBitmap(blob);
  const { width, height } = view.canvas;
  expect([bitmap.width, bitmap.height]).toEqual([2 * width, 2 * height]);
  const pixels = await pixelsOf(blob, width, height);
  for (let k = 3; k < pixels.length; k += 4) if (pixels[k] !== 255) throw new Error("it is see-through");
  expect(different(pixels, shown(view))).toBeLessThan(0.02);
});

test("what is selected or zoomed in on is not in the picture, and stays as it is in the view", async () => {
  const view = await mount(richModel());
  const plain = await (await save(view, "Save as SVG")).blob.text();
  view.model.receive({
    selected: [
      [0, 0, 4],
      [1, 3],
    ],
  });
  await click(inSight(view.find("[data-role=zoom-in]")));
  await settled();
  expect(await (await save(view, "Save as SVG")).blob.text()).toBe(plain);
  await frames(3);
  expect(view.find(".scale").textContent).toBe("150%");
  expect(view.model.traits.selected).toHaveLength(2);
});

test("a dark view gives a light picture for paper, or a dark one as it is", async () => {
  document.body.dataset.jpThemeLight = "false";
  onTestFinished(() => document.body.removeAttribute("data-jp-theme-light"));
  const view = await mount(richModel());
  const [light, dark] = [await save(view, "Save as SVG, light"), await save(view, "Save as SVG, dark")];
  const ground = async ({ blob }: { blob: Blob }) =>
    parse(await blob.text())
      .querySelector("rect")!
      .getAttribute("fill");
  expect(await ground(light)).toBe("#ffffff");
  expect(await ground(dark)).toBe("#111418");
  const bits = await pixelsOf(dark.blob, view.canvas.width, view.canvas.height);
  await away(view);
  expect(different(bits, shown(view, "#111418"))).toBeLessThan(0.002);
});

test("a clipboard that is closed is said in words, and an open one gets the SVG as text", async () => {
  const view = await mount(richModel());
  const texts: string[] = [];
  const write = vi.spyOn(navigator.clipboard, "writeText").mockImplementation(async (text) => {
    texts.push(text);
  });
  onTestFinished(() => write.mockRestore());
  const copy = async (entry: string) => {
    await openMore(view);
    await click(view.find(BUTTON));
    const items = [...view.root.querySelectorAll<HTMLButtonElement>("[role=menuitem]")];
    await click(items.find((each) => each.textContent === entry)!);
    await frames(2);
  };
  const hint = () => view.find(".hint").textContent;
  await copy("Copy as SVG");
  await expect.poll(hint).toBe("Copied as SVG, as text.");
  parse(texts[0]!);
  // What hands can do here is said again once that has been read.
  await expect.poll(hint).toMatch(/^Click: open card/);
  write.mockRejectedValue(new DOMException("no", "NotAllowedError"));
  await copy("Copy as SVG");
  await expect.poll(hint).toBe("That did not work: this page does not allow copying.");
});

test("a saved picture keeps its form where a page makes it narrower", async () => {
  const view = await mount(fakeModel());
  const { blob } = await save(view, "Save as SVG");
  const drawing = parse(await blob.text()).documentElement;
  const form = Number(drawing.getAttribute("width")) / Number(drawing.getAttribute("height"));
  const page = document.body.appendChild(document.createElement("div"));
  onTestFinished(() => page.remove());
  page.style.width = "300px";
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  await image.decode();
  for (const [style, element] of [
    ["max-width: 100%; height: auto", image],
    ["max-width: 100%", image],
    ["width: 100%", image],
    ["max-width: 100%; height: auto", document.importNode(drawing, true)],
  ] as const) {
    element.setAttribute("style", style);
    page.replaceChildren(element);
    const { width, height } = element.getBoundingClientRect();
    expect(width).toBeCloseTo(300, 0);
    expect(width / height, style).toBeCloseTo(form, 1);
  }
});
