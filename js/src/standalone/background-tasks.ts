/** Computations that are too long to wait for, a slice at a time between frames. */

/** Milliseconds of one slice: half of a frame is left to the drawing. */
const SLICE_MS = 8;

export interface BackgroundTask {
  /** Takes on a job in place of the last one of that name; what is urgent comes before all others. */
  start(name: string, job: Generator, urgent?: boolean): void;
  cancel(name: string): void;
}

/** `finished` is called after a slice in which a job came to its end; nothing is done until `quietMs` ms after a start. */
export function createBackgroundTask(finished: () => void, quietMs = 0): BackgroundTask {
  const jobs = new Map<string, Generator>();
  let waiting = false;
  let quietUntil = 0;

  function schedule(): void {
    if (waiting || jobs.size === 0) return;
    waiting = true;
    setTimeout(slice, Math.max(0, quietUntil - performance.now()));
  }

  function slice(): void {
    waiting = false;
    if (performance.now() < quietUntil) {
      schedule();
      return;
    }
    const end = performance.now() + SLICE_MS;
    let any = false;
    for (const [name, job] of jobs) {
      let done = false;
      while (!done && performance.now() < end) done = job.next().done === true;
      if (!done) break;
      jobs.delete(name);
      any = true;
    }
    schedule();
    if (any) finished();
  }

  return {
    start(name, job, urgent = false) {
      const others = urgent ? [...jobs] : [];
      if (urgent) jobs.clear();
      jobs.set(name, job);
      for (const [other, its] of others) if (other !== name) jobs.set(other, its);
      quietUntil = quietMs > 0 ? performance.now() + quietMs : 0;
      schedule();
    },
    cancel: (name) => {
      jobs.delete(name);
    },
  };
}
