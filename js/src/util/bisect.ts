/** Searches by halving. Pure. */

/** The first index from `start` to `end` at which rising values exceed `limit`; `end` if none does. */
export function countUpTo(values: ArrayLike<number>, limit: number, start = 0, end = values.length): number {
  let [low, high] = [start, end];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The last whole number from `low` up to, not with, `high` of which `holds` is true: it holds up to some number, and at `low`. */
export function lastWhere(low: number, high: number, holds: (k: number) => boolean): number {
  let [least, most] = [low, high];
  while (most - least > 1) {
    const middle = (least + most) >> 1;
    if (holds(middle)) least = middle;
    else most = middle;
  }
  return least;
}
