/** How many of the first hints a person has seen on this computer: the browser keeps it where it keeps anything. */

const KEY = "kanwidget.hints";

/** Where it refuses to: as long as the page is open. */
let seenHere = 0;

export function hintsSeen(): number {
  try {
    return Math.max(seenHere, Number(localStorage.getItem(KEY)) || 0);
  } catch {
    return seenHere;
  }
}

export function keepHintsSeen(count: number): void {
  try {
    localStorage.setItem(KEY, `${count}`);
  } catch {
    // Private windows, frames without rights and full disks do.
    seenHere = count;
  }
}
