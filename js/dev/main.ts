/** A made-up network for `index.html`, and the standalone model behind its views. */
import widget from "../src/index";
import { createTopology } from "../src/model/network";
import { standaloneModel } from "../src/standalone/model";
import { encode } from "../src/wire/packed-array";

const query = new URLSearchParams(location.search);
const width = (query.get("width") ?? "2,5,1").split(",").map(Number);
const slots = JSON.parse(query.get("slots") ?? "[]") as number[][];
document.body.className = query.get("theme") ?? "";

const SAMPLES = 64;
const ROWS = 200;
const FORMULAS = ["x^2", "exp", "sin", "tanh", "|x|"];
const SHAPES: ((x: number, a: number) => number)[] = [
  (x, a) => Math.sin(3 * x + a),
  (x) => x * x,
  (x, a) => Math.exp((1 + a) * x),
  (x) => Math.abs(x),
  (x, a) => Math.tanh(4 * x + a),
  (x) => x,
  (x, a) => Math.cos(2 * x + a) + 0.5 * x,
  (x, a) => Math.exp(-8 * (x - a + 0.5) ** 2),
];

let seed = 7;
function random(): number {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed / 2147483648;
}

let sequence = 0;
type Numbers = Float32Array | Float64Array | Uint8Array;
const pack = (data: Numbers, ...shape: number[]) => encode(data, shape, ++sequence);

const net = createTopology(width, slots);
const { edgeCount, edgeOffset, nodeOffset, depth, source, target, slotNode, slot } = net;
const sources = nodeOffset[depth]!;
const xs = Float64Array.from({ length: SAMPLES }, (_, k) => -1 + (2 * k) / (SAMPLES - 1));
const y = new Float64Array(edgeCount * SAMPLES);
for (let e = 0; e < edgeCount; e++) {
  const [f, a, wave] = [SHAPES[Math.floor(random() * SHAPES.length)]!, random(), 6 + 8 * random()];
  // A hidden node's inputs are sums: small ones stay within the range of the curves.
  for (const [k, x] of xs.entries())
    y[e * SAMPLES + k] = (f(x, a) + 0.08 * Math.sin(wave * x)) / (2 * width[0]!);
}
// Every hidden node has a share of the work; an edge's score is what both its ends give it.
const share = Float64Array.from({ length: net.nodeCount }, (_, n) =>
  n < width[0]! || n >= sources ? 1 : 1.5 * 10 ** (-2.5 * random()),
);
const scores = Float64Array.from(source, (a, e) => share[a]! * share[target[e]!]! * (0.5 + random()));
const strongest = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!);
const index = (e: number) => {
  const l = edgeOffset.findLastIndex((first) => first <= e);
  return [l, source[e]! - nodeOffset[l]!, slot[e]! - net.slotOffset[l]!];
};
/** Between two samples a function is a straight line. */
const cells = Float64Array.from({ length: edgeCount * (SAMPLES - 1) * 4 }, (_, k) => {
  const [cell, power] = [Math.floor(k / 4), k % 4];
  const at = Math.floor(cell / (SAMPLES - 1)) * SAMPLES + (cell % (SAMPLES - 1));
  return power === 0 ? y[at]! : power === 1 ? y[at + 1]! - y[at]! : 0;
});
const everySource = (values: Float64Array) =>
  Float64Array.from({ length: sources * SAMPLES }, (_, k) => values[k % SAMPLES]!);
const means = Float64Array.from({ length: edgeCount }, (_, e) => {
  const own = y.subarray(e * SAMPLES, (e + 1) * SAMPLES);
  return own.reduce((sum, value) => sum + value, 0) / SAMPLES;
});
const on = new Uint8Array(edgeCount).fill(1);

const model = standaloneModel({
  node_threshold: Number(query.get("node") ?? 0),
  edge_threshold: Number(query.get("edge") ?? 0),
  removed_edges: [],
  kept_edges: [],
  removed_nodes: [],
  kept_nodes: [],
  in_vars: Array.from({ length: width[0]! }, (_, i) => query.get("name") ?? `x_${i + 1}`),
  out_vars: Array.from({ length: width[depth]! }, (_, j) => (width[depth]! > 1 ? `y_${j + 1}` : "f(x)")),
  // Of a network without labels: how far its outputs move.
  loss: 0,
  baseline_loss: 0,
  loss_name: "RMS change of the outputs",
  error: "",
  keep_mean: true,
  selected: [],
  view: "auto",
  orientation: "right",
  tolerance: 0.05,
  beta: 3,
  removed: "faint",
  shared_scale: false,
  probe: [],
  _symbolic: strongest
    .slice(0, Number(query.get("formulas") ?? 0))
    .map((e, k) => [...index(e), FORMULAS[k % FORMULAS.length]]),
  _width: width,
  _slots: slots,
  _curves_x: pack(Float32Array.from(everySource(xs)), sources, SAMPLES),
  _curves_y: pack(Float32Array.from(y), edgeCount, SAMPLES),
  _scores: pack(scores, edgeCount),
  _baseline: pack(on, edgeCount),
  _mask: pack(on, edgeCount),
  _cells_x: pack(everySource(xs), sources, SAMPLES),
  _cells_y: pack(cells, edgeCount, SAMPLES - 1, 4),
  _bias: pack(new Float64Array(slotNode.length), slotNode.length),
  _offset: pack(new Float64Array(net.nodeCount), net.nodeCount),
  _means: pack(means, edgeCount),
  _folded: pack(new Float64Array(edgeCount), edgeCount),
  _rows: pack(
    Float32Array.from({ length: ROWS * width[0]! }, () => 2 * random() - 1),
    ROWS,
    width[0]!,
  ),
  ...(JSON.parse(query.get("traits") ?? "{}") as object),
});
if (query.has("compare")) {
  const [first, last] = [0, (model.get("_current") as number) ?? 0];
  model.send({ do: "compare", ids: [first, last] });
}
for (let k = 0; k < Number(query.get("views") ?? 1); k++) {
  const el = document.body.appendChild(document.createElement("div"));
  widget().render({ model, el });
}
