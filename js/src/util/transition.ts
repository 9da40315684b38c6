/** How what has moved comes to rest: boxes in their new places, and the page below the stage. */

const EASE_FOR = 220;

/** Fast, then slow; 1 when it has arrived. */
export const progress = (since: number, now: number) =>
  1 - (1 - Math.min(1, Math.max(0, now - since) / EASE_FOR)) ** 3;

export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A number that moves smoothly to its goal, and jumps to it when the page changes. */
export function createSlideTransition() {
  let at: { goal: number; page: string; from: number; since: number } | null = null;
  return (goal: number, page: string, time: number): { value: number; moving: boolean } => {
    const before = at?.page === page ? at : null;
    if (at === null || before === null || before.goal !== goal) {
      const from = before ? mixed(before, time) : goal;
      at = { goal, page, from: isCalm() ? goal : from, since: time };
    }
    const value = mixed(at, time);
    return { value, moving: value !== goal };
  };
}

function mixed({ goal, from, since }: { goal: number; from: number; since: number }, time: number): number {
  return Math.round(from + (goal - from) * progress(since, time));
}
