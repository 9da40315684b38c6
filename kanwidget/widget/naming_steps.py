"""The names that a search found for a network, in order, and how many of them it has now."""

from __future__ import annotations

import weakref
from typing import Any

from kanwidget.formula.naming_search import NamingStep
from kanwidget.masks.ids import edges_where
from kanwidget.session import PruningSession
from kanwidget.session.naming_results import NamingResult
from kanwidget.session.naming_run import NamingRun

from .naming_payload import naming_state

__all__ = ["NamingSteps"]


class NamingSteps:
    """The last search for all names of one session, and the steps of the history it has led to."""

    def __init__(self) -> None:
        self._run: NamingRun[NamingResult] | None = None
        self._count: int | None = None  # of the names that were asked for, None for all
        self._tolerance = 0.05
        self._edges = 0
        self._steps: list[NamingStep] = []
        self._loss_start: float | None = None
        self._commands: dict[int, int] = {}  # by how many names

    @classmethod
    def of(cls, session: PruningSession) -> NamingSteps:
        """Return those of a session."""
        return _STEPS.setdefault(session, cls())

    @property
    def running(self) -> bool:
        """Whether a search is under way, or what it found is still to be taken."""
        return self._run is not None and self._run.running

    def begin(self, session: PruningSession, tolerance: float) -> None:
        """Begin to look for names for all curves."""
        on = [edge for edge in edges_where(session.mask) if edge not in session.names]
        if not on:
            raise ValueError("all curves that are on have names already")
        run = session.start_name_all(tolerance)
        self._run, self._count, self._tolerance = run, None, tolerance
        self._edges = len(on)
        self._steps, self._loss_start = [], session.loss
        self._commands = {0: session.history.current.id}

    def stop(self) -> None:
        """End the search, and take what was found."""
        if not self.running:
            raise ValueError("no search for names is under way")
        assert self._run is not None
        self._run.stop()

    def keep(self, session: PruningSession, count: int) -> None:
        """Go to the network with the first so many names."""
        if self.running:
            raise ValueError("names are still being looked for: stop that first")
        if not self._commands or not 0 <= count <= len(self._steps):
            raise ValueError(f"there are {len(self._steps)} names to keep, not {count}")
        known = self._commands.get(count)
        session.jump(self._commands[0] if known is None else known)
        if known is None:
            run = session.start_name_all(self._tolerance, most_names=count)
            self._run, self._count = run, count

    def take(self, session: PruningSession, wait: bool = False) -> bool:
        """Let the model have what was found, if the search has ended; tell if it has now.

        With ``wait`` the search is waited for.
        """
        run = self._run
        if run is None or not run.running or (run.searching and not wait):
            return False
        result = run.wait()
        if self._count is None:
            self._steps = run.steps
        here = session.history.current
        if result is not None and here.kind == "name_all":
            self._commands[len(self._steps) if self._count is None else self._count] = here.id
        return True

    def state(self, session: PruningSession) -> dict[str, Any]:
        """Return what a view reads of it; see `naming_payload.naming_state`."""
        run = self._run
        if run is None:
            return {}
        steps = run.steps if self._count is None else self._steps
        now = session.history.current.id
        at = next((count for count, id in self._commands.items() if id == now), -1)
        return naming_state(
            run, steps, self._tolerance, self._edges, self._loss_start, at, self._count
        )


_STEPS: weakref.WeakKeyDictionary[PruningSession, NamingSteps] = weakref.WeakKeyDictionary()
