/** What the script of a sweep takes from the script of the widget, which stands before it: `build.mjs` reads these lines. */
export { computed, effect, signal } from "@preact/signals-core";
export { html, nothing, render, svg } from "lit-html";
export { createConnectedView } from "./app/connected-view";
export { watchLooks } from "./app/looks";
export { hideNotebookPreview } from "./app/notebook-preview";
export { openPage, widgetModule } from "./app/start";
export { createView } from "./app/view";
export { inksOf, LEVELS } from "./canvas/colours";
export { alphaOf, lineWidthOf } from "./canvas/ink";
export { dot, ring } from "./canvas/shapes";
export { Surface } from "./canvas/svg-context";
export { standaloneModel } from "./standalone/model";
export { adopt } from "./styles/styles";
export { formatCount, formatFigures, formatItems, formatShort, formatTicks } from "./text/format";
export { arrange, button, element, freshId, setText } from "./util/dom";
export { asPng, createSheet, saveFile } from "./util/picture-file";
export { watchKernelConnection } from "./wire/kernel-connection";
export { decode } from "./wire/packed-array";
