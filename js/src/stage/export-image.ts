/** The picture to keep: the whole network as it stands, without cards, pointer and selection. */

import type { Brush, Palette } from "../canvas/brush";
import { Surface, written } from "../canvas/svg-context";
import { BACKGROUNDS, INKS } from "../canvas/theme";
import { STAGE } from "../text/labels";
import { asPng, createSheet, saveFile } from "../util/picture-file";
import type { Renderer } from "../views/contract";
import type { Probe } from "../views/network/marks";
import type { Item } from "./menu";

export interface Picture {
  readonly renderer: Renderer;
  readonly brush: Brush;
  readonly probe: Probe | null;
  /** What it shows, in words. */
  readonly title: string;
  /** Without an ending. */
  readonly fileName: string;
}

export const LIGHT: Palette = { ...INKS.light, background: BACKGROUNDS.light };

const RATIO = 2;
/** The most pixels of a canvas that browsers create without an error. */
const MAX_PIXELS = 64e6;

const heightOf = ({ height, legend }: Renderer) => height + (legend?.height ?? 0);

/** The painters' own strokes and texts as an SVG document. */
export function svgOf({ renderer, brush, probe, title }: Picture, palette: Palette): string {
  const sheet = new Surface(renderer.width, heightOf(renderer));
  const pen: Brush = { ...brush, ctx: sheet.getContext(), ratio: 1, palette, surfaces: written };
  renderer.paint(pen);
  if (!renderer.hasNoMarks(probe)) renderer.paintMarks(pen, probe);
  renderer.legend?.paint(pen);
  return sheet.document(title, palette.background);
}

/** Painted anew with two pixels for each one of the page, whatever the screen has. */
async function pngOf({ renderer, brush, probe }: Picture, palette: Palette): Promise<Blob> {
  const ratio = Math.min(RATIO, Math.sqrt(MAX_PIXELS / (renderer.width * heightOf(renderer))));
  const sheet = () => createSheet(renderer.width * ratio, heightOf(renderer) * ratio);
  const [picture, marks] = [sheet(), sheet()];
  renderer.paint({ ...brush, ctx: picture.ctx, ratio, palette });
  renderer.legend?.paint({ ...brush, ctx: picture.ctx, ratio, palette });
  if (!renderer.hasNoMarks(probe)) renderer.paintMarks({ ...brush, ctx: marks.ctx, ratio, palette }, probe);
  return asPng(palette.background, [picture, marks]);
}

export interface SaveOptions {
  /** The picture of this moment; null while there is none. */
  take(): Picture | null;
  /** Says in the view how it went. */
  say(words: string): void;
  /** Whether there is a Python that can write pictures too. */
  readonly python: boolean;
}

/** What can be done with the picture; where the view is dark there is a dark and a light one. */
export function saveActions(present: Palette, keeping: SaveOptions): Item[][] {
  const dark = present.ink !== LIGHT.ink;
  const save = (kind: "svg" | "png", palette: Palette, look: string): Item => ({
    text: STAGE.saveAs(kind, RATIO) + look,
    do: () => void attempt(keeping, (picture) => saved(picture, kind, palette, keeping.python)),
  });
  const both = (palette: Palette, look: string) => [save("svg", palette, look), save("png", palette, look)];
  const copies: Item[] = [
    { text: STAGE.copyPng, do: () => void attempt(keeping, copyPng) },
    { text: STAGE.copySvg, do: () => void attempt(keeping, copySvg) },
  ];
  return dark ? [both(LIGHT, STAGE.light), both(present, STAGE.dark), copies] : [both(LIGHT, ""), copies];
}

async function attempt(keeping: SaveOptions, act: (picture: Picture) => Promise<string>): Promise<void> {
  const picture = keeping.take();
  if (!picture) return;
  try {
    keeping.say(await act(picture));
  } catch (error) {
    keeping.say(`That did not work: ${error instanceof Error ? error.message : error}.`);
  }
}

async function saved(
  picture: Picture,
  kind: "svg" | "png",
  palette: Palette,
  python: boolean,
): Promise<string> {
  const name = `${picture.fileName}.${kind}`;
  const blob =
    kind === "png"
      ? await pngOf(picture, palette)
      : new Blob([svgOf(picture, palette)], { type: "image/svg+xml" });
  saveFile(name, blob);
  const other = python ? `, or call w.save_image("${name}") in Python` : "";
  return `Saved as ${name}. If no file comes, this page forbids downloads: copy the picture${other}.`;
}

async function copyPng(picture: Picture): Promise<string> {
  // Some browsers ask at once, while the picture is still in the making.
  const item = new ClipboardItem({ "image/png": pngOf(picture, LIGHT) });
  await closed(navigator.clipboard.write([item]));
  return "Copied as PNG.";
}

async function copySvg(picture: Picture): Promise<string> {
  await closed(navigator.clipboard.writeText(svgOf(picture, LIGHT)));
  return "Copied as SVG, as text.";
}

async function closed(copying: Promise<void>): Promise<void> {
  await copying.catch(() => {
    throw new Error("this page does not allow copying");
  });
}
