"""Finds out what might name curves, and writes the formula, in a thread that nothing waits for."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kanwidget.masks.ids import Edge
from kanwidget.session import PruningSession

from .function_tables import MAX_TABLE_EDGES
from .naming_payload import EdgeNames, FormulaText
from .naming_trials import NamingTrials

__all__ = ["FormulaWish", "NamingWork"]

MAX_EDGES = 8
"""Edges whose names are looked for at once: those that were selected last."""


@dataclass(frozen=True)
class FormulaWish:
    """How a view wants the formula written."""

    digits: int
    exact: bool
    in_vars: tuple[str, ...]
    out_vars: tuple[str, ...]


class NamingWork:
    """What is known of names for one session's model as it is now; shared by all its widgets.

    All is computed on a private copy. What belongs to a model that has changed meanwhile is
    dropped.
    """

    _of: ClassVar[weakref.WeakKeyDictionary[PruningSession, NamingWork]] = (
        weakref.WeakKeyDictionary()
    )

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: Hashable = None
        self._trials: Callable[[], NamingTrials] | None = None
        self._edges: tuple[Edge, ...] = ()
        self._wish: FormulaWish | None = None
        self._names: dict[Edge, EdgeNames] = {}
        self._texts: dict[FormulaWish, FormulaText] = {}
        self._thread: threading.Thread | None = None
        self.version = 0
        """Changes with what is known."""

    @classmethod
    def of(cls, session: PruningSession) -> NamingWork:
        """Return what is known of a session."""
        return cls._of.setdefault(session, cls())

    @property
    def busy(self) -> bool:
        """Whether there is more to come."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def follow(
        self, session: PruningSession, edges: Sequence[Edge], wish: FormulaWish | None
    ) -> None:
        """Find out what is missing of some edges' names and of the formula."""
        on = [edge for edge in edges if session.mask[edge[0]][edge[2], edge[1]]]
        key = session.baseline.number, session.state
        with self._lock:
            if key != self._key:
                self._key, self._names, self._texts, self._trials = key, {}, {}, None
                self.version += 1
            self._edges = tuple(on[::-1][:MAX_EDGES])
            self._wish = wish or self._wish
            due = self._next_job() is not None
            if due and self._trials is None:
                self._trials = _trials_on_copy(session)
            start = due and not self.busy
        if start:
            self._thread = threading.Thread(target=self._work, name="kanwidget names", daemon=True)
            self._thread.start()

    def names(self, edges: Sequence[Edge]) -> list[EdgeNames]:
        """Return what is known of edges, in their order."""
        with self._lock:
            return [
                replace(self._names[e], rows=list(self._names[e].rows))
                for e in edges
                if e in self._names
            ]

    def text(self, wish: FormulaWish | None) -> FormulaText | None:
        """Return the formula as it was wished for; None if it is not yet written."""
        with self._lock:
            found = self._texts.get(wish) if wish else None
            return found and replace(found)

    def wait(self) -> None:
        """Wait until all is known."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _next_job(self) -> tuple[str, object] | None:
        """Return what is to be found out next; the lock is held."""
        for edge in self._edges:
            if edge not in self._names:
                return "names", edge
        if self._wish is not None and self._wish not in self._texts:
            return "formula", self._wish
        for edge in self._edges:
            names = self._names[edge]
            for row in names.rows:
                if names.busy and row.losses is None:
                    return "losses", edge
        if self._wish is not None and self._texts[self._wish].busy:
            return "costs", self._wish
        return None

    def _work(self) -> None:
        made: tuple[Hashable, NamingTrials] | None = None
        while True:
            with self._lock:
                key, make, job = self._key, self._trials, self._next_job()
                if job is None or make is None:
                    self._thread = None
                    return
            try:
                if made is None or made[0] != key:
                    made = key, make()
                done = self._do(made[1], *job)
            except Exception as error:  # nobody would see a traceback
                done = self._failed(job, error)
            with self._lock:
                if self._key == key:
                    done()
                    self.version += 1

    def _do(self, trials: NamingTrials, kind: str, of: object) -> Callable[[], None]:
        """Find something out; return what writes it down."""
        if kind == "names":
            names = trials.candidates(of)  # type: ignore[arg-type]
            return lambda: self._names.__setitem__(names.edge, names)
        if kind == "formula":
            assert isinstance(of, FormulaWish)
            text = trials.formula(of.in_vars, of.out_vars, of.digits, of.exact)
            return lambda: self._texts.__setitem__(of, text)
        if kind == "costs":
            assert isinstance(of, FormulaWish)
            costed = replace(self._texts[of], busy=False)
            trials.costs_of_names(costed)
            return lambda: self._texts.__setitem__(of, costed)
        names = self._names[of]  # type: ignore[index]
        row = next(row for row in names.rows if row.losses is None)
        losses = trials.losses(names.edge, row.curve)

        def note() -> None:
            row.losses = losses
            names.busy = losses is not None and any(r.losses is None for r in names.rows)

        return note

    def _failed(self, job: tuple[str, object], error: Exception) -> Callable[[], None]:
        """Return what writes down that something cannot be found out."""
        kind, of = job
        expected = isinstance(error, (ValueError, TypeError))
        words = str(error) if expected else f"{type(error).__name__}: {error}"

        def note() -> None:
            if isinstance(of, FormulaWish):
                known = self._texts.get(of, FormulaText(of.digits, of.exact))
                wrong = known.error or (words if kind == "formula" else "")
                self._texts[of] = replace(known, busy=False, error=wrong)
                return
            edge: Edge = of  # type: ignore[assignment]
            wrong = words if kind == "names" else ""
            known_names = self._names.get(edge, EdgeNames(edge))
            self._names[edge] = replace(known_names, busy=False, error=wrong)

        return note


def _trials_on_copy(session: PruningSession) -> Callable[[], NamingTrials]:
    """Return what makes the trials, with a copy of the model as it is now."""
    edges = sum(layer.numel() for layer in session.mask)
    if edges > MAX_TABLE_EDGES:
        raise_words = (
            f"{edges:,} edges are too many to look for names here; do it in a cell: "
            "session.candidates(l, i, j)"
        )

        def refuse() -> NamingTrials:
            raise ValueError(raise_words)

        return refuse
    adapter, data, curves = session.private_copy(), session.data, session.baseline.curves
    return lambda: NamingTrials(adapter, data, curves)
