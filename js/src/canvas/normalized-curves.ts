/** The samples of each edge in the unit square, and where a point of its function lies there. Pure. */

import type { Network } from "../model/network";
import { extent } from "../model/scales";
import type { Box } from "../util/rect";
import type { Curves } from "../wire/snapshot";

export interface NormalizedCurve {
  /** u0 v0 u1 v1 ..: v is 0 at the curve's least and 1 at its greatest value. */
  (edge: number): Float32Array;
  /** Where (x, y) lies in the same square; off the drawn range it is on the border. */
  at(edge: number, x: number, y: number): [u: number, v: number];
  /** The values at v = 0 and at v = 1; equal for a constant, which is in the middle. */
  range(edge: number): Range;
}

type Scale = (value: number) => number;
type Range = readonly [low: number, high: number];

/** Beside the curve inside of its box, in sides. */
export const INSET = 0.12;

/** The same curves, but for one edge, which has other values on the same scale, or on its own if they do not fit it. */
export function withOtherCurve(
  curves: NormalizedCurve,
  edge: number,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): NormalizedCurve {
  const own = curves.range(edge);
  const range = extent(y);
  const wide = range[1] - range[0] > 1.5 * (own[1] - own[0]) || !(own[1] > own[0]);
  const low: Range = wide ? range : own;
  const [scaleX, scaleY] = [unitScale(extent(x)), unitScale(low)];
  const unit = new Float32Array(2 * y.length);
  for (let k = 0; k < y.length; k++) {
    unit[2 * k] = scaleX(x[k]!);
    unit[2 * k + 1] = scaleY(y[k]!);
  }
  const border = (value: number) => Math.min(1, Math.max(0, value));
  return Object.assign((other: number) => (other === edge ? unit : curves(other)), {
    at: (other: number, px: number, py: number): [number, number] =>
      other === edge ? [border(scaleX(px)), border(scaleY(py))] : curves.at(other, px, py),
    range: (other: number): Range => (other === edge ? low : curves.range(other)),
  });
}

/** Curves that are made at once: a small array for each would keep the browser busy with clearing them away. */
const BLOCK = 64;

/** `shared`: all curves into one sum have one scale, so that a flat one looks flat. */
export function createNormalizedCurves(net: Network, curves: Curves, shared = false): NormalizedCurve {
  const known = new Map<number, Float32Array>();
  const scales = new Map<number, readonly [Scale, Scale]>();
  const { samples, x, steps } = curves;
  const ranges = shared ? sharedRanges(net, curves) : null;
  const rangeOf = (edge: number): Range => ranges?.get(net.slot[edge]!) ?? ownRange(curves, edge);
  const rowOf = (source: number) => x.subarray(source * samples, (source + 1) * samples);
  const scalesOf = (edge: number) => {
    let pair = scales.get(edge);
    if (!pair) {
      pair = [unitScale(extent(rowOf(net.source[edge]!))), unitScale(rangeOf(edge))];
      scales.set(edge, pair);
    }
    return pair;
  };
  /** By source: they are the same for all edges out of it. */
  const across = new Map<number, Float32Array>();
  const acrossOf = (source: number) => {
    let us = across.get(source);
    if (!us) {
      us = rowOf(source).slice();
      const scale = unitScale(extent(us));
      for (let k = 0; k < samples; k++) us[k] = scale(us[k]!);
      across.set(source, us);
    }
    return us;
  };
  let block = new Float32Array();
  const curve = (edge: number) => {
    let unit = known.get(edge);
    if (unit) return unit;
    if (block.length === 0) block = new Float32Array(2 * samples * Math.min(BLOCK, net.edgeCount));
    unit = block.subarray(0, 2 * samples);
    block = block.subarray(2 * samples);
    const us = acrossOf(net.source[edge]!);
    if (steps && !shared && !isConstant(ownRange(curves, edge))) {
      const first = edge * samples;
      for (let k = 0; k < samples; k++) {
        unit[2 * k] = us[k]!;
        unit[2 * k + 1] = steps.y[first + k]! / 255;
      }
    } else {
      const [ys, scale] = [curves.of(edge), unitScale(rangeOf(edge))];
      for (let k = 0; k < samples; k++) {
        unit[2 * k] = us[k]!;
        unit[2 * k + 1] = scale(ys[k]!);
      }
    }
    known.set(edge, unit);
    return unit;
  };
  const border = (value: number) => Math.min(1, Math.max(0, value));
  return Object.assign(curve, {
    at(edge: number, px: number, py: number): [number, number] {
      const [scaleX, scaleY] = scalesOf(edge);
      return [border(scaleX(px)), border(scaleY(py))];
    },
    range: rangeOf,
  });
}

const ownRange = ({ steps, of }: Curves, edge: number): Range =>
  steps ? [steps.ranges[2 * edge]!, steps.ranges[2 * edge + 1]!] : extent(of(edge));

/** A point of the unit square in a box on the screen, where v points up. */
export function inBox({ x, y, side }: Box, u: number, v: number): [x: number, y: number] {
  const span = side * (1 - 2 * INSET);
  return [x + side * INSET + u * span, y + side * (1 - INSET) - v * span];
}

/** Up to the rounding of float32. */
const isConstant = ([low, high]: Range) => !(high - low > 1e-6 * Math.max(Math.abs(low), Math.abs(high)));

/** Values to 0..1; a constant is in the middle. */
function unitScale(range: Range): Scale {
  const [low, high] = range;
  return isConstant(range) ? () => 0.5 : (value) => (value - low) / (high - low);
}

/** By slot, over the edges of the baseline: what is on now must not stretch the others. */
function sharedRanges(net: Network, curves: Curves): Map<number, Range> {
  const ranges = new Map<number, Range>();
  for (let e = 0; e < net.edgeCount; e++) {
    if (!net.baseline[e]) continue;
    const [low, high] = ownRange(curves, e);
    const [least, most] = ranges.get(net.slot[e]!) ?? [low, high];
    ranges.set(net.slot[e]!, [Math.min(least, low), Math.max(most, high)]);
  }
  return ranges;
}
