/** The canvases and the buttons over them. */
export const STAGE = `
.scroll { overflow-x: auto; overflow-y: hidden; margin: 0 -16px; }
.stage { position: relative; margin: 0 auto; }
.stage canvas { position: absolute; left: 0; top: 0; display: block; width: 100%; height: 100%; }
.stage[data-over] { cursor: pointer; }
.twins button {
  position: absolute; margin: 0; padding: 0; border: 0; background: transparent; pointer-events: none;
  border-radius: 4px; color: transparent;
}
.twins button[data-node] { border-radius: 50%; }
`;
