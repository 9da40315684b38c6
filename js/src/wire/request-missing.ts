/** Some hosts lose what Python sends before there is a view: a view asks for what it still lacks. */
import type { Model } from "./traits";

/** Milliseconds after which messages that are on their way should have arrived. */
const WAIT_MS = 1000;

/** Asks once, if by then the view cannot be drawn or knows of no history, of which there always is a first step. */
export function requestMissing(model: Model, drawn: () => boolean, signal: AbortSignal): void {
  if (model.standalone) return;
  const timer = setTimeout(() => {
    if (!drawn() || !model.get("_history")?.length) model.send({ do: "send" });
  }, WAIT_MS);
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
}
