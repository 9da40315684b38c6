"""What others pause, take a step further and stop, from any thread, between two of its steps."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

__all__ = ["LoopRun", "Pausable"]

LOOK_SECONDS = 0.1
"""Seconds from one look for an interrupt to the next, while it waits."""

_NUMBERS = itertools.count(1)


class Pausable:
    """Something that goes on in steps.

    Parameters
    ----------
    paused : bool
        Whether to wait after the first step.

    Attributes
    ----------
    number : int
        Counts the trainings of this Python process.
    """

    def __init__(self, paused: bool = False) -> None:
        self.number = next(_NUMBERS)
        # No Condition: an interrupt right after it has taken its lock would leave it taken.
        self._lock, self._wake = threading.RLock(), threading.Lock()
        self._wake.acquire()
        self._stopped = self._waits = False
        self._paused = paused
        self._allowed = 0  # steps to take while it is paused

    @property
    def running(self) -> bool:
        """Whether it has not ended; a run that is paused has not."""
        raise NotImplementedError

    @property
    def paused(self) -> bool:
        """Whether it waits, or will do so after the current step."""
        return self.running and self._paused

    @property
    def waits(self) -> bool:
        """Whether it waits now: no step is under way."""
        return self.running and self._waits

    def pause(self) -> None:
        """Wait after the current step, until `resume`, `step` or `stop`."""
        with self._lock:
            self._paused, self._allowed = True, 0

    def resume(self) -> None:
        """Go on."""
        with self._lock:
            self._paused = False
            self._tell()

    def step(self) -> None:
        """Take one step, and wait again."""
        with self._lock:
            if self._paused:
                self._allowed += 1
            self._paused = True
            self._tell()

    def stop(self) -> None:
        """End after the current step, and keep what was trained."""
        with self._lock:
            self._stopped = True
            self._tell()

    def _wait_while_paused(self, show: Callable[[], object] = lambda: None) -> None:
        """Wait between two steps as long as it is paused; ``show`` is called once if it is."""
        try:
            if self._is_to_wait():
                show()  # not under the lock, which others need to let it go on
                while self._is_to_wait():
                    self._wake.acquire(timeout=LOOK_SECONDS)
        finally:
            self._waits = False

    def _is_to_wait(self) -> bool:
        """Return whether it is paused, and note that it waits; else count the step to come."""
        with self._lock:
            self._waits = self._paused and not self._allowed and not self._is_to_end()
            if not self._waits:
                self._allowed = max(0, self._allowed - 1)
            return self._waits

    def _tell(self) -> None:
        """Let the training see what has changed, under the lock."""
        if self._wake.locked():
            self._wake.release()

    def _is_to_end(self) -> bool:
        """Whether no step is to follow."""
        return self._stopped


class LoopRun(Pausable):
    """A training loop of the user's own, as far as a view can act on it.

    Attributes
    ----------
    steps_done : int
        How many steps it has taken.
    thread : int
        The thread that it runs in.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps_done, self.thread = 0, threading.get_ident()
        self._ended = False

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return not self._ended

    @property
    def stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._stopped

    def pause(self) -> None:
        """Wait after the current step, until `resume`, `step` or `stop`.

        Raises
        ------
        RuntimeError
            In the thread of the loop: nothing could ever reach it there while it waits.
        """
        self._check_thread("pause")
        super().pause()

    def step(self) -> None:
        """Take one step, and wait again; see `pause`."""
        self._check_thread("step")
        super().step()

    def rest(self, show: Callable[[], object]) -> None:
        """Count a step, and wait while it is paused; ``show`` is called once if it is."""
        self.steps_done += 1
        self._wait_while_paused(show)

    def end(self) -> None:
        """Note that it has ended."""
        self._ended = True

    def _check_thread(self, what: str) -> None:
        if threading.get_ident() == self.thread:
            raise RuntimeError(
                f"a loop that runs where messages arrive cannot {what}: nothing could let it go on "
                "again; run it in a thread, or stop it"
            )
