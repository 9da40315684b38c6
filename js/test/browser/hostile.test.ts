/** Whatever a model holds, the view says so in words, throws out of no handler, and comes back with good values. */
import { expect, onTestFinished, test } from "vitest";
import { TRAITS, type Traits } from "../../src/protocol";
import { encode } from "../../src/wire";
import { pack, randomNumbers } from "../fake";
import { richModel } from "../rich";
import { frames, type Mounted, mount } from "./mounted";

const random = randomNumbers(2026);
const whole = (n: number) => Math.floor(random() * n);

const nested = (depth: number): unknown => {
  let value: unknown = [];
  for (let k = 0; k < depth; k++) value = [value];
  return value;
};
const junk = (n: number) => new DataView(Uint8Array.from({ length: n }, () => whole(256)).buffer);

const HOSTILE: readonly unknown[] = [
  ...[undefined, null, true, false, 0, -1, 0.5, 1e308, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53],
  ...[
    "",
    "nan",
    "auto",
    "quilt",
    "up",
    "</script>",
    "\ud800",
    "x".repeat(20_000),
    {},
    { length: 3 },
    { id: 1 },
  ],
  ...[[], [null], [[]], [[null]], [1, 2], ["a"], [["a"]], [[0.5, 0, 0]], [[0, 0, 1e9]], [[-1, 0]], [0, 0]],
  ...[[5, 2, 1], [2, 5], [1e9, 1e9], [2, 5, 1.5], [[0, 0, 0, 5]], [[0, 0, 0, "sin"]], [[[0, 0, 0], "x"]]],
  ...[
    [{}],
    [{ id: 0, parent: null }],
    [{ id: 0, parent: 7, kind: "set", text: "", note: "", active_edges: 1 }],
  ],
  ...[nested(300), Array(5000).fill([0, 0, 0]), Array(5000).fill("z"), "junk", new ArrayBuffer(3)],
];

/** Bytes of every sort: junk, and arrays of the right form that hold anything. */
function bytesLike(good: unknown): unknown[] {
  const arrays: unknown[] = [
    junk(3),
    junk(64),
    pack(new Uint8Array(0), [0]),
    pack(new Float64Array(4), [2, 2]),
  ];
  if (!ArrayBuffer.isView(good) || good.byteLength < 12) return arrays;
  const view = new DataView(good.buffer, good.byteOffset, good.byteLength);
  const ndim = view.getUint32(8, true);
  const start = Math.ceil((12 + 4 * ndim) / 8) * 8;
  const bytes = new Uint8Array(good.buffer, good.byteOffset, good.byteLength);
  for (const fill of [() => 0, () => 255, () => whole(256), (k: number) => [0, 0, 0xf0, 0x7f][k % 4]!]) {
    arrays.push(new DataView(bytes.map((byte, k) => (k < start ? byte : fill(k))).buffer));
  }
  arrays.push(new DataView(bytes.slice(0, -1).buffer), encode(new Float32Array(0), [7, 0]));
  return arrays;
}

const shown = (view: Mounted) => ({
  status: view.find("[data-role=status]").textContent,
  error: view.find("[data-role=error]").textContent,
  names: [...view.root.querySelectorAll("button[data-node]")].map((twin) => twin.getAttribute("aria-label")),
  on: [...view.root.querySelectorAll("button[data-edge]")].map((twin) => twin.getAttribute("aria-pressed")),
  cards: view.root.querySelectorAll("[data-card]").length,
  steps: view.root.querySelectorAll(".steps li").length,
  script: view.find("[data-role=script] code").textContent,
});

/** What a person does, without looking. */
function work(view: Mounted): void {
  for (const panel of ["history", "history", "probe", "probe"]) view.find(`[data-panel=${panel}]`).click();
  const twin = view.root.querySelectorAll<HTMLElement>("button[data-edge]")[whole(9)];
  twin?.focus();
  for (const key of ["Enter", " ", "Escape", "+", "0"]) {
    twin?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  }
  const slider = view.slider("node");
  slider.value = `${whole(1000)}`;
  for (const name of ["input", "change"]) slider.dispatchEvent(new Event(name, { bubbles: true }));
}

test("hostile values of every trait are said in words and survived, and good ones come back", async () => {
  const thrown: unknown[] = [];
  const note = (event: ErrorEvent | PromiseRejectionEvent) => {
    thrown.push(event instanceof ErrorEvent ? event.message : event.reason);
    event.preventDefault();
  };
  window.addEventListener("error", note);
  window.addEventListener("unhandledrejection", note);
  onTestFinished(() => {
    window.removeEventListener("error", note);
    window.removeEventListener("unhandledrejection", note);
  });
  const model = richModel();
  model.receive({
    selected: [
      [0, 0, 4],
      [1, 3],
    ],
    probe: [0.1, 0.2],
  });
  const view = await mount(model);
  for (const panel of ["history", "script"]) view.find(`[data-panel=${panel}]`).click();
  await frames(3);
  const good = { ...model.traits };
  const before = shown(view);
  expect(before.error).toBe("");
  expect(before.cards).toBe(2);
  let count = 0;
  for (const name of TRAITS) {
    // Each value for half of the traits: a frame each takes its time.
    for (const value of [...HOSTILE.filter(() => random() < 0.5), ...bytesLike(good[name])]) {
      model.receive({ [name]: value } as Partial<Traits>);
      await frames(1);
      const { error } = shown(view);
      expect(typeof error).toBe("string");
      if (name !== "error")
        expect(error, `${name}`).toMatch(/^$|^The view cannot (read|show) the model: .{10,}/);
      if (count % 7 === 0) work(view);
      count++;
    }
    model.receive(good);
    await frames(3);
    expect(shown(view), `after ${name}`).toEqual(before);
  }
  expect(thrown).toEqual([]);
  expect(count).toBeGreaterThan(1200);
}, 240_000);

test("what cannot be read is named, with what belongs there", async () => {
  const view = await mount(richModel());
  const said = async (traits: Record<string, unknown>) => {
    const good = { ...view.model.traits };
    view.model.receive(traits as Partial<Traits>);
    await frames(2);
    const { error } = shown(view);
    view.model.receive(good);
    await frames(2);
    expect(shown(view).error).toBe("");
    return error;
  };
  const start = "The view cannot read the model: ";
  expect(await said({ _history: 5 })).toBe(
    `${start}_history: a number came where a list of commands belongs`,
  );
  expect(await said({ in_vars: [1] })).toBe(
    `${start}in_vars: another list came where a list of names belongs`,
  );
  expect(await said({ _scores: new DataView(new ArrayBuffer(4)) })).toContain("too few");
  expect(await said({ removed_edges: {} })).toContain("an object came where a list of indices belongs");
});
