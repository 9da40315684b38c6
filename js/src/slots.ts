/** Slots of product nodes: each is the sum of its edges, the node is the product of its slots. Pure. */
import type { Network } from "./network";

/** A network says so only where it has such nodes. */
interface Slotted {
  /** Node id that each slot belongs to, (S,). */
  readonly slotNode?: Uint32Array;
  /** The slot that each edge ends in, (E,). */
  readonly slot?: Uint32Array;
}

/** The slots of each node that has several; null when no node has. */
export function productsOf(net: Network): ReadonlyMap<number, readonly number[]> | null {
  const { slotNode } = net as Network & Slotted;
  if (!slotNode || slotNode.length === net.nodeCount - net.width[0]!) {
    // As many slots as nodes could still be several at one and none at another.
    if (!slotNode || new Set(slotNode).size === slotNode.length) return null;
  }
  const slots = new Map<number, number[]>();
  slotNode.forEach((node, slot) => {
    slots.set(node, [...(slots.get(node) ?? []), slot]);
  });
  for (const [node, its] of slots) if (its.length < 2) slots.delete(node);
  return slots.size > 0 ? slots : null;
}

export const slotOf = (net: Network, edge: number): number | undefined =>
  (net as Network & Slotted).slot?.[edge];
