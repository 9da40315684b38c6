"""A search for names in a thread of its own; who owns the model takes what it has found."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Generic, TypeVar

from kanwidget.formula.name_all import Naming
from kanwidget.formula.naming_search import NamingStep
from kanwidget.kan.interrupt_safe import InterruptSafeEvent, start_thread

__all__ = ["NamingRun", "Search"]

Search = Callable[[Callable[[], bool] | None, Callable[[NamingStep], object] | None], Naming]

Result = TypeVar("Result")

_NUMBERS = itertools.count(1)


class NamingRun(Generic[Result]):
    """A search for names in a background thread; see `PruningSession.start_name_all`.

    Parameters
    ----------
    search : callable
        ``(stop, progress) -> Naming``, on a copy of the model.
    take : callable
        Makes a step of the history of what was found.

    Attributes
    ----------
    number : int
        Counts the searches of this Python process.
    result : NamingResult or None
        What came of it, once it was taken.
    error : Exception or None
        What was raised by the search, or when its names were taken.
    """

    def __init__(self, search: Search, take: Callable[[Naming], Result]) -> None:
        self.number = next(_NUMBERS)
        self.result: Result | None = None
        self.error: Exception | None = None
        self._search, self._take = search, take
        self._steps: list[NamingStep] = []
        self._found: Naming | None = None
        self._stopped = self._taken = False
        self._ended = InterruptSafeEvent()

    @property
    def running(self) -> bool:
        """Whether it searches, or what it has found is still to be taken."""
        return not self._taken

    @property
    def searching(self) -> bool:
        """Whether it still searches."""
        return not self._ended.is_set()

    @property
    def steps(self) -> list[NamingStep]:
        """The names found so far, in order."""
        return list(self._steps)

    def begin(self) -> None:
        """Begin to search, in a thread."""
        try:
            start_thread(self._work, "kanwidget naming")
        except BaseException:  # an interrupt came, and the thread may start all the same
            self._stopped = self._taken = True
            self._ended.set()
            raise

    def stop(self) -> None:
        """End the search soon; what is best so far is taken."""
        self._stopped = True

    def take(self) -> Result | None:
        """Let the model have the names, if the search has ended; None if it has not, or failed.

        For the thread that owns the model. `error` tells what was wrong.
        """
        if self.searching or self._taken:
            return self.result
        self._taken = True
        try:
            if self._found is not None:
                self._steps = list(self._found.steps)
                self.result = self._take(self._found)
        except Exception as error:
            self.error = error
        return self.result

    def wait(self) -> Result | None:
        """Wait for the search, and take the names; an interrupt ends the search."""
        try:
            self._ended.wait()
        except KeyboardInterrupt:
            self.stop()
            self._ended.wait()
        return self.take()

    def _work(self) -> None:
        try:
            self._found = self._search(lambda: self._stopped, self._steps.append)
        except Exception as error:  # told by whoever takes the names
            self.error = error
        finally:
            self._ended.set()
