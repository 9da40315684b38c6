/** Threshold sliders with their data on the track. */
export const SLIDER = `
.sliders { display: grid; grid-template-columns: 1fr 1fr; gap: 10px 28px; margin: 14px 0 0; }
.slider { min-width: 0; }
.slider .head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 6px; white-space: nowrap; }
.slider .title { font-weight: 600; }
.slider button.small { padding: 0 5px; }
.slider .readout { width: 58px; height: 22px; }
.slider .takes { flex: 1; color: var(--muted); font-size: 12px; min-width: 0; overflow: hidden; text-overflow: ellipsis; }
.slider .takes[data-some] { color: var(--taken); }

.lossplot { position: relative; height: 56px; margin: 6px 8px 0; }
.lossplot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; fill: none; }
.lossplot path { vector-effect: non-scaling-stroke; }
.lossplot .grid { stroke: var(--line); stroke-width: 1px; }
.lossplot .within { fill: color-mix(in srgb, var(--good) 9%, transparent); stroke: none; }
.lossplot .kept, .lossplot .zeroed { stroke: var(--edge); stroke-width: 1px; }
.lossplot .zeroed { stroke-dasharray: 1.5 2.5; }
.lossplot .present { stroke: var(--ink); stroke-width: 1.75px; }
.lossplot .zeroed.present { stroke-dasharray: 2 2.5; }
.lossplot .over { fill: var(--ink); }
.lossplot .limit { stroke: var(--good); stroke-width: 1px; stroke-dasharray: 5 3; }
.lossplot .grip { stroke: transparent; stroke-width: 13px; cursor: ns-resize; pointer-events: stroke; touch-action: none; }
.lossplot .marks span {
  position: absolute; left: 0; transform: translateY(-100%); font-size: 10px; line-height: 12px; color: var(--muted);
  font-variant-numeric: tabular-nums; pointer-events: none; padding-right: 3px;
}
.lossplot .dot {
  position: absolute; width: 10px; height: 10px; margin: -5px; border-radius: 50%; pointer-events: none;
  background: var(--taken); border: 2px solid var(--rim); box-shadow: 0 0 0 1px var(--taken);
}
.lossplot .dot[data-over] { border-radius: 2px; transform: rotate(45deg); }
.lossplot .dot, .lossplot .knee { z-index: 1; }
.lossplot .knee { position: absolute; width: 9px; height: 9px; margin: -4.5px; transform: rotate(45deg); background: var(--rim); border: 1.5px solid var(--ink); }
.limit-label {
  position: absolute; right: 0; font-size: 11px; line-height: 13px; padding: 0 4px; border-radius: 4px;
  background: var(--rim); color: var(--good); font-variant-numeric: tabular-nums; pointer-events: none; white-space: nowrap;
}
.limit-label:focus-within { outline: 2px solid var(--taken); }
.limit-label input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; pointer-events: none; }
.lossplot .unknown { display: none; }
.lossplot[data-stale] > * { opacity: 0.35; }
.lossplot[data-stale] .dot { visibility: hidden; }
.lossplot[data-unknown] > :not(.unknown) { visibility: hidden; }
.lossplot[data-unknown] .unknown {
  display: grid; place-items: center; position: absolute; inset: 0; text-align: center; font-size: 12px; color: var(--muted); border-radius: 6px; background: var(--wash);
}

.slider input[type="range"][data-threshold] {
  appearance: none; -webkit-appearance: none; display: block; width: 100%; height: 20px; margin: 0;
  background: transparent; cursor: pointer; border-radius: 4px; touch-action: pan-y;
}
.slider [data-threshold]::-webkit-slider-runnable-track {
  height: 4px; border-radius: 2px;
  background: linear-gradient(to right, var(--taken) calc(8px + var(--at) * (100% - 16px)), var(--line) 0);
}
.slider [data-threshold]::-moz-range-track { height: 4px; border-radius: 2px; background: var(--line); }
.slider [data-threshold]::-moz-range-progress { height: 4px; border-radius: 2px; background: var(--taken); }
.slider [data-threshold]::-webkit-slider-thumb {
  -webkit-appearance: none; width: 16px; height: 16px; margin-top: -6px; border-radius: 50%;
  background: var(--ink); border: 3px solid var(--rim); box-shadow: 0 0 0 1px var(--ink);
}
.slider [data-threshold]::-moz-range-thumb {
  width: 16px; height: 16px; box-sizing: border-box; border-radius: 50%;
  background: var(--ink); border: 3px solid var(--rim); box-shadow: 0 0 0 1px var(--ink);
}
.slider [data-threshold]:disabled { opacity: 0.4; cursor: default; }
.ticks { display: block; width: calc(100% - 16px); height: 7px; margin: 0 8px; overflow: visible; }
.ticks path { stroke: var(--muted); stroke-width: 1px; vector-effect: non-scaling-stroke; fill: none; }
.ticks path.gone { stroke: var(--taken); stroke-width: 1.5px; }
.slider .next {
  margin: 5px 0 0; font-size: 12px; line-height: 16px; height: 16px; overflow: hidden; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 1;
  color: var(--muted); font-variant-numeric: tabular-nums; }
.slider .refused { color: var(--error); }
.slider .refused:not(:empty) { display: block; }
.slider .next:has(.refused:not(:empty)) > :first-child { display: none; }
@container (max-width: 1000px) { .slider .title { flex: 1 0 calc(100% - 64px); } .slider .takes { flex: 1 1 100px; } }
@container (max-width: 900px) { .slider .next { height: 32px; -webkit-line-clamp: 2; } }
@container (max-width: 620px) { .sliders { grid-template-columns: 1fr; } .slider .next { height: 16px; -webkit-line-clamp: 1; } }
@container (max-width: 480px) { .slider .next { height: 32px; -webkit-line-clamp: 2; } }
@container (max-width: 320px) { .slider .takes { flex-basis: 100%; } .lossplot { margin-top: 12px; } .slider .next { height: 48px; -webkit-line-clamp: 3; } }
`;
