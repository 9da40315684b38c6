/** Where the matrices of neighbouring layers stand: down a stair, so that two of them share each axis. Pure. */
import type { Network } from "../../model/network";
import {
  type Axis,
  choosePitches,
  FREE_PITCH,
  gutterOf,
  MAX_HEIGHT,
  markersOf,
  type Pitches,
  STRIP,
  slotCount,
  unitsOf,
} from "./axes";
import { type Block, type MatrixSpace, type NamePlace, PAD, type Placed } from "./parts";

const CURVE_PITCH = 12;
const NAME_GAP = 8;
const NAME_HEIGHT = 16;
const MAX_FREE = 34;

export function chooseMatrices(net: Network, room: MatrixSpace): Placed {
  const height = room.height ?? MAX_HEIGHT;
  const ways = [true, false].map((inputsUpright) => {
    const made = placeMatrices(net, room, 0, inputsUpright, PAD, PAD, room.width - PAD, height);
    const pitch = made.axes.map((axis) => axis!.pitch);
    return {
      made,
      badness: [
        Math.max(0, made.right + PAD - room.width),
        Math.max(0, made.bottom - height - 120),
        -Math.min(...pitch),
        -pitch.reduce((sum, p) => sum + Math.log(p), 0),
      ],
    };
  });
  const [upright, lying] = ways as [(typeof ways)[0], (typeof ways)[0]];
  const differ = upright.badness.findIndex((value, k) => Math.abs(value - lying.badness[k]!) > 1e-9);
  return differ < 0 || upright.badness[differ]! < lying.badness[differ]! ? upright.made : lying.made;
}

/**
 * The matrices from node layer `from` on, down a stair: a layer's matrix with the one before it and that with the
 * one after it lie in line. `order` is that of the first layer's nodes.
 */
export function placeMatrices(
  net: Network,
  room: MatrixSpace,
  from: number,
  firstUpright: boolean,
  left: number,
  top: number,
  right: number,
  height: number,
  order?: readonly number[],
): Placed {
  const layers = net.width.map((_, l) => l).slice(from);
  const counts = layers.map((l) => (l === 0 ? net.width[0]! : slotCount(net, l - 1)));
  const isUpright = (l: number) => ((l - from) % 2 === 0) === firstUpright;
  const last = net.depth;
  const strips = (way: boolean) => layers.filter((l) => isUpright(l) === way).length * STRIP;
  const nameWidth = (l: number) => (l === 0 ? room.inNames : l === last ? room.outNames : 0);
  const besides = (l: number) => (isUpright(l) && nameWidth(l) > 0 ? nameWidth(l) + NAME_GAP : 0);
  const chosen = choosePitches(
    counts,
    firstUpright,
    right - left - strips(true) - besides(from) - besides(last),
    height - strips(false),
    // Columns that can easily hold their names do.
    (k) =>
      isUpright(from + k)
        ? FREE_PITCH
        : Math.max(FREE_PITCH, Math.min(MAX_FREE, nameWidth(from + k) + NAME_GAP)),
  );
  const headed = (l: number): number => {
    if (isUpright(l)) return besides(l);
    return nameWidth(l) > 0 ? columnNames(chosen, l - from, nameWidth(l)).height : 0;
  };
  // Where the next matrix along x and along y begins.
  let x = left + (isUpright(from) ? headed(from) + STRIP : 0);
  let y = top + (isUpright(from) ? 0 : headed(from) + STRIP);
  const axes: Axis[] = [];
  for (const l of layers) {
    const k = l - from;
    const upright = isUpright(l);
    const [pitch, units] = [chosen.pitch[k]!, unitsOf(net, l, l === from ? order : undefined)];
    const start = upright ? y : x;
    const end = start + units.count * pitch;
    // Markers of the first layer stand before its matrix, all others after the matrix that leads to them.
    const strip = (upright ? x : y) - (l === from ? STRIP : 0);
    if (upright) y = end;
    else x = end;
    const [gutter, markers] = [gutterOf(pitch), markersOf(pitch)];
    axes.push({ layer: l, upright, units, start, pitch, gutter, strip, markers, backwards: l === from });
    if (l > from && l < last) {
      if (upright) x = strip + STRIP;
      else y = strip + STRIP;
    }
  }
  const blocks = axes.slice(1).map((target, k) => blockOf(axes[k]!, target));
  const names = axes.flatMap((axis) =>
    nameWidth(axis.layer) > 0
      ? namesOf(net, axis, chosen, axis.layer - from, nameWidth(axis.layer), right)
      : [],
  );
  const ends = {
    x: Math.max(...blocks.map((b) => b.x + b.width)),
    y: Math.max(...blocks.map((b) => b.y + b.height)),
  };
  const reach = STRIP + headed(last);
  return {
    axes: [...Array(from).fill(null), ...axes],
    blocks: [...Array(from).fill(null), ...blocks],
    maps: null,
    names,
    captions: [],
    right: isUpright(last) ? ends.x + reach : ends.x,
    bottom: isUpright(last) ? ends.y : ends.y + reach,
  };
}

function blockOf(source: Axis, target: Axis): Block {
  const [across, down] = source.upright ? [target, source] : [source, target];
  const width = across.units.count * across.pitch;
  const height = down.units.count * down.pitch;
  const kind = Math.min(across.pitch, down.pitch) >= CURVE_PITCH ? "curves" : "heat";
  const side = Math.min(width, height);
  return { layer: source.layer, source, target, kind, x: across.start, y: down.start, width, height, side };
}

/** Names over columns are level where all fit, else turned where that makes them fit, else some are left out. */
function columnNames({ pitch }: Pitches, k: number, width: number) {
  const p = pitch[k]!;
  if (width + NAME_GAP <= p) return { turned: false, step: 1, height: NAME_HEIGHT + 4 };
  if (p >= NAME_HEIGHT - 1) return { turned: true, step: 1, height: width + 6 };
  // One and a half: the first and the last are pushed inside by up to half their width.
  return { turned: false, step: Math.ceil((1.5 * width + NAME_GAP) / p), height: NAME_HEIGHT + 4 };
}

function namesOf(
  net: Network,
  axis: Axis,
  pitches: Pitches,
  k: number,
  width: number,
  right: number,
): NamePlace[] {
  const { layer, upright, units, start, pitch, strip, backwards } = axis;
  const column = columnNames(pitches, k, width);
  const step = upright ? Math.ceil((NAME_HEIGHT - 1) / pitch) : column.step;
  const at = backwards ? strip : strip + STRIP;
  const places: NamePlace[] = [];
  for (let i = 0; i < net.width[layer]!; i += step) {
    const node = net.nodeOffset[layer]! + i;
    const middle = start + (units.first[i]! + units.span[i]! / 2) * pitch - axis.gutter / 2;
    if (upright) {
      const x = backwards ? at - 2 : at + 2;
      places.push({ node, x, y: middle, align: backwards ? "right" : "left", turned: false, limit: width });
    } else if (column.turned) {
      const [y, align] = backwards ? [at - 2, "left" as const] : [at + 2, "right" as const];
      places.push({ node, x: middle, y, align, turned: true, limit: width });
    } else {
      const most = Math.max(right, start + units.count * pitch) + PAD - width / 2 - 2;
      const x = step === 1 ? middle : Math.max(width / 2 + 2, Math.min(most, middle));
      const y = backwards ? at - NAME_HEIGHT / 2 - 1 : at + NAME_HEIGHT / 2 + 1;
      places.push({ node, x, y, align: "centre", turned: false, limit: width });
    }
  }
  return places;
}
