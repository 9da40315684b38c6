/**
 * A button over each node and each edge that is drawn: what the canvas shows, for keyboard and screen reader.
 * If there are too many edges, a weak one has a button only where the keyboard focus is, or can go next.
 *
 * They are one stop of the Tab key; arrow keys go to the neighbour in their direction. A button is pressed while its
 * target is on, and current while it is selected. Buttons are placed in layout coordinates: zooming moves
 * their parent.
 */

import { edgeIndex, type Network, nodeIndex, type Target } from "../model/network";
import type { ViewState } from "../state/view-state";
import { accessibleName, stateWords } from "../text/messages";
import type { NodeNames } from "../text/node-names";
import { arrange, element, setAttribute } from "../util/dom";
import { centreOf } from "../util/rect";
import type { TargetBox } from "../views/target-boxes";
import { keyOf } from "../wire/traits";

export interface AccessibleTargetEvents {
  /** Focus came to a target, and not from a click on it, or left it. */
  focused(target: Target | null): void;
  /** A click that no pointer made: by a screen reader or a script. */
  pressed(target: Target): void;
}

/** Milliseconds after which labels tell new scores: they may come in each frame, and nobody listens to all of them. */
const LABELS_AFTER = 300;

/** Beyond so many edges, only the strongest always have a button. */
const MAX_EDGES = 600;

/** The edges that always have a button. */
function strongest(targetBoxes: readonly TargetBox[], { net, layoutMask }: ViewState): ReadonlySet<number> {
  const edges = targetBoxes.flatMap(({ target: { kind, id } }) => (kind === "edge" ? id : []));
  if (edges.length > MAX_EDGES) {
    edges.sort((a, b) => layoutMask[b]! - layoutMask[a]! || net.scores[b]! - net.scores[a]! || a - b);
  }
  return new Set(edges.slice(0, MAX_EDGES));
}

type Direction = readonly [x: -1 | 0 | 1, y: -1 | 0 | 1];
const DIRECTIONS: Record<string, Direction> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The nearest spot in a direction: what lies aside counts double, what lies more aside than ahead not at all. */
export function neighbour(
  targetBoxes: readonly TargetBox[],
  from: TargetBox,
  [dx, dy]: Direction,
): TargetBox | null {
  const [x, y] = centreOf(from.box);
  let best: TargetBox | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const spot of targetBoxes) {
    const [px, py] = centreOf(spot.box);
    const ahead = (px - x) * dx + (py - y) * dy;
    const aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
    if (spot === from || ahead < 1 || aside > 2.5 * ahead) continue;
    const distance = ahead + 2 * aside;
    if (distance < least) {
      least = distance;
      best = spot;
    }
  }
  return best;
}

interface Drawn {
  readonly targetBoxes: readonly TargetBox[];
  readonly names: NodeNames;
  readonly known: ViewState;
}

export function createAccessibleTargets(events: AccessibleTargetEvents, signal: AbortSignal) {
  const container = element("div", { class: "twins", role: "group", "aria-label": "Nodes and edges" });
  const buttons = new Map<string, HTMLButtonElement>();
  const spotOf = new WeakMap<EventTarget, TargetBox>();
  let drawn: Drawn | null = null;
  let named: NodeNames | null = null;
  /** The network whose scores the labels tell. */
  let labelled: Network | null = null;
  let relabelling: ReturnType<typeof setTimeout> | undefined;
  let permanent: ReadonlySet<number> = new Set();
  /** Weak edges that have a button: where the keyboard is, and where it goes. */
  let temporary: readonly Target[] = [];
  /** The boxes that have a button, and these in the same order. */
  let reached: readonly TargetBox[] = [];
  let order: readonly HTMLButtonElement[] = [];
  let stop: HTMLButtonElement | null = null;
  let byHand = false;

  const targetOf = (event: Event) => (event.target && spotOf.get(event.target)?.target) || null;
  const active = () => {
    const focused = (container.getRootNode() as ShadowRoot).activeElement;
    return focused instanceof HTMLButtonElement && container.contains(focused) ? focused : null;
  };
  function setTabStop(button: HTMLButtonElement | null): void {
    if (stop === button) return;
    stop?.setAttribute("tabindex", "-1");
    stop = button;
    stop?.setAttribute("tabindex", "0");
  }
  container.addEventListener(
    "click",
    (event) => {
      const target = targetOf(event);
      if (target && event.detail === 0) events.pressed(target);
    },
    { signal },
  );
  container.addEventListener(
    "focusin",
    (event) => {
      const target = targetOf(event);
      if (target && drawn) {
        const button = event.target as HTMLButtonElement;
        setTabStop(button);
        labelButton(button, drawn.known.net, drawn.names, target);
      }
      events.focused(byHand ? null : target);
    },
    { signal },
  );
  container.addEventListener("focusout", () => events.focused(null), { signal });
  container.addEventListener(
    "keydown",
    (event) => {
      const focused = active();
      const from = focused && spotOf.get(focused);
      if (!from || !drawn || event.ctrlKey || event.metaKey || event.altKey) return;
      const direction = DIRECTIONS[event.key];
      const { targetBoxes } = drawn;
      let goal: TargetBox | null | undefined;
      if (direction) goal = neighbour(targetBoxes, from, direction);
      else if (event.key === "Home") goal = targetBoxes[0];
      else if (event.key === "End") goal = targetBoxes.at(-1);
      else return;
      event.preventDefault();
      if (goal) buttonOf(goal.target)?.focus({ preventScroll: true });
    },
    { signal },
  );

  function labelButton(button: HTMLButtonElement, net: Network, names: NodeNames, target: Target): void {
    const { kind, id } = target;
    const index = (kind === "edge" ? edgeIndex(net, id) : nodeIndex(net, id)).join();
    setAttribute(button, `data-${kind}`, index);
    setAttribute(button, "aria-label", accessibleName(net, names, target));
  }

  /** By the scores as they are now, by which other edges may be the strongest. */
  function relabel(): void {
    if (!drawn) return;
    const here = active();
    // The button that has the focus stays.
    if (here) temporary = [spotOf.get(here)!.target];
    named = null;
    permanent = strongest(drawn.targetBoxes, drawn.known);
    placeButtons(drawn);
    updateStates(drawn.known);
  }
  signal.addEventListener("abort", () => clearTimeout(relabelling));

  /** Gives every spot that is reached its button. */
  function placeButtons({ targetBoxes, known, names }: Drawn): void {
    const invited = new Set(temporary.map(keyOf));
    reached = targetBoxes.filter(
      ({ target }) => target.kind === "node" || permanent.has(target.id) || invited.has(keyOf(target)),
    );
    // Labels stay where only places change, and for a moment where scores do.
    const renamed = names !== named || known.net.topology !== labelled?.topology;
    const keep = new Set<string>();
    order = reached.map((spot) => {
      const key = keyOf(spot.target);
      let button = buttons.get(key);
      if (!button) {
        button = element("button", { type: "button", tabindex: "-1" });
        buttons.set(key, button);
      }
      const before = spotOf.get(button);
      if (before === undefined || renamed) labelButton(button, known.net, names, spot.target);
      if (before !== spot) spotOf.set(button, spot);
      const { x, y, side } = spot.box;
      if (before?.box.x !== x || before.box.y !== y || before.box.side !== side)
        button.style.cssText = `margin:${y}px 0 0 ${x}px;width:${side}px;height:${side}px`;
      keep.add(key);
      return button;
    });
    if (renamed) [named, labelled] = [names, known.net];
    for (const key of buttons.keys()) if (!keep.has(key)) buttons.delete(key);
    arrange(container, order);
    if (!stop?.isConnected) setTabStop(order[0] ?? null);
  }

  function updateStates(known: ViewState): void {
    const { mask, nodesOn, selected } = known;
    const on = { node: nodesOn, edge: mask };
    const chosen = new Set(selected.map(keyOf));
    reached.forEach(({ target }, k) => {
      const button = order[k]!;
      const isOn = on[target.kind][target.id] === 1;
      setAttribute(button, "aria-pressed", `${isOn}`);
      // Why it is off; not while a threshold is dragged, when nobody listens.
      if (!known.drag) setAttribute(button, "aria-description", isOn ? null : stateWords(known, target));
      setAttribute(button, "aria-current", chosen.size > 0 && chosen.has(keyOf(target)) ? "true" : null);
    });
  }

  /** The button of what is drawn; a weak edge gets one. */
  function buttonOf(target: Target): HTMLButtonElement | undefined {
    const there = buttons.get(keyOf(target));
    if (there || !drawn) return there;
    // The button that has the focus stays, else the focus would be lost.
    const here = active();
    const left = here && spotOf.get(here)?.target;
    temporary = left ? [left, target] : [target];
    placeButtons(drawn);
    updateStates(drawn.known);
    return buttons.get(keyOf(target));
  }

  return {
    element: container,
    /** Gives a target that was clicked the focus, if it has a button: keys go on from there, but no ring is due. */
    focus(target: Target): boolean {
      const button = buttonOf(target);
      byHand = true;
      button?.focus({ preventScroll: true });
      byHand = false;
      return button !== undefined;
    },
    /** The element that has the focus, and what it stands for. */
    get focused(): { button: HTMLButtonElement; target: Target } | null {
      const button = active();
      const target = button && spotOf.get(button)?.target;
      return button && target ? { button, target } : null;
    },
    scrollTo(target: Target): void {
      buttons.get(keyOf(target))?.scrollIntoView({ block: "nearest", inline: "nearest" });
    },
    spot: (target: Target): TargetBox | undefined => {
      const button = buttons.get(keyOf(target));
      return button && spotOf.get(button);
    },
    move(k: number, x: number, y: number): void {
      container.style.transform = k === 1 ? "" : `translate(${x}px, ${y}px) scale(${k})`;
    },
    update(targetBoxes: readonly TargetBox[], known: ViewState, names: NodeNames): void {
      const before = drawn;
      drawn = { targetBoxes, names, known };
      const moved = before?.targetBoxes !== targetBoxes || before.names !== names;
      if (moved) {
        if (before?.targetBoxes !== targetBoxes) permanent = strongest(targetBoxes, known);
        placeButtons(drawn);
      }
      const same = (["mask", "selected", "edits", "drag"] as const).every(
        (name) => before?.known[name] === known[name],
      );
      if (moved || !same) updateStates(known);
      if (known.net === labelled || known.net === before?.known.net) return;
      const here = active();
      if (here) labelButton(here, known.net, names, spotOf.get(here)!.target);
      clearTimeout(relabelling);
      relabelling = setTimeout(relabel, LABELS_AFTER);
    },
  };
}
