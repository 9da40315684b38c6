/** What the network's loss was before its curves had names. Pure. */
import type { Snapshot } from "../../wire/snapshot";

/** Before the first step on the way here that named curves; null if there is none. */
export function lossOfSplines({ history, current }: Pick<Snapshot, "history" | "current">): number | null {
  const byId = new Map(history.map((step) => [step.id, step]));
  let found: number | null = null;
  for (let at = byId.get(current); at; at = at.parent === null ? undefined : byId.get(at.parent)) {
    if (at.kind === "name" || at.kind === "name_all") found = at.loss_before;
  }
  return found;
}
