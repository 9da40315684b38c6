/** From an importance to a colour, in steps that look even: from the background over blue to ink. Pure, but reads colours from one pixel. */
import { type ImportanceScale, importanceOf } from "../model/importance";
import type { Network } from "../model/network";
import type { Palette } from "./brush";

export const LEVELS = 256;
/** Level of each edge's score in the ramps, (E,). */
export function levelsOf(net: Network, scale: ImportanceScale): Uint8Array {
  return Uint8Array.from(net.scores, (score) => levelOf(importanceOf(scale, score)));
}

export const levelOf = (importance: number): number => Math.round((LEVELS - 1) * importance);

type Triple = readonly [number, number, number];

export interface Ramp {
  /** As 32 bits of an image's data. */
  readonly bits: Uint32Array;
  readonly css: readonly string[];
  /** Whether a line on it must be of the background's colour. */
  readonly deep: Uint8Array;
}

export interface Inks {
  readonly dark: boolean;
  readonly numeric: Ramp;
  readonly symbolic: Ramp;
  /** The numeric ramp, faint. */
  readonly ghost: Ramp;
  readonly symbolicColour: string;
  /** The background, opaque. */
  readonly behind: string;
  /** The pale ground and the stripes of what a threshold is removing, and has removed. */
  readonly removing: readonly [ground: number, stripe: number];
  readonly removed: readonly [ground: number, stripe: number];
  readonly dot: number;
}

const known = new WeakMap<Palette, Inks>();

/** The same object for the same palette: making one takes milliseconds. */
export function inksOf(palette: Palette): Inks {
  const inks = known.get(palette) ?? makeInks(palette);
  known.set(palette, inks);
  return inks;
}

function makeInks(palette: Palette): Inks {
  const ink = lab(rgbOf(palette.ink, [31, 35, 40]));
  const dark = ink[0] > 0.6;
  const behind = lab(rgbOf(palette.background, dark ? [17, 20, 24] : [255, 255, 255]));
  const removed = lab(rgbOf(palette.removed, [0, 114, 178]));
  const symbolicColour = palette.symbolic;
  const symbolic = lab(rgbOf(symbolicColour, [192, 74, 0]));
  const numeric = ramp((t) => blue(t, behind[0], dark));
  const bits = (to: Triple, t: number) => pack(rgb(blend(behind, to, t)));
  return {
    dark,
    numeric,
    symbolic: ramp((t) => blend(behind, symbolic, 0.3 + 0.7 * t)),
    ghost: ramp((t) => blend(behind, blue(t, behind[0], dark), 0.4)),
    symbolicColour,
    behind: `rgb(${rgb(behind).join(" ")})`,
    removing: [bits(removed, 0.06), bits(removed, 0.95)],
    removed: [bits(removed, 0.03), bits(removed, 0.14)],
    dot: bits(ink, 0.35),
  };
}

/** Lightness changes evenly; the lowest step can still be told from the background. */
function blue(t: number, behind: number, dark: boolean): Triple {
  const [from, to] = dark ? [behind + 0.055, 0.96] : [behind - 0.035, 0.28];
  const chroma = 0.008 + (dark ? 0.02 : 0.055) * t + 0.075 * Math.sin(Math.PI * t);
  const hue = ((dark ? 255 : 262) / 180) * Math.PI;
  return [from + (to - from) * t, chroma * Math.cos(hue), chroma * Math.sin(hue)];
}

function ramp(colour: (t: number) => Triple): Ramp {
  const made = Array.from({ length: LEVELS }, (_, k) => colour(k / (LEVELS - 1)));
  const light = made[0]![0] > 0.5;
  return {
    bits: Uint32Array.from(made, (c) => pack(rgb(c))),
    css: made.map((c) => `rgb(${rgb(c).join(" ")})`),
    deep: Uint8Array.from(made, ([l]) => ((light ? l < 0.66 : l > 0.52) ? 1 : 0)),
  };
}

function blend(a: Triple, b: Triple, t: number): Triple {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
}

function pack([r, g, b]: Triple): number {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/** Any colour of a style sheet, as the browser paints it; `otherwise` where it is see-through. */
function rgbOf(colour: string, otherwise: Triple): Triple {
  const ctx = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  if (!ctx) return otherwise;
  ctx.fillStyle = colour;
  ctx.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = ctx.getImageData(0, 0, 1, 1).data;
  return a! < 128 ? otherwise : [r!, g!, b!];
}

/** Oklab, in which equal distances look equal (B. Ottosson, 2020). */
function lab(colour: Triple): Triple {
  const [r, g, b] = colour.map((v) => {
    const u = v / 255;
    return u <= 0.04045 ? u / 12.92 : ((u + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function rgb([lightness, a, b]: Triple): Triple {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => {
    const u = v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
    return Math.round(255 * Math.min(1, Math.max(0, u)));
  }) as unknown as Triple;
}
