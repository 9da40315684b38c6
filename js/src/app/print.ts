/** The view on paper: black on white from a dark page too, as wide as a sheet, and whole. */

/** Fits a sheet of A4 or letter between the margins of any browser; and so much of its height is the picture's. */
const SHEET = 680;
const MOST = 860;

export interface Printed {
  /** Draws at once, for paper or for the screen: no frame comes before the page is printed. */
  redraw(width: number | null): void;
  /** The picture of the network as an SVG document. */
  picture(): string | null;
}

export function watchPrinting(root: HTMLElement, { redraw, picture }: Printed, signal: AbortSignal): void {
  let sheet: Element | null = null;
  window.addEventListener(
    "beforeprint",
    () => {
      root.dataset.printing = "";
      redraw(SHEET);
      // Browsers print a canvas as the screen had it last, or not at all; and lines print sharper than pixels.
      const drawn = picture();
      if (drawn === null) return;
      sheet = document.importNode(
        new DOMParser().parseFromString(drawn, "image/svg+xml").documentElement,
        true,
      );
      const [width, height] = ["width", "height"].map((name) => Number(sheet?.getAttribute(name)));
      sheet.setAttribute("width", `${width! * Math.min(1, SHEET / width!, MOST / height!)}`);
      sheet.removeAttribute("height");
      root.querySelector(".scroll")?.append(sheet);
    },
    { signal },
  );
  window.addEventListener(
    "afterprint",
    () => {
      root.removeAttribute("data-printing");
      sheet?.remove();
      redraw(null);
    },
    { signal },
  );
}
