/** The anywidget module. All state lives in a view's closure: hosts may share one module between many widgets. */
import { createConnectedView } from "./app/connected-view";
import { hideNotebookPreview } from "./app/notebook-preview";
import { createConnectedSweep, isSweep } from "./runs/connected";
import type { Model } from "./wire/traits";

interface RenderProps {
  readonly model: Model;
  readonly el: HTMLElement;
  /** Newer hosts end a view by this signal, older ones by the function that `render` returns. */
  readonly signal?: AbortSignal;
}

/** Milliseconds for which a widget that has just come hides its picture, until its view does. */
const SOON = 3000;

export default () => ({
  initialize: ({ model }: { readonly model: Model }) => {
    hideNotebookPreview(document, model.get("_picture"), AbortSignal.timeout(SOON));
  },
  render: ({ model, el, signal }: RenderProps) =>
    (isSweep(model) ? createConnectedSweep : createConnectedView)(model, el, signal),
});
