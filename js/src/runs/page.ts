/** The view of a sweep on a page of its own: the networks that it can open are in it. */
import { createView } from "../app/view";
import { standaloneModel } from "../standalone/model";
import { RUNS } from "../text/run-labels";
import { createSweepView, type SweepModel } from "./view";

type Traits = Record<string, unknown>;

export function createSweepPage(traits: Traits, el: HTMLElement): () => void {
  const pages = (traits._pages ?? {}) as Record<string, Traits>;
  const thumbnails = Object.entries((traits._thumbnails ?? {}) as Traits);
  return createSweepView(modelOf(traits), el, undefined, {
    python: false,
    thumbnails: new Map(thumbnails.map(([number, value]) => [Number(number), value])),
    async show(number, place, signal) {
      const page = pages[number];
      if (!page) throw new Error(RUNS.notHere);
      return createView(standaloneModel(page), place, { signal });
    },
  });
}

/** Traits that nobody changes. */
function modelOf(traits: Traits): SweepModel {
  const nothing = () => {};
  return {
    get: (name) => traits[name],
    set: nothing,
    save_changes: nothing,
    send: nothing,
    on: nothing,
    off: nothing,
  };
}
