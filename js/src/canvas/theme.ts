/** Whether the host is dark or light, and a callback when that may have changed. */
import type { Palette } from "./brush";
import { forgetWidths } from "./text";

export type Theme = "light" | "dark";

/** Chosen so that they stay apart in three kinds of colour vision; a test holds their contrast and distance. */
export const INKS = {
  light: { ink: "#1f2328", removed: "#0072b2", symbolic: "#c04a00", probe: "#7a0fb0", selected: "#12a54d" },
  dark: { ink: "#e6edf3", removed: "#56b4e9", symbolic: "#ff9e4a", probe: "#b86bff", selected: "#7ee787" },
} as const;
/** Used where the host sets no background. */
export const BACKGROUNDS = { light: "#ffffff", dark: "#111418" } as const;

export function palette(root: HTMLElement, theme: Theme): Palette {
  return { ...INKS[theme], background: getComputedStyle(root).backgroundColor };
}

export function themeOf(host: Element): Theme {
  for (const element of ancestors(host)) {
    const said = saidBy(element);
    if (said) return said;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function saidBy(element: Element): Theme | null {
  const lab = element.getAttribute("data-jp-theme-light");
  if (lab !== null) return lab === "false" ? "dark" : "light";
  const kind = element.getAttribute("data-vscode-theme-kind");
  if (kind !== null) return /dark|high-contrast$/.test(kind) ? "dark" : "light";
  const classes = element.classList;
  if (classes.contains("vscode-dark") || classes.contains("dark") || classes.contains("dark-theme"))
    return "dark";
  if (classes.contains("vscode-light") || classes.contains("light") || classes.contains("light-theme"))
    return "light";
  // `theme` is Colab's, `data-theme` marimo's and that of many documentation sites.
  for (const name of ["theme", "data-theme"]) {
    const value = element.getAttribute(name);
    if (value === "dark" || value === "light") return value;
  }
  return null;
}

/** An element and what it is in, through shadow roots too. */
export function* ancestors(from: Element): Generator<Element> {
  for (let node: Node | null = from; node; node = node.parentNode ?? (node as ShadowRoot).host ?? null) {
    if (node instanceof Element) yield node;
  }
}

/** What `saidBy` reads. */
const SAYING = ["class", "theme", "data-theme", "data-jp-theme-light", "data-vscode-theme-kind"];

/**
 * Calls back when theme, fonts or device pixels may have changed, until the signal ends it. `measures`: widths of
 * texts have changed. The function that comes back is to be called whenever the host may have been moved, and tells
 * whether it has: then other elements say the theme.
 */
export function watchTheme(
  host: Element,
  changed: (measures: boolean) => void,
  signal: AbortSignal,
): () => boolean {
  const observer = new MutationObserver(() => changed(false));
  let watched: Element[] = [];
  const follow = (): boolean => {
    const now = [...ancestors(host)];
    if (signal.aborted || (now.length === watched.length && now.every((each, k) => each === watched[k])))
      return false;
    watched = now;
    observer.disconnect();
    for (const element of new Set([...now, document.documentElement, document.body])) {
      // Variables that colours and fonts follow from are set on these two; others scroll and move all the time.
      const whole = element === document.documentElement || element === document.body;
      observer.observe(element, whole ? { attributes: true } : { attributeFilter: SAYING });
    }
    return true;
  };
  follow();
  signal.addEventListener("abort", () => observer.disconnect());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => changed(false), { signal });
  const fontsChanged = () => {
    forgetWidths();
    changed(true);
  };
  document.fonts?.addEventListener("loadingdone", fontsChanged, { signal });
  const watchPixels = () => {
    if (signal.aborted) return;
    const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const again = () => {
      changed(true);
      watchPixels();
    };
    query.addEventListener("change", again, { signal, once: true });
  };
  watchPixels();
  return follow;
}
