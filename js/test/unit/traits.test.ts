import { describe, expect, test } from "vitest";
import { WHOLE } from "../../src/wire/check-type";
import { decode } from "../../src/wire/packed-array";
import { createSnapshotReader } from "../../src/wire/snapshot";
import {
  DECISIONS,
  handEdits,
  ORIENTATIONS,
  PAGE_ONLY,
  TABLE,
  type Traits,
  UNFOLLOWED,
  VIEWS,
  write,
} from "../../src/wire/traits";
import { fakeModel, pack } from "../fake";
import { golden } from "../golden";

const { arrays, bad } = golden<{
  arrays: {
    base64: string;
    dtype: "float32" | "float64" | "uint8";
    shape: number[];
    sequence: number;
    values: number[];
  }[];
  bad: { base64: string; why: string }[];
}>("wire.json");

describe("the table of traits", () => {
  const python =
    golden<Record<string, { type: string; writer: string; dtype?: string; choices?: string[] }>>(
      "traits.json",
    );
  const table = { ...TABLE, ...UNFOLLOWED, ...PAGE_ONLY };

  test("is Python's: names, who writes them, and types of packed arrays", () => {
    const short = (entries: Record<string, { writer: string; dtype?: string }>) =>
      Object.fromEntries(
        Object.entries(entries).map(([name, { writer, dtype }]) => [name, { writer, dtype }]),
      );
    expect(short(table)).toEqual(short(python));
    expect([python.view!.choices, python.orientation!.choices]).toEqual([VIEWS, ORIENTATIONS]);
  });

  test("accepts what Python's types are in JSON, and no other", () => {
    const values = { bytes: new DataView(new ArrayBuffer(0)), boolean: true, number: 1, text: "a", list: [] };
    for (const [name, { check }] of Object.entries(table)) {
      if (["_written", "_origin", "_run", "_formula", "_naming"].includes(name)) continue; // objects, which are read field by field
      const accepted = Object.entries(values).flatMap(([type, value]) => (check[0](value) ? [type] : []));
      // Some hosts send the words "nan" and "inf" for numbers.
      const hosts =
        python[name]!.type === "number" && check !== WHOLE ? ["number", "text"] : [python[name]!.type];
      expect(accepted, name).toEqual(hosts);
    }
  });

  test("knows a training from anything else", () => {
    const [isRun] = TABLE._run.check;
    const run = {
      number: 1,
      state: "paused",
      steps: 20,
      done: 3,
      opt: "LBFGS",
      lr: 1,
      lamb: 0,
      lamb_entropy: 2,
      update_grid: false,
      batch: -1,
      stopped: "",
      error: "",
    };
    expect([{}, run].every(isRun)).toBe(true);
    const wrong = [[], null, 1, new DataView(new ArrayBuffer(0)), { ...run, state: "lost" }];
    for (const name of Object.keys(run)) wrong.push({ ...run, [name]: [] } as never);
    expect(wrong.filter(isRun)).toEqual([]);
  });

  test("says which traits decide what is pruned", () => {
    expect(DECISIONS.toSorted()).toEqual(
      Object.keys(python).filter((name) => python[name]!.writer === "decision"),
    );
    expect(DECISIONS).toHaveLength(7);
  });
});

test("the file of packed arrays has good and bad ones", () => {
  expect(arrays.length).toBeGreaterThan(2);
  expect(bad.length).toBeGreaterThan(3);
});

test.each(arrays)(
  "Python's $dtype of shape $shape comes out as it went in",
  ({ base64, dtype, shape, sequence, values }) => {
    const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
    // As hosts hand them out: alone, and somewhere inside of a larger buffer.
    for (const offset of [0, 3, 8]) {
      const large = new Uint8Array(offset + bytes.length + 5).fill(255);
      large.set(bytes, offset);
      const packed = decode(new DataView(large.buffer, offset, bytes.length), dtype);
      expect(packed.shape).toEqual(shape);
      expect(packed.sequence).toBe(sequence);
      expect([...packed.data]).toEqual(values);
      large.fill(0);
      expect([...packed.data]).toEqual(values);
    }
  },
);

test.each(bad)("bytes that are wrong ($why) are refused in words", ({ base64 }) => {
  const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
  for (const dtype of ["float32", "float64", "uint8"] as const) {
    expect(() => decode(bytes, dtype, "_scores")).toThrow(/^_scores: .{10,}/);
  }
});

test("an array of another type is not taken for the one that was asked for", () => {
  expect(() => decode(pack(new Float32Array(2), [2]), "float64")).toThrow("float64");
  expect(() => decode(undefined as unknown as ArrayBuffer, "float64")).toThrow("no bytes");
});

test("reading an unchanged model again gives the same objects, so that nothing is drawn anew", () => {
  const model = fakeModel();
  const read = createSnapshotReader(model);
  const [a, b] = [read(), read()];
  expect(b.net).toBe(a.net);
  expect(b.curves).toBe(a.curves);
  expect(b.edits).toBe(a.edits);
  expect(b.kernelMask).toBe(a.kernelMask);
  model.receive({ node_threshold: 0.5 });
  expect(read().edits).not.toBe(a.edits);
  expect(read().net).toBe(a.net);
});

test("arrays that do not fit the widths are refused in words", () => {
  const model = fakeModel();
  const read = createSnapshotReader(model);
  model.receive({ _width: [2, 4, 1] });
  expect(read).toThrow("_scores: shape [15] came where [12] belongs");
});

test("hand edits that name no edge or node of the network are dropped", () => {
  const model = fakeModel();
  model.receive({
    removed_edges: [
      [0, 1, 4],
      [0, 2, 0],
      [2, 0, 0],
      [0, -1, 0],
    ],
    kept_nodes: [
      [1, 4],
      [1, 5],
      [3, 0],
    ],
  });
  const { net, edits } = createSnapshotReader(model)();
  expect(handEdits(net, edits)).toEqual({
    removed_edges: [[0, 1, 4]],
    kept_edges: [],
    removed_nodes: [],
    kept_nodes: [[1, 4]],
  });
});

test("numbers that JSON cannot say do no harm", () => {
  const model = fakeModel();
  model.receive({ loss: "nan", node_threshold: "nan", edge_threshold: null } as unknown as Partial<Traits>);
  const { loss, edits } = createSnapshotReader(model)();
  expect(loss).toBeNaN();
  expect([edits.nodeThreshold, edits.edgeThreshold]).toEqual([0, 0]);
});

test("decisions are sent as one message, and not at all when they are the model's already", () => {
  const model = fakeModel();
  write(model, { node_threshold: 0, removed_edges: [] });
  expect(model.messages).toBe(0);
  write(model, { node_threshold: 0.5, removed_edges: [[0, 1, 0]] });
  expect(model.messages).toBe(1);
  expect(model.traits.removed_edges).toEqual([[0, 1, 0]]);
});

test("curves of selected edges are newer than the others while a large network is trained", () => {
  const model = fakeModel();
  const read = createSnapshotReader(model);
  const before = read().curves;
  const newer = Float32Array.from({ length: 65 }, (_, k) => (k === 0 ? 7 : k / 64));
  model.receive({ _selected_curves: pack(newer, [1, 65]) });
  const during = read().curves;
  expect(during).not.toBe(before);
  expect(read().curves).toBe(during);
  expect([...during.of(7)]).toEqual([...newer.subarray(1)]);
  expect([...during.of(6)]).toEqual([...before.of(6)]);
  model.receive({ _selected_curves: new DataView(new ArrayBuffer(0)) });
  expect([...read().curves.of(7)]).toEqual([...before.of(7)]);
  // What cannot be read is left out.
  model.receive({ _selected_curves: pack(new Float32Array(6), [2, 3]) });
  expect([...read().curves.of(7)]).toEqual([...before.of(7)]);
  expect(read().problem).toContain("_selected_curves");
});
