/** Things in a row, in order: nodes that share a column, boxes that want to be near their lines. Pure. */

/** From one dead node to the next. */
export const DEAD_PITCH = 11;

/** The live share `room` evenly; each run of the others is close together halfway between its neighbours. */
export function column(used: Uint8Array, room: number) {
  const n = used.length;
  const count = used.reduce((sum, on) => sum + on, 0);
  const live = count > 0 ? used : new Uint8Array(n).fill(1);
  const step = room / (count || n);
  const at = new Float64Array(n);
  const pitch = new Float64Array(n).fill(step);
  let k = 0;
  for (let i = 0; i < n; i++) if (live[i]) at[i] = (k++ + 0.5) * step;
  for (let i = 0; i < n; i++) {
    if (live[i]) continue;
    let end = i;
    while (end + 1 < n && !live[end + 1]) end++;
    const [low, high] = [i === 0 ? 0 : at[i - 1]!, end === n - 1 ? room : at[end + 1]!];
    const small = Math.min(DEAD_PITCH, (high - low) / (end - i + 2));
    for (let j = i; j <= end; j++) {
      at[j] = (low + high) / 2 + (j - (i + end) / 2) * small;
      pitch[j] = small;
    }
    i = end;
  }
  return { at, pitch, live };
}

/**
 * Tops of a stack of boxes, each as near as possible to the place it wants (least squares): neighbours that would overlap are
 * pooled and share their mean. `pitch` is the distance from each top to the next.
 */
export function stack(
  wishes: readonly number[],
  pitch: readonly number[],
  low: number,
  high: number,
): number[] {
  const offsets = [0];
  for (const step of pitch) offsets.push(offsets.at(-1)! + step);
  const pools: { sum: number; n: number }[] = [];
  wishes.forEach((wish, k) => {
    pools.push({ sum: wish - offsets[k]!, n: 1 });
    for (;;) {
      const [a, b] = [pools.at(-2), pools.at(-1)!];
      if (!a || a.sum / a.n <= b.sum / b.n) break;
      pools.splice(-2, 2, { sum: a.sum + b.sum, n: a.n + b.n });
    }
  });
  const last = Math.max(low, high - (offsets[wishes.length - 1] ?? 0));
  const level = pools.flatMap(
    ({ sum, n }) => Array(n).fill(Math.min(last, Math.max(low, sum / n))) as number[],
  );
  return level.map((y, k) => y + offsets[k]!);
}
