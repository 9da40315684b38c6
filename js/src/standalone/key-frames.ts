/** What a page carries of the steps of a training: the curves and the mask that the network had then. */
import { type Edits, NO_EDITS } from "../model/mask";
import type { Network } from "../model/network";
import { type Bytes, decode, encode } from "../wire/packed-array";
import { isBytes, type PageData } from "./page-data";

export interface KeyFrames {
  /** How many steps of the trainings the network had in each. */
  readonly steps: readonly number[];
  /** What the view is shown of one: curves as traits, and the edits that leave its mask. */
  show(frame: number): { readonly traits: ReadonlyMap<string, unknown>; readonly edits: Edits };
}

const NOTHING = new DataView(new ArrayBuffer(0));
/** What belongs to the network as it is now, and to no earlier one. */
const ONLY_NOW = [
  ...["_base_y", "_density", "_grid", "_cells_x", "_cells_y", "_parts_x", "_parts_y", "_parts_w"],
  ...["_tradeoff_node", "_tradeoff_edge", "_compared"],
];

/** Null if the page carries none, or they do not fit the network. */
export function keyFramesOf(page: PageData, net: Network): KeyFrames | null {
  const names = ["steps", "ends", "y", "range", "mask"] as const;
  const [steps, ends, y, range, mask] = names.map((name) => page[`_frames_${name}`]);
  if (![steps, ends, y, range, mask].every((bytes) => isBytes(bytes) && bytes.byteLength > 0)) return null;
  const at = decode(steps as Bytes, "float64", "_frames_steps").data;
  const allEnds = decode(ends as Bytes, "float32", "_frames_ends");
  const allY = decode(y as Bytes, "uint8", "_frames_y");
  const allRanges = decode(range as Bytes, "float32", "_frames_range");
  const masks = decode(mask as Bytes, "uint8", "_frames_mask");
  const [count, edges, sources] = [at.length, net.edgeCount, net.nodeOffset[net.depth]!];
  const samples = allY.shape[2] ?? 0;
  const fits =
    samples > 1 &&
    `${allEnds.shape}` === `${[count, sources, 2]}` &&
    `${allY.shape}` === `${[count, edges, samples]}` &&
    `${allRanges.shape}` === `${[count, edges, 2]}` &&
    `${masks.shape}` === `${[count, edges]}`;
  if (!fits) return null;
  const part = <A extends Float32Array | Uint8Array>(all: A, frame: number, size: number) =>
    all.slice(frame * size, (frame + 1) * size) as A;
  let sequence = 1 << 20;
  return {
    steps: [...at],
    show(frame) {
      const [lows, on] = [part(allEnds.data, frame, 2 * sources), part(masks.data, frame, edges)];
      const x = Float32Array.from({ length: sources * samples }, (_, k) => {
        const [low, high] = [lows[2 * Math.floor(k / samples)]!, lows[2 * Math.floor(k / samples) + 1]!];
        return low + ((high - low) * (k % samples)) / (samples - 1);
      });
      const packed = (data: Float32Array | Uint8Array, shape: number[]) => encode(data, shape, ++sequence);
      const changed = (from: number, to: number) =>
        new Set([...on.keys()].filter((e) => net.baseline[e] === from && on[e] === to));
      return {
        edits: { ...NO_EDITS, removedEdges: changed(1, 0), keptEdges: changed(0, 1) },
        traits: new Map<string, unknown>([
          ...ONLY_NOW.map((name) => [name, NOTHING] as const),
          ["_prices", []],
          ["loss", null],
          ["_curves_x", packed(x, [sources, samples])],
          ["_curves_y", packed(part(allY.data, frame, edges * samples), [edges, samples])],
          ["_curves_range", packed(part(allRanges.data, frame, 2 * edges), [edges, 2])],
          ["_mask", packed(on, [edges])],
          ["active_edges", on.reduce((sum, one) => sum + one, 0)],
        ]),
      };
    },
  };
}
