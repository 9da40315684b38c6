/** What stands beside the point under the pointer: its numbers, and its network drawn small. */
import type { Palette } from "../canvas/brush";
import { element, setText } from "../util/dom";
import { asThumbnail, paintThumbnail, THUMBNAIL, type Thumbnail } from "./thumbnail";

/** Milliseconds that the pointer rests before a small network is asked for. */
const REST_MS = 60;
const MOST_KEPT = 300;
const APART = 14;

export function createCard(ask: (number: number) => void, given: ReadonlyMap<number, unknown> = new Map()) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const title = element("b");
  const text = element("p");
  const card = element("div", { class: "runs-card", "aria-hidden": "true" }, canvas, title, text);
  card.hidden = true;
  const kept = new Map<number, Thumbnail>();
  for (const [number, value] of given) {
    const thumbnail = asThumbnail(value);
    if (thumbnail) kept.set(number, thumbnail);
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  let shown = -1;
  let painted: readonly unknown[] = [];

  return {
    element: card,
    take(number: number, thumbnail: Thumbnail): void {
      if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value!);
      kept.set(number, thumbnail);
    },
    /** `at`: where the point is in the plot, null if none is under the pointer. */
    render(
      number: number,
      at: readonly [x: number, y: number] | null,
      words: string,
      room: number,
      palette: Palette,
    ): void {
      card.hidden = !at;
      if (number !== shown) {
        clearTimeout(timer);
        shown = number;
        if (at && !kept.has(number)) timer = setTimeout(() => ask(number), REST_MS);
      }
      if (!at) return;
      const comma = words.indexOf(", ", words.indexOf(", ") + 1);
      setText(title, comma < 0 ? words : words.slice(0, comma));
      setText(text, comma < 0 ? "" : words.slice(comma + 2));
      const thumbnail = kept.get(number);
      canvas.hidden = !thumbnail;
      if (thumbnail && (painted[0] !== thumbnail || painted[1] !== palette)) {
        painted = [thumbnail, palette];
        const ratio = devicePixelRatio || 1;
        [canvas.width, canvas.height] = [THUMBNAIL.width * ratio, THUMBNAIL.height * ratio];
        const ctx = canvas.getContext("2d");
        ctx?.setTransform(ratio, 0, 0, ratio, 0, 0);
        if (ctx) paintThumbnail(ctx, thumbnail, palette);
      }
      // On the side of the point that has the room.
      const [x, y] = at;
      card.style.top = `${Math.max(0, y - 20)}px`;
      card.style.left = x < room / 2 ? `${x + APART}px` : "";
      card.style.right = x < room / 2 ? "" : `${room - x + APART}px`;
    },
  };
}
