/** The panels under the network: probe, history, script; and the legend. */
export const PANELS = `
.probe .picker { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; margin-bottom: 8px; }
.probe .picker input { width: 64px; height: 22px; }
.probe .inputs { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 2px 20px; max-height: 316px; overflow-y: auto; padding: 2px; }
.probe .inputs label { display: grid; grid-template-columns: minmax(24px, auto) 1fr 60px; gap: 8px; align-items: center; height: 26px; }
.probe .name { max-width: 90px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 20px; }
.probe .inputs input { min-width: 0; width: 100%; accent-color: var(--probe); margin: 0; height: 16px; }
.probe output { text-align: right; font-variant-numeric: tabular-nums; font-size: 12px; }
.probe .outputs { margin-top: 8px; font-variant-numeric: tabular-nums; font-weight: 600; color: var(--probe); overflow-wrap: anywhere; }
.probe .sorry { color: var(--muted); }

.rows { display: flex; max-height: 330px; overflow-y: auto; position: relative; margin: 0 -6px; }
.rail { flex: none; display: block; fill: var(--rim); }
.rail .line { stroke: var(--edge); stroke-width: 1.5px; fill: none; }
.rail circle { stroke: var(--edge); stroke-width: 1.5px; }
.rail circle.commit { fill: var(--edge); }
.rail circle.outside { stroke-dasharray: 2 1.5; }
.rail circle.current { fill: var(--taken); stroke: var(--taken); }
.steps { flex: 1; min-width: 0; list-style: none; }
.steps li {
  display: grid; grid-template-columns: minmax(0, 1fr) auto 62px 20px; column-gap: 8px; height: 46px; align-items: start; padding: 5px 6px 0 4px; border-radius: 6px;
  font-variant-numeric: tabular-nums;
}
.steps li[aria-current] { background: color-mix(in srgb, var(--taken) 9%, transparent); }
.steps .what { min-width: 0; }
.steps button.go {
  display: block; width: 100%; text-align: left; border: 0; padding: 0 4px; min-height: 20px; line-height: 20px; overflow: hidden; text-overflow: ellipsis; border-radius: 4px;
}
.steps li[aria-current] button.go { font-weight: 600; }
.steps .edges, .steps .loss { font-size: 12px; line-height: 20px; color: var(--muted); text-align: right; white-space: nowrap; opacity: 1; }
.steps .loss { color: var(--ink); }
.steps li[data-stale] .loss { color: var(--muted); font-style: italic; }
.steps .note { display: block; width: 100%; height: 18px; font-size: 12px; border-color: transparent; padding: 0 3px; font-style: italic; color: var(--muted); }
.steps .note::placeholder { color: transparent; }
.steps li:hover .note::placeholder, .steps .note:focus::placeholder, .steps li:focus-within .note::placeholder { color: var(--muted); }
.steps .pick { display: grid; place-items: center; height: 20px; cursor: pointer; }
.history .empty { color: var(--muted); }

.script pre {
  max-height: 330px; overflow: auto; padding: 8px 10px; border-radius: 6px; background: var(--wash);
  font: 12px/1.5 var(--jp-code-font-family, var(--vscode-editor-font-family, ui-monospace, SFMono-Regular, Menlo, Consolas, monospace)); tab-size: 4;
}
.script code { font: inherit; }

.legend {
  display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 6px 0 0; padding: 0; list-style: none; color: var(--muted); font-size: 12px;
}
.legend li { display: flex; align-items: center; gap: 7px; }
.legend .missing { flex: 1 0 100%; color: var(--ink); }
.legend svg { width: 38px; height: 16px; flex: none; overflow: visible; fill: none; stroke: currentColor; color: var(--ink); }
.legend .blue { color: var(--taken); }
.legend .orange { color: var(--symbolic); }
.legend .green { color: var(--selected); }
.legend .faint { opacity: 0.35; }
.legend .probe circle { fill: var(--probe); stroke: none; }
@container (max-width: 400px) { .steps li { grid-template-columns: minmax(0, 1fr) 52px 16px; column-gap: 6px; } .steps .edges { display: none; } }
`;
