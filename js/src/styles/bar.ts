/** The top: headline, figures, buttons. */
export const BAR = `
.top { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 8px 16px; }
.summary { flex: 1 1 300px; min-width: 0; font-variant-numeric: tabular-nums; }
.status { font-size: 15px; line-height: 1.35; }
.status b { font-weight: 600; }
.loss, .figures .pending { transition: opacity 120ms; }
.pending { opacity: 0.65; }
.figures { display: flex; flex-wrap: wrap; gap: 0 14px; font-size: 12px; color: var(--muted); }
.figures div { display: flex; gap: 5px; white-space: nowrap; }
.figures dd b { font-weight: 400; color: var(--ink); }
.bar { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; }
.bar .group { display: flex; gap: 4px; align-items: center; }
.check { display: inline-flex; gap: 6px; align-items: center; cursor: pointer; white-space: nowrap; min-height: 26px; }
.check select { font: inherit; font-size: 12px; color: inherit; background: var(--rim); border: 1px solid var(--line); border-radius: 6px; min-height: 26px; padding: 0 4px; }
.segments { display: inline-flex; border: 1px solid var(--line); border-radius: 6px; overflow: clip; }
.segments label { position: relative; cursor: pointer; }
.segments label + label { border-left: 1px solid var(--line); }
.segments input { position: absolute; inset: 0; opacity: 0; width: 100%; height: 100%; cursor: pointer; }
.segments span { display: block; padding: 2px 8px; line-height: 20px; font-size: 12px; }
.segments label:hover { background: var(--wash); }
.segments input:checked + span { background: color-mix(in srgb, var(--taken) 14%, transparent); box-shadow: inset 0 -2px 0 var(--taken); }
.segments input:focus-visible + span { outline: 2px solid var(--taken); outline-offset: -2px; border-radius: 5px; }
`;
