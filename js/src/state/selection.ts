/** What is selected after a click, a lasso, a choice in the menu; what a switch means for several at once. Pure. */

import { incoming, type Network, nodeIndex, outgoing } from "../model/network";
import { centreOf } from "../util/paths";
import type { Layout } from "../views/network/layout";
import { sameTarget, type Target } from "./view-state";

/** What the session takes at most. */
export const MAX_SELECTED = 64;

const cap = (targets: readonly Target[]) => targets.slice(0, MAX_SELECTED);

export const includes = (targets: readonly Target[], target: Target) =>
  targets.some((other) => sameTarget(other, target));

/** Adds it, or takes it out when it is in. */
export function flip(selected: readonly Target[], target: Target): readonly Target[] {
  return includes(selected, target)
    ? selected.filter((other) => !sameTarget(other, target))
    : cap([...selected, target]);
}

export function extend(selected: readonly Target[], targets: readonly Target[]): readonly Target[] {
  return cap([...selected, ...targets.filter((target) => !includes(selected, target))]);
}

export const edgesOf = (net: Network, node: number): Target[] =>
  [...incoming(net, node), ...outgoing(net, node)].map((id) => ({ kind: "edge", id }));

/** Edges of the same layer that are on and have a smaller score than `edge`. */
export function weakerThan(net: Network, mask: Uint8Array, edge: number): Target[] {
  const l = nodeIndex(net, net.source[edge]!)[0];
  const weaker: Target[] = [];
  for (let e = net.edgeOffset[l]!; e < net.edgeOffset[l + 1]!; e++) {
    if (mask[e] && net.scores[e]! < net.scores[edge]!) weaker.push({ kind: "edge", id: e });
  }
  return weaker;
}

/** What Space means: the focused target alone, or with all that is selected if it is one of them. */
export const targetsToSwitch = (selected: readonly Target[], target: Target | null): readonly Target[] =>
  target === null || includes(selected, target) ? selected : [target];

export type Loop = readonly (readonly [x: number, y: number])[];

/** A line that leaves the straight way by less than this share of its length, or so many pixels, goes around nothing. */
const BENT = 0.12;
const BENT_PIXELS = 10;

/** What a line drawn by hand goes around: a nearly straight one means the rectangle between its ends. */
export function loopOf(line: Loop): Loop {
  const [first, last] = [line[0], line.at(-1)];
  if (!first || !last) return line;
  const from = ([x, y]: Loop[number]) => Math.hypot(x - first[0], y - first[1]);
  // Who has gone too far comes back along the same line.
  const far = line.reduce((a, b) => (from(b) > from(a) ? b : a));
  const length = from(far);
  const [dx, dy] = [far[0] - first[0], far[1] - first[1]];
  const away = (x: number, y: number) => Math.abs((x - first[0]) * dy - (y - first[1]) * dx) / (length || 1);
  if (line.some(([x, y]) => away(x, y) > Math.max(BENT_PIXELS, BENT * length))) return line;
  return [first, [last[0], first[1]], last, [first[0], last[1]]];
}

/** Edges whose square's centre is inside of the loop, and nodes whose centre is. */
export function inLoop(net: Network, layout: Layout, loop: Loop, mask: Uint8Array): Target[] {
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

export function encloses(loop: Loop, x: number, y: number): boolean {
  let inside = false;
  loop.forEach(([ax, ay], k) => {
    const [bx, by] = loop[(k + 1) % loop.length]!;
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  });
  return inside;
}
