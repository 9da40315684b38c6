/** Contrast by WCAG 2.2; colour vision by Machado, Oliveira and Fernandes (2009), severity 1, in linear RGB. */

export type Triple = readonly [number, number, number];
export const VISION: Record<string, readonly [Triple, Triple, Triple]> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const bytes = (hex: string) =>
  [1, 3, 5].map((k) => Number.parseInt(hex.slice(k, k + 2), 16) / 255) as unknown as Triple;
const linear = (rgb: Triple) =>
  rgb.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as unknown as Triple;
const dot = (a: Triple, b: Triple) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const luminance = (rgb: Triple) => dot([0.2126, 0.7152, 0.0722], linear(rgb));
const over = (colour: string, background: string, alpha: number) =>
  bytes(colour).map((c, k) => alpha * c + (1 - alpha) * bytes(background)[k]!) as unknown as Triple;

export function contrast(colour: string, background: string, alpha = 1): number {
  const [a, b] = [luminance(over(colour, background, alpha)), luminance(bytes(background))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

export function lab(hex: string, vision: readonly [Triple, Triple, Triple]): Triple {
  const rgb = linear(bytes(hex));
  const seen = vision.map((row) => Math.min(1, Math.max(0, dot(row, rgb)))) as unknown as Triple;
  const f = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f(dot([0.4124, 0.3576, 0.1805], seen) / 0.9505);
  const y = f(dot([0.2126, 0.7152, 0.0722], seen));
  const z = f(dot([0.0193, 0.1192, 0.9505], seen) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

export const distance = (a: Triple, b: Triple) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
