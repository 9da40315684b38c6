/** Whatever a model holds, the view says so in words, throws out of no handler, and comes back with good values. */
import { expect, onTestFinished, test } from "vitest";
import { encode } from "../../src/wire/packed-array";
import { TRAITS, type Traits } from "../../src/wire/traits";
import { pack, randomNumbers } from "../fake";
import { richModel } from "../rich";
import { frames, type Mounted, mount, tabs } from "./mounted";

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
    "matrix",
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
    [{ id: 0, parent: 7, kind: "set", what: [], note: "", active_edges: 1, edges_removed: 0 }],
  ],
  ...[nested(300), Array(5000).fill([0, 0, 0]), Array(5000).fill("z"), "junk", new ArrayBuffer(3)],
];

/** One of each type, so that every trait meets all types but its own. */
const TYPES: readonly unknown[] = [
  5,
  true,
  "nan",
  {},
  { "0": "x" },
  [5],
  [[5]],
  ["x"],
  [{}],
  [null],
  new Date(0),
];

/** What is right but for one thing in it: a value of another type, a key too many or too few. */
function mutations(good: unknown, times: number): unknown[] {
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const collect = (holder: Record<string, unknown>) => {
    for (const [key, value] of Object.entries(holder)) {
      places.push([holder, key]);
      if (typeof value === "object" && value !== null) collect(value as Record<string, unknown>);
    }
  };
  return Array.from({ length: times }, () => {
    const copy = { value: structuredClone(good) };
    places.length = 0;
    collect(copy);
    const [holder, key] = places[whole(places.length)]!;
    const values = [...TYPES, Number.NaN, Number.NEGATIVE_INFINITY, -1, 1e308, "", undefined, null];
    holder[key] = values[whole(values.length)];
    return copy.value;
  });
}

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

/** Without these there is no network, or it would be a false one: what was read last stays. */
const NEEDED =
  /^(node_threshold|edge_threshold|(removed|kept)_(edges|nodes)|keep_mean|_width|_slots|_scores|_baseline|_mask|_curves_[xy]|_curves_range)$/;

/** Everything that a view shows is there: panels open, warnings, a comparison, another score, a picture of inputs. */
function fullModel() {
  const model = richModel();
  model.receive({
    selected: [
      [0, 0, 4],
      [1, 3],
    ],
    probe: [0.1, 0.2],
    _warnings: [["unused_input", 1]],
    _symbolic: [[0, 0, 2, "sin(x)"]],
    _prices: [
      [[0, 0, 4], 0.3],
      [[1, 3], null],
    ],
    _compared: pack(
      new Uint8Array(15).map((_, e) => e % 4),
      [15],
    ),
    input_shape: [1, 2],
  });
  return model;
}

for (const view_ of ["network", "matrix"] as const) {
  test(`hostile values of every trait are said in words and survived, and good ones come back: ${view_}`, async () => {
    const thrown: unknown[] = [];
    let now = "";
    const note = (event: ErrorEvent | PromiseRejectionEvent) => {
      thrown.push(`${now}: ${event instanceof ErrorEvent ? event.message : event.reason}`);
      event.preventDefault();
    };
    window.addEventListener("error", note);
    window.addEventListener("unhandledrejection", note);
    onTestFinished(() => {
      window.removeEventListener("error", note);
      window.removeEventListener("unhandledrejection", note);
    });
    const model = fullModel();
    model.receive({ view: view_ });
    const view = await mount(model);
    await tabs(view, ["script", "history"]);
    await frames(3);
    const good = { ...model.traits };
    const before = shown(view);
    expect(before.error).toBe("");
    expect(before.cards).toBe(2);
    // All that a frame shows is reached: what Python warns of, and the losses of steps.
    expect(view.find("[data-role=warning]").textContent).toBe("Input x2 leads nowhere any more.");
    expect(before.steps).toBe(4);
    let count = 0;
    for (const name of TRAITS) {
      const isBytes = ArrayBuffer.isView(good[name]);
      const values = [
        ...TYPES,
        ...(isBytes ? bytesLike(good[name]) : mutations(good[name], view_ === "network" ? 20 : 8)),
        // Each for some of the traits: a frame each takes its time.
        ...HOSTILE.filter(() => random() < 0.25),
      ];
      for (const value of values) {
        now = `${name} = ${JSON.stringify(value)?.slice(0, 80)}`;
        model.receive({ [name]: value } as Partial<Traits>);
        await frames(1);
        const { error, names, status } = shown(view);
        if (name !== "error")
          expect(error, now).toMatch(/^$|^Closed: the model|^The view cannot (read|show) the model: .{10,}/);
        // Whatever is missing, the network is there, and what else is known is shown.
        expect(names.length, now).toBeGreaterThan(0);
        expect(error, now).not.toContain("cannot show");
        if (!NEEDED.test(name)) expect(status, now).toMatch(/^\d+ of 15 edges/);
        if (count % 11 === 0) work(view);
        count++;
      }
      model.receive(good);
      await frames(3);
      // What screen readers say of scores follows a moment later.
      await expect.poll(() => shown(view), { message: `after ${name}`, timeout: 5000 }).toEqual(before);
      expect(thrown).toEqual([]);
    }
    expect(count).toBeGreaterThan(1000);
  }, 240_000);
}

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
