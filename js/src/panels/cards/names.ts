/** Functions that might name an edge's curve, on its card: each over the curve, with what it costs. */

import { html, nothing } from "lit-html";
import { edgeIndex, type Target } from "../../model/network";
import { formatFigures, formatShort } from "../../text/format";
import { curveWords, functionLabel } from "../../text/function-names";
import { NAMES } from "../../text/labels";
import { fitWords } from "../../text/messages";
import { nameOf, subscripted } from "../../text/node-names";
import { createMemo } from "../../util/memo";
import type { Candidate } from "../../wire/snapshot";
import type { PanelProps } from "../context";
import { createHelp } from "../help";
import { miniature } from "../plots/chart";
import type { CardCommands } from "./card";

const SIDE = 40;

export function createNames({ id: edge }: Target, commands: CardCommands) {
  const drawn = createMemo<readonly SVGSVGElement[]>();
  const help = createHelp(NAMES.help.name, [NAMES.help]);
  /** The function that is shown in the network. */
  let shown = "";

  function show(row: Candidate | null): void {
    shown = row?.function ?? "";
    commands.preview(row && { edge, function: row.function, y: row.y });
  }

  return {
    /** The edge's function with its constants, "" if it has none. */
    words({ reading, names, known: { net } }: PanelProps): string {
      const named = reading.named.get(edge);
      return named ? curveWords(named, subscripted(nameOf(net, names, net.source[edge]!))) : "";
    },
    content({ reading, known: { net, mask, preview } }: PanelProps) {
      if (reading.closed) return nothing;
      const index = edgeIndex(net, edge);
      const name = reading.named.get(edge)?.function ?? "";
      if (reading.computes !== undefined) {
        const own = reading.switchable?.get(edge);
        if (own === undefined) return nothing;
        // One button, which keeps the focus.
        return html`<button
            type="button" class="quiet small" data-role=${name ? "unname" : "name-again"}
            title=${name ? NAMES.back.help : NAMES.againHelp}
            @click=${() =>
              commands.act(name ? { do: "unname", edge: index } : { do: "name", edge: index, function: own })}
          >${name ? NAMES.back.name : NAMES.again(functionLabel(own))}</button>`;
      }
      const back = name
        ? html`<button
            type="button" class="quiet small" data-role="unname" title=${NAMES.back.help}
            @click=${() => commands.act({ do: "unname", edge: index })}
          >${NAMES.back.name}</button>`
        : nothing;
      const found = mask[edge] ? reading.candidates.get(edge) : undefined;
      if (!found) return back;
      if (found.error) return html`${back}<p class="no-names">${found.error}</p>`;
      const { samples, x } = reading.curves;
      const from = net.source[edge]! * samples;
      const pictures = drawn([reading.curves, reading.candidates], () =>
        found.rows.map(({ y }) =>
          miniature(x.subarray(from, from + samples), reading.curves.of(edge), SIDE, y),
        ),
      );
      const choose = (row: Candidate) => {
        show(null);
        commands.act({ do: "name", edge: index, function: row.function });
      };
      const row = (candidate: Candidate, k: number) => {
        const label = functionLabel(candidate.function);
        const loss = lossWords(candidate.loss, found.busy);
        const refit = lossWords(candidate.loss_after, found.busy);
        const is = candidate.function === name;
        return html`<li><button
          type="button" class="candidate" data-function=${candidate.function} aria-pressed=${is}
          title=${NAMES.choose(label)}
          @pointerenter=${() => show(candidate)} @pointerleave=${() => show(null)}
          @focus=${(event: FocusEvent) => (event.target as Element).matches(":focus-visible") && show(candidate)}
          @blur=${() => show(null)} @click=${() => !is && choose(candidate)}
        >${pictures[k]}<span class="which">${label}</span><span class="fit">R² ${fitWords(candidate.r2)}</span
          ><span class="now">${loss && unseen(NAMES.loss)}${loss}</span><span class="then">${refit && html`→ ${unseen(NAMES.refit)}${refit}`}</span></button></li>`;
      };
      const together = found.rows.filter(({ in_group: same }) => same).length;
      const group = together > 1 ? html`<p class="group-of">${NAMES.same}</p>` : nothing;
      // What has gone from the list is no longer shown either.
      if (preview?.edge === edge && shown && !found.rows.some(({ function: f }) => f === shown)) {
        queueMicrotask(() => show(null));
      }
      return html`<div class="names" role="group" aria-label=${NAMES.title}>
        <h4>${NAMES.title} ${help.element}<span class="order" aria-hidden="true">${NAMES.order}</span></h4>
        ${group}
        <ol class=${together > 1 ? "same" : ""}>${found.rows.slice(0, Math.max(1, together)).map(row)}</ol>
        ${
          together > 1 && found.rows.length > together
            ? html`<p class="group-of">${NAMES.others}</p>`
            : nothing
        }
        <ol>${found.rows.slice(Math.max(1, together)).map((each, k) => row(each, k + Math.max(1, together)))}</ol>
        <p class="waiting" role="status">${found.busy && found.rows.length === 0 ? NAMES.waiting : ""}</p>
        ${back}
      </div>`;
    },
  };
}

const unseen = (words: string) => html`<span class="unseen">${words}</span>`;

/** Short, as there is little room; nothing while it is not known. */
function lossWords(loss: number | null, busy: boolean): string {
  if (loss === null) return busy ? "…" : "";
  return Number.isFinite(loss) ? formatShort(loss) : formatFigures(loss);
}
