/** Numbers as a person reads them: always in English, whatever the browser's language. Pure. */

const formatter = (options: Intl.NumberFormatOptions) => new Intl.NumberFormat("en", options).format;

/** 50,816. */
export const formatCount = formatter({ maximumFractionDigits: 3 });
const fourFigures = formatter({
  minimumSignificantDigits: 4,
  maximumSignificantDigits: 4,
  useGrouping: false,
});
const threeFigures = formatter({ maximumSignificantDigits: 3, useGrouping: false });
const twoFigures = formatter({ maximumSignificantDigits: 2, useGrouping: false });
/** Two figures, or all digits before the point where that is more. */
const percent = formatter({
  style: "percent",
  maximumSignificantDigits: 2,
  maximumFractionDigits: 0,
  roundingPriority: "morePrecision",
});

/** Four significant digits, as short as they can be written. */
export function formatFigures(value: number): string {
  if (Number.isNaN(value)) return "not a number";
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return `${value}`;
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e5 ? fourFigures(value) : value.toExponential(2);
}

/** Three figures, for read-outs beside a control. */
export function formatShort(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return formatFigures(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e4 ? threeFigures(value) : value.toExponential(1);
}

/** Two figures, for a score on a scale. */
export function formatScale(value: number): string {
  if (!(value > 0)) return "0";
  if (value < 1e-3 || value >= 1e4) return value.toExponential(0).replace("e+", "e");
  return twoFigures(value);
}

/** With the sign that is as wide as a digit, where numbers are computed with or compared by eye. */
export const withMinus = (text: string): string => text.replaceAll("-", "−");
export const formatSigned = (value: number): string => withMinus(formatFigures(value));

/** "15 edges". */
export const formatItems = (n: number, noun: string): string =>
  `${formatCount(n)} ${noun}${n === 1 ? "" : "s"}`;

/** "+5%": a change with its sign. */
export function formatChange(share: number): string {
  const sign = share < 0 ? "−" : "+";
  const size = Math.abs(share);
  // Not all of it, however little is left.
  if (size > 0.999 && size < 1) return `${sign}99.9%`;
  return size < 0.0001 ? "±0%" : `${sign}${percent(size)}`;
}

/**
 * How much larger or smaller: "×3.4" from twice on, else "+2.1%"; "" when it is the same, or cannot be
 * computed.
 */
export function formatRatio(before: number, after: number): string {
  if (!Number.isFinite(before) || !Number.isFinite(after) || before <= 0 || before === after) return "";
  const ratio = after / before;
  if (ratio < 2) return formatChange(ratio - 1);
  return ratio < 1e4 ? `×${formatCount(Number(twoFigures(ratio)))}` : "×10,000 or more";
}

/** A part of all: "0%", "2.3%". */
export function formatShare(share: number): string {
  if (!(share > 0)) return "0%";
  return share < 0.001 ? "< 0.1%" : percent(share);
}

/** The numbers on an axis, all with as many decimals as their step needs. */
export function formatTicks(values: readonly number[]): string[] {
  const size = Math.max(...values.map(Math.abs));
  const step = values.length > 1 ? values[1]! - values[0]! : size;
  const stepPower = Math.floor(Math.log10(step || 1) + 1e-9);
  const isZero = (value: number) => Math.abs(value) < step / 2;
  const minusFirst = (text: string) => text.replace(/^-/, "−");
  if (size >= 1e5 || (size > 0 && size < 1e-3)) {
    const digits = Math.max(0, Math.min(3, Math.floor(Math.log10(size)) - stepPower));
    return values.map((v) => (isZero(v) ? "0" : minusFirst(v.toExponential(digits).replace("e+", "e"))));
  }
  const decimals = Math.max(0, Math.min(8, -stepPower));
  return values.map((v) => minusFirst((isZero(v) ? 0 : v).toFixed(decimals)));
}

/** "0.31 = 0.12 + 0.25 − 0.06 (bias)", with as few decimals as add up as they are written. */
export function formatSum(total: number, terms: readonly (readonly [value: number, what: string])[]): string {
  const size = Math.max(Math.abs(total), ...terms.map(([value]) => Math.abs(value)));
  if (!Number.isFinite(size)) return formatFigures(total);
  const least = size >= 1000 ? 0 : Math.max(2, Math.min(8, 1 - Math.floor(Math.log10(size || 1))));
  const fits = [0, 1, 2, 3].find((more) => {
    const written = terms.reduce((sum, [value]) => sum + Number(value.toFixed(least + more)), 0);
    return written.toFixed(least + more) === total.toFixed(least + more);
  });
  const decimals = least + (fits ?? 2);
  const write = (value: number) => Math.abs(value).toFixed(decimals);
  const isNegative = (value: number) => value < 0 && Number(value.toFixed(decimals)) !== 0;
  const sum = terms.map(([value, what], k) => {
    const lead = k === 0 ? (isNegative(value) ? "−" : "") : isNegative(value) ? " − " : " + ";
    return `${lead}${write(value)}${what && ` (${what})`}`;
  });
  return `${isNegative(total) ? "−" : ""}${write(total)} = ${sum.join("")}`;
}

/** A number that a person typed as a threshold; "off", nothing and 0 are the same. Null when it is none. */
export function parseThreshold(text: string): number | null {
  // Many countries write 0,01; a comma that separates thousands comes with a point or another comma.
  const word = text
    .trim()
    .toLowerCase()
    .replace(/^([^.,]*),([^.,]*)$/, "$1.$2");
  if (word === "off" || word === "") return 0;
  if (!/^\+?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(word)) return null;
  const value = Number(word);
  return Number.isFinite(value) ? value : null;
}
