"""Hands runs to an executor, and takes in what comes back, in whatever order."""

from __future__ import annotations

import queue
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress

from .executors import ExecutorSource, give_back, most_in_flight
from .run import Result
from .train_run import Interrupted, this_process, train_runs

__all__ = ["Distribution"]

MOST_ATTEMPTS = 3
"""How often a run is tried whose worker dies."""

MOST_TOGETHER = 16
"""How many runs go to a worker at once, if they are short."""

SECONDS_TOGETHER = 0.02
"""How long runs that go to a worker at once may take by what the last ones took."""

RECENT = 32
"""How many runs count as the last ones; before there are so many, each goes alone."""


class Distribution:
    """Runs under way on an executor.

    To hand a run over and take it in costs half a millisecond; so of runs that take less than
    some, several go to a worker at once.

    When a worker dies, an executor may lose all that was handed to it. What was lost is handed
    over once more. What is lost a second time is then done alone, one run after the other, so that
    a run that ends its worker cannot take others with it.

    An example. Run 7 needs more memory than there is, and ends its worker; 6, 7 and 8 are lost
    with it. All three are handed over again, and lost again. Now each of them is done alone: 6 and
    8 end well, and 7 ends its worker a third time. It becomes a row with an error.

    Parameters
    ----------
    runs : dict of int to bytes
        Pickled settings by the number of the run.
    shared : bytes
        What all of them need; see `train_runs`.
    source : callable
        Gives the executor; asked again when that breaks.
    report : callable
        Called with a number and a `Result` for each run that has ended, in one thread.
    """

    def __init__(
        self,
        runs: Mapping[int, bytes],
        shared: bytes,
        source: ExecutorSource,
        report: Callable[[int, Result], object],
    ) -> None:
        self._runs, self._shared, self._source, self._report = runs, shared, source, report
        self._waiting = deque(runs)
        self._alone: deque[int] = deque()
        self._attempts: Counter[int] = Counter()
        self._futures: dict[Future[list[Result]], list[int]] = {}
        self._ended: queue.SimpleQueue[Future[list[Result]] | None] = queue.SimpleQueue()
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self._stopped = False

    def stop(self) -> None:
        """Let `run` end soon; what has ended by then is reported. Any thread may call it."""
        self._stopped = True
        self._ended.put(None)

    def run(self) -> None:
        """Do all runs; return when all of them have ended, or after `stop`.

        Raises
        ------
        RuntimeError
            If the executor broke and there is no other.
        """
        executor = self._source()
        limit = most_in_flight(executor, len(self._shared))
        try:
            while not self._stopped and (self._waiting or self._alone or self._futures):
                numbers = self._next(limit)
                if numbers:
                    executor = self._submit(numbers, executor)
                self._take_in(wait=not numbers)
        finally:
            self._leave(executor)

    def _next(self, limit: int) -> list[int]:
        """Return the runs to hand over now, if any."""
        if self._waiting and len(self._futures) < limit:
            count = min(self._together(), len(self._waiting))
            return [self._waiting.popleft() for _ in range(count)]
        if self._alone and not (self._waiting or self._futures):
            return [self._alone.popleft()]
        return []

    def _together(self) -> int:
        """Return how many runs to hand over at once."""
        if len(self._seconds) < RECENT:
            return 1
        mean = sum(self._seconds) / RECENT
        return max(1, int(min(MOST_TOGETHER, SECONDS_TOGETHER / mean)))

    def _submit(self, numbers: list[int], executor: Executor) -> Executor:
        """Hand runs over; return the executor, which is a new one if the given one is broken."""
        settings, sender = [self._runs[number] for number in numbers], this_process()
        try:
            future = executor.submit(train_runs, self._shared, settings, sender)
        except BrokenExecutor as error:
            renewed = self._source()
            if renewed is executor and not self._stopped:
                raise RuntimeError(
                    f"the executor is broken ({error}), and takes no more runs; what has ended is "
                    "kept. Call sweep with a new executor, or with a function that makes one, and "
                    "with folder= to go on from there"
                ) from error
            executor = renewed
            future = executor.submit(train_runs, self._shared, settings, sender)
        self._futures[future] = numbers
        future.add_done_callback(self._ended.put)
        return executor

    def _take_in(self, wait: bool) -> None:
        """Take in what has ended; wait for the next to end if asked to."""
        with suppress(queue.Empty):
            future = self._ended.get(block=wait)
            while True:
                if future is not None and future in self._futures:
                    self._take_in_one(self._futures.pop(future), future)
                future = self._ended.get(block=False)

    def _take_in_one(self, numbers: list[int], future: Future[list[Result]]) -> None:
        try:
            results = future.result()
        except (BrokenExecutor, CancelledError, Interrupted) as error:
            for number in numbers:
                self._repeat(number, error)
            return
        except Exception as error:  # such as Dask's KilledWorker, after attempts of its own
            results = [Result(error=f"{type(error).__name__}: {error}")] * len(numbers)
        for number, result in zip(numbers, results, strict=True):
            self._report(number, result)
            if not result.error:
                self._seconds.append(result.seconds)

    def _repeat(self, number: int, error: BaseException) -> None:
        self._attempts[number] += 1
        attempts = self._attempts[number]
        if attempts >= MOST_ATTEMPTS:
            words = f"its worker died {attempts} times: {type(error).__name__} {error}"
            self._report(number, Result(error=words.strip()))
        elif attempts > 1:
            self._alone.append(number)
        else:
            self._waiting.append(number)

    def _leave(self, executor: Executor) -> None:
        """Report what has ended, and take back the rest."""
        try:
            self._take_in(wait=False)
        finally:
            for future in self._futures:
                future.cancel()
            give_back(self._source, executor, busy=any(not f.done() for f in self._futures))
