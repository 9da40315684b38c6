/** A view of a host's model, which goes on by itself where no kernel is, or when the kernel goes. */
import { standaloneModel } from "./kernel/standalone";
import { type Model, TRAITS, type Traits } from "./protocol";
import { createView } from "./view";

const ALONE =
  "No kernel is connected: this view computes by itself, and nothing reaches the model. Run the notebook again to work on it.";
/** What it computes with, and what a picture beside it is found by, besides what a view reads. */
const ALSO = ["_picture", "_loss", "_row_kinds"] as const;

export function createConnectedView(host: Model, el: HTMLElement, outer?: AbortSignal): () => void {
  let close = createView(host, el, { signal: outer, lost: goAlone });

  function goAlone(): void {
    const model = standing(host);
    if (!model || outer?.aborted) return;
    close();
    close = createView(model, el, { signal: outer, notice: ALONE });
  }
  return () => close();
}

/** A model that computes from what the host's holds; null if that is not enough, or the session was closed. */
function standing(host: Model): Model | null {
  if (host.get("_closed")) return null;
  const traits = [...TRAITS, ...ALSO].map((name) => [name, host.get(name as keyof Traits)] as const);
  try {
    const model = standaloneModel({
      ...Object.fromEntries(traits.filter(([, value]) => value !== undefined)),
      // As on an exported page: nobody is there to score the edges anew, nor to warn of what follows.
      _scores_known: [],
      _warnings: [],
    });
    return model.computes ? model : null;
  } catch {
    return null;
  }
}
