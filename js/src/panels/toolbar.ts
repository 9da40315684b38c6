/** The buttons at the top: history, what is shown and how, and which panels are open. */

import type { ViewState } from "../state/view-state";
import { button, element, setAttribute } from "../util/dom";
import { showsMatrix } from "../views/choose-view";
import type { Snapshot } from "../wire/snapshot";
import type { ViewKind } from "../wire/traits";
import type { Commands } from "./context";
import { icon } from "./icons";

export type PanelName = "probe" | "history" | "script";

const PANELS: Record<PanelName, [label: string, title: string]> = {
  probe: ["Probe", "Follow one sample through the network"],
  history: ["History", "Every step so far, with notes; go back to any, compare two"],
  script: ["Script", "The Python lines that do the same"],
};
const VIEWS: Record<ViewKind, [label: string, title: string]> = {
  auto: ["auto", "The network, or the quilt when it has too many edges to draw"],
  network: ["network", "Curves on the lines of a network"],
  matrix: ["matrix", "A table of curves for each layer"],
};

export interface ToolbarEvents {
  reset(): void;
  toggled(panel: PanelName): void;
}

export function createToolbar(
  events: ToolbarEvents,
  wishes: Commands,
  controls: Record<PanelName, string>,
  python: boolean,
  signal: AbortSignal,
) {
  const tool = (role: string, label: string | Node, title: string, pressed: () => void) =>
    button(
      label,
      {
        "data-role": role,
        title,
        class: typeof label === "string" ? "" : "square",
        "aria-label": label instanceof Node ? title : undefined,
      },
      pressed,
      signal,
    );
  const undo = tool("undo", icon("undo"), "Undo (Ctrl+Z)", () => wishes.act({ do: "undo" }));
  const redo = tool("redo", icon("redo"), "Redo (Ctrl+Shift+Z)", () => wishes.act({ do: "redo" }));
  const reset = tool("reset", "Reset", "Clear both thresholds and every hand edit", events.reset);
  const commit = tool(
    "commit",
    "Commit",
    "Make what is on show the new starting point: thresholds and hand edits begin again at nothing. It can be undone.",
    () => wishes.act({ do: "commit" }),
  );
  // There is no model that it could change.
  commit.hidden = !python;

  const means = element("input", { type: "checkbox", "data-role": "keep-mean", "aria-label": "Keep means" });
  means.addEventListener("change", () => wishes.write({ keep_mean: means.checked }), { signal });
  const keep = element(
    "label",
    {
      class: "check",
      title:
        "What an edge gives on average is added to the node it led to when it goes, so that only its variation is lost",
    },
    means,
    "keep means",
  );

  const score = element("select", { "data-role": "score", "aria-label": "Score" });
  score.addEventListener("change", () => wishes.write({ score: score.value }), { signal });
  const scored = element(
    "label",
    {
      class: "check",
      title: "What an edge's score is. Another one clears the thresholds: they are in its units",
    },
    "score",
    score,
  );

  const radios = (Object.keys(VIEWS) as ViewKind[]).map((kind) => {
    const radio = element("input", {
      type: "radio",
      name: "view",
      value: kind,
      "aria-label": `View: ${kind}`,
    });
    radio.addEventListener("change", () => wishes.write({ view: kind }), { signal });
    return {
      kind,
      radio,
      label: element("label", { title: VIEWS[kind][1] }, radio, element("span", {}, VIEWS[kind][0])),
    };
  });
  const views = element(
    "div",
    { class: "segments", role: "radiogroup", "aria-label": "View" },
    ...radios.map(({ label }) => label),
  );
  const arrows = { right: icon("right"), up: icon("up") };
  let up = false;
  let turns = true;
  const turn = tool("orientation", arrows.right, "Inputs at the bottom", () => {
    if (turns) wishes.write({ orientation: up ? "right" : "up" });
  });

  const toggles = (Object.keys(PANELS) as PanelName[]).map((name) => ({
    name,
    button: button(
      PANELS[name][0],
      {
        "data-panel": name,
        "aria-expanded": "false",
        "aria-controls": controls[name],
        title: PANELS[name][1],
      },
      () => events.toggled(name),
      signal,
    ),
  }));

  return {
    element: element(
      "div",
      { class: "bar", role: "toolbar", "aria-label": "Tools" },
      element("div", { class: "group" }, undo, redo, reset, commit),
      keep,
      scored,
      element("div", { class: "group" }, views, turn),
      element("div", { class: "group" }, ...toggles.map(({ button }) => button)),
    ),
    update({ net, edits, settled }: ViewState, reading: Snapshot, open: Record<PanelName, boolean>): void {
      const edited = [edits.removedEdges, edits.keptEdges, edits.removedNodes, edits.keptNodes].some(
        (set) => set.size > 0,
      );
      disable(reset, !edited && edits.nodeThreshold === 0 && edits.edgeThreshold === 0);
      const { history, current } = reading;
      const here = history.find((step) => step.id === current);
      disable(undo, !here || here.parent === null);
      disable(redo, !history.some((step) => step.parent === current));
      means.checked = reading.keepMean;
      if (score.childElementCount !== reading.scores.length) {
        score.replaceChildren(...reading.scores.map((kind) => element("option", {}, kind)));
      }
      scored.hidden = reading.scores.length < 2;
      score.value = reading.score;
      for (const { kind, radio } of radios) radio.checked = kind === reading.view;
      if (up !== (reading.orientation === "up")) {
        up = !up;
        turn.replaceChildren(arrows[up ? "up" : "right"]);
      }
      turns = !showsMatrix(reading.view, net, settled);
      setAttribute(turn, "aria-disabled", turns ? null : "true");
      const title = !turns
        ? "The quilt has one orientation: the network view can be turned"
        : up
          ? "Inputs are at the bottom: put them at the left"
          : "Inputs are at the left: put them at the bottom";
      setAttribute(turn, "aria-label", title);
      setAttribute(turn, "title", title);
      for (const { name, button } of toggles) setAttribute(button, "aria-expanded", `${open[name]}`);
    },
  };
}

/** A disabled button loses the focus to the page: the one that has it only says that it does nothing. */
function disable(button: HTMLButtonElement, disabled: boolean): void {
  const root = button.getRootNode();
  const focused = root instanceof ShadowRoot && root.activeElement === button;
  button.disabled = disabled && !focused;
  setAttribute(button, "aria-disabled", disabled && focused ? "true" : null);
}
