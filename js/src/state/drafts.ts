/**
 * Values that lie on top of the model's while they are in the hand: shown at once, written now and then, and for the
 * last time when the hand lets go.
 */
import { type ReadonlySignal, signal } from "@preact/signals-core";
import { throttle } from "../util/throttle";
import { type Model, type WritableTraits, write } from "../wire/traits";

export type Draft = Partial<
  Pick<WritableTraits, "node_threshold" | "edge_threshold" | "tolerance" | "probe">
>;

export interface Drafts {
  readonly current: ReadonlySignal<Draft>;
  put(values: Draft): void;
  /** Writes what is waiting to be written. */
  flush(): void;
  /** Writes all and holds nothing any more. */
  release(): void;
}

/** Milliseconds from one write to the next. */
const WRITE_EVERY = 100;

export function createDrafts(model: Model): Drafts {
  const current = signal<Draft>({});
  // Only what is in the hand is written: the rest may be newer in the model than here.
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

/** Lets go of what is in the hand wherever that is: a drag that ends where it began fires no `change`. */
export function watchRelease(root: HTMLElement, release: () => void, signal: AbortSignal): void {
  for (const name of ["pointerup", "pointercancel"] as const) {
    window.addEventListener(name, release, { signal, capture: true });
  }
  for (const name of ["keyup", "focusout"] as const) root.addEventListener(name, release, { signal });
}
