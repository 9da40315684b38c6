/** What a training is asked to do. Pure. */
import type { TrainingRun } from "../../wire/traits";

export type TrainingSettings = Pick<TrainingRun, "steps" | "opt" | "lr" | "lamb" | "update_grid">;

export const OPTIMIZERS: readonly TrainingRun["opt"][] = ["LBFGS", "LM", "Adam"];

const FIRST: TrainingSettings = { steps: 20, opt: "LBFGS", lr: 1, lamb: 0, update_grid: false };

/** Those of the last training; those that suit most networks before the first. */
export function settingsOf(run: TrainingRun | null): TrainingSettings {
  if (!run) return FIRST;
  const { opt, lr, lamb, update_grid } = run;
  return { steps: run.own ? FIRST.steps : run.steps, opt, lr, lamb, update_grid };
}

/** The slider of `lamb`: its first place is 0, at the others are powers of ten. */
const FIRST_DECADE = -5;
const PER_DECADE = 4;
export const LAMB_PLACES = -FIRST_DECADE * PER_DECADE + 1;

export const lambAt = (place: number): number =>
  place <= 0 ? 0 : Number((10 ** (FIRST_DECADE + (place - 1) / PER_DECADE)).toPrecision(2));

export function lambPlace(lamb: number): number {
  if (!(lamb > 0)) return 0;
  const place = Math.round((Math.log10(lamb) - FIRST_DECADE) * PER_DECADE) + 1;
  return Math.min(LAMB_PLACES, Math.max(1, place));
}
