"""A training that goes on in a thread of its own: paused, stepped, stopped and waited for."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from .engine import AtRest, FitResults
from .settings import TrainingSettings

__all__ = ["TrainingRun"]

AWAIT_SECONDS = 0.02
"""Seconds between two looks of ``await run`` whether it has ended."""

WAIT_SECONDS = 0.1
"""Seconds between two calls of what is done while somebody waits."""

_NUMBERS = itertools.count(1)


class TrainingRun:
    """A training of a live model, here or in a background thread.

    Parameters
    ----------
    settings : TrainingSettings
    train : callable
        Trains, ``(at_rest, stop) -> FitResults``; see `engine.train`.
    callback : callable, optional
        ``(step, results)`` after each step, in the thread that trains.
    paused : bool
        Whether to wait after the first step.

    Attributes
    ----------
    settings : TrainingSettings
    number : int
        Counts the trainings of this Python process.
    while_waiting : callable, optional
        Called with nothing, ten times a second, in a thread that waits for the end.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        train: Callable[[AtRest, Callable[[], bool]], FitResults],
        callback: AtRest | None = None,
        paused: bool = False,
    ) -> None:
        self.settings, self.number = settings, next(_NUMBERS)
        self.while_waiting: Callable[[], object] | None = None
        self._train, self._callback = train, callback
        self._results = FitResults(train_loss=[], test_loss=[], reg=[])
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._stopped = self._waits = False
        self._paused = paused
        self._allowed = 0  # steps to take while it is paused
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._owner = 0
        self._after: Callable[[], object] = lambda: None

    @property
    def running(self) -> bool:
        """Whether it has not ended; a run that is paused has not."""
        return not self._ended.is_set()

    @property
    def paused(self) -> bool:
        """Whether it waits, or will do so after the step in hand."""
        return self.running and self._paused

    @property
    def waits(self) -> bool:
        """Whether it waits now: no step is in hand."""
        return self.running and self._waits

    @property
    def steps_done(self) -> int:
        """How many steps the model has got."""
        return len(self._results["train_loss"])

    @property
    def results(self) -> FitResults:
        """The losses of the steps until now; see `PruningSession.fit`."""
        found = self._results
        copied = FitResults({name: list(values) for name, values in list(found.items())})
        copied.stopped = found.stopped
        return copied

    @property
    def error(self) -> BaseException | None:
        """What was raised in the training, by a callback or a loss; `wait` raises it."""
        return self._error

    @property
    def is_here(self) -> bool:
        """Whether the thread that asks is the one that trains."""
        return threading.get_ident() == self._owner

    def pause(self) -> None:
        """Wait after the step in hand, until `resume`, `step` or `stop`."""
        with self._changed:
            self._paused, self._allowed = True, 0

    def resume(self) -> None:
        """Go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def step(self) -> None:
        """Take one step, and wait again."""
        with self._changed:
            if self._paused:
                self._allowed += 1
            self._paused = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End after the step in hand, and keep what was trained."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> FitResults:
        """Wait until it has ended, and return its results.

        An interrupt stops it. A run that is paused goes on waiting: give a ``timeout`` then.

        Parameters
        ----------
        timeout : float, optional
            Seconds; by default as long as it takes.

        Raises
        ------
        TimeoutError
            If it has not ended by then; it goes on.
        Exception
            Whatever was raised in the training, by a callback or a loss of one's own.
        """
        if self.is_here:
            raise RuntimeError("a training cannot wait for itself: call wait() elsewhere")
        end = math.inf if timeout is None else time.monotonic() + timeout
        try:
            while not self._ended.wait(max(0.0, min(WAIT_SECONDS, end - time.monotonic()))):
                if time.monotonic() >= end:
                    raise TimeoutError(
                        f"the training has not ended within {timeout:g} s; it goes on"
                    )
                if self.while_waiting is not None:
                    self.while_waiting()
        except KeyboardInterrupt:
            self.stop()
            self._ended.wait()
        self._after()
        if self._error is not None:
            raise self._error
        return self.results

    def __await__(self) -> Generator[Any, None, FitResults]:
        """Wait until it has ended while other tasks of the event loop run."""
        while self.running:
            yield from asyncio.sleep(AWAIT_SECONDS).__await__()
        return self.wait()

    def __repr__(self) -> str:
        now = "ended" if not self.running else "paused" if self._paused else "running"
        return f"TrainingRun({now}, {self.steps_done} of {self.settings.steps} steps)"

    def end(self) -> None:
        """Stop, and wait until it has ended; in the thread that trains do not wait."""
        self.stop()
        if not self.is_here:
            self._ended.wait()

    def begin(self, after: Callable[[], object]) -> None:
        """Begin in a thread; ``after`` is called by whoever waits for the end."""
        self._after = after
        self._thread = threading.Thread(target=self._in_thread, name="kanwidget fit", daemon=True)
        self._thread.start()

    def work(self) -> FitResults:
        """Train here, in this thread, and return the results."""
        self._owner = threading.get_ident()
        try:
            self._results = self._train(self._rest, lambda: self._stopped)
        except BaseException as error:
            self._error = error
            raise
        finally:
            self._ended.set()
        return self._results

    def _in_thread(self) -> None:
        with contextlib.suppress(BaseException):  # `wait` raises it
            self.work()

    def _rest(self, step: int, results: FitResults) -> bool:
        """Be at rest: the live model has the step, and others may act; return whether they may."""
        self._results = results
        if self._callback is not None:
            self._callback(step, results)
        with self._changed:
            while self._paused and not self._stopped:
                if self._allowed:
                    self._allowed -= 1
                    break
                self._waits = True
                self._changed.wait()
            self._waits = False
        return self._callback is not None or self._thread is not None
