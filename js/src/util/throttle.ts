/** A call now, then at most one in each interval, and never a last one lost. */
export interface Throttled {
  call(): void;
  /** Runs at once, whatever the interval says, and forgets what was waiting. */
  flush(): void;
  readonly waiting: boolean;
}

export function throttle(run: () => void, interval: number): Throttled {
  let last = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    last = performance.now();
    run();
  };
  return {
    call() {
      if (timer !== undefined) return;
      const rest = last + interval - performance.now();
      if (rest <= 0) flush();
      else timer = setTimeout(flush, rest);
    },
    flush,
    get waiting() {
      return timer !== undefined;
    },
  };
}
