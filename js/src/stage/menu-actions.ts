/** What the context menu offers for a target, for several, and for the empty stage. */

import { isTargetOn } from "../model/edits";
import type { Target } from "../model/network";
import { edgesOf, extend, flip, includes, weakerThan } from "../state/selection";
import type { ViewState } from "../state/view-state";
import { MENU } from "../text/labels";
import { selectEdgesWords, switchWeakerWords } from "../text/messages";
import { isolated, type NodeNames, nameOf, plainText } from "../text/node-names";
import { MAX_SELECTED } from "../util/limits";
import type { Item } from "./menu";

export interface MenuHandlers {
  select(targets: readonly Target[]): void;
  toggle(targets: readonly Target[]): void;
  fit(): void;
}

type Groups = readonly (readonly Item[])[];

const isSeveral = (selected: readonly Target[], target: Target) =>
  selected.length > 1 && includes(selected, target);

export function titleOf({ net, selected }: ViewState, names: NodeNames, target: Target | null): string {
  if (!target) return MENU.graph;
  if (isSeveral(selected, target)) return `${selected.length} selected`;
  const name = (node: number) => isolated(plainText(nameOf(net, names, node)));
  if (target.kind === "node") return name(target.id);
  return `${name(net.source[target.id]!)} → ${name(net.target[target.id]!)}`;
}

export function actionsFor(
  known: ViewState,
  names: NodeNames,
  target: Target | null,
  doing: MenuHandlers,
): Groups {
  if (target && isSeveral(known.selected, target)) return forSeveral(known, doing);
  return target ? forOne(known, names, target, doing) : forNone(known, doing);
}

function forOne(known: ViewState, names: NodeNames, target: Target, doing: MenuHandlers): Groups {
  const { net, mask, selected } = known;
  const on = isTargetOn(net, mask, target);
  const open = includes(selected, target);
  const toggle: Item = on
    ? { text: MENU.off, key: "Del", do: () => doing.toggle([target]) }
    : { text: MENU.on, key: "Space", do: () => doing.toggle([target]) };
  const cards: Item[] = [
    open
      ? { text: MENU.closeCard, do: () => doing.select(flip(selected, target)) }
      : { text: MENU.openCard, key: "Enter", do: () => doing.select([target]) },
  ];
  if (!open && selected.length > 0) {
    cards.push({ text: MENU.add, do: () => doing.select(extend(selected, [target])) });
  }
  return [[toggle], cards, around(known, names, target, doing), target.kind === "edge" && on ? weaker() : []];

  function weaker(): Item[] {
    const targets = weakerThan(net, mask, target.id);
    if (targets.length === 0) return [];
    return [{ text: switchWeakerWords(targets.length), do: () => doing.toggle(targets) }];
  }
}

function around({ net }: ViewState, names: NodeNames, target: Target, doing: MenuHandlers): Item[] {
  const nodes = target.kind === "node" ? [target.id] : [net.source[target.id]!, net.target[target.id]!];
  return nodes.map((node) => ({
    text: selectEdgesWords(nameOf(net, names, node)),
    do: () => doing.select(extend([], edgesOf(net, node))),
  }));
}

function forSeveral({ net, mask, selected }: ViewState, doing: MenuHandlers): Groups {
  const on = selected.filter((target) => isTargetOn(net, mask, target));
  const off = selected.filter((target) => !isTargetOn(net, mask, target));
  const items: Item[] = [];
  if (on.length > 0)
    items.push({ text: `${MENU.off} ${on.length} selected`, key: "Del", do: () => doing.toggle(on) });
  if (off.length > 0) items.push({ text: `${MENU.on} ${off.length} selected`, do: () => doing.toggle(off) });
  return [items, [{ text: MENU.clear, key: "Esc", do: () => doing.select([]) }]];
}

function forNone({ net, mask, selected }: ViewState, doing: MenuHandlers): Groups {
  const on: Target[] = [];
  for (let id = 0; id < net.edgeCount && on.length < MAX_SELECTED; id++)
    if (mask[id]) on.push({ kind: "edge", id });
  const choose: Item[] = [];
  if (on.length > 0 && on.length < 64) choose.push({ text: MENU.allOn, do: () => doing.select(on) });
  if (selected.length > 0) choose.push({ text: MENU.clear, key: "Esc", do: () => doing.select([]) });
  return [[{ text: MENU.fit, key: "0", do: () => doing.fit() }], choose];
}
