/** What is selected after a click, a lasso, a choice in the menu; what a switch means for several at once. Pure. */

import { incoming, type Network, nodeIndex, outgoing, sameTarget, type Target } from "../model/network";
import { MAX_SELECTED } from "../util/limits";

const cap = (targets: readonly Target[]) => targets.slice(0, MAX_SELECTED);

export const includes = (targets: readonly Target[], target: Target) =>
  targets.some((other) => sameTarget(other, target));

/** Adds a target, or removes it when it is selected already. */
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
