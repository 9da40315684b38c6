/**
 * Where everything of the matrix view is: a matrix of cells for each pair of layers, neighbours share an axis. Pure.
 *
 * It changes with the network, the room, the shape of the inputs, and with the nodes that have no edge that is on.
 */

import type { Network, Topology } from "../../model/network";
import { type Axis, foldedNodes } from "./axes";
import { layoutMaps } from "./image-maps";
import { chooseMatrices } from "./matrices";
import {
  type Block,
  type Caption,
  type ImageMaps,
  type MatrixSpace,
  type NamePlace,
  PAD,
  type Placed,
} from "./parts";

export interface MatrixLayout {
  readonly net: Topology;
  readonly width: number;
  readonly height: number;
  /** By node layer; with maps there is none for the inputs, nor for a layer of maps that are outputs. */
  readonly axes: readonly (Axis | null)[];
  /** By edge layer; none for a layer that is shown as maps. */
  readonly blocks: readonly (Block | null)[];
  readonly maps: ImageMaps | null;
  readonly names: readonly NamePlace[];
  readonly captions: readonly Caption[];
  readonly legend: { readonly x: number; readonly y: number; readonly width: number };
  /** Equal for layouts that look the same: what has been painted for one serves the other. */
  readonly key: string;
}

/** Under the matrices, in a picture that is kept: on the page the legend is beside the stage. */
export const LEGEND_HEIGHT = 48;

export function layoutMatrix(
  net: Network,
  room: MatrixSpace,
  inputShape: readonly [number, number] | null,
  folded: Uint8Array = foldedNodes(net, net.baseline),
): MatrixLayout {
  const mapped = inputShape !== null && inputShape[0] * inputShape[1] === net.width[0] && net.width[0]! > 1;
  const made = mapped ? layoutMaps(net, room, inputShape, folded) : chooseMatrices(net, room, folded);
  const { right, bottom } = made;
  const width = Math.max(room.width, right + PAD);
  const legend = { x: PAD, y: bottom + 16, width: width - 2 * PAD };
  const shift = Math.floor((width - right - PAD) / 2);
  const moved = shift > 0 ? move(made, shift) : made;
  const key = JSON.stringify([
    width,
    bottom,
    net.width,
    inputShape,
    moved.axes.map((axis) => axis && [axis.start, axis.strip, axis.upright, ...axis.offsets]),
    moved.maps && [moved.maps.x, moved.maps.y, moved.maps.scale, moved.maps.across],
  ]);
  const { axes, blocks, maps, names, captions } = moved;
  legend.x = Math.min(...[...blocks, maps?.total].flatMap((rect) => (rect ? [rect.x] : [])));
  if (legend.x + 250 > width - PAD) legend.x = PAD;
  legend.width = width - PAD - legend.x;
  return {
    net: net.topology,
    width,
    height: bottom + PAD,
    axes,
    blocks,
    maps,
    names,
    captions,
    legend,
    key,
  };
}

function move(placed: Placed, by: number): Placed {
  const shift = <T extends { readonly x: number }>(thing: T): T => ({ ...thing, x: thing.x + by });
  const axes = placed.axes.map(
    (axis) =>
      axis && { ...axis, ...(axis.upright ? { strip: axis.strip + by } : { start: axis.start + by }) },
  );
  return {
    ...placed,
    axes,
    blocks: placed.blocks.map(
      (block) => block && shift({ ...block, source: axes[block.layer]!, target: axes[block.layer + 1]! }),
    ),
    maps: placed.maps && shift({ ...placed.maps, total: shift(placed.maps.total) }),
    names: placed.names.map(shift),
    captions: placed.captions.map(shift),
  };
}
