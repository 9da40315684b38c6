/** What the network makes of the traced sample: its outputs, or for classes their probabilities, beside the label. */

import { html, nothing } from "lit-html";
import { largestOutput, sigmoid, softmax } from "../../model/classes";
import { formatShare, formatSigned } from "../../text/format";
import { PROBE } from "../../text/labels";
import { correctWords, moreOutputsWords } from "../../text/messages";
import { nameOf, plainText } from "../../text/node-names";
import type { PanelProps } from "../context";
import { nameContent } from "../names";

/** Outputs that are written out. */
const MAX_OUTPUTS = 12;

/** `row`: which of the rows the sample is, null if it is none of them. */
export function outcome(props: PanelProps, row: number | null) {
  const { reading, trace } = props;
  if (!trace) return nothing;
  const { net } = props.known;
  const first = net.nodeOffset[net.depth]!;
  const outputs = trace.nodes.subarray(first, first + net.width[net.depth]!);
  if (reading.prediction === "sigmoid") return answers(props, outputs, first, row);
  if (reading.prediction !== "") return classes(props, outputs, first, row);
  const words = Array.from(outputs.subarray(0, MAX_OUTPUTS), (output, j) => {
    const label = labelOf(props, row, j);
    const value = `${nameAt(props, first + j)} = ${formatSigned(output)}`;
    return label === null ? value : `${value}, ${PROBE.label} ${formatSigned(label)}`;
  });
  return html`<p class="outputs" data-role="outputs">${words.join("; ")}</p>`;
}

/** One class of several: the most probable ones with the label's, in the order of the outputs. */
function classes(
  { reading, known, names }: PanelProps,
  outputs: Float64Array,
  first: number,
  row: number | null,
) {
  const label = row === null ? null : (reading.rows?.classes?.[row] ?? null);
  const predicted = largestOutput(outputs);
  const shares = reading.prediction === "softmax" ? softmax(outputs) : null;
  const name = (j: number) => nameOf(known.net, names, first + j);
  const shown = [...outputs.keys()]
    .sort((a, b) => Number(b === label) - Number(a === label) || outputs[b]! - outputs[a]! || a - b)
    .slice(0, MAX_OUTPUTS)
    .sort((a, b) => a - b);
  const said =
    predicted < 0
      ? PROBE.noClass
      : correctWords(plainText(name(predicted)), label === null ? null : plainText(name(label)));
  return html`<div class="outcome">
    <p class="outputs" data-role="outputs">${said}</p>
    <table>
      <thead class="unseen">
        <tr><th>${PROBE.columns.class}</th><th>${shares ? PROBE.columns.probability : PROBE.columns.output}</th><th></th></tr>
      </thead>
      <tbody>${shown.map(
        (j) => html`<tr ?data-predicted=${j === predicted} ?data-label=${j === label} data-class=${j}>
          <th scope="row" title=${plainText(name(j))}>${nameContent(name(j))}</th>
          <td>${shares ? formatShare(shares[j]!) : formatSigned(outputs[j]!)}</td>
          <td class="bar">${shares ? bar(shares[j]!) : nothing}</td>
          <td>${j === label ? PROBE.label : nothing}</td>
        </tr>`,
      )}</tbody>
    </table>
    ${shown.length < outputs.length ? html`<p class="more">${moreOutputsWords(outputs.length - shown.length)}</p>` : nothing}
  </div>`;
}

/** Each output is a yes or no. */
function answers(props: PanelProps, outputs: Float64Array, first: number, row: number | null) {
  return html`<div class="outcome"><table>
    <thead class="unseen">
      <tr><th>${PROBE.columns.output}</th><th>${PROBE.columns.probability}</th><th></th></tr>
    </thead>
    <tbody>${Array.from(outputs.subarray(0, MAX_OUTPUTS), (output, j) => {
      const [share, label] = [sigmoid(output), labelOf(props, row, j)];
      const yes = share > 0.5;
      const said = correctWords(yes ? "1" : "0", label === null ? null : `${label}`);
      return html`<tr data-class=${j}>
        <th scope="row">${nameContent(nameOf(props.known.net, props.names, first + j))}</th>
        <td>${formatShare(share)}</td>
        <td class="bar">${bar(share)}</td>
        <td data-role="outputs">${said}</td>
      </tr>`;
    })}</tbody>
  </table></div>`;
}

const bar = (share: number) =>
  html`<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width=${100 * (share || 0)} height="8" /></svg>`;

function labelOf({ reading, known: { net } }: PanelProps, row: number | null, j: number): number | null {
  return row === null ? null : (reading.rows?.labels?.[row * net.width[net.depth]! + j] ?? null);
}

const nameAt = ({ known: { net }, names }: PanelProps, node: number): string =>
  plainText(nameOf(net, names, node));
