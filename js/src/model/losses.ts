/** The losses that a page without Python can compute: what torch computes under the same names. Pure. */
import { rmse } from "./forward";

/** From predictions (count, n_out) and labels to the mean over all; less is better. */
export type Loss = (pred: ArrayLike<number>, labels: ArrayLike<number>) => number;

export const LOSSES: ReadonlyMap<string, Loss> = new Map<string, Loss>([
  ["rmse", rmse],
  ["mse", mean((x, y) => (x - y) ** 2)],
  ["l1", mean((x, y) => Math.abs(x - y))],
  ["bce", mean((x, y) => Math.max(x, 0) - x * y + Math.log1p(Math.exp(-Math.abs(x))))],
  ["cross_entropy", crossEntropy],
]);

function mean(of: (x: number, y: number) => number): Loss {
  return (pred, labels) => {
    let sum = 0;
    for (let k = 0; k < pred.length; k++) sum += of(pred[k]!, labels[k]!);
    return sum / pred.length;
  };
}

/** Labels are the numbers of classes, (count,). */
function crossEntropy(pred: ArrayLike<number>, labels: ArrayLike<number>): number {
  const n = pred.length / labels.length;
  let sum = 0;
  for (let r = 0; r < labels.length; r++) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < n; j++) largest = Math.max(largest, pred[r * n + j]!);
    let total = 0;
    for (let j = 0; j < n; j++) total += Math.exp(pred[r * n + j]! - largest);
    sum += largest + Math.log(total) - pred[r * n + labels[r]!]!;
  }
  return sum / labels.length;
}
