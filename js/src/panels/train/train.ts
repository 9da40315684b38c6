/** Trains the model as it is pruned: settings, play, pause, one step, stop; and the losses on the way. */

import { html, nothing, render } from "lit-html";
import { formatFigures, formatItems, formatShort } from "../../text/format";
import { PANELS, TRAIN } from "../../text/labels";
import { trainingWords } from "../../text/messages";
import { element } from "../../util/dom";
import type { Training, TrainingSettings } from "../../wire/traits";
import type { Commands, Panel, PanelProps } from "../context";
import { createHelp } from "../help";
import { createLossChart } from "./loss-chart";

const { name } = PANELS.train;
/** The slider of `lamb`: its first place is 0, the others are powers of ten. */
const LAMB = { first: -5, last: 0, perDecade: 4 };
const LAMB_PLACES = (LAMB.last - LAMB.first) * LAMB.perDecade + 1;
export const DEFAULTS: TrainingSettings = { steps: 20, opt: "LBFGS", lr: 1, lamb: 0, update_grid: false };

export function createTrain(id: string, commands: Commands): Panel {
  const panel = element("section", { class: "panel train", id, "aria-label": name, hidden: true });
  const help = createHelp(name, [TRAIN.opt, TRAIN.lr, TRAIN.lamb, TRAIN.grid, TRAIN.refine]);
  const chart = createLossChart();
  let settings = DEFAULTS;
  let grid = 10;
  let now: PanelProps | null = null;

  function change(changed: Partial<TrainingSettings>): void {
    settings = { ...settings, ...changed };
    if (now?.reading.training?.running) commands.act({ do: "training_settings", ...changed });
    draw();
  }

  function play(training: Training | null): void {
    if (training?.running) commands.act({ do: training.paused ? "resume" : "pause" });
    else commands.act({ do: "fit", ...settings });
  }

  function draw(): void {
    if (!now) return;
    const { training, optimizers, canRefine } = now.reading;
    const running = training?.running ?? false;
    const paused = training?.paused ?? false;
    const place = lambPlace(settings.lamb);
    render(
      html`<header>
          <h3>${name}</h3>
          <span class="said" role="status" data-role="training">${training ? trainingWords(training) : ""}</span>
          ${help.element}
        </header>
        <div class="actions">
          <button type="button" class="quiet" data-role="play" @click=${() => play(training)}
          >${running && !paused ? TRAIN.pause : running ? TRAIN.resume : TRAIN.play}</button>
          <button type="button" class="quiet" data-role="one-step" ?disabled=${running && !paused}
            @click=${() => commands.act(running ? { do: "one_step" } : { do: "fit", ...settings, steps: 1 })}
          >${TRAIN.oneStep}</button>
          <button type="button" class="quiet" data-role="stop" ?disabled=${!running}
            @click=${() => commands.act({ do: "stop" })}
          >${TRAIN.stop}</button>
        </div>
        ${chart.element}
        <p class="losses" ?hidden=${!training?.train_loss.length}>${training ? lastLosses(training) : nothing}</p>
        <div class="settings">
          <label><span>${TRAIN.steps}</span><input
            type="number" min="1" max="100000" step="1" .value=${`${settings.steps}`} data-role="steps" ?disabled=${running}
            @change=${(event: Event) => whole(event, (steps) => change({ steps }))}
          ></label>
          <label><span>${TRAIN.opt.name}</span><select
            data-role="opt" aria-describedby=${help.idOf(TRAIN.opt)} ?disabled=${running}
            @change=${(event: Event) => change({ opt: (event.target as HTMLSelectElement).value })}
          >${optimizers.map((opt) => html`<option value=${opt} ?selected=${opt === settings.opt}>${opt}</option>`)}</select></label>
          <label><span>${TRAIN.lr.name}</span><input
            type="number" min="0" step="any" .value=${`${settings.lr}`} data-role="lr" aria-describedby=${help.idOf(TRAIN.lr)}
            @change=${(event: Event) => positive(event, (lr) => change({ lr }))}
          ></label>
          <label class="lamb"><span>${TRAIN.lamb.name}</span><input
            type="range" min="0" max=${LAMB_PLACES} step="1" .value=${`${place}`} data-role="lamb"
            aria-describedby=${help.idOf(TRAIN.lamb)} aria-valuetext=${formatShort(settings.lamb)}
            @input=${(event: Event) => change({ lamb: lambAt(Number((event.target as HTMLInputElement).value)) })}
          ><output>${settings.lamb ? formatShort(settings.lamb) : TRAIN.off}</output></label>
          <label class="check"><input
            type="checkbox" .checked=${settings.update_grid} data-role="update-grid" aria-describedby=${help.idOf(TRAIN.grid)} ?disabled=${running}
            @change=${(event: Event) => change({ update_grid: (event.target as HTMLInputElement).checked })}
          ><span>${TRAIN.grid.name}</span></label>
          <label class="refine" ?hidden=${!canRefine}><span>${TRAIN.refine.name}</span><input
            type="number" min="1" max="1000" step="1" .value=${`${grid}`} data-role="grid" aria-describedby=${help.idOf(TRAIN.refine)}
            @change=${(event: Event) =>
              whole(event, (value) => {
                grid = value;
              })}
          ><button type="button" class="quiet small" data-role="refine" ?disabled=${running}
            @click=${() => commands.act({ do: "refine", grid })}
          >${TRAIN.refineButton}</button></label>
        </div>`,
      panel,
    );
    chart.draw(training ?? { train_loss: [], test_loss: [], reg: [], steps: settings.steps });
  }

  return {
    element: panel,
    update(next: PanelProps): void {
      if (panel.hidden) {
        now = null;
        return;
      }
      const same =
        now?.reading.training === next.reading.training &&
        now?.reading.optimizers === next.reading.optimizers &&
        now?.reading.canRefine === next.reading.canRefine;
      now = next;
      if (!same) draw();
    },
  };
}

function lastLosses({ train_loss, test_loss, reg }: Training): string {
  const [train, test, last] = [train_loss.at(-1)!, test_loss.at(-1)!, reg.at(-1)!];
  return TRAIN.lastLosses(formatFigures(train), formatFigures(test), last ? formatFigures(last) : "");
}

const lambAt = (place: number): number =>
  place === 0 ? 0 : Number((10 ** (LAMB.first + (place - 1) / LAMB.perDecade)).toPrecision(2));

function lambPlace(lamb: number): number {
  if (!(lamb > 0)) return 0;
  const place = Math.round((Math.log10(lamb) - LAMB.first) * LAMB.perDecade) + 1;
  return Math.min(LAMB_PLACES, Math.max(1, place));
}

/** A number that makes no sense is put back as it was. */
function whole(event: Event, take: (value: number) => void): void {
  positive(event, (value) => take(Math.max(1, Math.round(value))));
}

function positive(event: Event, take: (value: number) => void): void {
  const input = event.target as HTMLInputElement;
  const value = input.valueAsNumber;
  if (value > 0 && Number.isFinite(value)) take(value);
  else input.value = input.defaultValue;
}

export const stepsWords = ({ steps_done, steps }: Training): string =>
  `${steps_done} of ${formatItems(steps, "step")}`;
