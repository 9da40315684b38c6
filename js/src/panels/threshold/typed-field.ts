/** The field that shows a threshold, and in which one can be typed. */

import { undoOrRedo } from "../../stage/keys";
import { parseThreshold } from "../../text/format";
import { refusal, thresholdWords } from "../../text/messages";
import { type Attributes, element } from "../../util/dom";
import type { Commands } from "../context";

export interface TypedFieldEvents {
  /** The threshold now. */
  current(): number;
  typed(threshold: number): void;
  /** Why a text is no threshold; "" when another one is being typed. */
  refused(why: string): void;
}

export function createTypedField(
  attributes: Attributes,
  events: TypedFieldEvents,
  commands: Commands,
  signal: AbortSignal,
) {
  const field = element("input", {
    type: "text",
    class: "readout",
    inputmode: "decimal",
    autocomplete: "off",
    spellcheck: "false",
    size: "7",
    value: thresholdWords(0),
    ...attributes,
  });
  /** The text that was last written here, not typed: another one is a draft. */
  let written = field.value;
  /** Whether a person typed the draft; the browser's undo may bring back an old text. */
  let typed = false;

  function show(): void {
    typed = false;
    written = thresholdWords(events.current());
    if (field.value !== written) field.value = written;
  }
  function read(): void {
    const text = field.value;
    // Enter comes twice, as a key and as a change: the second must not read back what the first has rounded.
    if (text !== written && text !== thresholdWords(events.current())) {
      const value = parseThreshold(text);
      if (value === null) events.refused(refusal(text));
      else events.typed(value);
    }
    show();
  }
  field.addEventListener("change", () => (typed ? read() : show()), { signal });
  field.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Enter") read();
      if (event.key === "Escape") show();
      const act = undoOrRedo(event);
      if (!act) return;
      // The browser's own undo would go on to texts of thresholds that were set long ago.
      event.preventDefault();
      event.stopPropagation();
      if (field.value === written) commands.act({ do: act });
      else if (act === "undo") show();
    },
    { signal },
  );
  field.addEventListener("focus", () => field.select(), { signal });
  field.addEventListener(
    "input",
    (event) => {
      typed = !(event instanceof InputEvent && event.inputType.startsWith("history"));
      events.refused("");
    },
    { signal },
  );
  return {
    element: field,
    /** Writes the threshold, but for what is being typed. */
    update(): void {
      const focused = (field.getRootNode() as ShadowRoot).activeElement === field;
      if (!focused || field.value === written) show();
    },
  };
}
