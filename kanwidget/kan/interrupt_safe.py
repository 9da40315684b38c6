"""Threads that are begun and waited for, and which a Ctrl+C at any moment leaves whole."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable

__all__ = ["InterruptSafeEvent", "start_thread"]

LOOK_SECONDS = 0.1
"""Seconds from one look to the next, for the case that an interrupt kept the lock."""


class InterruptSafeEvent:
    """Something that happens once, which threads wait for as for a `threading.Event`.

    That one has a lock which it takes in Python: where an interrupt follows at once nobody gives
    it back, and whoever sets the event or waits for it then waits for ever. Here a flag decides;
    the lock only wakes those who wait.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._held_until_set = threading.Lock()
        self._held_until_set.acquire()

    def is_set(self) -> bool:
        """Return whether it has happened."""
        return self._is_set

    def set(self) -> None:
        """Note that it has happened, and wake all who wait."""
        self._is_set = True
        with contextlib.suppress(RuntimeError):  # it was set before
            self._held_until_set.release()

    def wait(self, timeout: float = math.inf) -> bool:
        """Wait until it happens, or as many seconds; return whether it has happened."""
        end = time.monotonic() + timeout
        while not self._is_set and (left := end - time.monotonic()) > 0:
            if self._held_until_set.acquire(timeout=min(left, LOOK_SECONDS)):
                self._held_until_set.release()
        return self._is_set


def start_thread(work: Callable[[], object], name: str) -> None:
    """Do something in a thread, which ends with the process.

    Raises
    ------
    KeyboardInterrupt
        Where Python itself sometimes raises another error. The thread may begin all the same.
    """
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except RuntimeError as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise
