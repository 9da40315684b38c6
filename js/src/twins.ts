/** A button over each node and each edge that is drawn: what the canvas shows, for keyboard and screen reader. */
import { element } from "./dom";
import type { Names } from "./labels";
import type { Box, Layout } from "./layout";
import { edgeIndex, nodeIndex, nodesOn } from "./network";
import type { Axis, Known, Target } from "./state";
import { accessibleName } from "./words";

const MAX_EDGES = 600;

export interface TwinEvents {
  toggled(targets: readonly Target[]): void;
  focused(target: Target | null): void;
}

export function createTwins(events: TwinEvents, signal: AbortSignal) {
  const container = element("div", { class: "twins", role: "group", "aria-label": "Nodes and edges" });
  const buttons = new Map<string, HTMLButtonElement>();
  const targets = new WeakMap<EventTarget, Target>();
  let drawn: { layout: Layout; names: Names; mask: Uint8Array } | null = null;

  const targetOf = (event: Event) => (event.target && targets.get(event.target)) || null;
  container.addEventListener(
    "click",
    (event) => {
      const target = targetOf(event);
      if (target) events.toggled([target]);
    },
    { signal },
  );
  container.addEventListener("focusin", (event) => events.focused(targetOf(event)), { signal });
  container.addEventListener("focusout", () => events.focused(null), { signal });

  return {
    element: container,
    update(layout: Layout, known: Known, names: Names): void {
      const { net, mask } = known;
      if (drawn?.layout === layout && drawn.names === names && drawn.mask === mask) return;
      const moved = drawn?.layout !== layout || drawn.names !== names;
      drawn = { layout, names, mask };
      const on = { node: nodesOn(net, mask), edge: mask };
      const order: HTMLButtonElement[] = [];
      const keep = new Set<string>();
      const put = (kind: Axis, id: number, box: Box) => {
        const key = `${kind}${id}`;
        let button = buttons.get(key);
        if (!button) {
          button = element("button", { type: "button" });
          buttons.set(key, button);
          targets.set(button, { kind, id });
        }
        if (moved) {
          const index = kind === "edge" ? edgeIndex(net, id) : nodeIndex(net, id);
          button.setAttribute(`data-${kind}`, index.join());
          button.setAttribute("aria-label", accessibleName(net, names, { kind, id }));
          button.style.cssText = `left:${box.x}px;top:${box.y}px;width:${box.side}px;height:${box.side}px`;
        }
        button.setAttribute("aria-pressed", on[kind][id] ? "true" : "false");
        keep.add(key);
        order.push(button);
      };
      const edges = strongest(layout, known);
      for (let l = 0; l <= net.depth; l++) {
        for (let n = net.nodeOffset[l]!; n < net.nodeOffset[l + 1]!; n++) {
          const r = Math.max(4, layout.radius[l]!);
          put("node", n, { x: layout.nodeX[n]! - r, y: layout.nodeY[n]! - r, side: 2 * r });
        }
        for (const e of edges) {
          if (e >= net.edgeOffset[l]! && e < (net.edgeOffset[l + 1] ?? 0))
            put("edge", e, layout.places.get(e)!.anchor);
        }
      }
      for (const key of buttons.keys()) if (!keep.has(key)) buttons.delete(key);
      // Moving a button in the document would take the focus from it, so it is done only when the set changed.
      if (order.length !== container.children.length || order.some((b, k) => b !== container.children[k])) {
        const focused = (container.getRootNode() as ShadowRoot).activeElement;
        container.replaceChildren(...order);
        if (focused instanceof HTMLElement && container.contains(focused))
          focused.focus({ preventScroll: true });
      }
    },
  };
}

function strongest(layout: Layout, { net, settled }: Known): number[] {
  return [...layout.places.keys()]
    .sort((a, b) => settled[b]! - settled[a]! || net.scores[b]! - net.scores[a]! || a - b)
    .slice(0, MAX_EDGES)
    .sort((a, b) => a - b);
}
