/**
 * The painter of the matrix view. Reads no DOM.
 *
 * What it has painted stays with the canvas: in the next frame only cells that look different are painted again.
 */

import type { Brush } from "../../canvas/brush";
import { type Inks, inksOf, levelsOf } from "../../canvas/colours";
import type { NormalizedCurve } from "../../canvas/normalized-curves";
import { cross } from "../../canvas/shapes";
import { comparedEdges, DEFAULT_BETA, type ImportanceScale, importanceScale } from "../../model/importance";
import type { Network } from "../../model/network";
import type { ViewState } from "../../state/view-state";
import type { NodeNames } from "../../text/node-names";
import type { Rect } from "../../util/rect";
import { type CellStates, cellStatesOf, OFF, ON, REMOVING, totalScores } from "./cell-states";
import { createCurves, MANY_CURVES } from "./curves";
import { createHeatmap, framed, type Painted, patchOfBlock, patchOfMaps } from "./heatmap";
import { mapOf } from "./image-maps";
import { createInputTotals, type InputTotals } from "./input-totals";
import type { MatrixLayout } from "./layout";
import { paintLegend, type Swatches, swatchesOf } from "./legend";
import { longest, paintNodeMarkers } from "./node-markers";
import type { ImageMaps } from "./parts";
import { type Fitted, fitNames, paintCaptions, paintNames } from "./text";

/** Data that stays valid while the network, its place and its colours do not change. */
interface Store {
  readonly net: Network;
  readonly layout: MatrixLayout;
  readonly compared: Uint8Array;
  readonly brush: Brush;
  readonly symbolic: ViewState["symbolic"];
  readonly look: MatrixLook;
  readonly inks: Inks;
  readonly scale: ImportanceScale;
  readonly levels: Uint8Array;
  readonly swatches: Swatches;
  readonly painted: readonly Painted[];
  readonly total: InputTotals | null;
  /** Longest bars, from the baseline. */
  readonly most: readonly number[];
  names: { readonly of: NodeNames; readonly fitted: readonly Fitted[] } | null;
  seen: Seen | null;
}

/** What the cells were painted from. */
interface Seen {
  readonly known: ViewState;
  readonly curve: NormalizedCurve;
  readonly states: CellStates;
  readonly totals: Float64Array;
}

const stores = new WeakMap<object, Store>();

/** How the picture is to look, beside colours and places. */
export interface MatrixLook {
  readonly beta: number;
  readonly hidesRemoved: boolean;
}

const USUAL: MatrixLook = { beta: DEFAULT_BETA, hidesRemoved: false };

export function paintMatrix(
  brush: Brush,
  layout: MatrixLayout,
  known: ViewState,
  names: NodeNames,
  look = USUAL,
): void {
  const { ctx, ratio } = brush;
  const store = storeFor(brush, layout, known, look);
  const { states, totals } = updateCells(store, known, brush.curve);
  if (store.names?.of.inVars !== names.inVars || store.names.of.outVars !== names.outVars)
    store.names = { of: names, fitted: fitNames(brush, layout, names) };
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.globalAlpha = 1;
  ctx.setLineDash([]);
  ctx.clearRect(0, 0, Math.ceil(layout.width * ratio), Math.ceil(layout.height * ratio));
  ctx.imageSmoothingEnabled = false;
  for (const part of store.painted) part.show(ctx);
  if (store.total) ctx.drawImage(store.total.canvas, store.total.x, store.total.y);
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  for (const block of layout.blocks) if (block?.kind === "heat") frame(brush, block);
  if (layout.maps) paintFrames(brush, layout, layout.maps, states.nodes);
  for (const axis of layout.axes) {
    if (axis)
      paintNodeMarkers(brush, layout, axis, states.nodes, totals, store.most[axis.layer]!, store.inks);
  }
  paintNames(brush, store.names.fitted, states.nodes);
  paintCaptions(brush, layout);
}

/** Below a picture that has been painted. */
export function paintMatrixLegend(
  brush: Brush,
  layout: MatrixLayout,
  known: ViewState,
  look?: MatrixLook,
): void {
  const store = storeFor(brush, layout, known, look ?? USUAL);
  const { states } = updateCells(store, known, brush.curve);
  brush.ctx.setTransform(brush.ratio, 0, 0, brush.ratio, 0, 0);
  paintLegend(brush, layout, store.inks, store.scale, store.swatches, states.edges);
}

function storeFor(brush: Brush, layout: MatrixLayout, known: ViewState, look: MatrixLook): Store {
  const old = stores.get(brush.ctx.canvas);
  const { net, symbolic } = known;
  const compared = comparedEdges(net, known.layoutMask);
  // Training brings other scores: what has been painted stays where it is, but for maps in the order of their scores.
  const kept =
    old?.net.topology === net.topology &&
    old.layout.key === layout.key &&
    (!layout.maps || old.net === net) &&
    old.symbolic === symbolic &&
    old.brush.ratio === brush.ratio &&
    old.brush.font === brush.font &&
    sameColours(old.brush.palette, brush.palette)
      ? old
      : undefined;
  const same =
    kept?.net === net &&
    kept.compared === compared &&
    kept.look.beta === look.beta &&
    kept.look.hidesRemoved === look.hidesRemoved;
  if (same) return kept;
  const inks = inksOf(brush.palette);
  const scale = importanceScale(net, look.beta, compared);
  const curves = layout.blocks.map((block) => (block?.kind === "curves" ? edgesIn(net, block.layer) : 0));
  const hairlines = curves.reduce((sum, n) => sum + n, 0) > MANY_CURVES;
  const { maps } = layout;
  const create = (): Painted[] => {
    const painted = layout.blocks.flatMap((block) => {
      const patch = block && patchOfBlock(net, block, brush.ratio);
      if (!patch) return [];
      return block.kind === "heat"
        ? createHeatmap(patch, inks, brush.ratio)
        : createCurves(patch, brush, { inks, symbolic, hairlines });
    });
    if (maps) painted.push(createHeatmap(patchOfMaps(net, maps, brush.ratio), inks, brush.ratio));
    return painted;
  };
  const most = longest(layout, totalScores(net, net.baseline));
  const store: Store = {
    net,
    layout,
    compared,
    brush,
    symbolic,
    look,
    inks,
    scale,
    levels: levelsOf(net, scale),
    swatches: swatchesOf(inks),
    painted: kept?.painted ?? create(),
    total: maps && createInputTotals(maps, framed(maps.total, brush.ratio), inks, most[0]!, brush.ratio),
    most,
    names: kept?.layout === layout ? kept.names : null,
    seen: null,
  };
  stores.set(brush.ctx.canvas, store);
  return store;
}

const edgesIn = (net: Network, layer: number) => net.edgeOffset[layer + 1]! - net.edgeOffset[layer]!;

function sameColours(a: Brush["palette"], b: Brush["palette"]): boolean {
  const keys = Object.keys(b) as (keyof Brush["palette"])[];
  return a === b || keys.every((key) => a[key] === b[key]);
}

/** Brings the cells up to date with the decisions and the curves. */
function updateCells(store: Store, known: ViewState, curve: NormalizedCurve): Seen {
  const { seen } = store;
  const same =
    seen &&
    seen.known.mask === known.mask &&
    seen.known.layoutMask === known.layoutMask &&
    seen.known.edits === known.edits;
  if (same && seen.curve === curve) return seen;
  const states = same
    ? seen.states
    : cellStatesOf(known, store.layout.maps !== null, store.look.hidesRemoved);
  const totals = seen?.known.mask === known.mask ? seen.totals : totalScores(known.net, known.mask);
  for (const part of store.painted) part.update(states.edges, store.levels, curve);
  if (!same) store.total?.update(totals, states.nodes);
  store.seen = { known, curve, states, totals };
  return store.seen;
}

function frame({ ctx, palette }: Brush, { x, y, width, height }: Rect): void {
  ctx.strokeStyle = palette.ink;
  ctx.globalAlpha = 0.22;
  ctx.lineWidth = 1;
  ctx.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
  ctx.globalAlpha = 1;
}

/** Frames of the image maps; dashed where the unit is off. */
function paintFrames(brush: Brush, layout: MatrixLayout, maps: ImageMaps, states: Uint8Array): void {
  const { ctx, palette } = brush;
  frame(brush, maps.total);
  for (let unit = 0; unit < maps.units.count; unit++) {
    const look = states[layout.net.nodeOffset[1]! + maps.units.node[unit]!]!;
    const map = mapOf(maps, unit);
    if (look === ON) {
      frame(brush, map);
      continue;
    }
    ctx.strokeStyle = look === OFF ? palette.ink : palette.removed;
    ctx.globalAlpha = look === REMOVING ? 1 : look === OFF ? 0.35 : 0.6;
    ctx.lineWidth = look === REMOVING ? 1.5 : 1;
    ctx.setLineDash([4, 3]);
    ctx.strokeRect(map.x - 0.5, map.y - 0.5, map.width + 1, map.height + 1);
    ctx.setLineDash([]);
    if (look !== REMOVING || map.side < 20) continue;
    const r = Math.min(4, map.side / 12);
    cross(ctx, map.x + map.width - r - 3, map.y + r + 3, r);
  }
  ctx.globalAlpha = 1;
}
