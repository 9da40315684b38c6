/** A height that the host has fixed: the stage has what the others leave, and where that is not enough all scrolls. */
export const LIMITED = `
.kanwidget[data-limited] { display: flex; flex-direction: column; overflow-y: auto; }
.kanwidget[data-limited] > * { flex: none; }
.kanwidget[data-limited] > .network { flex: 1 0 212px; min-height: 0; display: flex; flex-direction: column; }
.kanwidget[data-limited] .scroll { flex: 1; min-height: 0; overflow-y: auto; }
.kanwidget[data-limited="small"] { padding-top: 8px; padding-bottom: 4px; }
.kanwidget[data-limited="small"] .figures { display: none; }
.kanwidget[data-limited="small"] .sliders { margin-top: 6px; }
.kanwidget[data-limited="small"] .lossplot { height: 44px; }
.kanwidget[data-limited="small"] .messages { margin-top: 0; }
`;
