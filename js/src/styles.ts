/** The style sheet of the shadow root. Every colour follows from ink, the blue of what is taken, and the background. */
import { STAGE_STYLES } from "./stage";
import { MENU_STYLES } from "./stage/menu";
import { TOOLS_STYLES } from "./stage/tools";
import { TWINS_STYLES } from "./twins";

export const STYLES = `
:host { display: block; }
.kanwidget {
  all: initial; display: block;
  --ink: #1f2328; --taken: #0072b2; --warn: #8a4600; --error: #b42318;
  --muted: color-mix(in srgb, var(--ink) 64%, transparent);
  --line: color-mix(in srgb, var(--ink) 14%, transparent);
  --wash: color-mix(in srgb, var(--ink) 5%, transparent);
  color-scheme: light;
  background: var(--jp-layout-color0, var(--vscode-editor-background, #ffffff));
  color: var(--ink);
  font: 13px/1.45 var(--jp-ui-font-family, var(--vscode-font-family, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif));
  box-sizing: border-box; padding: 14px 16px 12px; border-radius: 8px;
  min-width: 0; container-type: inline-size;
}
.kanwidget[data-theme="dark"] {
  --ink: #e6edf3; --taken: #56b4e9; --warn: #f0b072; --error: #ff9a90;
  color-scheme: dark;
  background: var(--jp-layout-color0, var(--vscode-editor-background, #111418));
}
.kanwidget *, .kanwidget *::before { box-sizing: border-box; }
.top { display: flex; align-items: center; gap: 12px; min-height: 28px; }
.status { flex: 1; min-width: 0; color: var(--muted); font-variant-numeric: tabular-nums; }
.status b { color: var(--ink); font-weight: 600; }
.status .loss { transition: opacity 120ms; }
.status .pending { opacity: 0.45; }
button.quiet {
  font: inherit; color: var(--ink); background: transparent; cursor: pointer;
  border: 1px solid var(--line); border-radius: 6px; padding: 3px 12px;
}
button.quiet:hover:enabled { background: var(--wash); }
button.quiet:disabled { color: var(--muted); opacity: 0.55; cursor: default; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--taken); outline-offset: 2px; }
.messages { min-height: 20px; }
.messages p { margin: 0; overflow-wrap: anywhere; max-height: 6em; overflow-y: auto; }
.error { color: var(--error); }
.warning { color: var(--warn); }
.sliders { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 36px; margin: 10px 0 4px; }

.slider {
  display: grid; grid-template: "title readout takes" auto "input input input" auto "ticks ticks ticks" auto / auto auto 1fr;
  column-gap: 10px; min-width: 0; align-items: baseline; white-space: nowrap;
}
.slider output { grid-area: readout; font-variant-numeric: tabular-nums; color: var(--muted); }
.slider .takes { grid-area: takes; justify-self: end; color: var(--muted); }
.slider .takes[data-some] { color: var(--taken); }
.slider input {
  grid-area: input; appearance: none; -webkit-appearance: none; display: block; width: 100%; height: 20px; margin: 2px 0 0;
  background: transparent; cursor: pointer; border-radius: 4px; touch-action: pan-y;
}
.slider input::-webkit-slider-runnable-track {
  height: 4px; border-radius: 2px;
  background: linear-gradient(to right, var(--taken) calc(8px + var(--at) * (100% - 16px)), var(--line) 0);
}
.slider input::-moz-range-track { height: 4px; border-radius: 2px; background: var(--line); }
.slider input::-moz-range-progress { height: 4px; border-radius: 2px; background: var(--taken); }
.slider input::-webkit-slider-thumb {
  -webkit-appearance: none; width: 16px; height: 16px; margin-top: -6px; border-radius: 50%;
  background: var(--thumb, var(--ink)); border: 3px solid var(--rim); box-shadow: 0 0 0 1px var(--ink);
}
.slider input::-moz-range-thumb {
  width: 16px; height: 16px; box-sizing: border-box; border-radius: 50%;
  background: var(--ink); border: 3px solid var(--rim); box-shadow: 0 0 0 1px var(--ink);
}
.kanwidget { --rim: var(--jp-layout-color0, var(--vscode-editor-background, #ffffff)); }
.kanwidget[data-theme="dark"] { --rim: var(--jp-layout-color0, var(--vscode-editor-background, #111418)); }
.slider input:disabled { opacity: 0.4; cursor: default; }
.ticks { grid-area: ticks; display: block; width: calc(100% - 16px); height: 7px; margin: 0 8px; overflow: visible; }
.ticks path { stroke: var(--muted); stroke-width: 1px; vector-effect: non-scaling-stroke; fill: none; }
.ticks path.gone { stroke: var(--taken); stroke-width: 1.5px; }
${STAGE_STYLES}
${TWINS_STYLES}
${TOOLS_STYLES}
${MENU_STYLES}
.card {
  position: absolute; left: 0; top: 0; z-index: 2; pointer-events: none; max-width: 260px; width: max-content;
  display: flex; align-items: center; gap: 10px; padding: 6px 10px; border-radius: 6px;
  background: var(--rim); border: 1px solid var(--line);
  box-shadow: 0 4px 16px rgb(0 0 0 / 0.14); font-variant-numeric: tabular-nums;
}
.card[hidden] { display: none; }
.card canvas { position: static; width: 52px; height: 52px; flex: none; }
.card canvas[hidden] { display: none; }
.card b { font-weight: 600; }
.card sub, .card sup { font-size: 0.75em; line-height: 0; }
.card div div { color: var(--muted); }
.legend {
  display: flex; flex-wrap: wrap; gap: 2px 20px; margin: 6px 0 0; padding: 0; list-style: none; color: var(--muted);
  font-size: 12px;
}
.legend li { display: flex; align-items: center; gap: 7px; }
.legend svg { width: 38px; height: 16px; flex: none; overflow: visible; fill: none; stroke: currentColor; color: var(--ink); }
.legend .blue { color: var(--taken); }
.legend .faint { opacity: 0.35; }
.legend .hint { margin-left: auto; }
@container (max-width: 620px) {
  .sliders { grid-template-columns: 1fr; }
  .legend .hint { margin-left: 0; flex-basis: 100%; }
}
@container (max-width: 400px) {
  .top { min-height: 40px; }
  .slider { grid-template: "title readout" auto "input input" auto "ticks ticks" auto "takes takes" auto / auto 1fr; }
  .slider .takes { justify-self: start; margin-top: 4px; }
}
`;
