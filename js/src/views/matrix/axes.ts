/**
 * The axes of the matrix view: one for each node layer, in turn from top to bottom ("upright") and from left to right. Pure.
 *
 * An axis is cut into units of equal length, its pitch: one for each slot of the layer, that is one for each node
 * unless nodes are products. Units of nodes without any edge that is on are folded to a narrow stripe. A matrix stands
 * where the axes of two neighbours cross.
 */
import type { Network } from "../../model/network";

export interface Units {
  readonly count: number;
  /** The node within its layer, and the slot (target index of the edges into it), of each unit. */
  readonly node: Uint32Array;
  readonly slot: Uint32Array;
  /** First unit and number of units of each node, and the unit of each slot. */
  readonly first: Uint32Array;
  readonly span: Uint32Array;
  readonly ofSlot: Uint32Array;
}

export interface Axis {
  readonly layer: number;
  readonly upright: boolean;
  readonly units: Units;
  readonly start: number;
  readonly pitch: number;
  /** Where each unit begins after the start, and where the last one ends, (count + 1,). */
  readonly offsets: Int32Array;
  /** What cells leave free at their end, so that each is seen by itself. */
  readonly gutter: number;
  /** Where the markers of its nodes are, across the axis: beside the first matrix, between two, after the last. */
  readonly strip: number;
  /** Heads are dots, or where these would touch each other bars of the total score. */
  readonly markers: "dots" | "bars";
  /** Room for the names of hidden nodes after their markers. */
  readonly named: number;
  /** Bars grow towards smaller coordinates, away from the matrix. */
  readonly backwards: boolean;
}

export interface Pitches {
  readonly upright: readonly boolean[];
  readonly pitch: readonly number[];
}

export const STRIP = 26;
export const MAX_HEIGHT = 640;
const MAX_PITCH = 110;
/** Of a unit, what is left of it when it is folded; below the least pitch nothing is folded. */
const FOLDED = 1 / 8;
const LEAST_FOLDED_PITCH = 8;
/** Up to this pitch a unit may be as long as its row has room, beyond it cells are nearly square. */
export const FREE_PITCH = 16;
const MAX_ASPECT = 1.5;
const DOT_PITCH = 12;

/** Units of a layer, its nodes in the order given or else their own. A product's slots are side by side. */
export function unitsOf(net: Network, layer: number, order?: readonly number[]): Units {
  const nodes = net.width[layer]!;
  const slotsOf: number[][] = Array.from({ length: nodes }, () => []);
  const slots = layer === 0 ? nodes : slotCount(net, layer - 1);
  for (let j = 0; j < slots; j++) {
    const node =
      layer === 0
        ? j
        : net.target[net.edgeOffset[layer - 1]! + j * net.width[layer - 1]!]! - net.nodeOffset[layer]!;
    slotsOf[node]!.push(j);
  }
  const units = { node: new Uint32Array(slots), slot: new Uint32Array(slots) };
  const first = new Uint32Array(nodes);
  const span = new Uint32Array(nodes);
  const ofSlot = new Uint32Array(slots);
  let unit = 0;
  for (const node of order ?? slotsOf.keys()) {
    first[node] = unit;
    span[node] = slotsOf[node]!.length;
    for (const j of slotsOf[node]!) {
      units.node[unit] = node;
      units.slot[unit] = j;
      ofSlot[j] = unit++;
    }
  }
  return { count: slots, ...units, first, span, ofSlot };
}

export function slotCount(net: Network, layer: number): number {
  return (net.edgeOffset[layer + 1]! - net.edgeOffset[layer]!) / net.width[layer]!;
}

export function gutterOf(pitch: number): number {
  return pitch >= 18 ? 2 : pitch >= 4 ? 1 : 0;
}

export function markersOf(pitch: number): "dots" | "bars" {
  return pitch >= DOT_PITCH ? "dots" : "bars";
}

/** Pitches of the layers for one way to begin, as large as width and height allow; never under 1. */
export function choosePitches(
  counts: readonly number[],
  inputsUpright: boolean,
  width: number,
  height: number,
  free: (k: number) => number = () => FREE_PITCH,
): Pitches {
  const upright = counts.map((_, k) => (k % 2 === 0) === inputsUpright);
  const pitch = counts.map(() => 1);
  for (const [way, room] of [
    [true, height],
    [false, width],
  ] as const) {
    const layers = counts.map((_, k) => k).filter((k) => upright[k] === way);
    // A page can always be longer; and where one layer is too wide in any case, the others keep their size.
    const full = layers.reduce((sum, k) => sum + counts[k]!, 0) > room;
    if (way || full) for (const k of layers) pitch[k] = leastPitch(counts[k]!);
    grow(counts, layers, pitch, room);
  }
  const least = Math.min(...pitch);
  if (Math.max(...pitch) <= MAX_ASPECT * least) return { upright, pitch: pitch.map(() => least) };
  for (let k = 0; k < pitch.length; k++) {
    const neighbours = [pitch[k - 1], pitch[k + 1]].filter((p) => p !== undefined);
    const most = Math.max(free(k), Math.floor(MAX_ASPECT * Math.min(...neighbours)));
    pitch[k] = Math.min(pitch[k]!, most);
  }
  return { upright, pitch };
}

const leastPitch = (count: number) => Math.max(1, Math.min(16, Math.floor(160 / count)));

/** Gives pixel after pixel to the layer with the smallest pitch, until there is no space left. */
function grow(counts: readonly number[], layers: number[], pitch: number[], room: number): void {
  let used = layers.reduce((sum, k) => sum + counts[k]! * pitch[k]!, 0);
  const open = new Set(layers);
  while (open.size > 0) {
    let k = -1;
    for (const other of open) if (k < 0 || pitch[other]! < pitch[k]!) k = other;
    if (pitch[k]! >= MAX_PITCH || used + counts[k]! > room) {
      open.delete(k);
      continue;
    }
    pitch[k]! += 1;
    used += counts[k]!;
  }
  // The last pixels are not worth matrices that are just not alike.
  const least = Math.min(...layers.map((k) => pitch[k]!));
  for (const k of layers) if (pitch[k]! <= 1.1 * least) pitch[k] = least;
}

/** By layer, the nodes that fold: those without an edge that is on, where the layer has others, (N,). */
export function foldedNodes(net: Network, mask: Uint8Array): Uint8Array {
  const used = new Uint8Array(net.nodeCount);
  for (let e = 0; e < net.edgeCount; e++) if (mask[e]) used[net.source[e]!] = used[net.target[e]!] = 1;
  const folded = new Uint8Array(net.nodeCount);
  for (let l = 0; l <= net.depth; l++) {
    const [first, end] = [net.nodeOffset[l]!, net.nodeOffset[l + 1]!];
    if (!used.subarray(first, end).includes(1)) continue;
    for (let n = first; n < end; n++) folded[n] = 1 - used[n]!;
  }
  return folded;
}

/** How many whole units so many units take when some are folded. */
export const unfolded = (count: number, folded: number): number => count - folded + folded * FOLDED;

export function offsetsOf(units: Units, pitch: number, isFolded: (node: number) => boolean): Int32Array {
  const offsets = new Int32Array(units.count + 1);
  for (let u = 0; u < units.count; u++) {
    const short = pitch >= LEAST_FOLDED_PITCH && isFolded(units.node[u]!);
    offsets[u + 1] = offsets[u]! + (short ? Math.floor(pitch * FOLDED) : pitch);
  }
  return offsets;
}

/** Whether units are so long that folding some of them gives the others room. */
export const canFold = (pitch: number): boolean => pitch >= LEAST_FOLDED_PITCH;
