/** The inspector: cards of what is selected and the panels of the registry, as tabs that share one column. */
import { html, nothing, render } from "lit-html";
import { CARDS, type PanelLabel } from "../text/labels";
import { element, freshId, setAttribute } from "../util/dom";
import type { Snapshot } from "../wire/snapshot";
import type { Commands, Panel, PanelProps } from "./context";
import { REGISTRY } from "./registry";

/** The tab that is chosen while no other is. */
const CARDS_TAB = "cards";

interface Tab {
  readonly id: string;
  readonly label: PanelLabel;
  readonly part: string;
  /** The id of its element. */
  readonly controls: string;
  readonly element: HTMLElement;
  readonly panel?: Panel;
}

/** `changed`: another tab was chosen; `opened` is given the element of a panel that a person opened. */
export function createInspector(
  cards: HTMLElement,
  commands: Commands,
  changed: (opened: HTMLElement | null) => void,
  signal: AbortSignal,
) {
  const acting: HTMLElement[] = [];
  const empty = element("p", { class: "empty", "data-role": "no-cards" }, CARDS.none);
  cards.id = freshId(CARDS_TAB);
  const tabs: Tab[] = [
    { id: CARDS_TAB, label: CARDS.label, part: "cards", controls: cards.id, element: cards },
    ...REGISTRY.map(({ id, label, part, changesModel, create }) => {
      const controls = freshId(id);
      const panel = create(controls, commands, signal);
      if (changesModel) acting.push(panel.element);
      setAttribute(panel.element, "role", "tabpanel");
      return { id, label, part, controls, element: panel.element, panel };
    }),
  ];
  setAttribute(cards, "role", "tabpanel");
  const list = element("div", { class: "tabs", role: "tablist", "aria-label": "Inspector" });
  const body = element("div", { class: "inspector-body" }, empty, ...tabs.map((tab) => tab.element));
  acting.push(list);
  let chosen = CARDS_TAB;
  let reading: Snapshot | null = null;
  /** What the model has said of each panel: only a change of that chooses another tab. */
  const said = new Map<string, boolean | null>();
  /** The last run of each panel that has such. */
  const runs = new Map<string, number | undefined>();

  const isThere = ({ part, panel }: Tab) =>
    !reading || (!reading.hide.includes(part) && (panel?.isThere?.(reading) ?? true));
  const isRunning = (id: string) => said.get(id) === true;

  function press({ id, panel, element }: Tab): void {
    // What is chosen already is ended: a trace, say.
    const closes = id === chosen && id !== CARDS_TAB;
    chosen = closes ? CARDS_TAB : id;
    if (reading && (closes || !isRunning(id))) panel?.toggled?.(!closes, reading);
    changed(closes || !panel ? null : element);
  }

  function walk(event: KeyboardEvent): void {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = [...list.querySelectorAll("button")];
    const at = all.indexOf(event.target as HTMLButtonElement);
    const goal = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : by && at + by;
    if (goal === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    all[(goal + all.length) % all.length]?.focus({ preventScroll: true });
  }
  list.addEventListener("keydown", walk, { signal });

  const button = (tab: Tab) => html`<button
    type="button" role="tab" data-panel=${tab.id} title=${tab.label.help} aria-selected=${tab.id === chosen}
    aria-controls=${tab.controls} ?data-running=${isRunning(tab.id)} @click=${() => press(tab)}
  >${tab.label.tab}${isRunning(tab.id) ? html`<span class="unseen"> (on)</span>` : nothing}</button>`;

  return {
    element: element("div", { class: "inspector" }, list, body),
    /** Those that change the model. */
    acting,
    /** A card has opened. */
    showCards(): void {
      chosen = CARDS_TAB;
    },
    update(now: PanelProps): void {
      reading = now.reading;
      for (const { id, panel } of tabs) {
        const run = panel?.runIn?.(now.reading);
        const says = run && run.state !== "ended" ? true : (panel?.isOpenIn?.(now.reading) ?? null);
        // Another run may have ended before it was seen.
        const isNew = run && runs.has(id) && run.number !== runs.get(id);
        if (isNew || (says === true && said.get(id) !== true)) chosen = id;
        else if (says === false && said.get(id) === true && chosen === id) chosen = CARDS_TAB;
        said.set(id, says);
        runs.set(id, run?.number);
      }
      const there = tabs.filter(isThere);
      if (!there.some(({ id }) => id === chosen)) chosen = there[0]?.id ?? CARDS_TAB;
      const noCards = now.known.selected.length === 0;
      for (const tab of tabs) {
        const { id, element, panel } = tab;
        element.hidden = id !== chosen || !there.includes(tab) || (id === CARDS_TAB && noCards);
        panel?.update(now);
      }
      empty.hidden = chosen !== CARDS_TAB || !noCards || there.length === 0;
      render(there.map(button), list);
    },
  };
}
