/** The two ways that a view starts: a host calls an anywidget module, and an exported page holds its own values. */
import { fromBase64 } from "../wire/packed-array";
import type { Model } from "../wire/traits";
import { hideNotebookPreview } from "./notebook-preview";

interface RenderProps {
  readonly model: Model;
  readonly el: HTMLElement;
  /** Newer hosts end a view by this signal, older ones by the function that `render` returns. */
  readonly signal?: AbortSignal;
}

/** Milliseconds for which a widget that has just come hides its picture, until its view does. */
const SOON = 3000;

/** All state lives in a view's closure: hosts may share one module between many widgets. */
export const widgetModule =
  (show: (model: Model, el: HTMLElement, outer?: AbortSignal) => () => void) => () => ({
    initialize: ({ model }: { readonly model: Model }) => {
      hideNotebookPreview(document, model.get("_picture"), AbortSignal.timeout(SOON));
    },
    render: ({ model, el, signal }: RenderProps) => show(model, el, signal),
  });

type Values = Record<string, unknown>;

/** Opens a page of `kanwidget/widget/html_export.py`. */
export function openPage(show: (traits: Values, el: HTMLElement) => void): void {
  const carried = JSON.parse(document.getElementById("kanwidget-traits")!.textContent!);
  show(revived(carried) as Values, document.getElementById("kanwidget")!);
}

/** Bytes in place of their texts, in the networks of a sweep too. */
export function revived(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if ("base64" in value) return fromBase64(value.base64 as string);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, revived(each)]));
}
