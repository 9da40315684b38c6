/** The strip of cards, and the tip beside the pointer. */
export const CARDS = `
.cards { display: flex; gap: 10px; overflow-x: auto; margin: 10px -16px 0; padding: 2px 16px 8px; align-items: stretch; scroll-padding: 16px; }
.detail {
  flex: none; width: 232px; border: 1px solid var(--line); border-radius: 8px; padding: 8px 11px 10px;
  display: flex; flex-direction: column; gap: 5px; font-variant-numeric: tabular-nums;
}
.detail header { display: flex; align-items: center; gap: 6px; }
.detail h3 { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 24px; }
.detail button.close { border-color: transparent; padding: 0; width: 24px; min-height: 24px; font-size: 17px; line-height: 20px; color: var(--muted); margin-right: -5px; }
.state-line { display: flex; align-items: center; gap: 8px; font-size: 12px; color: var(--muted); }
.detail[data-look="taken"] .state { color: var(--taken); }
.switch {
  flex: none; position: relative; width: 30px; height: 18px; border-radius: 9px; border: 1.5px solid var(--edge); background: transparent; cursor: pointer; padding: 0;
  transition: background 120ms;
}
.switch::before {
  content: ""; position: absolute; left: 2px; top: 50%; width: 10px; height: 10px; margin-top: -5px; border-radius: 50%; background: var(--edge); transition: transform 120ms;
}
.switch[aria-checked="true"] { background: var(--taken); border-color: var(--taken); }
.switch[aria-checked="true"]::before { transform: translateX(13px); background: var(--rim); }
.chart { display: block; width: 208px; height: 164px; overflow: visible; fill: none; }
.chart text { font-size: 10px; fill: var(--muted); stroke: none; }
.chart text.base, .chart text.spline { fill: var(--muted); font-style: italic; paint-order: stroke; stroke: var(--rim); stroke-width: 3px; stroke-linejoin: round; }
.chart .axes { stroke: var(--edge); stroke-width: 1px; }
.chart .zero { stroke: var(--line); stroke-width: 1px; }
.chart .phi { stroke: var(--ink); stroke-width: 2px; stroke-linejoin: round; stroke-linecap: round; }
.chart .part { stroke: var(--edge); stroke-width: 1px; }
.chart .part.spline { stroke-dasharray: 4 2; }
.chart .density { fill: color-mix(in srgb, var(--ink) 26%, transparent); }
.chart .off-grid { fill: var(--wash); }
.chart .grid-end { stroke: var(--edge); stroke-width: 1px; stroke-dasharray: 1 3; }
.chart .probe, .chart .drop { display: none; }
.chart[data-probed] .probe { display: inline; fill: var(--probe); stroke: var(--rim); stroke-width: 1.5px; }
.chart[data-probed] .drop { display: inline; stroke: var(--probe); stroke-width: 1px; stroke-dasharray: 2 2; }
.detail[data-look="symbolic"] .chart .phi { stroke: var(--symbolic); }
.detail[data-look="taken"] .chart .phi { stroke: var(--taken); stroke-dasharray: 6 4; }
.detail[data-look="off"] .chart .phi { opacity: 0.45; }
.facts { display: grid; grid-template-columns: auto 1fr; gap: 1px 9px; font-size: 12px; line-height: 17px; }
.facts dt { color: var(--muted); }
.facts dd { min-width: 0; overflow-wrap: anywhere; }
.facts .wide { grid-column: 1 / -1; }
.facts dt.wide { margin-top: 3px; }
.detail .body { display: flex; flex-direction: column; gap: 6px; }
.detail .sum { font-size: 12px; color: var(--probe); overflow-wrap: anywhere; }
.multiples { display: grid; grid-template-columns: repeat(5, 1fr); gap: 4px 1px; margin-top: 2px; }
.small-multiple {
  font: inherit; font-size: 10px; color: var(--muted); background: transparent; cursor: pointer; width: 40px; min-width: 0;
  border: 0; border-radius: 4px; padding: 0; overflow: hidden; text-align: center;
}
.small-multiple span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 14px; }
.miniature { display: block; width: 40px; height: 40px; fill: none; border: 1px solid var(--edge); border-radius: 4px; }
.miniature .phi { stroke: var(--ink); stroke-width: 1.5px; stroke-linejoin: round; }
.small-multiple:hover .miniature { background: var(--wash); }
.small-multiple[data-symbolic] .phi { stroke: var(--symbolic); }
.small-multiple[data-symbolic] .miniature { border-color: var(--symbolic); }
.small-multiple[data-off] .miniature { border-style: dashed; border-color: var(--line); }
.small-multiple[data-off] .phi { opacity: 0.35; }
.small-multiple[aria-pressed="true"] .miniature { border: 2px solid var(--selected); }
.multiples { padding: 2px; }
.more { font-size: 11px; color: var(--muted); }

.card {
  position: absolute; left: 0; top: 0; z-index: 2; pointer-events: none; max-width: 260px; width: max-content;
  display: flex; align-items: center; gap: 10px; padding: 6px 10px; border-radius: 6px;
  background: var(--rim); border: 1px solid var(--line);
  box-shadow: 0 4px 16px rgb(0 0 0 / 0.14); font-variant-numeric: tabular-nums;
}
.card canvas { position: static; width: 52px; height: 52px; flex: none; }
.card b { font-weight: 600; }
.card div div { color: var(--muted); }
`;
