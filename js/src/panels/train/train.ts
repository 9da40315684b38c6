/** Trains the network as it is pruned: play, pause, one step, stop; settings; and the losses on the way. */

import { html, nothing, render } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { formatFigures, formatItems, formatShort } from "../../text/format";
import { type Label, PANELS, TRAIN } from "../../text/labels";
import { trainingWords } from "../../text/messages";
import { element } from "../../util/dom";
import type { Training } from "../../wire/snapshot";
import type { TrainingRun } from "../../wire/traits";
import type { Commands, Panel, PanelProps } from "../context";
import { createHelp } from "../help";
import { createLossChart } from "./loss-chart";
import { LAMB_PLACES, lambAt, lambPlace, OPTIMIZERS, settingsOf, type TrainingSettings } from "./settings";

const { name } = PANELS.train;
const FIRST_GRID = 10;

export function createTrain(id: string, commands: Commands): Panel {
  const panel = element("section", { class: "panel train", id, "aria-label": name, hidden: true });
  const help = createHelp(name, [TRAIN.opt, TRAIN.lr, TRAIN.lamb, TRAIN.grid, TRAIN.refine]);
  const chart = createLossChart();
  /** What a person has set since the last training began. */
  let changed: Partial<TrainingSettings> = {};
  /** What is being typed: a training that goes on draws ten times a second. */
  let typing: { readonly role: string; readonly text: string } | null = null;
  let ofRun = 0;
  let grid = FIRST_GRID;
  let now: PanelProps | null = null;
  let drawn: readonly unknown[] = [];

  function change(some: Partial<TrainingSettings>): void {
    changed = { ...changed, ...some };
    const training = now?.reading.training;
    // A loop of the user's own has none of these settings: they are those of the next training.
    if (training && training.state !== "ended" && !training.own) commands.act({ do: "change", ...some });
    draw();
  }

  function field(label: Label | string, role: string, value: number, take: (value: number) => void) {
    const text = typeof label === "string" ? label : label.name;
    return html`<label><span>${text}</span><input
      type="number" min="0" step="any" data-role=${role} aria-describedby=${typeof label === "string" ? nothing : help.idOf(label)}
      .value=${live(typing?.role === role ? typing.text : `${value}`)}
      @input=${(event: Event) => {
        typing = { role, text: (event.target as HTMLInputElement).value };
      }}
      @blur=${() => {
        typing = null;
      }}
      @change=${(event: Event) => {
        typing = null;
        const typed = (event.target as HTMLInputElement).valueAsNumber;
        // What makes no sense is put back.
        if (typed > 0 && Number.isFinite(typed)) take(typed);
        draw();
      }}
    ></label>`;
  }

  function controls(training: Training | null, settings: TrainingSettings) {
    const runs = training !== null && training.state !== "ended";
    const waits = training?.state === "paused";
    const play = () => {
      if (runs) commands.act({ do: training.state === "running" ? "pause" : "resume" });
      else commands.act({ do: "train", ...settings });
    };
    return html`<div class="actions">
        <button type="button" class="quiet" data-role="play" @click=${play}>${
          runs ? (training.state === "running" ? TRAIN.pause : TRAIN.resume) : TRAIN.play
        }</button>
        <button
          type="button" class="quiet" data-role="one-step" ?disabled=${runs && !waits}
          @click=${() => commands.act(runs ? { do: "step" } : { do: "train", ...settings, one_step: true })}
        >${TRAIN.oneStep}</button>
        <button
          type="button" class="quiet" data-role="stop" ?disabled=${!runs} @click=${() => commands.act({ do: "stop" })}
        >${TRAIN.stop}</button>
      </div>
      <div class="settings">
        ${field(TRAIN.steps, "steps", settings.steps, (steps) => change({ steps: Math.ceil(steps) }))}
        <label><span>${TRAIN.opt.name}</span><select
          data-role="opt" aria-describedby=${help.idOf(TRAIN.opt)}
          @change=${(event: Event) => change({ opt: (event.target as HTMLSelectElement).value as TrainingRun["opt"] })}
        >${OPTIMIZERS.map((opt) => html`<option value=${opt} .selected=${live(opt === settings.opt)}>${opt}</option>`)}</select></label>
        ${field(TRAIN.lr, "lr", settings.lr, (lr) => change({ lr }))}
        <label class="check"><input
          type="checkbox" data-role="update-grid" aria-describedby=${help.idOf(TRAIN.grid)}
          .checked=${live(settings.update_grid)}
          @change=${(event: Event) => change({ update_grid: (event.target as HTMLInputElement).checked })}
        >${TRAIN.grid.name}</label>
        <label class="lamb"><span>${TRAIN.lamb.name}</span><input
          type="range" min="0" max=${LAMB_PLACES} step="1" data-role="lamb" aria-describedby=${help.idOf(TRAIN.lamb)}
          aria-valuetext=${lambWords(settings.lamb)} .value=${live(`${lambPlace(settings.lamb)}`)}
          @input=${(event: Event) => {
            // It is asked for when it is let go.
            changed = { ...changed, lamb: lambOf(event) };
            draw();
          }}
          @change=${(event: Event) => change({ lamb: lambOf(event) })}
        ><output>${lambWords(settings.lamb)}</output></label>
        <div class="refine">
          ${field(TRAIN.refine, "grid", grid, (value) => {
            grid = Math.ceil(value);
          })}
          <button
            type="button" class="quiet small" data-role="refine" title=${runs ? TRAIN.refineStops : nothing}
            @click=${() => commands.act({ do: "refine", grid })}
          >${TRAIN.refineButton}</button>
        </div>
      </div>`;
  }

  /** What goes along the steps that a page carries. */
  function framesOf(training: Training | null) {
    const frames = training?.frames;
    if (!frames || frames.length === 0) return nothing;
    const place = training.frame !== undefined && training.frame >= 0 ? training.frame : frames.length;
    const words = frameWords(training);
    return html`<label class="frames"><span>${TRAIN.frames}</span><input
      type="range" min="0" max=${frames.length} step="1" data-role="frame" aria-label=${TRAIN.framesHelp} title=${TRAIN.framesHelp} aria-valuetext=${words} .value=${live(`${place}`)}
      @input=${(event: Event) => {
        const chosen = Number((event.target as HTMLInputElement).value);
        commands.act({ do: "frame", number: chosen < frames.length ? chosen : -1 });
      }}
    ><output>${words}</output></label>`;
  }

  function draw(): void {
    if (!now) return;
    const { training, computes } = now.reading;
    if ((training?.number ?? 0) !== ofRun) [ofRun, changed] = [training?.number ?? 0, {}];
    if (training && training.state !== "ended" && !training.own)
      changed = stillAsked(changed, training, now.reading.error);
    const settings = { ...settingsOf(training), ...changed };
    const losses = training?.losses ?? null;
    const runs = training !== null && training.state !== "ended";
    const due = runs ? Math.max(0, training.steps - training.done) : 0;
    chart.draw(losses, (losses?.step.at(-1) ?? -1) + 1 + due, training?.marks ?? [], shownSteps(training));
    render(
      html`<header>
          <h3>${name}</h3>
          <span class="said" role="status" data-role="training">${training ? trainingWords(training) : ""}</span>
          ${help.element}
        </header>
        ${chart.element}
        <p class="losses" data-role="losses">${lastLosses(training)}</p>
        ${computes === undefined ? controls(training, settings) : framesOf(training)}`,
      panel,
    );
  }

  return {
    element: panel,
    // A page without Python shows how the network was trained, if it was.
    isThere: ({ computes, training }) => computes === undefined || (training?.losses ?? null) !== null,
    // It stays at the front when a training has ended.
    runIn: ({ training }) => training,
    update(next: PanelProps): void {
      if (panel.hidden) {
        drawn = [];
        return;
      }
      now = next;
      const shows = [next.reading.training, next.reading.computes, next.reading.error];
      if (shows.every((value, k) => value === drawn[k]) && drawn.length > 0) return;
      drawn = shows;
      draw();
    },
  };
}

const lambOf = (event: Event): number => lambAt(Number((event.target as HTMLInputElement).value));

/** What a training that goes on has not taken over yet; what was refused is put back. */
function stillAsked(
  changed: Partial<TrainingSettings>,
  training: Training,
  error: string,
): Partial<TrainingSettings> {
  if (error) return {};
  const left = Object.entries(changed).filter(
    ([name, value]) => training[name as keyof TrainingSettings] !== value,
  );
  return Object.fromEntries(left);
}

/** How many steps the network has had that is shown; null if it is that of now. */
function shownSteps(training: Training | null): number | null {
  if (training?.frame === undefined) return null;
  return training.frames?.[training.frame] ?? null;
}

function frameWords(training: Training): string {
  const steps = shownSteps(training);
  if (steps === null) return TRAIN.atEnd;
  return steps === 0 ? TRAIN.asPruned : TRAIN.atStep(formatItems(steps, "step"));
}

/** Those of the last step, or of the one that is shown. */
function lastLosses(training: Training | null): string {
  if (!training?.losses) return "";
  const { step, train, test, reg } = training.losses;
  const shown = shownSteps(training);
  if (shown === 0) return "";
  const of = shown === null ? step.length - 1 : step.findLastIndex((one) => one < shown);
  return TRAIN.lastLosses(
    formatFigures(train[of]!),
    formatFigures(test[of]!),
    training.lamb > 0 ? formatFigures(reg[of]!) : "",
  );
}

const lambWords = (lamb: number): string => (lamb > 0 ? formatShort(lamb) : TRAIN.off);
