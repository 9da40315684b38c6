/** The script of an exported page, see `kanwidget/widget/export.py`: the view, with the kernel in the browser behind it. */
import { standaloneModel } from "./kernel/standalone";
import { createView } from "./view";
import { fromBase64 } from "./wire";

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
