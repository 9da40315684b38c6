/** Colours, type and what all panels share. Every colour follows from ink, the blue of what is taken, and the ground. */
export const BASE = `
:host { display: block; }
/* In a row of a host (HBox) a view is as wide as what is in it: the view itself adapts, and would be nothing. */
.breadth { overflow: clip; height: 0; }
.breadth canvas { display: block; width: 900px; max-width: 100%; height: 0; }
.breadth div { width: 280px; }
.kanwidget {
  all: initial; display: block;
  --ink: #1f2328; --taken: #0072b2; --symbolic: #c04a00; --probe: #7a0fb0; --selected: #12a54d; --good: #1a7f37; --warn: #8a4600; --error: #b42318;
  --rim: var(--jp-layout-color0, var(--vscode-editor-background, #ffffff));
  --muted: color-mix(in srgb, var(--ink) 70%, var(--rim));
  --line: color-mix(in srgb, var(--ink) 15%, transparent);
  --edge: color-mix(in srgb, var(--ink) 55%, var(--rim));
  --wash: color-mix(in srgb, var(--ink) 5%, transparent);
  color-scheme: light;
  background: var(--rim);
  color: var(--ink);
  font: 13px/1.45 var(--jp-ui-font-family, var(--vscode-font-family, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif));
  box-sizing: border-box; padding: 14px 16px 12px; border-radius: 8px;
  min-width: 0; container-type: inline-size;
}
.kanwidget[data-theme="dark"] {
  --ink: #e6edf3; --taken: #56b4e9; --symbolic: #ff9e4a; --probe: #b86bff; --selected: #7ee787; --good: #6fce86; --warn: #f0b072; --error: #ff9a90;
  --rim: var(--jp-layout-color0, var(--vscode-editor-background, #111418));
  color-scheme: dark;
}
.kanwidget *, .kanwidget *::before { box-sizing: border-box; }
.kanwidget [inert] { opacity: 0.6; }
.kanwidget [hidden] { display: none !important; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--taken); outline-offset: 2px; }
p, dl, dd, h3, h4, ol, pre { margin: 0; padding: 0; }
h3 { font-size: 13px; font-weight: 600; }
h4 { font-size: 11px; font-weight: 400; color: var(--muted); }
sub, sup { font-size: 0.75em; line-height: 0; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

button.quiet {
  font: inherit; color: var(--ink); background: transparent; cursor: pointer; white-space: nowrap;
  border: 1px solid var(--line); border-radius: 6px; padding: 2px 10px; min-height: 26px; transition: background 80ms;
}
button.quiet.small { font-size: 12px; padding: 0 8px; min-height: 24px; }
button.quiet.square { padding: 0; width: 30px; display: inline-grid; place-items: center; }
button.quiet:hover:enabled { background: var(--wash); }
button.quiet:disabled, button.quiet[aria-disabled="true"] { color: color-mix(in srgb, var(--ink) 45%, transparent); cursor: default; }
button.quiet[aria-expanded="true"], button.quiet[aria-pressed="true"] {
  background: color-mix(in srgb, var(--taken) 12%, transparent); border-color: var(--taken);
}
.icon { display: block; width: 16px; height: 16px; fill: none; stroke: currentColor; stroke-width: 1.5px; stroke-linecap: round; stroke-linejoin: round; }
input[type="checkbox"], input[type="radio"] { accent-color: var(--taken); margin: 0; }
input[type="text"], input[type="number"] {
  font: inherit; color: var(--ink); background: transparent; font-variant-numeric: tabular-nums;
  border: 1px solid var(--line); border-radius: 4px; padding: 0 5px; min-width: 0;
}
input[type="text"]:hover, input[type="number"]:hover { border-color: var(--edge); }
.messages { min-height: 22px; display: flex; flex-wrap: wrap; align-items: center; margin-top: 2px; }
.messages p:not(:empty) { margin-right: 10px; }
.messages p { overflow-wrap: anywhere; max-height: 6em; overflow-y: auto; min-width: 0; }
.error { color: var(--error); }
.notice { color: var(--muted); }
.warning { color: var(--warn); }
.panels { display: flex; flex-wrap: wrap; gap: 12px; }
.panel {
  flex: 1 1 320px; min-width: 0; margin-top: 12px; border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px 12px;
}
.panel header { display: flex; align-items: center; gap: 10px; min-height: 26px; margin-bottom: 6px; }
.panel header h3 { flex: none; }
.panel header .said { flex: 1; color: var(--muted); min-width: 0; font-size: 12px; }
@media (forced-colors: active) {
  /* Washes and tints are gone: what is pressed has the system's own colours for it. */
  button.quiet[aria-expanded="true"], button.quiet[aria-pressed="true"], .segments input:checked + span, .switch[aria-checked="true"] {
    forced-color-adjust: none; background: Highlight; color: HighlightText; border-color: Highlight;
  }
  .switch::before { forced-color-adjust: none; background: ButtonText; }
  .switch[aria-checked="true"]::before { background: HighlightText; }
}
@media (prefers-reduced-motion: reduce) { .kanwidget * { transition: none !important; scroll-behavior: auto !important; } }
`;
