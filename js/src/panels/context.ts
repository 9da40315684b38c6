/** What a panel around the network is shown, and what it may ask for. */
import type { Trace } from "../model/forward";
import type { Target } from "../model/network";
import type { Draft } from "../state/drafts";
import type { ViewState } from "../state/view-state";
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
}

/** A panel that a button of the toolbar opens. */
export interface Panel {
  readonly element: HTMLElement;
  update(now: PanelProps): void;
  /** Whether the model says that it is open; null where the model does not know. */
  isOpenIn?(reading: Snapshot): boolean | null;
  /** A person has opened or closed it. */
  toggled?(open: boolean, reading: Snapshot): void;
}
