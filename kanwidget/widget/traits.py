"""Traits that check themselves: strictly for people, forgivingly for what a view sends.

Each has two ends. `validate` is for Python: it raises in words. `from_browser` is for messages
from a page, which may hold anything: it returns what makes sense of them, or None.
"""

from __future__ import annotations

import contextlib
import difflib
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import traitlets
from torch import Tensor

from kanwidget.adapters.scores import check_score
from kanwidget.masks.validate import (
    check_edge,
    check_edges,
    check_node,
    check_nodes,
    check_number,
    check_whole,
)
from kanwidget.session import PruningSession

from .shared_sessions import columns_given

__all__ = [
    "BrowserWritable",
    "Choice",
    "Edges",
    "Flag",
    "Names",
    "Nodes",
    "Parts",
    "RejectsUnknownTraits",
    "Sample",
    "Score",
    "Selection",
    "Shape",
    "Threshold",
]


class RejectsUnknownTraits(traitlets.HasTraits):
    """Refuses to set what is no trait and looks like one: a misspelt name would do nothing."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Any other name is free, as on every object: hosts and derived classes have their own.
        if not (name.startswith("_") or hasattr(type(self), name) or name in self.__dict__):
            known = [known for known in self.trait_names(sync=True) if not known.startswith("_")]
            for near in difflib.get_close_matches(name, known, 1, 0.8):
                kind = type(self).__name__
                raise AttributeError(f"{kind} has no {name} to set; do you mean {near}?")
        super().__setattr__(name, value)


class Threshold(traitlets.Float[float, Any]):
    """A finite number of at least 0; from a page a negative one counts as 0."""

    def validate(self, obj: Any, value: Any) -> float:
        """Return the number, or raise a ValueError or TypeError."""
        return check_number(value, self.name or "threshold")

    def from_browser(self, session: PruningSession, value: Any) -> float | None:
        """Return the number, clamped, or None."""
        number = _finite(value)
        return None if number is None else max(0.0, number)


class Flag(traitlets.Bool[bool, Any]):
    """True or false."""

    def from_browser(self, session: PruningSession, value: Any) -> bool | None:
        """Return the value if it is a bool, or None."""
        return value if isinstance(value, bool) else None


class _Ids(traitlets.List[Any]):
    """A sorted list of ids that the session's model has; from a page unknown ones are left out."""

    def check(self, session: PruningSession, ids: Any) -> frozenset[Any]:
        """Return ids as a set, or raise an IndexError or TypeError."""
        raise NotImplementedError

    def validate(self, obj: Any, value: Any) -> list[Any]:
        """Return the sorted ids, or raise an IndexError or TypeError."""
        return sorted(self.check(obj.session, value))

    def from_browser(self, session: PruningSession, value: Any) -> list[Any] | None:
        """Return those ids that exist, sorted, or None."""
        if not isinstance(value, list):
            return None
        known: set[Any] = set()
        for ids in value:
            with contextlib.suppress(IndexError, TypeError, ValueError):
                known |= self.check(session, [ids])
        return sorted(known)


class Edges(_Ids):
    """Ids ``(l, i, j)``."""

    def check(self, session: PruningSession, ids: Any) -> frozenset[Any]:
        """See `check_edges`."""
        return check_edges(session.width, ids, session.baseline.slots)


class Nodes(_Ids):
    """Ids ``(l, i)``."""

    def check(self, session: PruningSession, ids: Any) -> frozenset[Any]:
        """See `check_nodes`."""
        return check_nodes(session.width, ids)


class Choice(traitlets.Unicode[str, Any]):
    """One of a few words, the first by default."""

    def __init__(self, *words: str) -> None:
        super().__init__(words[0])
        self.words = words

    def validate(self, obj: Any, value: Any) -> str:
        """Return the word, or raise a ValueError."""
        if not isinstance(value, str) or value not in self.words:
            words = ", ".join(map(repr, self.words))
            raise ValueError(f"{self.name} must be one of {words}; got {value!r}")
        return value

    def from_browser(self, session: PruningSession, value: Any) -> str | None:
        """Return the word if it is one of them, or None."""
        return value if isinstance(value, str) and value in self.words else None


class Parts(traitlets.List[Any]):
    """Parts of the view, by name. A page may not write them."""

    words = (
        *("status", "toolbar", "thresholds", "legend", "hints"),
        *("cards", "training", "formula", "trace", "history", "code"),
    )
    """The parts that there are; the network is always there."""

    def validate(self, obj: Any, value: Any) -> list[str]:
        """Return the names, each once and in the order of `words`, or raise in words."""
        return self.check(value, self.name or "hide")

    @classmethod
    def check(cls, value: Any, name: str) -> list[str]:
        """Return names of parts, or raise a ValueError or TypeError that calls them ``name``."""
        if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
            raise TypeError(f"{name} must be a list of parts, such as ['legend']; got {value!r}")
        given = list(value)
        for part in given:
            if part not in cls.words:
                near = difflib.get_close_matches(str(part), cls.words, 1)
                hint = f"; do you mean {near[0]!r}?" if near else ""
                parts = ", ".join(map(repr, cls.words))
                raise ValueError(f"{name} must hold some of {parts}; got {part!r}{hint}")
        return [part for part in cls.words if part in given]

    @classmethod
    def others(cls, value: Any) -> list[str]:
        """Return the parts that are none of those in ``show``."""
        shown = cls.check(value, "show")
        return [part for part in cls.words if part not in shown]


class Score(traitlets.Unicode[str, Any]):
    """One of the scores that the edges of the session's model can have."""

    def validate(self, obj: Any, value: Any) -> str:
        """Return the score, or raise a ValueError."""
        session = obj.session
        if session.closed:  # nothing is scored any more
            if value != session.score:
                raise ValueError(f"{self.name} stays {session.score!r}: the widget is closed")
            return str(value)
        return check_score(value, session.score_names)

    def from_browser(self, session: PruningSession, value: Any) -> str | None:
        """Return the score if the edges can have it, or None."""
        known = isinstance(value, str) and not session.closed
        return value if known and value in session.score_names else None


class Names(traitlets.List[Any]):
    """Names of the model's inputs or outputs: a list, a tuple, an array or an index of a table.

    Those of all the data's columns will do for the inputs. A page may not write them.
    """

    def __init__(self, node_layer: int) -> None:
        super().__init__()
        self.node_layer = node_layer

    def validate(self, obj: Any, value: Any) -> list[str]:
        """Return a name for each node of the layer, or raise a ValueError or TypeError."""
        try:
            names = None if isinstance(value, (str, bytes)) else list(value)
        except TypeError:
            names = None
        if names is None:
            raise TypeError(f"{self.name} must be a list of names, got {value!r}")
        for name in names:
            # Columns of a table without a header are numbered.
            if isinstance(name, bool) or not isinstance(name, (str, int, np.integer)):
                raise TypeError(f"{self.name} must hold texts, got {name!r}")
        expected, columns = obj.session.width[self.node_layer], obj.session.columns
        if self.node_layer == 0 and len(names) != expected:
            some = columns != list(range(expected)) and len(names) > max(columns)
            if some or len(names) == columns_given(obj.session):
                names = [names[column] for column in columns]
        if len(names) != expected:
            raise ValueError(f"{self.name} must hold {expected} names, got {len(names)}")
        return [str(name) for name in names]


class Selection(traitlets.List[Any]):
    """Edges ``(l, i, j)`` and nodes ``(l, i)`` that the session's model has, in any order."""

    most = 64

    def validate(self, obj: Any, value: Any) -> list[Any]:
        """Return the ids, each once, or raise an IndexError, ValueError or TypeError."""
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise TypeError(f"{self.name} must be a list of edges and nodes, got {value!r}")
        found = list(dict.fromkeys(_check_id(obj.session, ids) for ids in value))
        if len(found) > self.most:
            raise ValueError(f"{self.name} can hold {self.most} at the most, got {len(found)}")
        return found

    def from_browser(self, session: PruningSession, value: Any) -> list[Any] | None:
        """Return those ids that exist, as many as there may be, or None."""
        return self.known(session, value) if isinstance(value, list) else None

    def known(self, session: PruningSession, value: Iterable[Any]) -> list[Any]:
        """Return those ids that exist, as many as there may be."""
        found: dict[Any, None] = {}
        for ids in value:
            with contextlib.suppress(IndexError, TypeError, ValueError):
                found[_check_id(session, ids)] = None
            if len(found) == self.most:
                break
        return list(found)


class Sample(traitlets.List[Any]):
    """One row of inputs, or nothing."""

    def validate(self, obj: Any, value: Any) -> list[float]:
        """Return the row, or raise a ValueError or TypeError."""
        if isinstance(value, Tensor):
            value = value.detach().cpu().numpy()
        try:
            row = np.asarray([] if value is None else value, dtype=np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"{self.name} must be a row of numbers, got {value!r}") from None
        except OverflowError:
            raise ValueError(f"{self.name} holds numbers too large for a float") from None
        width = obj.session.width[0]
        if row.size == 0:
            return []
        if row.shape not in ((width,), (1, width)):
            raise ValueError(f"{self.name} must hold {width} numbers, got shape {row.shape}")
        if not np.isfinite(row).all():
            raise ValueError(f"{self.name} holds numbers that are NaN or infinite")
        found: list[float] = row.ravel().tolist()
        return found

    def from_browser(self, session: PruningSession, value: Any) -> list[float] | None:
        """Return the row if it is one, or None."""
        if not isinstance(value, list) or len(value) not in (0, session.width[0]):
            return None
        row = [number for number in map(_finite, value) if number is not None]
        return row if len(row) == len(value) else None


class Shape(traitlets.List[Any]):
    """Rows and columns of inputs that are an image, or nothing. A page may not write it."""

    def validate(self, obj: Any, value: Any) -> list[int]:
        """Return the shape, or raise a ValueError or TypeError."""
        if value is None or not isinstance(value, Sequence) or len(value) not in (0, 2):
            raise TypeError(f"{self.name} must be (rows, columns), or (); got {value!r}")
        shape = [check_whole(number, self.name or "shape", 1) for number in value]
        width = obj.session.width[0]
        if shape and shape[0] * shape[1] != width:
            raise ValueError(f"{self.name} {tuple(shape)} does not hold the {width} inputs")
        return shape


def _check_id(session: PruningSession, ids: Any) -> tuple[int, ...]:
    """Return an edge or a node, or raise an IndexError or TypeError."""
    if not isinstance(ids, (list, tuple)) or len(ids) not in (2, 3):
        raise TypeError(f"expected an edge (l, i, j) or a node (l, i), got {ids!r}")
    if len(ids) == 2:
        return check_node(session.width, *ids)
    l, i, j = ids
    return check_edge(session.width, l, i, j, session.baseline.slots)


def _finite(value: Any) -> float | None:
    """Return a finite number as a float, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


BrowserWritable = (Threshold, Edges, Flag, Nodes, Choice, Score, Selection, Sample)
"""The traits that a view may write."""
