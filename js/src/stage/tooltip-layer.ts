/** The card of what the pointer or the focus is on, beside it and off its neighbours. */

import type { Brush } from "../canvas/brush";
import type { Target } from "../model/network";
import { describeTarget } from "../text/messages";
import { sameItems } from "../util/memo";
import type { FrameInput, Renderer } from "../views/contract";
import { paintCurve } from "../views/network/paint";
import { findFreeSpot } from "./free-spot";
import { contextOf } from "./layers";
import { CURVE_SIDE, createTooltip } from "./tooltip";

/** A box with a shorter side shows its curve larger on the card. */
const READABLE_SIDE = 44;

export function createTooltipLayer() {
  const card = createTooltip();
  const ctx = contextOf(card.canvas);
  let shows: readonly unknown[] = [];
  return {
    element: card.element,
    update(target: Target | null, { known, names }: FrameInput, renderer: Renderer, brush: Brush): void {
      const next = [renderer.picture, names, known.net, target?.kind, target?.id];
      if (sameItems(next, shows)) return;
      shows = next;
      const box = target && renderer.boxOf(target);
      if (!target || !box) {
        card.hide();
        return;
      }
      const small = target.kind === "edge" && box.side < READABLE_SIDE;
      card.canvas.hidden = !small;
      if (small) {
        card.canvas.width = card.canvas.height = Math.round(CURVE_SIDE * brush.ratio);
        const look = known.mask[target.id] ? "on" : "off";
        const formula = known.symbolic.get(target.id) ?? null;
        paintCurve({ ...brush, ctx }, { edge: target.id, look, formula }, CURVE_SIDE);
      }
      card.show(describeTarget(known, names, target), 0, 0, renderer.width, renderer.height);
      const { offsetWidth: width, offsetHeight: height } = card.element;
      const [x, y] = findFreeSpot({ width, height }, box, renderer.obstacles(target), renderer);
      card.element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    },
  };
}
