/** One frame as shapes: where things are, on the way from one layout to another, and how they look. Pure. */

import { isBelowNodeThreshold, reasonOff } from "../../model/mask";
import { nodesOnPath } from "../../model/reachability";
import type { ViewState } from "../../state/view-state";
import type { Path } from "../../util/paths";
import type { Box } from "../../util/rect";
import type { Layout, Place } from "./layout";

export { createNormalizedCurves, inBox, type NormalizedCurve } from "../../canvas/normalized-curves";

/** `removing`: it was on when the drag began, and the threshold that is being dragged would remove it. */
export type EdgeLook = "on" | "removing" | "removed" | "off";

/** Where two compared states differ. */
export type Difference = "first" | "second" | null;

export interface EdgeShape {
  readonly edge: number;
  readonly path: Path;
  readonly box: Box | null;
  readonly anchor: Box;
  /** Opacity of the box while it comes or goes. */
  readonly presence: number;
  readonly look: EdgeLook;
  /** Opacity of ink, from the score. */
  readonly strength: number;
  /** Kept on by hand, against the thresholds or the model. */
  readonly kept: boolean;
  /** Its fixed formula, and where there is room for it: under the box, or there beside the line. */
  readonly formula: string | null;
  readonly label: "under" | "beside" | null;
  readonly difference: Difference;
}

/** `idle`: it has edges that are on, but none of them leads from an input to an output. */
export interface NodeShape {
  readonly node: number;
  readonly x: number;
  readonly y: number;
  readonly r: number;
  readonly look: EdgeLook | "idle";
  /** It multiplies: the dots of its sums. */
  readonly sums: readonly { readonly x: number; readonly y: number }[];
}

export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly edges: readonly EdgeShape[];
  readonly nodes: readonly NodeShape[];
  /** Two states are compared: what is in both is faded. */
  readonly comparing: boolean;
}

/** Opacity at which ink still has a contrast of 3:1. */
const LEAST = 0.5;

/** Ink of an edge that is on: legible however small its score. */
export function strengthOf(score: number): number {
  return Math.max(LEAST, Math.tanh(3 * score)) || LEAST;
}

export function buildScene(layout: Layout, known: ViewState, compared: Uint8Array | null = null): Scene {
  const { net, layoutMask } = known;
  const edges: EdgeShape[] = [];
  for (const { edge: e, path, box, anchor, presence, label } of layout.places.values()) {
    const look = lookOf(known, e);
    // The square on its line becomes a small box, since the layout is frozen.
    const returning = look === "on" && !layoutMask[e];
    edges.push({
      edge: e,
      path,
      box: returning ? anchor : box,
      anchor,
      presence: returning ? 1 : presence,
      look,
      strength: strengthOf(net.scores[e]!),
      kept: look === "on" && known.edits.keptEdges.has(e),
      formula: known.symbolic.get(e) ?? null,
      label: label ? (layout.orientation === "up" ? "beside" : "under") : null,
      difference: differenceOf(compared?.[e]),
    });
  }
  return {
    width: layout.width,
    height: layout.height,
    edges,
    nodes: nodeShapes(layout, known),
    comparing: compared !== null,
  };
}

function lookOf({ net, edits, mask, layoutMask }: ViewState, e: number): EdgeLook {
  if (mask[e]) return "on";
  const reason = reasonOff(net, edits, e);
  const threshold = reason === "edge threshold" || reason === "node threshold";
  return !threshold ? "off" : layoutMask[e] ? "removing" : "removed";
}

function nodeShapes(layout: Layout, known: ViewState): NodeShape[] {
  const { net, edits, mask, nodesOn: on, layoutNodesOn: before } = known;
  const live = nodesOnPath(net, mask, on);
  const sums = new Map<number, { x: number; y: number }[]>();
  for (const { node, x, y } of layout.slots.values()) sums.set(node, [...(sums.get(node) ?? []), { x, y }]);
  return Array.from({ length: net.nodeCount }, (_, n) => {
    let look: NodeShape["look"] = live[n] ? "on" : on[n] ? "idle" : "off";
    if (!on[n] && isBelowNodeThreshold(net, edits, n) && !edits.removedNodes.has(n))
      look = before[n] ? "removing" : "removed";
    const [x, y, r] = [layout.nodeX[n]!, layout.nodeY[n]!, layout.nodeR[n]!];
    return { node: n, x, y, r, look, sums: sums.get(n) ?? [] };
  });
}

function differenceOf(bits: number | undefined): Difference {
  return bits === 1 ? "first" : bits === 2 ? "second" : null;
}

/** The layout at time `t` (0..1) between two layouts; a new animation may start from it. */
export function between(from: Layout, to: Layout, t: number): Layout {
  if (t >= 1 || from.nodeX.length !== to.nodeX.length) return to;
  const mix = (a: number, b: number) => a + (b - a) * t;
  const mixAll = (a: Float64Array, b: Float64Array) => b.map((value, k) => mix(a[k]!, value));
  const places = new Map<number, Place>();
  for (const [edge, place] of to.places) {
    const old = from.places.get(edge);
    places.set(edge, old ? easePlace(old, place, mix) : place);
  }
  return {
    ...to,
    height: Math.max(from.height, to.height),
    nodeX: mixAll(from.nodeX, to.nodeX),
    nodeY: mixAll(from.nodeY, to.nodeY),
    nodeR: mixAll(from.nodeR, to.nodeR),
    slots: new Map(
      [...to.slots].map(([id, slot]) => {
        const old = from.slots.get(id) ?? slot;
        return [id, { ...slot, x: mix(old.x, slot.x), y: mix(old.y, slot.y) }];
      }),
    ),
    places,
  };
}

/** A box that comes or goes grows out of the square on its line, or shrinks into it. */
function easePlace(old: Place, place: Place, mix: (a: number, b: number) => number): Place {
  const path = place.path.map((to, k) => mix(old.path[k]!, to));
  const [a, b] = [old.anchor, place.anchor];
  const anchor = { x: mix(a.x, b.x), y: mix(a.y, b.y), side: mix(a.side, b.side) };
  const box = place.box || old.box ? anchor : null;
  const presence = box ? mix(old.box ? old.presence : 0, place.box ? 1 : 0) : 1;
  return { ...place, path, box, anchor, presence };
}
