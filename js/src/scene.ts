/** One frame as shapes: the layout, the easing between two layouts and what the view knows, put together. Pure. */
import type { Box, Layout, Path, Place } from "./layout";
import { isTaken, type Network, nodesOn, reasonOff } from "./network";
import type { Curves } from "./protocol";
import type { Known } from "./state";

/** `taking`: it was there when the drag began and the threshold in hand would take it. */
export type Look = "on" | "taking" | "taken" | "off";

export interface EdgeShape {
  readonly edge: number;
  readonly path: Path;
  readonly box: Box | null;
  /** Opacity of the box while it comes or goes. */
  readonly presence: number;
  readonly look: Look;
  /** Opacity of ink, from the score. */
  readonly strength: number;
  /** Kept on by hand, against the thresholds or the model. */
  readonly kept: boolean;
}

export interface NodeShape {
  readonly node: number;
  readonly x: number;
  readonly y: number;
  readonly r: number;
  readonly look: Look;
}

export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly edges: readonly EdgeShape[];
  readonly nodes: readonly NodeShape[];
}

/** Ink of an edge that is on: legible however small its score. */
export function strengthOf(score: number): number {
  return Math.max(0.35, Math.tanh(3 * score)) || 0.35;
}

export interface Easing {
  readonly from: Layout;
  /** 0 is `from`, 1 the new layout. */
  readonly t: number;
}

export function buildScene(layout: Layout, known: Known, easing: Easing | null): Scene {
  const { net, edits, mask, settled } = known;
  const edges: EdgeShape[] = [];
  for (const place of layout.places.values()) {
    const e = place.edge;
    const { path, box, presence } = ease(place, easing);
    let look: Look = "on";
    if (!mask[e]) {
      const reason = reasonOff(net, edits, e);
      const threshold = reason === "edge threshold" || reason === "node threshold";
      look = !threshold ? "off" : settled[e] ? "taking" : "taken";
    }
    const returning = look === "on" && !settled[e];
    edges.push({
      edge: e,
      path,
      // The square on its line becomes a small box, since the layout is frozen.
      box: returning ? place.anchor : box,
      presence: returning ? 1 : presence,
      look,
      strength: strengthOf(net.scores[e]!),
      kept: look === "on" && edits.keptEdges.has(e),
    });
  }
  const on = nodesOn(net, mask);
  const before = nodesOn(net, settled);
  const nodes: NodeShape[] = [];
  for (let l = 0; l <= net.depth; l++) {
    for (let n = net.nodeOffset[l]!; n < net.nodeOffset[l + 1]!; n++) {
      let look: Look = on[n] ? "on" : "off";
      if (!on[n] && isTaken(net, edits, n) && !edits.removedNodes.has(n))
        look = before[n] ? "taking" : "taken";
      nodes.push({ node: n, x: layout.nodeX[n]!, y: layout.nodeY[n]!, r: layout.radius[l]!, look });
    }
  }
  return { width: layout.width, height: layout.height, edges, nodes };
}

/** The layout on the way from one to another: where a further easing begins. */
export function between(from: Layout, to: Layout, t: number): Layout {
  const places = [...to.places.values()].map((place): [number, Place] => {
    const { path, box, presence } = ease(place, { from, t });
    return [
      place.edge,
      { edge: place.edge, path, box: presence > 0.5 ? box : null, anchor: box ?? place.anchor },
    ];
  });
  return { ...to, places: new Map(places) };
}

/** A box that comes or goes grows out of the square on its line, or shrinks into it. */
function ease(place: Place, easing: Easing | null): { path: Path; box: Box | null; presence: number } {
  const old = easing?.from.places.get(place.edge);
  if (!easing || !old) return { path: place.path, box: place.box, presence: 1 };
  const mix = (a: number, b: number) => a + (b - a) * easing.t;
  const path = place.path.map((to, k) => mix(old.path[k]!, to));
  if (!place.box && !old.box) return { path, box: null, presence: 1 };
  const [a, b] = [old.anchor, place.anchor];
  const box = { x: mix(a.x, b.x), y: mix(a.y, b.y), side: mix(a.side, b.side) };
  return { path, box, presence: mix(old.box ? 1 : 0, place.box ? 1 : 0) };
}

/** An edge's samples in the unit square, u0 v0 u1 v1 ..: v is 0 at the curve's least and 1 at its greatest value. */
export type UnitCurve = (edge: number) => Float32Array;

export function createUnitCurves(net: Network, curves: Curves): UnitCurve {
  const known = new Map<number, Float32Array>();
  return (edge) => {
    let unit = known.get(edge);
    if (!unit) {
      unit = unitCurve(net, curves, edge);
      known.set(edge, unit);
    }
    return unit;
  };
}

function unitCurve(net: Network, { samples, x, of }: Curves, edge: number): Float32Array {
  const row = net.source[edge]! * samples;
  const xs = x.subarray(row, row + samples);
  const ys = of(edge);
  const [scaleX, scaleY] = [unitScale(xs), unitScale(ys)];
  const unit = new Float32Array(2 * samples);
  for (let k = 0; k < samples; k++) {
    unit[2 * k] = scaleX(xs[k]!);
    unit[2 * k + 1] = scaleY(ys[k]!);
  }
  return unit;
}

/** Values to 0..1; a constant, up to the rounding of float32, is in the middle. */
function unitScale(values: Float32Array): (value: number) => number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const range = high - low;
  if (!(range > 1e-6 * Math.max(Math.abs(low), Math.abs(high)))) return () => 0.5;
  return (value) => (value - low) / range;
}
