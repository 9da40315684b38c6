"""A training that goes on in a thread of its own: paused, stepped, changed, stopped, waited for."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from torch import nn

from kanwidget.kan.interrupt_safe import InterruptSafeEvent, start_thread
from kanwidget.kan.write_lock import begin_fit, end_fit

from .engine import AtRest, FitResults, Written
from .model_state import ModelState
from .pausable import Pausable
from .settings import TrainingSettings

__all__ = ["TrainingPart", "TrainingRun"]

AWAIT_SECONDS = 0.02
"""Seconds between two looks of ``await run`` whether it has ended."""

WAIT_SECONDS = 0.1
"""Seconds between two calls of what is done while somebody waits."""


Train = Callable[[TrainingSettings, AtRest, Callable[[], bool], Written], FitResults]


class TrainingPart(NamedTuple):
    """The steps of a training that had the same settings.

    Attributes
    ----------
    first : int
        The number of the first of them.
    settings : TrainingSettings
    """

    first: int
    settings: TrainingSettings


class TrainingRun(Pausable):
    """A training of a live model, here or in a background thread.

    Parameters
    ----------
    settings : TrainingSettings
    train : callable
        Trains, ``(settings, at_rest, stop, written) -> FitResults``; see `engine.train`.
    model : Module
        The live model: all parts of the training are one fit of it.
    callback : callable, optional
        ``(step, results)`` after each step, in the thread that trains.
    stop : callable, optional
        Asked during each step: once it is true, the training ends with the step it is in.
    paused : bool
        Whether to wait after the first step.
    check : callable, optional
        Raises an error if the model cannot be trained with some settings.
    look : callable, optional
        Called as ``look(steps, state)`` before the first step with 0, and with each that the model
        gets: how many it has, and what it is then, or None if that has to be read.

    Attributes
    ----------
    settings : TrainingSettings
        Those that were asked for last; ``steps`` counts all of the training.
    parts : list of TrainingPart
        One, and one more for each `change` that has taken effect.
    while_waiting : callable, optional
        Called with nothing, ten times a second, in a thread that waits for the end.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        train: Train,
        model: nn.Module,
        callback: AtRest | None = None,
        stop: Callable[[], bool] | None = None,
        paused: bool = False,
        check: Callable[[TrainingSettings], object] = lambda settings: None,
        look: Callable[[int, ModelState | None], object] = lambda steps, state: None,
    ) -> None:
        super().__init__(paused)
        self.settings = settings
        self.while_waiting: Callable[[], object] | None = None
        self.parts: list[TrainingPart] = []
        self._train, self._callback, self._asked = train, callback, stop
        self._model, self._check, self._look = model, check, look
        self._found = _no_results(), _no_results()  # of the parts that are over; of this one
        self._next: TrainingSettings | None = None  # from the next rest on
        self._ends_part = self._is_closed = False
        self._error: BaseException | None = None
        self._begun = self._has_ended = False
        self._ended = InterruptSafeEvent()
        self._has_thread = False
        self._owner = 0
        self._after: Callable[[], object] = lambda: None

    @property
    def running(self) -> bool:
        """Whether it has begun and not ended; a run that is paused has not ended.

        An interrupt may come before it begins: then it never will.
        """
        return self._begun and not self._has_ended

    @property
    def steps_done(self) -> int:
        """How many steps the model has got."""
        return sum(len(part["train_loss"]) for part in self._found)

    @property
    def results(self) -> FitResults:
        """The losses of the steps until now; see `PruningSession.fit`."""
        return _joined(*self._found)

    @property
    def stopped(self) -> str:
        """Why it ended early, in words; "" if it has not."""
        return self._found[1].stopped

    def losses_at(self, step: int) -> tuple[float, float, float]:
        """Return the train loss, the test loss and the regulariser of a step, from 0."""
        before, now = self._found
        count = len(before["train_loss"])
        part, k = (before, step) if step < count else (now, step - count)
        return part["train_loss"][k], part["test_loss"][k], part["reg"][k]

    @property
    def error(self) -> BaseException | None:
        """What was raised in the training, by a callback or a loss; `wait` raises it."""
        return self._error

    @property
    def is_here(self) -> bool:
        """Whether the thread that asks is the one that trains."""
        return threading.get_ident() == self._owner

    def change(self, **settings: Any) -> TrainingSettings:
        """Go on with other settings after the current step; return all of them.

        What was trained until then and what follows are two parts of one step of the history: an
        optimiser begins anew with each, and `PruningSession.script` says both.

        Parameters
        ----------
        **settings
            As for `PruningSession.fit`: ``opt``, ``lr``, ``lamb``, ``lamb_entropy``,
            ``update_grid``, ``batch``, and ``steps``, of the whole training; what is left out
            stays. With no more steps than it has, it ends.

        Raises
        ------
        ValueError, TypeError
            If they make no sense, or the model cannot be trained so; nothing is changed.
        RuntimeError
            If it has ended.
        """
        with self._lock:
            if self._is_closed or not self.running:
                raise RuntimeError("this training has ended: begin another with fit")
            asked = TrainingSettings.checked(**{**asdict(self.settings), **settings})
            self._check(asked)
            if asked != self.settings:
                self.settings = self._next = asked
            self._tell()
        return asked

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
        if self.is_here and self.running:
            raise RuntimeError("a training cannot wait for itself: call wait() elsewhere")
        end = math.inf if timeout is None else time.monotonic() + timeout
        try:
            while not self._ended.wait(max(0.0, min(WAIT_SECONDS, end - time.monotonic()))):
                if not self.running:
                    break
                if time.monotonic() >= end:
                    raise TimeoutError(
                        f"the training has not ended within {timeout:g} s; it goes on"
                    )
                if self.while_waiting is not None:
                    self.while_waiting()
        except KeyboardInterrupt:
            self.end()
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
        if self.running and not self.is_here:
            self._ended.wait()

    def begin(self, after: Callable[[], object]) -> None:
        """Begin in a thread; ``after`` is called by whoever waits for the end."""
        self._after = after
        try:
            self._begun = self._has_thread = True
            start_thread(self._in_thread, "kanwidget fit")
        except BaseException:
            with self._lock:  # an interrupt came, and the thread may start all the same
                if not self._owner:
                    self._has_ended = True
                    self._ended.set()
            raise

    def work(self) -> FitResults:
        """Train here, in this thread, and return the results."""
        try:
            self._owner = threading.get_ident()
            self._begun = True
            begin_fit(self._model, self)
            self._look(0, None)
            settings: TrainingSettings | None = self.settings
            while settings is not None:
                settings = self._train_part(settings)
        except BaseException as error:
            self._error = error
            raise
        finally:
            try:
                end_fit(self._model, self)
            finally:
                self._has_ended = True  # no interrupt can come before this, as it could in a call
                self._ended.set()
        return self.results

    def _train_part(self, settings: TrainingSettings) -> TrainingSettings | None:
        """Train until the end or the next change; return the settings from there on, or None."""
        first = self.steps_done
        self.parts.append(TrainingPart(first, settings))
        self._ends_part = False
        steps = settings.steps - first
        found = self._train(replace(settings, steps=steps), self._rest, self._is_over, self._count)
        end = found.early_end
        with self._lock:
            changed, self._next = self._next, None
            by_change = self._ends_part and not self._stopped
            if by_change and end is not None and end.reason == "stopped":
                end = None
            found.early_end = None if end is None else replace(end, step=end.step + first)
            self._found = self._found[0], found
            if changed is None or end is not None or changed.steps <= self.steps_done:
                self._is_closed = True
                return None
            self._found = _joined(*self._found), _no_results()
        return changed

    def _count(self, results: FitResults, state: ModelState | None) -> None:
        """Take in the losses of a step, when the live model gets it."""
        self._found = self._found[0], results
        self._look(self.steps_done, state)

    def _is_to_end(self) -> bool:
        """Whether no step is to follow: a change may ask for no more than there are."""
        return self._stopped or (self._next is not None and self._next.steps <= self.steps_done)

    def _is_over(self) -> bool:
        """Whether the present part of the training is to end."""
        if self._asked is not None and self._asked():
            self._stopped = True
        return self._stopped or self._ends_part

    def _in_thread(self) -> None:
        with self._lock:
            if self._has_ended:
                return
            self._owner = threading.get_ident()
        with contextlib.suppress(BaseException):  # `wait` raises it
            self.work()

    def _rest(self, step: int, results: FitResults) -> bool:
        """Be at rest: the live model has the step, and others may act; return whether they may."""
        if self._callback is not None:
            first = self.parts[-1].first
            self._callback(step + first, self.results if first else results)
        self._wait_while_paused()
        with self._lock:
            self._ends_part = self._next is not None
        return self._callback is not None or self._has_thread


def _no_results() -> FitResults:
    return FitResults(train_loss=[], test_loss=[], reg=[])


def _joined(first: FitResults, then: FitResults) -> FitResults:
    """Return a copy of the results of two parts of a training."""
    joined = FitResults({name: [*first.get(name, ()), *then[name]] for name in list(then)})
    joined.early_end = then.early_end
    return joined
