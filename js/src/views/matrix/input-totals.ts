/** The map of the inputs: what each still contributes in all, against the strongest before anything was removed. */

import type { Inks } from "../../canvas/colours";
import { OFF, ON, REMOVED } from "./cell-states";
import { createWriter, type framed } from "./heatmap";
import type { ImageMaps } from "./parts";

export interface InputTotals {
  readonly canvas: OffscreenCanvas;
  readonly x: number;
  readonly y: number;
  update(totals: Float64Array, states: Uint8Array): void;
}

export function createInputTotals(
  maps: ImageMaps,
  { x, y, width, height }: ReturnType<typeof framed>,
  inks: Inks,
  most: number,
  ratio: number,
): InputTotals {
  const canvas = new OffscreenCanvas(width, height);
  const ctx = canvas.getContext("2d")!;
  const image = new ImageData(width, height);
  const write = createWriter(new Uint32Array(image.data.buffer), width, inks, ratio);
  const at = new Int32Array(4);
  const { columns, rows, totalScale } = maps;
  const edge = (k: number, origin: number, shift: number) =>
    Math.round((origin + k * totalScale) * ratio) - shift;
  return {
    canvas,
    x,
    y,
    update(totals, states) {
      for (let n = 0; n < columns * rows; n++) {
        const [column, row] = [n % columns, Math.floor(n / columns)];
        at[0] = edge(column, maps.total.x, x);
        at[1] = edge(row, maps.total.y, y);
        at[2] = Math.min(width, edge(column + 1, maps.total.x, x));
        at[3] = Math.min(height, edge(row + 1, maps.total.y, y));
        const share = most > 0 ? Math.min(1, totals[n]! / most) : 0;
        const look = states[n] === ON ? ON : totals[n]! > 0 ? ON : states[n] === OFF ? OFF : REMOVED;
        write(at, look, Math.round(255 * share));
      }
      ctx.putImageData(image, 0, 0);
    },
  };
}
