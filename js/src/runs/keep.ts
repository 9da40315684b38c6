/** The plot as a picture. */
import { Surface } from "../canvas/svg-context";
import { RUNS } from "../text/run-labels";
import { asPng, createSheet } from "../util/picture-file";
import { paintScatter, type ScatterPicture } from "./paint-scatter";

const RATIO = 2;

export function plotAsSvg(picture: ScatterPicture): string {
  const { layout, palette } = picture;
  const sheet = new Surface(layout.width, layout.height);
  paintScatter(sheet.getContext(), picture);
  return sheet.document(RUNS.plot, palette.background);
}

export function plotAsPng(picture: ScatterPicture): Promise<Blob> {
  const { layout, palette } = picture;
  const points = createSheet(RATIO * layout.width, RATIO * layout.height);
  points.ctx.scale(RATIO, RATIO);
  paintScatter(points.ctx, picture);
  return asPng(palette.background, [points]);
}
