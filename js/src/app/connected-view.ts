/** A view of a host's model, which goes on by itself where no kernel is, or when the kernel goes. */

import { standaloneModel } from "../standalone/model";
import { STATUS } from "../text/labels";
import { isConnected } from "../wire/kernel-connection";
import { type Model, PAGE_ONLY, TRAITS, type Traits } from "../wire/traits";
import { createView } from "./view";

/**
 * The traits it computes with and the one that identifies its preview picture, besides those a view reads.
 */
const ALSO = ["_picture", ...Object.keys(PAGE_ONLY)];

export function createConnectedView(host: Model, el: HTMLElement, outer?: AbortSignal): () => void {
  const connected = () => createView(host, el, { signal: outer, lost: goAlone });
  let alone = false;
  let close = connected();

  function goAlone(): void {
    const model = standing(host);
    if (!model || outer?.aborted) return;
    alone = true;
    close();
    close = createView(model, el, { signal: outer, notice: STATUS.standalone });
  }
  /** Hosts may make a model first, and connect it to its kernel later. */
  function comeBack(): void {
    if (!alone || isConnected(host) !== true) return;
    alone = false;
    close();
    close = connected();
  }
  const end = () => host.off("comm_live_update", comeBack);
  host.on("comm_live_update", comeBack);
  outer?.addEventListener("abort", end, { once: true });
  if (outer?.aborted) end();
  return () => {
    end();
    close();
  };
}

/** A model that computes from what the host's holds; null if that is not enough, or the session was closed. */
function standing(host: Model): Model | null {
  if (host.get("_closed")) return null;
  const traits = [...TRAITS, ...ALSO].map((name) => [name, host.get(name as keyof Traits)] as const);
  try {
    const model = standaloneModel({
      ...Object.fromEntries(traits.filter(([, value]) => value !== undefined)),
      // As on an exported page: without Python there are no new scores and no warnings.
      _scores_known: [],
      _warnings: [],
      _metrics: [],
    });
    return model.computes ? model : null;
  } catch {
    return null;
  }
}
