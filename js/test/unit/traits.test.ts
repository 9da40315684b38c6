import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decode } from "../../src/wire/packed-array";
import { createSnapshotReader } from "../../src/wire/snapshot";
import { handEdits, type Traits, write } from "../../src/wire/traits";
import { fakeModel, pack } from "../fake";

const golden = new URL("../../../tests/golden/wire.json", import.meta.url);
const { arrays, bad } = JSON.parse(readFileSync(golden, "utf8")) as {
  arrays: {
    base64: string;
    dtype: "float32" | "float64" | "uint8";
    shape: number[];
    sequence: number;
    values: number[];
  }[];
  bad: { base64: string; why: string }[];
};

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
