/**
 * Inputs that are an image: a map of edge scores for each unit of the first layer, as the image lies. Pure.
 *
 * Maps of hidden units stand in the order of their strength, strongest first, so that a threshold removes them from
 * the end; maps of outputs keep theirs and carry the names.
 */
import type { Network } from "../../model/network";
import type { Rect } from "../../util/rect";
import { STRIP, unitsOf } from "./axes";
import { placeMatrices } from "./matrices";
import { type Caption, type ImageMaps, type MatrixSpace, type NamePlace, PAD, type Placed } from "./parts";

const GAP = 6;
const BETWEEN = 28;
const CAPTION = 22;
const HEAD = 20;
const MAX_SCALE = 16;
const MAX_HEIGHT = 620;
/** Of the height there is, what the maps like to fill. */
const WISHED = 0.84;
/** Of the width, what the matrices beside the maps may take at most, the first that lets the maps be large enough. */
const SHARES = [0.35, 0.28, 0.22];
/** Narrower than this, the parts stand one under the other. */
const SIDE_BY_SIDE = 600;

export function layoutMaps(
  net: Network,
  room: MatrixSpace,
  [rows, columns]: readonly [number, number],
  folded: Uint8Array,
): Placed {
  const ends = net.depth === 1;
  const height = room.height ?? MAX_HEIGHT;
  const units = unitsOf(net, 1, ends ? undefined : byStrength(net));
  const beside = room.width >= SIDE_BY_SIDE;
  const width = room.width - 2 * PAD;
  const nameRoom = ends ? HEAD : 0;
  const matrixWidths = (beside ? SHARES : [1]).map((share) =>
    ends ? 0 : stairWidth(net, room, share * width, folded),
  );
  const fit = (scale: number, matrixWidth = matrixWidths[0]!) => {
    const totalScale = totalScaleOf(scale, rows, columns, width);
    const [stepX, stepY] = [columns * scale + GAP, rows * scale + GAP + nameRoom];
    const taken = beside ? totalScale * columns + BETWEEN + (ends ? 0 : matrixWidth + BETWEEN) : 0;
    const most = Math.max(1, Math.floor((width - taken + GAP) / stepX));
    const wished = Math.ceil(units.count / Math.max(1, Math.floor((WISHED * height) / stepY)));
    const down = Math.ceil(units.count / Math.min(most, beside ? wished : most));
    const across = Math.ceil(units.count / down);
    const fits = down * stepY <= height && across * stepX - GAP + taken <= width;
    return { scale, totalScale, stepX, stepY, across, down, fits, matrixWidth };
  };
  // A cell of one pixel is too small to see: then the matrices beside the maps get less width.
  let chosen = fit(1);
  const narrow = matrixWidths.map((each) => fit(2, each)).find(({ fits }) => fits);
  if (narrow) chosen = narrow;
  for (let scale = 2; scale <= MAX_SCALE; scale++) {
    const next = fit(scale);
    if (next.fits) chosen = next;
  }
  const { scale, totalScale, stepX, stepY, across, down, matrixWidth } = chosen;
  const [totalWidth, totalHeight] = [columns * totalScale, rows * totalScale];
  const gridWidth = across * stepX - GAP;
  const gridHeight = down * stepY - GAP;
  const top = PAD + CAPTION;
  const x = beside ? PAD + totalWidth + BETWEEN : PAD;
  const y = beside ? top : top + totalHeight + BETWEEN + CAPTION;
  const side = Math.min(totalWidth, totalHeight);
  const total: Rect = { x: PAD, y: top, width: totalWidth, height: totalHeight, side };
  const maps: ImageMaps = {
    rows,
    columns,
    scale,
    across,
    stepX,
    stepY,
    nameRoom,
    x,
    y,
    units,
    total,
    totalScale,
  };
  const captions = captionsOf(net, maps, gridWidth, beside ? totalWidth + BETWEEN - 8 : width);
  const end = { right: Math.max(x + gridWidth, PAD + totalWidth), bottom: y + gridHeight };
  if (beside) end.bottom = Math.max(end.bottom, top + totalHeight);
  if (ends) {
    const names = mapNames(net, maps);
    return { axes: [null, null], blocks: [null], maps, names, captions, ...end };
  }
  const from = beside
    ? { left: x + gridWidth + BETWEEN - STRIP / 2, top, height: Math.max(gridHeight, 240) + STRIP }
    : { left: PAD, top: y + gridHeight + BETWEEN, height };
  const right = beside ? from.left + matrixWidth : room.width - PAD;
  const order = Array.from(new Set(units.node));
  const rest = placeMatrices(net, room, folded, 1, true, from.left, from.top, right, from.height, order);
  return {
    ...rest,
    maps,
    captions,
    right: Math.max(end.right, rest.right),
    bottom: Math.max(end.bottom, rest.bottom),
  };
}

/** Strong nodes first, by the score that the node threshold goes by. */
function byStrength(net: Network): number[] {
  const first = net.nodeOffset[1]!;
  const strength = (i: number) => net.nodeScores[first + i] || 0;
  return Array.from({ length: net.width[1]! }, (_, i) => i).sort(
    (a, b) => strength(b) - strength(a) || a - b,
  );
}

/** The width that the following layers need, at most `most`. */
function stairWidth(net: Network, room: MatrixSpace, most: number, folded: Uint8Array): number {
  const rest = placeMatrices(net, room, folded, 1, true, 0, 0, most, room.height ?? MAX_HEIGHT);
  return Math.min(most, rest.right);
}

function totalScaleOf(scale: number, rows: number, columns: number, width: number): number {
  const wished = Math.max(scale, Math.floor(150 / Math.max(rows, columns)));
  return Math.max(1, Math.min(wished, Math.floor((0.45 * width) / columns)));
}

function captionsOf(net: Network, maps: ImageMaps, gridWidth: number, totalLimit: number): Caption[] {
  const { total, rows, columns, units, x, y } = maps;
  const size = `${rows} × ${columns}`;
  const kind = net.depth === 1 ? "outputs" : "hidden units";
  const order = net.depth === 1 ? "" : ", strongest first";
  const count = units.count === 1 ? kind.slice(0, -1) : kind;
  return [
    {
      x: total.x,
      y: total.y - 9,
      limit: totalLimit,
      texts: [`${net.width[0]} inputs: total score`, "total score", "total"],
    },
    {
      x,
      y: y - 9,
      limit: gridWidth,
      texts: [
        `${units.count} ${count}: ${size} edge scores each${order}`,
        `${units.count} ${count}${order}`,
        `${units.count} ${count}`,
      ],
    },
  ];
}

function mapNames(net: Network, maps: ImageMaps): NamePlace[] {
  const { units } = maps;
  const places: NamePlace[] = [];
  for (let i = 0; i < net.width[1]!; i++) {
    const at = nameRectOf(maps, units.first[i]!);
    const node = net.nodeOffset[1]! + i;
    const middle = { x: at.x + at.width / 2, y: at.y + at.height / 2 - 1 };
    places.push({ node, ...middle, align: "centre", turned: false, limit: at.width });
  }
  return places;
}

/** The map of a unit, without the room for its name. */
export function mapOf(maps: ImageMaps, unit: number): Rect {
  const [width, height] = [maps.columns * maps.scale, maps.rows * maps.scale];
  const x = maps.x + (unit % maps.across) * maps.stepX;
  const y = maps.y + maps.nameRoom + Math.floor(unit / maps.across) * maps.stepY;
  return { x, y, width, height, side: Math.min(width, height) };
}

export function nameRectOf(maps: ImageMaps, unit: number): Rect {
  const map = mapOf(maps, unit);
  const height = maps.nameRoom;
  return { x: map.x, y: map.y - height, width: map.width, height, side: Math.min(map.width, height) };
}

export type MapHit = { readonly unit: number; readonly input: number | null };

/** The unit whose map is at a point, and the input when the point is in one of the map's cells. */
export function hitMaps(maps: ImageMaps, x: number, y: number): MapHit | null {
  const { columns, rows, scale, across, stepX, stepY, nameRoom, units } = maps;
  const [across_, down] = [Math.floor((x - maps.x) / stepX), Math.floor((y - maps.y) / stepY)];
  const unit = down * across + across_;
  if (across_ < 0 || across_ >= across || down < 0 || unit >= units.count) return null;
  const column = Math.floor((x - maps.x - across_ * stepX) / scale);
  const row = Math.floor((y - maps.y - nameRoom - down * stepY) / scale);
  if (column >= columns || row >= rows) return null;
  return { unit, input: row < 0 ? null : row * columns + column };
}

export function inputCell({ total, columns, totalScale }: ImageMaps, input: number): Rect {
  const [x, y] = [
    total.x + (input % columns) * totalScale,
    total.y + Math.floor(input / columns) * totalScale,
  ];
  return { x, y, width: totalScale, height: totalScale, side: totalScale };
}

/** The cell of an input within the map of a unit. */
export function mapCell(maps: ImageMaps, unit: number, input: number): Rect {
  const { scale, columns } = maps;
  const map = mapOf(maps, unit);
  const [x, y] = [map.x + (input % columns) * scale, map.y + Math.floor(input / columns) * scale];
  return { x, y, width: scale, height: scale, side: scale };
}
