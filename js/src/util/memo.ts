/** Values that are made again only when what they are made from has changed. */

export type Memo<T> = (from: readonly unknown[], make: () => T) => T;

/** Keeps the last value. */
export function createMemo<T>(): Memo<T> {
  let last: { readonly from: readonly unknown[]; readonly value: T } | null = null;
  return (from, make) => {
    if (!last || !sameItems(last.from, from)) last = { from, value: make() };
    return last.value;
  };
}

/** Whether two lists hold the same objects. */
export const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((value, k) => value === b[k]);
