/** The script of an exported page, see `kanwidget/widget/html_export.py`: the view, with the kernel in the browser behind it. */

import { createView } from "./app/view";
import { createSweepPage } from "./runs/page";
import { standaloneModel } from "./standalone/model";
import { fromBase64 } from "./wire/packed-array";

const carried = JSON.parse(document.getElementById("kanwidget-traits")!.textContent!) as Record<
  string,
  unknown
>;
const isPacked = (value: unknown): value is { base64: string } =>
  typeof value === "object" && value !== null && "base64" in value;
/** Bytes in place of their texts, in the networks of a sweep too. */
const revived = (value: unknown): unknown => {
  if (isPacked(value)) return fromBase64(value.base64);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, revived(each)]));
};
const traits = revived(carried) as Record<string, unknown>;
const place = document.getElementById("kanwidget")!;
if (traits._kind === "sweep") createSweepPage(traits, place);
else createView(standaloneModel(traits), place);
