/** Closed lines drawn by hand, and what they go around. Pure. */

export type Loop = readonly (readonly [x: number, y: number])[];

/** A line counts as straight if it bends by less than this share of its length, or by fewer pixels than that. */
const BENT = 0.12;
const BENT_PIXELS = 10;

/** What a line drawn by hand goes around: a nearly straight one means the rectangle between its ends. */
export function loopOf(line: Loop): Loop {
  const [first, last] = [line[0], line.at(-1)];
  if (!first || !last) return line;
  const from = ([x, y]: Loop[number]) => Math.hypot(x - first[0], y - first[1]);
  // A person may overshoot and come back along the same line.
  const far = line.reduce((a, b) => (from(b) > from(a) ? b : a));
  const length = from(far);
  const [dx, dy] = [far[0] - first[0], far[1] - first[1]];
  const away = (x: number, y: number) => Math.abs((x - first[0]) * dy - (y - first[1]) * dx) / (length || 1);
  if (line.some(([x, y]) => away(x, y) > Math.max(BENT_PIXELS, BENT * length))) return line;
  return [first, [last[0], first[1]], last, [first[0], last[1]]];
}

export function encloses(loop: Loop, x: number, y: number): boolean {
  let inside = false;
  loop.forEach(([ax, ay], k) => {
    const [bx, by] = loop[(k + 1) % loop.length]!;
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  });
  return inside;
}
