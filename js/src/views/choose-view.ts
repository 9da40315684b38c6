/** Whether a network is better read as matrices: for `view = "auto"`. Pure. */
import type { Network } from "../model/network";
import type { ViewKind } from "../wire/traits";

/** The most boxes of 24 pixels that fit in one column of the tallest graph. */
const MAX_STACK = 22;

/** True when the edges that are on are too many, in any layer, for boxes of at least 24 pixels on their lines. */
export function prefersMatrix(net: Network, mask: Uint8Array): boolean {
  for (let l = 0; l < net.depth; l++) {
    let on = 0;
    for (let e = net.edgeOffset[l]!; e < net.edgeOffset[l + 1]!; e++) on += mask[e]!;
    if (on > MAX_STACK) return true;
  }
  return false;
}

/** Whether the network is shown as matrices. */
export const showsMatrix = (view: ViewKind, net: Network, mask: Uint8Array): boolean =>
  view === "auto" ? prefersMatrix(net, mask) : view === "matrix";
