/** The view of a sweep in a notebook: its networks are models of the host's own, made when they are opened. */
import { createConnectedView } from "../app/connected-view";
import { RUNS } from "../text/run-labels";
import type { Model } from "../wire/traits";
import { createSweepView, type SweepModel } from "./view";

/** Jupyter's hosts, and marimo, give a module the models that others have made. */
interface Host extends SweepModel {
  readonly widget_manager?: { get_model?(id: string): Promise<unknown> };
}

export function createConnectedSweep(host: unknown, el: HTMLElement, outer?: AbortSignal): () => void {
  const model = host as Host;
  return createSweepView(model, el, outer, {
    python: true,
    async show(number, place, signal) {
      const networks = (model.get("_networks") ?? []) as [number, string][];
      const id = networks.find(([other]) => other === number)?.[1];
      const network = await model.widget_manager?.get_model?.(String(id)).catch(() => null);
      if (!network) throw new Error(RUNS.cannotOpen(number));
      return createConnectedView(network as Model, place, signal);
    },
  });
}
