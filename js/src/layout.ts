/**
 * Where nodes and curves go, left to right. Pure.
 *
 * Node layers are columns. Every edge that is on has a box with its curve in the middle of its gap, on its line;
 * boxes of a gap form one stack, sorted by the middle of their ends, each as near to its own line as the others let
 * it. Every other edge is a plain line with a small square on it that can be aimed at.
 */
import type { Network } from "./network";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** Two cubic Beziers of four points each, joined by a straight piece: the box covers it, without a box it is a point. */
export type Path = readonly number[];

export interface Place {
  readonly edge: number;
  readonly path: Path;
  readonly box: Box | null;
  /** The box, or the small square on the line: where the edge's button is. */
  readonly anchor: Box;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Centres of the nodes, (N,) each, and the radius of each layer's dots. */
  readonly nodeX: Float64Array;
  readonly nodeY: Float64Array;
  readonly radius: readonly number[];
  /** Every so many names are written in a column that is too full for all. */
  readonly nameStep: { readonly inputs: number; readonly outputs: number };
  /** What is drawn, weak to strong: at most `MAX_DRAWN` edges. */
  readonly places: ReadonlyMap<number, Place>;
}

export interface Room {
  readonly width: number;
  /** Widths of the widest names of inputs and outputs. */
  readonly inNames: number;
  readonly outNames: number;
}

export const MAX_DRAWN = 2000;
const MAX_SIDE = 110;
const MIN_SIDE = 24;
const WISHED_SIDE = 58;
const ANCHOR_SIDE = 20;
const MAX_ANCHORED = 600;
/** From one box to the next in a stack, in sides. */
const PITCH = 1.16;
const PAD = 14;
const NAME_ROOM = 12;
const MIN_GAP = 72;
const MAX_GAP = 400;
const MIN_HEIGHT = 280;
const MAX_HEIGHT = 640;

export function layout(net: Network, mask: Uint8Array, room: Room): Layout {
  const left = PAD + room.inNames + NAME_ROOM;
  const right = PAD + room.outNames + NAME_ROOM;
  const gap = Math.min(MAX_GAP, Math.max(MIN_GAP, (room.width - left - right) / net.depth));
  const width = Math.max(room.width, Math.ceil(left + right + gap * net.depth));
  const height = heightOf(net, gap);
  const x0 = left + (width - left - right - gap * net.depth) / 2;
  const nodeX = new Float64Array(net.nodeCount);
  const nodeY = new Float64Array(net.nodeCount);
  const radius = net.width.map((n, l) => {
    const step = (height - 2 * PAD) / n;
    for (let i = 0; i < n; i++) {
      nodeX[net.nodeOffset[l]! + i] = x0 + l * gap;
      nodeY[net.nodeOffset[l]! + i] = PAD + (i + 0.5) * step;
    }
    return Math.max(1, Math.min(5.5, 0.36 * step));
  });
  const nameStep = (n: number) => Math.ceil((15 * n) / (height - 2 * PAD));
  const places = new Map<number, Place>();
  const sides = net.width.slice(1).map((_, l) => sideOf(stackSize(net, mask, l, height), gap, height));
  // Stacks beside each other look calm when they do not differ too much.
  const largest = 1.7 * Math.min(...sides.filter((side) => side > 0));
  const shares = shareOut(net, MAX_DRAWN);
  for (let l = 0; l < net.depth; l++) {
    placeGap(
      net,
      mask,
      l,
      shares[l]!,
      Math.floor(Math.min(largest, sides[l]!)),
      height,
      nodeX,
      nodeY,
      places,
    );
  }
  return {
    width,
    height,
    nodeX,
    nodeY,
    radius,
    nameStep: { inputs: nameStep(net.width[0]!), outputs: nameStep(net.width[net.depth]!) },
    places,
  };
}

/** From the baseline and not from the mask, so that pruning never moves the page under the person's hand. */
function heightOf(net: Network, gap: number): number {
  let wish = MIN_HEIGHT;
  for (let l = 0; l < net.depth; l++) {
    let stack = 0;
    for (let e = net.edgeOffset[l]!; e < net.edgeOffset[l + 1]!; e++) stack += net.baseline[e]!;
    wish = Math.max(wish, 2 * PAD + stack * PITCH * Math.min(WISHED_SIDE, gap / 2));
  }
  for (const n of net.width) wish = Math.max(wish, 2 * PAD + 24 * n);
  return Math.round(Math.min(MAX_HEIGHT, wish));
}

function stackSize(net: Network, mask: Uint8Array, l: number, height: number): number {
  let on = 0;
  for (let e = net.edgeOffset[l]!; e < net.edgeOffset[l + 1]!; e++) on += mask[e]!;
  return Math.min(on, Math.floor(((height - 2 * PAD) / MIN_SIDE - 1) / PITCH + 1));
}

/** Side of the boxes in a stack of `n`, 0 when there is none. */
function sideOf(n: number, gap: number, height: number): number {
  return n === 0 ? 0 : Math.min(MAX_SIDE, gap / 2, (height - 2 * PAD) / ((n - 1) * PITCH + 1));
}

/** Lines for each gap: an equal share, and what a small gap leaves over goes to the others. */
function shareOut(net: Network, total: number): number[] {
  const sizes = net.width.slice(1).map((w, l) => w * net.width[l]!);
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
  net: Network,
  mask: Uint8Array,
  l: number,
  share: number,
  side: number,
  height: number,
  nodeX: Float64Array,
  nodeY: Float64Array,
  places: Map<number, Place>,
): void {
  const first = net.edgeOffset[l]!;
  const strongFirst = (a: number, b: number) =>
    mask[b]! - mask[a]! || net.scores[b]! - net.scores[a]! || a - b;
  const drawn = Array.from({ length: net.edgeOffset[l + 1]! - first }, (_, k) => first + k)
    .sort(strongFirst)
    .slice(0, share);
  const start = (e: number) => nodeY[net.source[e]!]!;
  const end = (e: number) => nodeY[net.target[e]!]!;
  const on = drawn.filter((e) => mask[e]).slice(0, stackSize(net, mask, l, height));
  on.sort((a, b) => start(a) + end(a) - start(b) - end(b) || start(a) - start(b) || a - b);
  const middle = (nodeX[net.nodeOffset[l]!]! + nodeX[net.nodeOffset[l + 1]!]!) / 2;
  const tops = stack(
    on.map((e) => (start(e) + end(e) - side) / 2),
    side * PITCH,
    PAD,
    height - PAD - side,
  );
  const boxes = new Map(
    on.map((e, k) => [e, { x: Math.round(middle - side / 2), y: Math.round(tops[k]!), side }]),
  );
  const obstacles: Box[] = [...boxes.values()];
  for (const e of drawn.reverse()) {
    const box = boxes.get(e) ?? null;
    const ends = [nodeX[net.source[e]!]!, start(e), nodeX[net.target[e]!]!, end(e)] as const;
    const path = box ? boxedPath(ends, box) : directPath(ends);
    places.set(e, { edge: e, path, box, anchor: box ?? { x: 0, y: 0, side: 0 } });
  }
  // The strongest choose first where their square goes, so that the weak make way.
  const weakFirst = [...places.values()].filter((place) => place.edge >= first);
  for (const place of weakFirst.reverse()) {
    if (place.box) continue;
    const anchor = freeSquare(place.path, obstacles);
    if (obstacles.length < MAX_ANCHORED) obstacles.push(anchor);
    places.set(place.edge, { ...place, anchor });
  }
}

/**
 * Tops of a stack of boxes, each as near as possible to its wish (least squares): neighbours that would overlap are
 * pooled and share their mean.
 */
export function stack(wishes: readonly number[], pitch: number, low: number, high: number): number[] {
  const pools: { sum: number; n: number }[] = [];
  wishes.forEach((wish, k) => {
    pools.push({ sum: wish - k * pitch, n: 1 });
    for (;;) {
      const [a, b] = [pools.at(-2), pools.at(-1)!];
      if (!a || a.sum / a.n <= b.sum / b.n) break;
      pools.splice(-2, 2, { sum: a.sum + b.sum, n: a.n + b.n });
    }
  });
  const last = Math.max(low, high - (wishes.length - 1) * pitch);
  const level = pools.flatMap(
    ({ sum, n }) => Array(n).fill(Math.min(last, Math.max(low, sum / n))) as number[],
  );
  return level.map((y, k) => y + k * pitch);
}

type Ends = readonly [x0: number, y0: number, x1: number, y1: number];

function boxedPath([x0, y0, x1, y1]: Ends, box: Box): Path {
  const y = box.y + box.side / 2;
  const [a, b] = [box.x, box.x + box.side];
  const [c, d] = [(x0 + a) / 2, (b + x1) / 2];
  return [x0, y0, c, y0, c, y, a, y, b, y, d, y, d, y1, x1, y1];
}

function directPath([x0, y0, x1, y1]: Ends): Path {
  const [a, b] = [x0 + (x1 - x0) * 0.42, x1 - (x1 - x0) * 0.42];
  return splitHalf([x0, y0, a, y0, b, y1, x1, y1]);
}

/** One cubic as two (de Casteljau), so that every line has the same form and can ease into any other. */
function splitHalf([x0, y0, x1, y1, x2, y2, x3, y3]: number[]): Path {
  const mid = (a: number | undefined, b: number | undefined) => (a! + b!) / 2;
  const [ax, ay, bx, by, cx, cy] = [
    mid(x0, x1),
    mid(y0, y1),
    mid(x1, x2),
    mid(y1, y2),
    mid(x2, x3),
    mid(y2, y3),
  ];
  const [dx, dy, ex, ey] = [mid(ax, bx), mid(ay, by), mid(bx, cx), mid(by, cy)];
  const [x, y] = [mid(dx, ex), mid(dy, ey)];
  return [x0!, y0!, ax, ay, dx, dy, x, y, x, y, ex, ey, cx, cy, x3!, y3!];
}

/** The point of a path at `t` in 0..1. */
export function pointAt(path: Path, t: number): [x: number, y: number] {
  const k = t < 0.5 ? 0 : 8;
  const u = 2 * t - (t < 0.5 ? 0 : 1);
  const v = 1 - u;
  const at = (d: number) =>
    v * v * v * path[k + d]! +
    3 * v * v * u * path[k + 2 + d]! +
    3 * v * u * u * path[k + 4 + d]! +
    u * u * u * path[k + 6 + d]!;
  return [at(0), at(1)];
}

/** A square on the line that overlaps no other, as near to the middle as possible; the middle when all is full. */
function freeSquare(path: Path, obstacles: readonly Box[]): Box {
  const around = (t: number): Box => {
    const [x, y] = pointAt(path, t);
    return { x: Math.round(x - ANCHOR_SIDE / 2), y: Math.round(y - ANCHOR_SIDE / 2), side: ANCHOR_SIDE };
  };
  if (obstacles.length < MAX_ANCHORED) {
    for (let step = 0; step <= 14; step++) {
      const t = 0.5 + (step % 2 ? -1 : 1) * Math.ceil(step / 2) * 0.05;
      const square = around(t);
      if (!obstacles.some((other) => overlap(square, other))) return square;
    }
  }
  return around(0.5);
}

export function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.side && b.x < a.x + a.side && a.y < b.y + b.side && b.y < a.y + a.side;
}
