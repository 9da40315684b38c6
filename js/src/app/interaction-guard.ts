/** Whether a hand is at work on what lies below the stage: it must not move away from under it. */

/** Returns a function that tells it; `changed` is called when a hand has left. */
export function watchInteraction(
  elements: readonly HTMLElement[],
  changed: () => void,
  signal: AbortSignal,
): () => boolean {
  for (const element of elements) {
    for (const name of ["pointerleave", "focusout"] as const)
      element.addEventListener(name, changed, { signal });
  }
  return () =>
    elements.some((element) => element.matches(":hover") || element.querySelector(":focus-visible") !== null);
}
