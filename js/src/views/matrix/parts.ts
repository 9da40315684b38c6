/** What a matrix view is made of, and where each part is. */
import type { Rect } from "../../util/rect";
import type { Space } from "../network/layout";
import type { Axis, Units } from "./axes";

/** Left free at the rim. */
export const PAD = 14;

export interface Block extends Rect {
  /** Edge layer. */
  readonly layer: number;
  readonly source: Axis;
  readonly target: Axis;
  readonly kind: "curves" | "heat";
}

export interface NamePlace {
  readonly node: number;
  readonly x: number;
  readonly y: number;
  readonly align: "left" | "right" | "centre";
  /** Runs upwards. */
  readonly turned: boolean;
  readonly limit: number;
}

/** `height` is for the matrices or maps; a larger room makes larger cells, so that it also serves to zoom. */
export interface MatrixSpace extends Space {
  readonly height?: number;
}

/** The longest of the texts that fits the limit is written. */
export interface Caption {
  readonly x: number;
  readonly y: number;
  readonly limit: number;
  readonly texts: readonly string[];
}

export interface ImageMaps {
  /** Rows and columns of a map, and pixels of each of its cells. */
  readonly rows: number;
  readonly columns: number;
  readonly scale: number;
  /** Maps side by side, and the way from one to the next. */
  readonly across: number;
  readonly stepX: number;
  readonly stepY: number;
  /** Room over each map for its name. */
  readonly nameRoom: number;
  readonly x: number;
  readonly y: number;
  readonly units: Units;
  /** The total score of each input; its cells are `totalScale` pixels. */
  readonly total: Rect;
  readonly totalScale: number;
}

/** What has been placed, and how far it reaches. */
export interface Placed {
  readonly axes: readonly (Axis | null)[];
  readonly blocks: readonly (Block | null)[];
  readonly maps: ImageMaps | null;
  readonly names: readonly NamePlace[];
  readonly captions: readonly Caption[];
  readonly right: number;
  readonly bottom: number;
}
