/** One frame as shapes: where things are, on the way from one layout to another, and how they look. Pure. */

import { type ImportanceScale, importanceOf, importanceScale } from "../../model/importance";
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
  /** How much it matters, from 0 to 1. */
  readonly importance: number;
  /** It has just been switched off by hand, and nothing moves yet. */
  readonly ghost: boolean;
  /** False for what is off while that is not shown. */
  readonly visible: boolean;
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
  /** Whether what comes in is added or multiplied; null for an input. */
  readonly sign: "sum" | "product" | null;
  readonly visible: boolean;
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

export interface SceneOptions {
  /** Bits of two compared states, (E,). */
  readonly compared?: Uint8Array | null;
  readonly scale?: ImportanceScale;
  /** What is off is not shown. */
  readonly hidesRemoved?: boolean;
}

export function buildScene(
  layout: Layout,
  known: ViewState,
  { compared = null, scale = importanceScale(known.net), hidesRemoved = false }: SceneOptions = {},
): Scene {
  const { net, layoutMask } = known;
  const edges: EdgeShape[] = [];
  for (const { edge: e, path, box, anchor, presence, label } of layout.places.values()) {
    const look = lookOf(known, e);
    // The square on its line becomes a small box, since the layout is frozen.
    const returning = look === "on" && !layoutMask[e];
    const difference = differenceOf(compared?.[e]);
    const ghost = look === "off" && layoutMask[e] === 1;
    edges.push({
      edge: e,
      path,
      box: returning ? anchor : box,
      anchor,
      presence: returning ? 1 : presence,
      look,
      importance: importanceOf(scale, net.scores[e]!),
      ghost,
      visible: !hidesRemoved || ghost || difference !== null || look === "on" || look === "removing",
      kept: look === "on" && known.edits.keptEdges.has(e),
      formula: known.preview?.edge === e ? known.preview.function : (known.symbolic.get(e) ?? null),
      label: label ? (layout.orientation === "up" ? "beside" : "under") : null,
      difference,
    });
  }
  return {
    width: layout.width,
    height: layout.height,
    edges,
    nodes: nodeShapes(layout, known, hidesRemoved),
    comparing: compared !== null,
  };
}

function lookOf({ net, edits, mask, layoutMask }: ViewState, e: number): EdgeLook {
  if (mask[e]) return "on";
  const reason = reasonOff(net, edits, e);
  const threshold = reason === "edge threshold" || reason === "node threshold";
  return !threshold ? "off" : layoutMask[e] ? "removing" : "removed";
}

function nodeShapes(layout: Layout, known: ViewState, hidesRemoved: boolean): NodeShape[] {
  const { net, edits, mask, nodesOn: on, layoutNodesOn: before } = known;
  const live = nodesOnPath(net, mask, on);
  const used = new Uint8Array(net.nodeCount);
  for (let e = 0; e < net.edgeCount; e++) if (mask[e]) used[net.source[e]!] = used[net.target[e]!] = 1;
  const sums = new Map<number, { x: number; y: number }[]>();
  for (const { node, x, y } of layout.slots.values()) sums.set(node, [...(sums.get(node) ?? []), { x, y }]);
  return Array.from({ length: net.nodeCount }, (_, n) => {
    let look: NodeShape["look"] = live[n] ? "on" : on[n] ? "idle" : "off";
    if (!on[n] && isBelowNodeThreshold(net, edits, n) && !edits.removedNodes.has(n))
      look = before[n] ? "removing" : "removed";
    const [x, y, r] = [layout.nodeX[n]!, layout.nodeY[n]!, layout.nodeR[n]!];
    const its = sums.get(n) ?? [];
    const sign = n < net.width[0]! ? null : its.length > 0 ? "product" : "sum";
    const visible = !hidesRemoved || before[n] === 1 || used[n] === 1;
    return { node: n, x, y, r, look, sign, visible, sums: its };
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
