/** The colours and font of the page: a new object only when they have changed. */
import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { Palette } from "../canvas/brush";
import { palette as paletteOf, themeOf, watchTheme } from "../canvas/theme";

export interface Looks {
  readonly palette: Palette;
  readonly font: string;
}

export interface WatchedLooks {
  /** Changes when they may be others. */
  readonly version: ReadonlySignal<number>;
  now(): Looks;
  /** They, or the widths of texts, have certainly changed: `now` returns a new object. */
  forget(): void;
  /** The view may have been put into another place of the page. */
  moved(): void;
}

export function watchLooks(host: HTMLElement, root: HTMLElement, until: AbortSignal): WatchedLooks {
  const version = signal(0);
  let looks: Looks | null = null;
  let seen = -1;
  const follow = watchTheme(
    host,
    (measures) => {
      if (measures) looks = null;
      version.value++;
    },
    until,
  );
  return {
    version,
    now() {
      if (looks && seen === version.peek()) return looks;
      seen = version.peek();
      const theme = root.dataset.printing === undefined ? themeOf(host) : "light";
      root.dataset.theme = theme;
      const next = { palette: paletteOf(root, theme), font: getComputedStyle(root).fontFamily };
      if (!looks || next.font !== looks.font || !samePalette(next.palette, looks.palette)) looks = next;
      return looks;
    },
    forget() {
      looks = null;
    },
    moved() {
      if (follow()) version.value++;
    },
  };
}

const samePalette = (a: Palette, b: Palette): boolean =>
  (Object.keys(a) as (keyof Palette)[]).every((key) => a[key] === b[key]);
