/** The script of an exported page, see `kanwidget/widget/html_export.py`: the view, with the kernel in the browser behind it. */

import { createView } from "./app/view";
import { standaloneModel } from "./standalone/model";
import { fromBase64 } from "./wire/packed-array";

const carried = JSON.parse(document.getElementById("kanwidget-traits")!.textContent!) as Record<
  string,
  unknown
>;
const isPacked = (value: unknown): value is { base64: string } =>
  typeof value === "object" && value !== null && "base64" in value;
const traits = Object.fromEntries(
  Object.entries(carried).map(([name, value]) => [name, isPacked(value) ? fromBase64(value.base64) : value]),
);
createView(standaloneModel(traits), document.getElementById("kanwidget")!);
