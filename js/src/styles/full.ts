/**
 * Full screen, such as a projector: sliders, network and cards are seen together. The network has what the others
 * leave; cards and panels stand beside it where there is room, and scroll by themselves.
 */
export const FULL = `
.kanwidget:fullscreen {
  border-radius: 0; overflow: auto; display: grid; align-content: stretch;
  grid-template: auto auto auto minmax(260px, 1fr) auto auto / minmax(0, 1fr);
}
.kanwidget:fullscreen .network { display: flex; flex-direction: column; min-height: 0; }
.kanwidget:fullscreen .scroll { flex: 1; min-height: 0; overflow-y: auto; }
.kanwidget:fullscreen .hint { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
@media (min-width: 700px) {
  .kanwidget:fullscreen { grid-template: auto auto auto minmax(220px, 1fr) auto / minmax(0, 1fr) auto; }
  .kanwidget:fullscreen > * { grid-column: 1; }
  .kanwidget:fullscreen > .top { grid-column: 1 / -1; }
  .kanwidget:fullscreen > .beside {
    grid-area: 2 / 2 / -1 / 3; width: 266px; container-type: inline-size; margin: 14px -16px 0 16px; padding: 0 16px 2px 2px;
    overflow-y: auto; min-height: 0;
  }
  .kanwidget:fullscreen > .beside:has(.panel:not([hidden])) { width: clamp(266px, 30vw, 420px); }
  .kanwidget:fullscreen > .beside:not(:has(> .cards:not([hidden]), .panel:not([hidden]))) { display: none; }
  .kanwidget:fullscreen > .beside .cards { flex-wrap: wrap; margin: 0; padding: 0; overflow: visible; }
  .kanwidget:fullscreen > .beside .cards:not([hidden]) + .panels { margin-top: 12px; }
  .kanwidget:fullscreen > .beside .panel { flex: 1 1 100%; margin-top: 0; }
}
@media (max-width: 699px) {
  .kanwidget:fullscreen .bar { flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none; margin: 0 -16px; padding: 2px 16px; }
  .kanwidget:fullscreen .bar > * { flex: none; }
  .kanwidget:fullscreen .summary { flex: 1 0 100%; }
  .kanwidget:fullscreen .top > .bar { min-width: 0; max-width: calc(100% + 32px); }
  .kanwidget:fullscreen .sliders {
    grid-template-columns: none; grid-auto-flow: column; grid-auto-columns: 88%; overflow-x: auto; overflow-y: hidden;
    scroll-snap-type: x proximity; scroll-padding: 16px; margin: 8px -16px 0; padding: 2px 16px; scrollbar-width: none;
  }
  .kanwidget:fullscreen .slider { scroll-snap-align: start; }
}
@media (max-height: 620px) {
  .kanwidget:fullscreen { padding-top: 8px; padding-bottom: 4px; }
  .kanwidget:fullscreen > .legend, .kanwidget:fullscreen .figures { display: none; }
  .kanwidget:fullscreen .sliders { margin-top: 6px; }
  .kanwidget:fullscreen .lossplot { height: 44px; }
  .kanwidget:fullscreen .messages { margin-top: 0; }
}
`;
