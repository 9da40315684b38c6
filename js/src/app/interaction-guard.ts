/** Whether the person works on what is below the stage: then it must not move. */

/** Returns a function that says whether the pointer or the focus is in `elements`; `changed` is called when either leaves. */
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
