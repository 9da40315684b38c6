/** The top line (edges, loss, Reset), and the line for messages between the sliders and the network. */
import { element, setText } from "../dom";
import { isCut, sameMask } from "../network";
import type { Reading } from "../protocol";
import type { Known } from "../state";
import { countSentence, lossSentence } from "../words";

export function createStatus(reset: () => void, signal: AbortSignal) {
  const count = element("b");
  const loss = element("span", { class: "loss" });
  const status = element("div", { class: "status", "data-role": "status", role: "status" }, count, loss);
  const button = element(
    "button",
    {
      type: "button",
      class: "quiet",
      "data-role": "reset",
      title: "Clear both thresholds and every hand edit",
    },
    "Reset",
  );
  button.addEventListener("click", reset, { signal });
  const error = element("p", { class: "error", "data-role": "error", role: "alert" });
  const warning = element("p", { class: "warning", "data-role": "warning", role: "alert" });
  return {
    top: element("div", { class: "top" }, status, button),
    // Its line is always there, so that a message never moves a slider or the network under the hand.
    messages: element("div", { class: "messages" }, error, warning),
    /** `problem` is what went wrong on this side; it comes before what Python says. */
    update(known: Known | null, reading: Reading | null, problem: string): void {
      setText(error, problem || (reading?.error ?? ""));
      if (!known || !reading) return;
      const { edits, mask, confirmed } = known;
      const sentence = lossSentence(reading.loss, reading.baselineLoss, reading.lossName);
      setText(count, countSentence(known));
      setText(loss, sentence && ` · ${sentence}`);
      // A loss belongs to the mask Python has applied: until that is the one on show, it is only the last known.
      loss.classList.toggle("pending", !sameMask(mask, confirmed));
      setText(
        warning,
        isCut(known.net, mask)
          ? "Nothing leads from the inputs to the outputs any more: the model is constant."
          : "",
      );
      const edited = [edits.removedEdges, edits.keptEdges, edits.removedNodes, edits.keptNodes].some(
        (set) => set.size > 0,
      );
      button.disabled = !edited && edits.nodeThreshold === 0 && edits.edgeThreshold === 0;
    },
  };
}
