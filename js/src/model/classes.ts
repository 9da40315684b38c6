/** What a network's outputs say of classes. Pure. */

/** Probabilities that add up to 1, without overflow. */
export function softmax(outputs: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(outputs);
  const largest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

export const sigmoid = (output: number): number =>
  output >= 0 ? 1 / (1 + Math.exp(-output)) : Math.exp(output) / (1 + Math.exp(output));

/** The first of the largest outputs, as torch's `argmax`; -1 if one of them is not a number. */
export function largestOutput(outputs: ArrayLike<number>): number {
  let best = 0;
  for (let k = 0; k < outputs.length; k++) {
    if (Number.isNaN(outputs[k])) return -1;
    if (outputs[k]! > outputs[best]!) best = k;
  }
  return outputs.length > 0 ? best : -1;
}
