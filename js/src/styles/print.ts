/** On paper nothing can be pressed, and nothing may be out of sight. */
export const PRINT = `
.kanwidget[data-printing] {
  --rim: #ffffff; width: 680px; max-width: none; margin: 0 auto; padding: 0; print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
.kanwidget[data-printing] .network { margin: 0; }
.kanwidget[data-printing] :is(.stage, .bar, .tools, .menu, .card, .slider button, .panel header button, .next, button.close, .switch, .picker, .messages:not(:has(p:not(:empty)))) { display: none; }
.kanwidget[data-printing] .scroll { overflow: visible; text-align: center; }
.kanwidget[data-printing] .cards { flex-wrap: wrap; margin: 10px 0 0; padding: 0; overflow: visible; }
.kanwidget[data-printing] :is(.rows, .script pre, .probe .inputs, .messages p) { max-height: none; overflow: visible; }
.kanwidget[data-printing] .panel { flex: 1 1 100%; }
.kanwidget[data-printing] .script pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.kanwidget[data-printing] :is(.slider, .network, .detail, .panel, .steps li) { break-inside: avoid; }
`;
