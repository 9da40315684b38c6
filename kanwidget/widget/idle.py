"""Work in small steps, done while no message waits."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from .ipython_cells import ipython_shell

__all__ = ["IdleTask", "acting_loop"]

SLICE_SECONDS = 0.04
"""Seconds of work before the loop is given a turn."""


def acting_loop() -> tuple[asyncio.AbstractEventLoop | None, int | None]:
    """Return the loop that acts for a widget that is made here, and its thread's number.

    In a thread without a loop that is the notebook kernel's, on which cells run and messages come.
    """
    with contextlib.suppress(RuntimeError):
        return asyncio.get_running_loop(), threading.get_ident()
    kernel = getattr(ipython_shell(), "kernel", None)
    loop = getattr(getattr(kernel, "io_loop", None), "asyncio_loop", None)
    if loop is not None and loop.is_running():
        return loop, threading.main_thread().ident
    return None, threading.get_ident()


class IdleTask:
    """Runs an iterator's steps on an event loop, some time after it was last asked to.

    Parameters
    ----------
    loop : event loop or None
        Without one, nothing is done before `finish`.
    work : callable
        Returns the iterator: each step is a small piece of work, and gives the seconds to wait
        before the next as a float, or anything else to go on at once.
    owner : int, optional
        The loop's thread, by default this one.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None,
        work: Callable[[], Iterator[object]],
        owner: int | None = None,
    ) -> None:
        self._loop, self._make = loop, work
        self._work: Iterator[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._asked = False
        self._longest = 0.0  # step of the last run, in seconds
        self._owner = threading.get_ident() if owner is None else owner

    @property
    def runs(self) -> bool:
        """Whether there is a loop that will come to the work by itself."""
        return self._loop is not None and not self._loop.is_closed()

    @property
    def pending(self) -> bool:
        """Whether there is work left."""
        return self._asked or self._work is not None

    def ask(self, delay: float) -> None:
        """Begin anew, after some seconds; what is under way is dropped.

        Work that has long steps waits longer, lest the next message should wait for it.
        """
        if self._loop is not None and self.runs and threading.get_ident() != self._owner:
            self._loop.call_soon_threadsafe(self.ask, delay)
            return
        self.drop()
        self._asked = True
        if self._loop is not None and self.runs:
            self._timer = self._loop.call_later(delay + 2 * self._longest, self._turn)

    def drop(self) -> None:
        """Do nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._work, self._asked = None, None, False

    def finish(self) -> None:
        """Do all that is left now."""
        if self.pending:
            work = self._work or self._make()
            self.drop()
            for pause in work:
                if isinstance(pause, float):  # it may take longer than anybody waits
                    break

    def _turn(self) -> None:
        if self._work is None:
            self._asked, self._work = False, self._make()
            self._longest *= 0.9  # what was slow once need not stay so
        work, start = self._work, time.perf_counter()
        end = start + SLICE_SECONDS
        try:
            pause = 0.002
            for pause_after in work:
                now = time.perf_counter()
                self._longest, start = max(self._longest, now - start), now
                if self._work is not work:  # asked anew, or dropped, meanwhile
                    return
                if isinstance(pause_after, float):
                    pause = pause_after
                    break
                if now > end:
                    break
            else:
                self._work = None
                return
        except BaseException:
            if self._work is work:  # it is over, and not still to be done
                self._work = None
            raise
        if self._loop is not None and self.runs:
            self._timer = self._loop.call_later(pause, self._turn)
