/** Which node each slot belongs to: a node multiplies the sums that end in its slots. Pure. */

/** Returns the first slot of each edge layer with their number at the end, and the node id of each slot. */
export function layOutSlots(
  width: readonly number[],
  nodeOffset: readonly number[],
  slots: readonly (readonly number[])[],
): { slotOffset: number[]; slotNode: Uint32Array } {
  const slotOffset = [0];
  const nodes: number[] = [];
  for (let l = 0; l + 1 < width.length; l++) {
    const n = width[l + 1]!;
    const layer = slots.length > 0 ? (slots[l] ?? []) : Array.from({ length: n }, (_, j) => j);
    if (layer.some((j) => !Number.isInteger(j) || j < 0 || j >= n) || new Set(layer).size !== n) {
      throw new Error(
        `Slots [${layer}] came, but each of the ${n} nodes of layer ${l + 1} needs one or more`,
      );
    }
    nodes.push(...layer.map((j) => nodeOffset[l + 1]! + j));
    slotOffset.push(nodes.length);
  }
  return { slotOffset, slotNode: Uint32Array.from(nodes) };
}

/** The slots of each node that has several; of a plain network there is none. */
export function productsOf(slotNode: Uint32Array): ReadonlyMap<number, readonly number[]> {
  const slots = new Map<number, number[]>();
  slotNode.forEach((node, slot) => {
    const its = slots.get(node);
    if (its) its.push(slot);
    else slots.set(node, [slot]);
  });
  for (const [node, its] of slots) if (its.length < 2) slots.delete(node);
  return slots;
}
