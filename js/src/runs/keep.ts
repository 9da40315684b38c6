/** The plot and the table as files. */
import { Surface } from "../canvas/svg-context";
import { RUNS } from "../text/run-labels";
import { paintScatter, type ScatterPicture } from "./paint-scatter";

const RATIO = 2;
const KEEP_MS = 60_000;

export function plotAsSvg(picture: ScatterPicture): string {
  const { layout, palette } = picture;
  const sheet = new Surface(layout.width, layout.height);
  paintScatter(sheet.getContext(), picture);
  return sheet.document(RUNS.plot, palette.background);
}

export function plotAsPng(picture: ScatterPicture): Promise<Blob> {
  const { layout, palette } = picture;
  const sheet = () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [RATIO * layout.width, RATIO * layout.height];
    return { canvas, ctx: canvas.getContext("2d")! };
  };
  // The painter clears what it paints on: the ground is on another.
  const [points, whole] = [sheet(), sheet()];
  points.ctx.scale(RATIO, RATIO);
  paintScatter(points.ctx, picture);
  whole.ctx.fillStyle = palette.background;
  whole.ctx.fillRect(0, 0, whole.canvas.width, whole.canvas.height);
  whole.ctx.drawImage(points.canvas, 0, 0);
  return new Promise((resolve, reject) => {
    whole.canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("the browser made no picture"))),
      "image/png",
    );
  });
}

/** Hands a file to the browser; returns what to say of it. */
export function saveFile(name: string, content: Blob): string {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEEP_MS);
  return RUNS.saved(name);
}
