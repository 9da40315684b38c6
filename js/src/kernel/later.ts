/** Computations that are too long to wait for, a slice at a time between frames. */

/** Milliseconds of one slice: half of a frame is left to the drawing. */
const SLICE = 8;

export interface Later {
  /** Takes on a job in place of the last one of that name. */
  start(name: string, job: Generator): void;
  cancel(name: string): void;
}

/** `finished` is called after a slice in which a job came to its end. */
export function createLater(finished: () => void): Later {
  const jobs = new Map<string, Generator>();
  let waiting = false;

  function schedule(): void {
    if (waiting || jobs.size === 0) return;
    waiting = true;
    setTimeout(slice);
  }

  function slice(): void {
    waiting = false;
    const end = performance.now() + SLICE;
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
    start(name, job) {
      jobs.set(name, job);
      schedule();
    },
    cancel: (name) => {
      jobs.delete(name);
    },
  };
}
