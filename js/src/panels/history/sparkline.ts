/** A few losses as one line: how they went, not how large they are. */
import { svg } from "lit-html";
import { extent } from "../../model/scales";
import { near } from "../plots/log-frame";

const WIDTH = 30;
const HEIGHT = 16;
const INSET = 2;

/** Those that are not known are left out. It is as wide as its place. */
export function sparkline(losses: readonly (number | null)[]) {
  const [low, high] = extent(losses.map((loss) => loss ?? Number.NaN));
  const room = HEIGHT - 2 * INSET;
  const points = losses.flatMap((loss, k) => {
    if (loss === null || !Number.isFinite(loss)) return [];
    const x = (WIDTH * k) / Math.max(1, losses.length - 1);
    const y = high > low ? INSET + room * (1 - (loss - low) / (high - low)) : HEIGHT / 2;
    return [`${near(x)},${near(y)}`];
  });
  return svg`<svg class="sparkline" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
    <polyline points=${points.join(" ")} />
  </svg>`;
}
