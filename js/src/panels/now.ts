/** What the panels around the network are shown, and what they may ask for. */
import type { Trace } from "../forward";
import type { Names } from "../labels";
import type { Act, Decisions } from "../protocol";
import type { Reading } from "../reading";
import type { Known, Target } from "../state";

export interface Now {
  readonly known: Known;
  readonly reading: Reading;
  readonly names: Names;
  /** The followed sample, if one is. */
  readonly trace: Trace | null;
}

export interface Wishes {
  act(act: Act): void;
  write(decisions: Partial<Decisions>): void;
  /** What is in the hand: shown at once, written now and then, and at last with `release`. */
  hold(decisions: Held): void;
  release(): void;
  select(targets: readonly Target[]): void;
  toggle(target: Target): void;
}

export type Held = Partial<Pick<Decisions, "tolerance" | "probe">>;
