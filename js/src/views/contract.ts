/** What the stage shows one of: the graph or the matrix view. The stage knows gestures, a renderer knows the picture. */

import type { Brush, Palette } from "../canvas/brush";
import type { NormalizedCurve } from "../canvas/normalized-curves";
import type { Target } from "../model/network";
import type { ViewState } from "../state/view-state";
import type { NodeNames } from "../text/node-names";
import type { Box } from "../util/rect";
import type { Snapshot } from "../wire/snapshot";
import type { Camera } from "./camera";
import type { Probe } from "./network/marks";
import type { TargetBox } from "./target-boxes";

/** What the view knows when a frame is due. */
export interface FrameInput {
  readonly known: ViewState;
  readonly reading: Snapshot;
  readonly names: NodeNames;
  readonly palette: Palette;
  readonly font: string;
  readonly width: number;
  /** The values of the traced sample, if there is one. */
  readonly probe?: Probe | null;
}

export interface DrawnSummary {
  readonly on: number;
  readonly curves: number;
  readonly lines: number;
}

export interface Renderer {
  readonly width: number;
  readonly height: number;
  /** How far down it is drawn while something still moves. */
  readonly paintedHeight: number;
  /** How many of the edges that are on have their curve drawn, and how many a line. */
  readonly drawn: DrawnSummary;
  /** Another object when the picture is another. */
  readonly picture: object;
  /** True while something still moves. */
  readonly moving: boolean;
  /** Everything that has a button, where it will come to rest, at zoom 1; the same object until it changes. */
  readonly targetBoxes: readonly TargetBox[];
  /** What a picture to keep has below it, and how high that is. */
  readonly legend: { readonly height: number; paint(brush: Brush): void } | null;
  hit(x: number, y: number): Target | null;
  /** Where a target is on the screen. */
  boxOf(target: Target): Box | null;
  /** What is inside of a loop on the screen. */
  inLoop(loop: readonly (readonly [number, number])[]): Target[];
  /** Squares that a card beside `target` had better not cover. */
  obstacles(target: Target): readonly Box[];
  paint(brush: Brush): void;
  /** Whether `paintMarks` would leave its canvas empty. */
  hasNoMarks(probe: Probe | null): boolean;
  paintMarks(brush: Brush, probe: Probe | null): void;
  paintHighlight(brush: Brush, target: Target | null, focus: Target | null): void;
}

export interface RendererFactory {
  /** Largest zoom that it can show. */
  readonly maxZoom: number;
  /** `height` is given in full screen only. */
  show(
    moment: FrameInput,
    camera: Camera,
    curve: NormalizedCurve,
    height: number | undefined,
    time: number,
  ): Renderer;
}
