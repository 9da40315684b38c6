"""A Ctrl+C that comes at any moment, once, for tests of what it may leave behind."""

from __future__ import annotations

import signal
import sys
from typing import Any

__all__ = ["Interrupts"]

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

    def _press(self, *_: object) -> None:
        raise KeyboardInterrupt

    def _dropped(self, what: Any) -> None:
        if what.exc_type is KeyboardInterrupt:
            self.after(AGAIN)
        else:
            self._hook(what)
