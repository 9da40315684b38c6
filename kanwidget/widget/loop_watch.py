"""Lets a view follow a training loop of the user's own, and makes one step of the whole loop."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from torch import nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from kanwidget.kan.write_lock import begin_fit, end_fit
from kanwidget.session import PruningSession
from kanwidget.training.pausable import LoopRun

from .idle import acting_loop

__all__ = ["LoopWatch"]

Batch = TypeVar("Batch")

SHOW_SECONDS = 0.1
"""Seconds from one picture of a loop to the next, at least."""

MAX_SHARE = 0.03
"""Share of a loop's time that showing it may take, with room for what is not measured."""

WAIT_SECONDS = 0.5
"""Seconds that a loop in another thread waits for the thread that acts for the widget."""


class _StopLoop(BaseException):
    """Ends what trains in `LoopWatch.watching`, which takes it; no ``except Exception`` does."""


class LoopWatch:
    """Shows a model now and then while a loop trains it, and lets views pause and stop the loop.

    Parameters
    ----------
    model : callable
        Returns the model that is trained, a RuntimeError if there is none any more.
    show : callable
        Brings history and views up to the model as it is.
    session : PruningSession
    """

    def __init__(
        self,
        model: Callable[[], nn.Module],
        show: Callable[[], object],
        session: PruningSession,
    ) -> None:
        self._model, self._show, self._session = model, show, session
        self._loop, self._owner = acting_loop()
        self._next = 0.0  # when the model may be shown again, as `time.perf_counter` counts

    def show_step(self, *_: object) -> None:
        """Show the model if it is time to; between two steps of a training, when it is whole."""
        start = time.perf_counter()
        if start < self._next:
            return
        self._act(self._show)
        end = time.perf_counter()
        self._next = end + max(SHOW_SECONDS, (end - start) / MAX_SHARE)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Show the model after steps of any optimiser of its parameters, in this thread.

        A view that stops it ends what is done in here, after such a step.
        """
        with self._loop_run(self._model()) as loop:

            def stepped(optimizer: Optimizer, *_: Any) -> None:
                if threading.get_ident() != loop.thread or not _trains(optimizer, model):
                    return
                self._rest(loop)
                if loop.stopped:
                    raise _StopLoop

            model = self._model()
            hook = register_optimizer_step_post_hook(stepped)
            try:
                yield
            except _StopLoop:
                pass
            finally:
                hook.remove()

    @contextlib.contextmanager
    def _loop_run(self, model: nn.Module) -> Iterator[LoopRun]:
        """Make one step of the history of all that is trained meanwhile."""
        self._act(self._show)  # what was done before is a step of its own
        self._next = time.perf_counter() + SHOW_SECONDS
        loop = self._session.loop = LoopRun()
        try:
            begin_fit(model, loop)
            yield loop
        finally:
            try:
                loop.end()
            finally:
                end_fit(model, loop)
            self._act(self._show)

    def _rest(self, loop: LoopRun) -> None:
        """Be between two steps: show the model, and wait as long as a view has paused the loop."""
        self.show_step()
        loop.rest(lambda: self._act(self._show))

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Return the batches one by one, and show the model after what was done with each."""
        self._model()  # or an error now, rather than at the first batch
        return self._watched(batches)

    def _watched(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        with self._loop_run(self._model()) as loop:
            for batch in batches:
                yield batch
                self._rest(loop)
                if loop.stopped:
                    return

    def _act(self, act: Callable[[], object]) -> None:
        """Do something in the thread that acts for the widget, and wait for it, but not for long.

        That thread may be busy with a cell which waits for this one.
        """
        loop, here = self._loop, threading.get_ident()
        if here == self._owner or loop is None or loop.is_closed():
            act()
            return
        done = threading.Event()
        given_up = False

        def work() -> None:
            try:
                if not given_up:
                    act()
            finally:
                done.set()

        loop.call_soon_threadsafe(work)
        given_up = not done.wait(WAIT_SECONDS)


def _trains(optimizer: Optimizer, model: nn.Module) -> bool:
    """Whether an optimiser moves a parameter of a model."""
    moved = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return any(id(parameter) in moved for parameter in model.parameters())
