/** What a panel around the network is shown, and what it may ask for. */
import type { Trace } from "../model/forward";
import type { Target } from "../model/network";
import type { Draft } from "../state/drafts";
import type { Preview, ViewState } from "../state/view-state";
import type { Label } from "../text/labels";
import type { NodeNames } from "../text/node-names";
import type { Snapshot } from "../wire/snapshot";
import type { Command, WritableTraits } from "../wire/traits";

export interface PanelProps {
  readonly known: ViewState;
  readonly reading: Snapshot;
  readonly names: NodeNames;
  /** The followed sample, if one is. */
  readonly trace: Trace | null;
}

export interface Commands {
  act(act: Command): void;
  write(decisions: Partial<WritableTraits>): void;
  /**
   * Values that are being dragged: shown at once, written at intervals, and a last time with `releaseDraft`.
   */
  draft(decisions: Draft): void;
  releaseDraft(): void;
  select(targets: readonly Target[]): void;
  toggle(target: Target): void;
  /** Lights edges in the network; none to end that. */
  light(edges: readonly number[]): void;
  /** Shows a function in the place of an edge's curve; null ends that. */
  preview(preview: Preview | null): void;
}

/** A panel with a tab of the inspector. */
export interface Panel {
  readonly element: HTMLElement;
  update(now: PanelProps): void;
  /** Whether there is anything for it to do or to show; by default there is. */
  isThere?(reading: Snapshot): boolean;
  /** Its last training or search, if it is about such: it comes to the front when one begins. */
  runIn?(reading: Snapshot): { readonly number: number; readonly state: string } | null;
  /** Whether the model says that it is open; null where the model does not know. */
  isOpenIn?(reading: Snapshot): boolean | null;
  /** A person has opened or closed it. */
  toggled?(open: boolean, reading: Snapshot): void;
}

/** A main action: a button of the toolbar that says its name. */
export interface Action {
  readonly id: string;
  readonly label: Label;
  /** Whether it can ever do anything here; by default it can. */
  isThere?(reading: Snapshot): boolean;
  press(now: PanelProps): void;
  /** "off": there is nothing that it could do. */
  state(now: PanelProps): "ready" | "busy" | "off";
  /** A frame is drawn: what has begun may go on. */
  update?(now: PanelProps): void;
}
