/** The anywidget module. All state lives in a view's closure: hosts may share one module between many widgets. */
import { createConnectedView } from "./connected-view";
import type { Model } from "./protocol";

interface RenderProps {
  readonly model: Model;
  readonly el: HTMLElement;
  /** Newer hosts end a view by this signal, older ones by the function that `render` returns. */
  readonly signal?: AbortSignal;
}

export default () => ({
  render: ({ model, el, signal }: RenderProps) => createConnectedView(model, el, signal),
});
