/** Numbers as Python writes them, so that a page without a kernel says what a session would say. Pure. */

/** What `repr` of a float gives: it reads back as the same number. */
export function repr(value: number): string {
  if (!Number.isFinite(value)) return strange(value);
  const [digits, exponent] = split(value.toExponential());
  if (exponent < -4 || exponent >= 16) return `${digits}e${signed(exponent)}`;
  const text = Object.is(value, -0) ? "-0" : String(value);
  return text.includes(".") ? text : `${text}.0`;
}

/** What the format `.{digits}g` gives. */
export function general(value: number, digits: number): string {
  if (!Number.isFinite(value)) return strange(value);
  const text = nearestText(value, digits);
  const [mantissa, exponent] = split(text);
  if (exponent < -4 || exponent >= digits) return `${withoutZeros(mantissa)}e${signed(exponent)}`;
  return withoutZeros(Number(text).toFixed(digits - 1 - exponent));
}

/** The number of so many significant digits next to a value; of two the even one, where JavaScript goes up. */
export function nearest(value: number, digits: number): number {
  return Number(nearestText(value, digits));
}

function nearestText(value: number, digits: number): string {
  const up = value.toExponential(digits - 1);
  const rest = value
    .toExponential(100)
    .replace(/^-|\.|e.*$/g, "")
    .slice(digits);
  const [mantissa, exponent] = split(up);
  // An odd last digit never borrows, but 9.5 is 10 to one digit either way.
  if (/^50*$/.test(rest) && /[13579]$/.test(mantissa) && exponent === exponentOf(value)) {
    return `${mantissa.slice(0, -1)}${Number(mantissa.at(-1)) - 1}e${exponent}`;
  }
  return up;
}

function withoutZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** The decimal exponent of a number. */
export function exponentOf(value: number): number {
  return split(value.toExponential())[1];
}

function split(text: string): [mantissa: string, exponent: number] {
  const [mantissa, exponent] = text.split("e") as [string, string];
  return [mantissa, Number(exponent)];
}

function signed(exponent: number): string {
  return `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function strange(value: number): string {
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
