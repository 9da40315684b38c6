"""A Ctrl+C that comes at any moment, once, for tests of what it may leave behind."""

from __future__ import annotations

import signal
import sys
from typing import Any

__all__ = ["InterruptAfterCall", "Interrupts"]

AGAIN = 0.001
"""Seconds until one more, when the last was dropped."""

LATER = 10.0
"""Seconds until one more in any case: far more than it takes to clean up after the first."""


class Interrupts:
    """Raises KeyboardInterrupt in the main thread after a while, until `stop`.

    Python drops what is raised in a destructor. Then there is another at once, but none while
    somebody still cleans up after one that was not dropped, however slow the machine is.
    """

    def __init__(self) -> None:
        self._limit = signal.setitimer(signal.ITIMER_REAL, 0)  # the test's own
        self._handler = signal.signal(signal.SIGALRM, self._press)
        self._hook, sys.unraisablehook = sys.unraisablehook, self._dropped

    def after(self, seconds: float) -> None:
        """Raise one in so many seconds; 0 raises none any more."""
        signal.setitimer(signal.ITIMER_REAL, seconds, LATER)

    def stop(self) -> None:
        """Raise none any more, and leave everything as it was."""
        self.after(0)
        sys.unraisablehook = self._hook
        signal.signal(signal.SIGALRM, self._handler)
        signal.setitimer(signal.ITIMER_REAL, *self._limit)

    def _press(self, *_: object) -> None:
        raise KeyboardInterrupt

    def _dropped(self, what: Any) -> None:
        if what.exc_type is KeyboardInterrupt:
            self.after(AGAIN)
        else:
            self._hook(what)


class InterruptAfterCall:
    """Raises KeyboardInterrupt after a call of a function in C: Python notices a Ctrl+C there.

    As a context it takes that one in.

    Parameters
    ----------
    number : int
        After which one of those that this thread makes from `begin` on, counted from 1.

    Attributes
    ----------
    came : bool
        Whether there was one.
    """

    def __init__(self, number: int) -> None:
        self.came, self._left = False, number

    def begin(self) -> None:
        """Count from here on."""
        sys.setprofile(self._count)

    def __enter__(self) -> InterruptAfterCall:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        sys.setprofile(None)
        return kind is KeyboardInterrupt

    def _count(self, _: object, event: str, function: object) -> None:
        if event == "c_return" and function is not sys.setprofile:
            self._left -= 1
            if self._left == 0:
                self.came = True
                sys.setprofile(None)
                raise KeyboardInterrupt
