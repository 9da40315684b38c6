/** A few losses as one line: how they went, not how large they are. */
import { svg } from "lit-html";
import { extent } from "../../model/scales";

const WIDTH = 52;
const HEIGHT = 16;
const INSET = 2.5;

/** Those that are not known are left out. */
export function sparkline(losses: readonly (number | null)[]) {
  const [low, high] = extent(losses.map((loss) => loss ?? Number.NaN));
  const room = HEIGHT - 2 * INSET;
  const points = losses.flatMap((loss, k) => {
    if (loss === null || !Number.isFinite(loss)) return [];
    const x = INSET + ((WIDTH - 2 * INSET) * k) / Math.max(1, losses.length - 1);
    const y = high > low ? INSET + room * (1 - (loss - low) / (high - low)) : HEIGHT / 2;
    return [[round(x), round(y)] as const];
  });
  const last = points.at(-1);
  return svg`<svg class="sparkline" width=${WIDTH} height=${HEIGHT} viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">
    <polyline points=${points.map((point) => point.join()).join(" ")} />
    ${last ? svg`<circle cx=${last[0]} cy=${last[1]} r="2" />` : ""}
  </svg>`;
}

const round = (value: number) => Math.round(10 * value) / 10;
