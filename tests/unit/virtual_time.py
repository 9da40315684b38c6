"""An event loop on which waiting takes no time, for tests of what happens after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["run"]

T = TypeVar("T")


class VirtualTime(asyncio.SelectorEventLoop):
    """A loop whose clock moves on to the next timer when nothing is left to do, and only then.

    However slow the machine is, timers ring in the order and at the times for which they were set.
    What other threads do does not move the clock: tests of threads need a real loop.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now, look = 0.0, self._selector.select

        def select(timeout: float | None = None) -> Any:
            found = look(0 if timeout else timeout)
            self._now += 0.0 if found else timeout or 0.0
            return found

        self._selector.select = select

    def time(self) -> float:
        """Return the seconds that have passed on this loop."""
        return self._now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run something to its end, as `asyncio.run` does."""
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        return runner.run(work)
