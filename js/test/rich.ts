/** A model that comes with everything a view can show: data, cells, the loss along the thresholds, a history. */

import { type Cells, predict, rmse } from "../src/model/forward";
import { type LossCurve, lossCurveOf } from "../src/model/loss-curve";
import { NO_EDITS } from "../src/model/mask";
import { createNetwork, type Network } from "../src/model/network";
import type { HistoryStep, Traits } from "../src/wire/traits";
import { type FakeModel, fakeModel, pack, randomNumbers, SAMPLES, scoresOf } from "./fake";

const CELLS = 64;
const BINS = 32;
const ROWS = 256;

type Shape = (x: number) => number;
const SHAPES: Shape[] = [
  (x) => Math.sin(3 * x),
  (x) => x * x,
  (x) => Math.exp(x) - 1,
  (x) => Math.abs(x),
  (x) => Math.tanh(4 * x),
  (x) => x,
  (x) => Math.cos(2 * x) + 0.5 * x,
  (x) => Math.exp(-8 * (x - 0.3) ** 2),
];

/** Functions whose sizes are their scores, so that what is small costs little. */
export function richTraits(width = [2, 5, 1], scores = scoresOf(width)): Partial<Traits> {
  const net = createNetwork(width, scores, new Uint8Array(scores.length).fill(1));
  const sources = net.nodeOffset[net.depth]!;
  const random = randomNumbers(5);
  const shapes = Array.from({ length: net.edgeCount }, () => SHAPES[Math.floor(random() * SHAPES.length)]!);
  const phi = (e: number, x: number) => scores[e]! * (shapes[e]!(x) + 0.1 * Math.sin(9 * x + e));
  const xs = (n: number) => Array.from({ length: n }, (_, k) => -1.2 + (2.4 * k) / (n - 1));
  const curve = (e: number) => xs(SAMPLES).map((x) => phi(e, x));
  const base = (e: number) => xs(SAMPLES).map((x) => (0.3 * scores[e]! * x) / (1 + Math.exp(-x)));
  const each = <T>(n: number, make: (k: number) => T[]) =>
    Array.from({ length: n }, (_, k) => make(k)).flat();

  const cells: Cells = {
    count: CELLS,
    x: Float64Array.from(each(sources, () => xs(CELLS + 1))),
    y: Float64Array.from(
      each(net.edgeCount, (e) =>
        each(CELLS, (k) => {
          const [a, b] = [phi(e, xs(CELLS + 1)[k]!), phi(e, xs(CELLS + 1)[k + 1]!)];
          return [a, b - a, 0, 0];
        }),
      ),
    ),
    bias: Float64Array.from(net.slotNode, (_, s) => 0.05 * (s - 1)),
    offset: new Float64Array(net.nodeCount),
    means: Float64Array.from({ length: net.edgeCount }, (_, e) => {
      const ys = curve(e);
      return ys.reduce((sum, y) => sum + y, 0) / ys.length;
    }),
    folded: new Float64Array(net.edgeCount),
  };
  const inputs = Float32Array.from(
    { length: ROWS * width[0]! },
    () => (random() + random() + random()) / 1.5 - 1,
  );
  const pure = predict(net, cells, net.baseline, true, inputs);
  const labels = Float32Array.from(pure, (y) => y + 0.05 * (random() + random() - 1));
  const measure = { rows: inputs, labels, loss: rmse };
  const loss = rmse(pure, labels);
  const density = each(sources, (n) => {
    const bins: number[] = new Array(BINS).fill(0);
    for (let r = 0; r < ROWS; r++) {
      const x = inputs[r * width[0]! + (n % width[0]!)]!;
      bins[Math.max(0, Math.min(BINS - 1, Math.floor(((x + 1.2) / 2.4) * BINS)))]! += 1 / ROWS;
    }
    return bins;
  });
  return {
    loss,
    baseline_loss: loss,
    _curves_x: pack(Float32Array.from(each(sources, () => xs(SAMPLES))), [sources, SAMPLES]),
    _curves_y: pack(Float32Array.from(each(net.edgeCount, curve)), [net.edgeCount, SAMPLES]),
    _base_y: pack(Float32Array.from(each(net.edgeCount, base)), [net.edgeCount, SAMPLES]),
    _density: pack(Float32Array.from(density), [sources, BINS]),
    _grid: pack(Float32Array.from(each(sources, (n) => [-1, 1, n === 1 ? 0.023 : 0])), [sources, 3]),
    _rows: pack(inputs, [ROWS, width[0]!]),
    _row_labels: pack(labels, [ROWS, width.at(-1)!]),
    _cells_x: pack(cells.x, [sources, CELLS + 1]),
    _cells_y: pack(cells.y, [net.edgeCount, CELLS, 4]),
    _bias: pack(cells.bias, [cells.bias.length]),
    _offset: pack(cells.offset, [net.nodeCount]),
    _means: pack(cells.means, [net.edgeCount]),
    _folded: pack(cells.folded, [net.edgeCount]),
    _tradeoff_node: packTradeoff(lossCurveOf(net, cells, measure, NO_EDITS, "node")),
    _tradeoff_edge: packTradeoff(lossCurveOf(net, cells, measure, NO_EDITS, "edge")),
    _script: `from kanwidget import PruningSession\n\nsession = PruningSession(model, dataset)\nsession.set_thresholds(node=0.01)\n`,
    ...historyOf(net, loss, 4),
  };
}

export function packTradeoff(curve: LossCurve): DataView {
  const rows = [curve.thresholds, curve.activeEdges, curve.lossZeroed, curve.lossKept];
  return pack(Float64Array.from(rows.flatMap((row) => [...row])), [4, curve.thresholds.length]);
}

/** A history of so many steps that branches now and then. */
export function historyOf(net: Network, loss: number, count: number): Pick<Traits, "_history" | "_current"> {
  const steps: HistoryStep[] = Array.from({ length: count }, (_, id) => ({
    id,
    parent: id === 0 ? null : id % 7 === 5 ? id - 3 : id - 1,
    kind: id === 0 ? "start" : id % 9 === 8 ? "commit" : "set",
    what:
      id === 0
        ? []
        : [id % 9 === 8 ? ["commit"] : id % 2 ? ["node_threshold", 0.001 * 2 ** id] : ["hand_edits"]],
    edges_removed: id === 0 || id % 9 === 8 ? 0 : id % 2 ? 3 : -1,
    note: id === 2 ? "x1 alone is not enough" : "",
    loss_before: loss * (1 + 0.01 * Math.max(0, id - 1)),
    loss_after: loss * (1 + 0.01 * id),
    active_edges: Math.max(1, net.edgeCount - id),
  }));
  return { _history: steps, _current: count - 1 };
}

export function richModel(width = [2, 5, 1], scores = scoresOf(width)): FakeModel {
  const model = fakeModel(width, scores);
  model.receive(richTraits(width, scores));
  return model;
}
