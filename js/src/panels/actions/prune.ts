/** *Prune*: the smallest network within the tolerance along the node threshold, and from there along the edge threshold. */
import { isCurveOf, type LossCurve, pointAt, scaleOf, thresholdFor } from "../../model/loss-curve";
import { countOn, type Edits, maskOf, sameMask } from "../../model/mask";
import type { Network, TargetKind } from "../../model/network";
import { levelsOf, stepTableOf, thresholdOver } from "../../model/threshold-steps";
import { ACTIONS } from "../../text/labels";
import { noneAllowed } from "../../text/messages";
import { createMemo } from "../../util/memo";
import type { Action, Commands, PanelProps } from "../context";

type Moment = Pick<PanelProps, "known" | "reading">;

/** The edge threshold is due as soon as the loss along it is known for the mask that the node threshold leaves. */
interface Rest {
  readonly net: Network;
  readonly mask: Uint8Array;
  readonly tolerance: number;
  /** The best loss, such that less is better, and what the tolerance is a share of. */
  readonly base: number;
  readonly unit: number;
  /** Whether the node threshold has begun the step. */
  readonly begun: boolean;
}

export function createPrune(commands: Commands, say: (words: string) => void): Action {
  let rest: Rest | null = null;
  /** It begins as soon as a curve is that of this mask. */
  let asked: Uint8Array | null = null;
  const nodeTable = createMemo<ReturnType<typeof stepTableOf>>();
  const edgeTable = createMemo<ReturnType<typeof stepTableOf>>();

  function curveOf({ known: { net, edits }, reading }: Moment, axis: TargetKind): LossCurve | null {
    const curve = reading.tradeoff[axis];
    const table = axis === "node" ? nodeTable : edgeTable;
    return curve &&
      isCurveOf(
        curve,
        table([net, edits], () => stepTableOf(net, edits, axis)),
      )
      ? curve
      : null;
  }

  /** Goes as far as is allowed along one threshold; returns the mask that is left then. */
  function go({ known, reading }: Moment, axis: TargetKind, allowed: number, begun: boolean): Uint8Array {
    const { net, edits, mask } = known;
    const curve = reading.tradeoff[axis]!;
    const levels = levelsOf(net, axis);
    const left = countOn(mask);
    const level = levels && thresholdFor(curve, allowed, reading.keepMean, left);
    if (!levels || level === null || curve.activeEdges[pointAt(curve, level)]! >= left) return mask;
    const threshold = thresholdOver(levels, level);
    commands.act({ do: begun ? "same_step" : "new_step" });
    commands.draft(axis === "node" ? { node_threshold: threshold } : { edge_threshold: threshold });
    commands.releaseDraft();
    const name = axis === "node" ? "nodeThreshold" : "edgeThreshold";
    return maskOf(net, { ...edits, [name]: threshold } satisfies Edits);
  }

  /** The tolerance along a curve that allows no more than `base` and `unit` do. */
  function toleranceAlong(curve: LossCurve, keepMean: boolean, { base, unit, tolerance }: Rest): number {
    const scale = scaleOf(curve, keepMean);
    return scale ? (base + tolerance * unit - scale.base) / scale.unit : -1;
  }

  function begin(now: Moment): void {
    const { known, reading } = now;
    const { tolerance, keepMean } = reading;
    const [node, edge] = [curveOf(now, "node"), curveOf(now, "edge")];
    const scales = [node, edge].flatMap((curve) => (curve && scaleOf(curve, keepMean)) ?? []);
    asked = scales.length === 0 ? known.mask : null;
    if (asked) return;
    const { base, unit } = scales.reduce((best, scale) => (scale.base < best.base ? scale : best));
    const first: Rest = { net: known.net, mask: known.mask, tolerance, base, unit, begun: false };
    const allowed = node ? toleranceAlong(node, keepMean, first) : -1;
    const mask = allowed >= 0 ? go(now, "node", allowed, false) : known.mask;
    rest = { ...first, mask, begun: mask !== known.mask };
    if (!rest.begun) finish(now);
  }

  function finish(now: Moment): void {
    const { known, reading } = now;
    const edge = curveOf(now, "edge");
    if (!rest || !edge) return;
    const of = rest;
    rest = null;
    const allowed = toleranceAlong(edge, reading.keepMean, of);
    const left = allowed >= 0 ? go(now, "edge", allowed, of.begun) : known.mask;
    if (of.begun || left !== known.mask) return;
    const { tolerance, keepMean, higherIsBetter } = reading;
    say(noneAllowed({ curve: edge, tolerance, keepMean, higherIsBetter }));
  }

  return {
    id: "prune",
    label: ACTIONS.prune,
    press: begin,
    state(now) {
      const { tradeoff, computes } = now.reading;
      if (rest || asked) return "busy";
      if (!tradeoff.node && !tradeoff.edge) return "off";
      // A page that cannot compute has the curves of one state only; nobody presses it in the middle of a drag.
      const known =
        computes !== false || now.known.drag !== null || curveOf(now, "node") || curveOf(now, "edge");
      return known ? "ready" : "off";
    },
    update(now) {
      const { known, reading } = now;
      if (asked && asked !== known.mask && !sameMask(asked, known.mask)) asked = null;
      else if (asked) begin(now);
      if (!rest) return;
      // Something else was done meanwhile, or nothing more will be known.
      const other = known.net !== rest.net || !sameMask(known.mask, rest.mask) || known.drag !== null;
      if (other || (reading.computes === false && !curveOf(now, "edge"))) rest = null;
      else finish(now);
    },
  };
}
