/**
 * Values that are still being changed, by a drag or by keys. They lie on top of the model's values: they are shown at
 * once, written to the model every 100 ms, and written for the last time when the pointer or key is released.
 */
import { type ReadonlySignal, signal } from "@preact/signals-core";
import { throttle } from "../util/throttle";
import { type Model, type WritableTraits, write } from "../wire/traits";

export type Draft = Partial<
  Pick<WritableTraits, "node_threshold" | "edge_threshold" | "tolerance" | "probe" | "beta">
>;

export interface Drafts {
  readonly current: ReadonlySignal<Draft>;
  put(values: Draft): void;
  /** Writes what is waiting to be written. */
  flush(): void;
  /** Writes the drafts and forgets them: from now on the model's values count. */
  release(): void;
}

/** Milliseconds from one write to the next. */
const WRITE_EVERY = 100;

export function createDrafts(model: Model): Drafts {
  const current = signal<Draft>({});
  // Only drafts are written: other values may be newer in the model than here.
  const send = throttle(() => write(model, current.peek()), WRITE_EVERY);
  return {
    current,
    put(values) {
      current.value = { ...current.peek(), ...values };
      send.call();
    },
    flush() {
      if (send.waiting) send.flush();
    },
    release() {
      send.flush();
      current.value = {};
    },
  };
}

/** Calls `release` when a pointer or key is released anywhere: a drag that ends where it began fires no `change`. */
export function watchRelease(root: HTMLElement, release: () => void, signal: AbortSignal): void {
  for (const name of ["pointerup", "pointercancel"] as const) {
    window.addEventListener(name, release, { signal, capture: true });
  }
  for (const name of ["keyup", "focusout"] as const) root.addEventListener(name, release, { signal });
}
