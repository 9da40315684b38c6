/** Where targets are, for what lies over the picture. Pure. */
import type { Target, Topology } from "../model/network";
import type { Box } from "../util/rect";

/** Where a target is, in the coordinates of the layout. */
export interface TargetBox {
  readonly target: Target;
  readonly box: Box;
}

/** Layer by layer, its nodes and then the edges out of it: the order in which a screen reader meets them. */
export function boxesInOrder(
  net: Topology,
  edges: Iterable<number>,
  boxOf: (target: Target) => Box | null,
): TargetBox[] {
  const sorted = Uint32Array.from(edges).sort();
  const spots: TargetBox[] = [];
  const put = (target: Target) => {
    const box = boxOf(target);
    if (box) spots.push({ target, box });
  };
  let next = 0;
  for (let l = 0; l <= net.depth; l++) {
    for (let id = net.nodeOffset[l]!; id < net.nodeOffset[l + 1]!; id++) put({ kind: "node", id });
    for (; next < sorted.length && sorted[next]! < net.edgeOffset[l + 1]!; next++) {
      put({ kind: "edge", id: sorted[next]! });
    }
  }
  return spots;
}
