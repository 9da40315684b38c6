/** Where the names of inputs and outputs stand beside their nodes. Reads no DOM. */

import { areaOf, fitName, GAP, measureName, NAME_SIZE, type Text } from "../../canvas/text";
import type { Network } from "../../model/network";
import type { Run } from "../../text/node-names";
import { type Area, areasOverlap } from "../../util/rect";
import { type Layout, NAME_BETWEEN, NAME_ROW, type Space } from "./layout";
import type { Named } from "./paint";
import type { NodeShape, Scene } from "./scene";

/** A name that is cut to fewer pixels cannot be recognised. */
const LEAST = 30;
/** From the rim of the stage. */
const RIM = 3;

export interface NamePlacement {
  readonly layout: Layout;
  readonly scene: Scene;
  readonly net: Network;
  readonly room: Space;
  /** The whole network is visible: the camera is not zoomed in. */
  readonly whole: boolean;
}

interface Written {
  readonly named: Named[];
  readonly areas: Area[];
}

/** Live ones first, each only where it overlaps no other. */
export function placeNames(
  ctx: CanvasRenderingContext2D,
  font: string,
  beside: NamePlacement,
  runsOf: (node: number) => readonly Run[],
): Written {
  const { layout, scene, net, room } = beside;
  const named: Named[] = [];
  const areas: Area[] = [];
  const up = layout.orientation === "up";
  for (const l of [0, net.depth]) {
    const nodes = scene.nodes.slice(net.nodeOffset[l]!, net.nodeOffset[l + 1]!);
    const rows = layout.nameRows[l === 0 ? 0 : 1];
    const cells = up ? cellsOf(nodes, rows, beside) : new Map<number, Cell>();
    // Names of inputs and of outputs cannot overlap each other: each side is checked by itself.
    const side: Area[] = [];
    for (const live of [true, false]) {
      for (const shape of nodes) {
        if ((shape.look === "on") !== live) continue;
        const runs = runsOf(shape.node);
        const width = measureName(ctx, font, runs);
        const cell = cells.get(shape.node);
        const most = cell ? cell.high - cell.low : up ? width : l === 0 ? room.inNames : room.outNames;
        if (cell && most < Math.min(width, LEAST)) continue;
        const taken = Math.min(width, most);
        const spot = up
          ? below(shape, l === 0 ? 1 : -1, cell ?? everywhere(beside), taken)
          : besides(shape, l === 0);
        const area = areaOf({ ...spot, size: NAME_SIZE }, taken + (up && !cell ? 10 : 0));
        if (area.y > layout.height || area.y + area.height < 0) continue;
        if (side.some((other) => areasOverlap(other, area))) continue;
        side.push(area);
        const fitted = width > most ? fitName(ctx, font, runs, most) : runs;
        named.push({ ...spot, runs: fitted, size: NAME_SIZE, faint: !live });
      }
    }
    areas.push(...side);
  }
  return { named, areas };
}

type Spot = Pick<Text, "x" | "y" | "align">;

const besides = ({ x, y, r }: NodeShape, input: boolean): Spot =>
  input ? { x: x - r - GAP, y, align: "right" } : { x: x + r + GAP, y, align: "left" };

/** Below a node or, with `side` -1, above it: in the middle, or as near to that as its cell allows. */
function below({ x, y, r }: NodeShape, side: number, cell: Cell, width: number): Spot {
  const away = y + side * (r + GAP + 6 + cell.row * NAME_ROW);
  const middle = Math.max(cell.low + width / 2, Math.min(cell.high - width / 2, x));
  return { x: middle, y: away, align: "center" };
}

/** The part of its row that a name may use, when the network runs upwards. */
interface Cell {
  readonly row: number;
  readonly low: number;
  readonly high: number;
}

const everywhere = ({ layout, whole }: NamePlacement): Cell =>
  whole
    ? { row: 0, low: RIM, high: layout.width - RIM }
    : { row: 0, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

/** Live nodes take turns in the rows; half the way to its neighbours in the row is a name's own. */
function cellsOf(nodes: readonly NodeShape[], rows: number, beside: NamePlacement): Map<number, Cell> {
  const live = nodes.filter(({ look }) => look === "on");
  const half = NAME_BETWEEN / 2;
  const rim = everywhere(beside);
  return new Map(
    live.map(({ node, x }, k) => {
      const [before, after] = [live[k - rows], live[k + rows]];
      const low = before ? (before.x + x) / 2 + half : rim.low;
      const high = after ? (after.x + x) / 2 - half : rim.high;
      return [node, { row: k % rows, low, high }];
    }),
  );
}
