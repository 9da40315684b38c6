/** The panels of the inspector, in the order of their tabs. A new one is a folder, its words in `text/labels.ts` and one line here. */
import { PANELS, type PanelLabel } from "../text/labels";
import type { Commands, Panel } from "./context";
import { createFormula } from "./formula/formula";
import { createHistory } from "./history/history";
import { createProbe } from "./probe/probe";
import { createScript } from "./script/script";
import { createTrain } from "./train/train";

export interface PanelEntry {
  readonly id: string;
  readonly label: PanelLabel;
  /** What `KANWidget(..., hide=[...])` calls it: one of `Parts.words` in `kanwidget/widget/traits.py`. */
  readonly part: string;
  /** Whether it changes the model: then it cannot be used while there is none. */
  readonly changesModel: boolean;
  create(id: string, commands: Commands, signal: AbortSignal): Panel;
}

export const REGISTRY: readonly PanelEntry[] = [
  { id: "train", label: PANELS.train, part: "training", changesModel: true, create: createTrain },
  { id: "formula", label: PANELS.formula, part: "formula", changesModel: false, create: createFormula },
  { id: "probe", label: PANELS.probe, part: "trace", changesModel: true, create: createProbe },
  { id: "history", label: PANELS.history, part: "history", changesModel: true, create: createHistory },
  { id: "script", label: PANELS.script, part: "code", changesModel: false, create: createScript },
];
