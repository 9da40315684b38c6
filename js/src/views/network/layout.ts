/**
 * Where nodes and curves go. Pure.
 *
 * Node layers are columns, from left to right, or rows, from the bottom up: it is worked out along the network
 * (`u`) and across it (`v`) and turned at the end. Every edge that is on has a box with its curve in the middle of its
 * gap, on its line; boxes of a gap form one stack, sorted by the middle of their ends, each as near to its own line as
 * the others let it. Where boxes of one stack would be small, they take turns in several beside each other, each a part
 * of a pitch lower than the one before, so that lines pass between. Every other edge is a plain line with a small square on it that can be aimed at. Nodes with an
 * edge that is on share the room evenly, in an order in which few lines cross; the others are small and close together.
 */

import type { Network } from "../../model/network";
import { productsOf } from "../../model/product-slots";
import { MAX_DRAWN } from "../../util/limits";
import { bentPath, boxedPath, directPath, freeSquare, type Path } from "../../util/paths";
import type { Box } from "../../util/rect";
import type { Orientation } from "../../wire/traits";
import { nodeOrder } from "./node-order";
import { column, DEAD_PITCH, stack } from "./stacking";

export interface Place {
  readonly edge: number;
  readonly path: Path;
  readonly box: Box | null;
  /** The box, or the small square on the line: where the edge's button is. */
  readonly anchor: Box;
  /** Opacity of the box while it comes or goes. */
  readonly presence: number;
  /** Whether there is room for its formula under the box. */
  readonly label: boolean;
}

/** The dot of a sum that a product node multiplies, and its node. */
export interface Slot {
  readonly node: number;
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  /** Centres and radii of the nodes, (N,) each. */
  readonly nodeX: Float64Array;
  readonly nodeY: Float64Array;
  readonly nodeR: Float64Array;
  readonly slots: ReadonlyMap<number, Slot>;
  /** What is drawn, weak to strong: at most `MAX_DRAWN` edges. */
  readonly places: ReadonlyMap<number, Place>;
  /** Rows in which the names of inputs and outputs stand, upright: long names use several rows in turn. */
  readonly nameRows: readonly [inputs: number, outputs: number];
}

export interface Space {
  readonly width: number;
  /** Where the view has to fit; else it follows from what is on. */
  readonly height?: number;
  readonly orientation?: Orientation;
  /** Widths of the widest names of inputs and outputs. */
  readonly inNames: number;
  readonly outNames: number;
}

const MAX_SIDE = 170;
/** In full screen everything may be so much larger. */
const LARGER = 2;
/** One stack is easier to read than several while its boxes are at least so large. */
const CALM_SIDE = 40;
const READABLE_SIDE = 24;
const MIN_SIDE = 16;
/** From this side on a formula fits under a box. */
const LABELLED_SIDE = 30;
const ANCHOR_SIDE = 20;
const MAX_ANCHORED = 600;
/** From one box to the next in a stack, in sides, and from a stack to the one beside it. */
const PITCH = 1.16;
const STACK_PITCH = 1.7;
const MAX_STACKS = 6;
/** Boxes of one gap are at most so many times as large as those of another. */
const MAX_RATIO = 2;
/** Under a box. */
const LABEL_ROOM = 15;
const PAD = 14;
const NAME_ROOM = 12;
const NAME_HEIGHT = 24;
/** From one row of names to the next, and between two names of a row. */
export const NAME_ROW = 18;
export const NAME_BETWEEN = 8;
const MAX_NAME_ROWS = 3;
const MIN_GAP = 72;
const MAX_GAP = { right: 440, up: 240 } as const;
/** What the lines need beside a box. */
const BOX_SHARE = { right: 0.54, up: 0.62 } as const;
const MIN_HEIGHT = 200;
const MAX_HEIGHT = 640;
const LIVE_PITCH = 24;
const LIVE_RADIUS = 5.5;
const DEAD_RADIUS = 3;
const SLOT_DISTANCE = 24;
const SLOT_PITCH = 13;

/** Everything that placing one gap needs. */
interface Plan {
  readonly net: Network;
  readonly mask: Uint8Array;
  readonly labelled: ReadonlySet<number> | ReadonlyMap<number, unknown>;
  readonly up: boolean;
  readonly maxSide: number;
  /** Extents along and across. */
  readonly along: number;
  readonly across: number;
  readonly gap: number;
  readonly u: Float64Array;
  readonly v: Float64Array;
  readonly slots: ReadonlyMap<number, { node: number; u: number; v: number }>;
}

/** `labelled` are the edges that have a formula under their box. */
export function layout(
  net: Network,
  mask: Uint8Array,
  room: Space,
  labelled: Plan["labelled"] = new Set(),
): Layout {
  const orientation = room.orientation ?? "right";
  const up = orientation === "up";
  const nameRows = up ? nameRowsOf(net, mask, room) : ([1, 1] as const);
  const [before, after] = [room.inNames, room.outNames].map(
    (names, k) => PAD + (up ? NAME_HEIGHT + (nameRows[k]! - 1) * NAME_ROW : names + NAME_ROOM),
  ) as [number, number];
  const scale = room.height ? LARGER : 1;
  const goal = up ? (room.height ?? MAX_HEIGHT) : room.width;
  const gap = Math.min(MAX_GAP[orientation] * scale, Math.max(MIN_GAP, (goal - before - after) / net.depth));
  const needed = before + after + gap * net.depth;
  const along = Math.max((up ? room.height : room.width) ?? 0, Math.ceil(needed));
  const across = up ? room.width : (room.height ?? heightOf(net, mask, gap));
  const start = before + (along - needed) / 2;

  const { u, v, r } = placeNodes(net, mask, start, gap, across);
  const slots = placeSlots(net, u, v, gap);
  const plan: Plan = { net, mask, labelled, up, maxSide: MAX_SIDE * scale, along, across, gap, u, v, slots };
  const stacks = net.width.slice(1).map((_, l) => stackOf(plan, l));
  // Stacks beside each other look calm when they do not differ too much.
  const largest = MAX_RATIO * Math.min(...stacks.map(({ side }) => side).filter((side) => side > 0));
  const shares = shareOut(net, MAX_DRAWN);
  const places = new Map<number, Place>();
  stacks.forEach((stack, l) => {
    placeGap(plan, l, shares[l]!, { ...stack, side: Math.floor(Math.min(largest, stack.side)) }, places);
  });
  return { ...turn(plan, r, places, orientation), nameRows };
}

/** The least that a name may take of a width. */
export const nameLimit = (width: number): number => Math.max(24, Math.min(150, 0.2 * width));

/** What the widest names of inputs and outputs get: beside the network all that the gaps leave, upright a row. */
export function nameWidths(
  depth: number,
  { width, orientation }: Pick<Space, "width" | "orientation">,
  inputs: number,
  outputs: number,
): [inputs: number, outputs: number] {
  if (orientation === "up") return [Math.min(inputs, width - 2 * PAD), Math.min(outputs, width - 2 * PAD)];
  const least = nameLimit(width);
  const free = width - depth * MAX_GAP.right - 2 * (PAD + NAME_ROOM);
  const after = Math.min(outputs, Math.max(least, free - Math.min(inputs, least)));
  return [Math.min(inputs, Math.max(least, free - after)), after];
}

function nameRowsOf(net: Network, mask: Uint8Array, room: Space): [number, number] {
  const used = usedNodes(net, mask);
  const rows = (l: number, widest: number) => {
    const nodes = used.subarray(net.nodeOffset[l]!, net.nodeOffset[l + 1]!);
    const pitch = (room.width - 2 * PAD) / (nodes.reduce((sum, on) => sum + on, 0) || nodes.length);
    return Math.max(1, Math.min(MAX_NAME_ROWS, Math.ceil((widest + NAME_BETWEEN) / pitch)));
  };
  return [rows(0, room.inNames), rows(net.depth, room.outNames)];
}

/** The height at which the boxes are as large as the gap between layers allows. */
function heightOf(net: Network, mask: Uint8Array, gap: number): number {
  const wide = BOX_SHARE.right * gap;
  let wish = MIN_HEIGHT;
  for (let l = 0; l < net.depth; l++) {
    let boxes = 0;
    for (let e = net.edgeOffset[l]!; e < net.edgeOffset[l + 1]!; e++) boxes += mask[e]!;
    const { widest, sides } = stacksFor(boxes, MAX_HEIGHT - 2 * PAD, wide, MAX_SIDE);
    wish = Math.max(wish, 2 * PAD + sides(boxes) * widest);
  }
  const used = usedNodes(net, mask);
  net.width.forEach((n, l) => {
    const first = net.nodeOffset[l]!;
    const live = used.subarray(first, first + n).reduce((sum, on) => sum + on, 0);
    wish = Math.max(wish, 2 * PAD + LIVE_PITCH * live + DEAD_PITCH * (n - live));
  });
  return Math.ceil(Math.min(MAX_HEIGHT, wish));
}

/** Nodes with an edge that is on, (N,). */
function usedNodes(net: Network, mask: Uint8Array): Uint8Array {
  const used = new Uint8Array(net.nodeCount);
  for (let e = 0; e < net.edgeCount; e++) if (mask[e]) used[net.source[e]!] = used[net.target[e]!] = 1;
  return used;
}

function placeNodes(net: Network, mask: Uint8Array, start: number, gap: number, across: number) {
  const used = usedNodes(net, mask);
  const order = nodeOrder(net, mask);
  const u = new Float64Array(net.nodeCount);
  const v = new Float64Array(net.nodeCount);
  const r = new Float64Array(net.nodeCount);
  net.width.forEach((_, l) => {
    const first = net.nodeOffset[l]!;
    const rows = column(
      Uint8Array.from(order[l]!, (i) => used[first + i]!),
      across - 2 * PAD,
    );
    order[l]!.forEach((i, k) => {
      u[first + i] = start + l * gap;
      v[first + i] = PAD + rows.at[k]!;
      r[first + i] = Math.max(1, Math.min(rows.live[k] ? LIVE_RADIUS : DEAD_RADIUS, 0.36 * rows.pitch[k]!));
    });
  });
  return { u, v, r };
}

function placeSlots(net: Network, u: Float64Array, v: Float64Array, gap: number): Plan["slots"] {
  const slots = new Map<number, { node: number; u: number; v: number }>();
  for (const [node, its] of productsOf(net.slotNode)) {
    its.forEach((slot, k) => {
      const v0 = v[node]! + (k - (its.length - 1) / 2) * SLOT_PITCH;
      slots.set(slot, { node, u: u[node]! - Math.min(SLOT_DISTANCE, gap / 5), v: v0 });
    });
  }
  return slots;
}

/**
 * In how many stacks so many boxes are largest, how large each can be for the width, and how many sides long a stack
 * with `boxes` in all is. `wide` is the width for all stacks.
 */
function stacksFor(boxes: number, room: number, wide: number, maxSide: number) {
  const widest = (stacks: number) => Math.min(maxSide, wide / ((stacks - 1) * STACK_PITCH + 1));
  const sides = (stacks: number, n: number) => ((n - 1) * PITCH) / stacks + 1;
  const sideOf = (stacks: number) => Math.min(widest(stacks), room / sides(stacks, boxes));
  let stacks = 1;
  for (let k = 2; k <= MAX_STACKS && widest(k) >= MIN_SIDE; k++) {
    // Between the boxes of two stacks lines can pass, of more they cannot.
    if (sideOf(stacks) >= (stacks === 1 ? CALM_SIDE : READABLE_SIDE)) break;
    // Where not all have room, as many as possible have.
    if (sideOf(k) > sideOf(stacks) || sideOf(stacks) < MIN_SIDE) stacks = k;
  }
  return { stacks, widest: widest(stacks), sides: (n: number) => sides(stacks, n) };
}

/** How many boxes the stack of a gap has, how large, and whether formulas fit under them. */
function stackOf({ net, mask, labelled, up, maxSide, across, gap }: Plan, l: number) {
  let on = 0;
  let formulas = 0;
  for (let e = net.edgeOffset[l]!; e < net.edgeOffset[l + 1]!; e++) {
    if (!mask[e]) continue;
    on++;
    if (labelled.has(e)) formulas++;
  }
  const room = across - 2 * PAD;
  const wide = BOX_SHARE[up ? "up" : "right"] * gap;
  const { stacks, widest, sides } = stacksFor(on, room, wide, maxSide);
  const fit = Math.max(0, Math.floor(((room / MIN_SIDE - 1) / PITCH) * stacks + 1));
  const count = Math.min(on, fit);
  if (count === 0) return { count, side: 0, labels: false, stacks };
  // Along the stack a label takes room from the boxes; beside it there is enough.
  const below = up ? 0 : LABEL_ROOM * Math.min(formulas, count);
  const most = widest;
  const labels = Math.min(most, (room - below) / sides(count)) >= LABELLED_SIDE;
  return { count, side: Math.min(most, (room - (labels ? below : 0)) / sides(count)), labels, stacks };
}

/** Lines for each gap: an equal share, and what a small gap leaves over goes to the others. */
function shareOut(net: Network, total: number): number[] {
  const sizes = net.width.slice(1).map((_, l) => net.edgeOffset[l + 1]! - net.edgeOffset[l]!);
  const shares = sizes.map(() => 0);
  let left = total;
  const bySize = sizes.map((_, l) => l).sort((a, b) => sizes[a]! - sizes[b]!);
  bySize.forEach((l, k) => {
    shares[l] = Math.min(sizes[l]!, Math.floor(left / (bySize.length - k)));
    left -= shares[l]!;
  });
  return shares;
}

function placeGap(
  plan: Plan,
  l: number,
  share: number,
  { count, side, labels, stacks }: ReturnType<typeof stackOf>,
  places: Map<number, Place>,
): void {
  const { net, mask, labelled, up, across, u, v, slots } = plan;
  const first = net.edgeOffset[l]!;
  const strongFirst = (a: number, b: number) =>
    mask[b]! - mask[a]! || net.scores[b]! - net.scores[a]! || a - b;
  const drawn = Array.from({ length: net.edgeOffset[l + 1]! - first }, (_, k) => first + k)
    .sort(strongFirst)
    .slice(0, share);
  const endOf = (e: number) => {
    const slot = slots.get(net.slot[e]!);
    return slot ? ([slot.u, slot.v] as const) : ([u[net.target[e]!]!, v[net.target[e]!]!] as const);
  };
  const start = (e: number) => v[net.source[e]!]!;
  const end = (e: number) => endOf(e)[1];
  const on = drawn.filter((e) => mask[e]).slice(0, count);
  on.sort((a, b) => start(a) + end(a) - start(b) - end(b) || start(a) - start(b) || a - b);
  const middle = (u[net.nodeOffset[l]!]! + u[net.nodeOffset[l + 1]!]!) / 2;
  const below = (e: number) => (labels && !up && labelled.has(e) ? LABEL_ROOM : 0);
  const tops = stack(
    on.map((e) => (start(e) + end(e) - side) / 2),
    on.map((e) => (side * PITCH) / stacks + below(e)),
    PAD,
    across - PAD - side - (on.length > 0 ? below(on.at(-1)!) : 0),
  );
  const left = (k: number) => middle - side / 2 + ((k % stacks) - (stacks - 1) / 2) * STACK_PITCH * side;
  const boxes = new Map(on.map((e, k) => [e, { x: Math.round(left(k)), y: Math.round(tops[k]!), side }]));
  const obstacles: Box[] = [...boxes.values()];
  // Between the boxes of two stacks lines can turn round them, of more they cannot.
  const toBox = stacks > 2 ? bentPath : boxedPath;
  for (const e of drawn.reverse()) {
    const box = boxes.get(e) ?? null;
    const ends = [u[net.source[e]!]!, start(e), ...endOf(e)] as const;
    const path = box ? toBox(ends, box) : directPath(ends);
    const label = labels && box !== null && labelled.has(e);
    places.set(e, { edge: e, path, box, anchor: box ?? { x: 0, y: 0, side: 0 }, presence: 1, label });
  }
  // Squares of strong edges are placed first, those of weak edges around them.
  for (const e of drawn.reverse()) {
    const place = places.get(e)!;
    if (place.box) continue;
    const crowded = obstacles.length >= MAX_ANCHORED;
    const anchor = freeSquare(place.path, ANCHOR_SIDE, crowded ? [] : obstacles);
    if (!crowded) obstacles.push(anchor);
    places.set(e, { ...place, anchor });
  }
}

/** From along and across to x and y: what flows up is mirrored and swapped. */
function turn(
  { net, up, along, across, u, v, slots }: Plan,
  nodeR: Float64Array,
  places: Map<number, Place>,
  orientation: Orientation,
): Omit<Layout, "nameRows"> {
  const turned = new Map<number, Slot>();
  for (const [slot, { node, u, v }] of slots) {
    turned.set(slot, up ? { node, x: v, y: along - u } : { node, x: u, y: v });
  }
  if (!up) {
    return { width: along, height: across, orientation, nodeX: u, nodeY: v, nodeR, slots: turned, places };
  }
  const box = ({ x, y, side }: Box): Box => ({ x: y, y: along - x - side, side });
  const path = (p: Path) => p.map((_, k) => (k % 2 ? along - p[k - 1]! : p[k + 1]!));
  const all = new Map<number, Place>();
  for (const [edge, place] of places) {
    all.set(edge, {
      ...place,
      path: path(place.path),
      box: place.box && box(place.box),
      anchor: box(place.anchor),
    });
  }
  return {
    width: across,
    height: along,
    orientation,
    nodeX: v,
    nodeY: Float64Array.from({ length: net.nodeCount }, (_, n) => along - u[n]!),
    nodeR,
    slots: turned,
    places: all,
  };
}
