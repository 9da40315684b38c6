/** Where the matrices of neighbouring layers stand: down a stair, so that two of them share each axis. Pure. */
import type { Network } from "../../model/network";
import {
  type Axis,
  canFold,
  choosePitches,
  FREE_PITCH,
  gutterOf,
  MAX_HEIGHT,
  markersOf,
  offsetsOf,
  type Pitches,
  STRIP,
  slotCount,
  unfolded,
  unitsOf,
} from "./axes";
import { type Block, type MatrixSpace, type NamePlace, PAD, type Placed } from "./parts";

const CURVE_PITCH = 12;
const NAME_GAP = 8;
/** Of a hidden node, such as h with two numbers. */
const HIDDEN_NAME_WIDTH = 34;
const NAME_RIM = 6;
const LEAST_NAMED_PITCH = 8;
const NAME_HEIGHT = 16;
const MAX_FREE = 34;

export function chooseMatrices(net: Network, room: MatrixSpace, folded: Uint8Array): Placed {
  const height = room.height ?? MAX_HEIGHT;
  const ways = [true, false].map((inputsUpright) => {
    const place = (most: number) =>
      placeMatrices(net, room, folded, 0, inputsUpright, PAD, PAD, room.width - PAD, most);
    let made = place(height);
    // What stands over and under the matrices is known only now. Cells get smaller, but not too small for their curves.
    const kinds = made.blocks.map((block) => block!.kind).join();
    for (let less = 0; less < height / 4 && room.height && made.bottom + PAD > height; less += 16) {
      const lower = place(height - less);
      if (lower.blocks.map((block) => block!.kind).join() !== kinds) break;
      made = lower;
    }
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
  folded: Uint8Array,
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
  /** Hidden nodes have their names between two matrices. */
  const named = (l: number) => (l === from || l === last ? 0 : HIDDEN_NAME_WIDTH + NAME_RIM);
  const besides = (l: number) => (isUpright(l) && nameWidth(l) > 0 ? nameWidth(l) + NAME_GAP : 0);
  const hiddenNames = (way: boolean) =>
    layers.reduce((sum, l) => sum + (isUpright(l) === way ? named(l) : 0), 0);
  const foldedUnits = layers.map((l, k) => countFolded(net, l, counts[k]!, folded));
  const roomAcross = right - left - strips(true) - besides(from) - besides(last) - hiddenNames(true);
  const roomDown = height - strips(false) - hiddenNames(false);
  const choose = (lengths: readonly number[]) =>
    choosePitches(
      lengths,
      firstUpright,
      roomAcross,
      roomDown,
      // Columns that can easily hold their names do.
      (k) =>
        isUpright(from + k)
          ? FREE_PITCH
          : Math.max(FREE_PITCH, Math.min(MAX_FREE, nameWidth(from + k) + NAME_GAP)),
    );
  // Units that are small anyway do not fold.
  const whole = choose(counts);
  const folds = whole.pitch.map((pitch, k) => canFold(pitch) && foldedUnits[k]! > 0);
  const chosen = folds.includes(true)
    ? choose(counts.map((count, k) => (folds[k] ? unfolded(count, foldedUnits[k]!) : count)))
    : whole;
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
    const first = net.nodeOffset[l]!;
    const offsets = offsetsOf(units, pitch, (i) => folds[k]! && folded[first + i] === 1);
    const end = start + offsets[units.count]!;
    // Markers of the first layer stand before its matrix, all others after the matrix that leads to them.
    const strip = (upright ? x : y) - (l === from ? STRIP : 0);
    if (upright) y = end;
    else x = end;
    const [gutter, markers] = [gutterOf(pitch), markersOf(pitch)];
    const backwards = l === from;
    const names = namesRoom(chosen, k, upright, named(l));
    axes.push({
      layer: l,
      upright,
      units,
      start,
      pitch,
      offsets,
      gutter,
      strip,
      markers,
      named: names,
      backwards,
    });
    if (l > from && l < last) {
      if (upright) x = strip + STRIP + names;
      else y = strip + STRIP + names;
    }
  }
  const blocks = axes.slice(1).map((target, k) => blockOf(axes[k]!, target));
  const names = axes.flatMap((axis) => {
    const width = axis.named > 0 ? HIDDEN_NAME_WIDTH : nameWidth(axis.layer);
    return width > 0 ? namesOf(net, axis, chosen, axis.layer - from, width, right, folded) : [];
  });
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

/** What the names of hidden nodes take: beside rows not each needs one, over columns all or none have theirs. */
function namesRoom(chosen: Pitches, k: number, upright: boolean, most: number): number {
  if (chosen.pitch[k]! < (upright ? LEAST_NAMED_PITCH : NAME_HEIGHT - 1)) return 0;
  return upright ? most : Math.min(most, columnNames(chosen, k, HIDDEN_NAME_WIDTH).height);
}

/** Units of a layer whose nodes fold. */
function countFolded(net: Network, layer: number, count: number, folded: Uint8Array): number {
  const { node } = unitsOf(net, layer);
  let found = 0;
  for (let u = 0; u < count; u++) found += folded[net.nodeOffset[layer]! + node[u]!]!;
  return found;
}

function blockOf(source: Axis, target: Axis): Block {
  const [across, down] = source.upright ? [target, source] : [source, target];
  const width = across.offsets[across.units.count]!;
  const height = down.offsets[down.units.count]!;
  const kind = Math.min(across.pitch, down.pitch) >= CURVE_PITCH ? "curves" : "heat";
  const side = Math.min(width, height);
  return { layer: source.layer, source, target, kind, x: across.start, y: down.start, width, height, side };
}

/** Names over columns are level where all fit, else turned where that makes them fit, else some are left out. */
function columnNames({ pitch }: Pitches, k: number, width: number) {
  const p = pitch[k]!;
  if (width + NAME_GAP <= p) return { turned: false, step: 1, height: NAME_HEIGHT + 4 };
  if (p >= NAME_HEIGHT - 1) return { turned: true, step: 1, height: width + NAME_RIM };
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
  folded: Uint8Array,
): NamePlace[] {
  const { layer, upright, units, start, pitch, offsets, strip, backwards } = axis;
  const column = columnNames(pitches, k, width);
  const step = upright ? Math.ceil((NAME_HEIGHT - 1) / pitch) : column.step;
  const at = backwards ? strip : strip + STRIP;
  const places: NamePlace[] = [];
  // What is folded is too narrow for a name.
  const nodes = Array.from({ length: net.width[layer]! }, (_, i) => i).filter((i) => {
    const [a, b] = [units.first[i]!, units.first[i]! + units.span[i]!];
    return folded[net.nodeOffset[layer]! + i] === 0 || offsets[b]! - offsets[a]! >= pitch;
  });
  for (let k = 0; k < nodes.length; k += step) {
    const i = nodes[k]!;
    const node = net.nodeOffset[layer]! + i;
    const [begin, end] = [offsets[units.first[i]!]!, offsets[units.first[i]! + units.span[i]!]!];
    const middle = start + (begin + end) / 2 - axis.gutter / 2;
    if (upright) {
      const x = backwards ? at - 2 : at + 2;
      places.push({ node, x, y: middle, align: backwards ? "right" : "left", turned: false, limit: width });
    } else if (column.turned) {
      const [y, align] = backwards ? [at - 2, "left" as const] : [at + 2, "right" as const];
      places.push({ node, x: middle, y, align, turned: true, limit: width });
    } else {
      const most = Math.max(right, start + offsets[units.count]!) + PAD - width / 2 - 2;
      const x = step === 1 ? middle : Math.max(width / 2 + 2, Math.min(most, middle));
      const y = backwards ? at - NAME_HEIGHT / 2 - 1 : at + NAME_HEIGHT / 2 + 1;
      places.push({ node, x, y, align: "centre", turned: false, limit: width });
    }
  }
  return places;
}
