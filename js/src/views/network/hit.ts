/** What is under the pointer: boxes before nodes before lines. Pure. */

import type { Target, Topology } from "../../model/network";
import { encloses, type Loop } from "../../util/loops";
import { type Path, pointAt } from "../../util/paths";
import { centreOf, inside } from "../../util/rect";
import type { Layout } from "./layout";

const LINE_REACH = 6;
const NODE_REACH = 6;
const STEPS = 28;

/** What is drawn of a layout. */
export interface Shown {
  /** Whether the square on the line of an edge that has no box in the layout is shown as a box. */
  boxed(edge: number): boolean;
  edge(edge: number): boolean;
  node(node: number): boolean;
}

const ALL: Shown = { boxed: () => false, edge: () => true, node: () => true };

export function hit(layout: Layout, x: number, y: number, shown: Shown = ALL): Target | null {
  const { nodeX, nodeY, nodeR, places } = layout;
  for (const { edge, box, anchor } of places.values())
    if (inside(anchor, x, y) && (box || shown.boxed(edge)) && shown.edge(edge))
      return { kind: "edge", id: edge };
  const node = nearestNode(nodeX, nodeY, x, y, shown);
  // In a full column the reach of a node must not cover its lines.
  if (node.distance <= NODE_REACH + nodeR[node.id]!) return { kind: "node", id: node.id };

  let best: Target | null = null;
  let least = LINE_REACH;
  for (const { edge, path, box, anchor } of places.values()) {
    if (!near(path, x, y) || !shown.edge(edge)) continue;
    let distance = distanceTo(path, x, y);
    // Where lines cross, the one whose square is there is meant.
    const inSquare =
      !box && Math.max(Math.abs(x - anchor.x - anchor.side / 2), Math.abs(y - anchor.y - anchor.side / 2));
    if (inSquare !== false && inSquare <= 2) distance -= 2;
    if (distance <= least) {
      least = distance;
      best = { kind: "edge", id: edge };
    }
  }
  return best;
}

function nearestNode(
  nodeX: Float64Array,
  nodeY: Float64Array,
  x: number,
  y: number,
  shown: Shown,
): { id: number; distance: number } {
  let id = 0;
  let distance = Number.POSITIVE_INFINITY;
  for (let n = 0; n < nodeX.length; n++) {
    const d = Math.hypot(nodeX[n]! - x, nodeY[n]! - y);
    if (d < distance && shown.node(n)) {
      id = n;
      distance = d;
    }
  }
  return { id, distance };
}

/** A line stays between its ends and its middle. */
function near(path: Path, x: number, y: number): boolean {
  const between = (at: number, d: number) => {
    const [a, b, c] = [path[d]!, path[6 + d]!, path[14 + d]!];
    return at >= Math.min(a, b, c) - LINE_REACH && at <= Math.max(a, b, c) + LINE_REACH;
  };
  return between(x, 0) && between(y, 1);
}

function distanceTo(path: Path, x: number, y: number): number {
  let least = Number.POSITIVE_INFINITY;
  let [ax, ay] = pointAt(path, 0);
  for (let k = 1; k <= STEPS; k++) {
    const [bx, by] = pointAt(path, k / STEPS);
    const [dx, dy] = [bx - ax, by - ay];
    const along = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
    least = Math.min(least, Math.hypot(x - ax - along * dx, y - ay - along * dy));
    [ax, ay] = [bx, by];
  }
  return least;
}

/** Edges whose square's centre is inside of the loop, and nodes whose centre is. */
export function inLoop(net: Topology, layout: Layout, loop: Loop, mask: Uint8Array): Target[] {
  const targets: Target[] = [];
  for (let id = 0; id < net.nodeCount; id++) {
    if (encloses(loop, layout.nodeX[id]!, layout.nodeY[id]!)) targets.push({ kind: "node", id });
  }
  // Strong edges come last in a layout and first in a selection, which may be full before its end.
  for (const { edge, anchor } of [...layout.places.values()].reverse()) {
    if (encloses(loop, ...centreOf(anchor))) targets.push({ kind: "edge", id: edge });
  }
  const on = (target: Target) => target.kind === "node" || mask[target.id] === 1;
  const some = targets.some((target) => target.kind === "edge" && on(target));
  // Around curves, the hairlines that pass between them are not meant.
  return some ? targets.filter(on) : targets;
}
