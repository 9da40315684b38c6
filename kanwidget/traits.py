"""Traits that check themselves: strictly for people, forgivingly for what a view sends.

Each has two ends. `validate` is for Python: it raises in words. `wish` is for messages from
a page, which may hold anything: it returns what makes sense of them, or None.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any

import traitlets

from .kan.checks import check_threshold
from .session import PruningSession

__all__ = ["Edges", "Flag", "Nodes", "Threshold", "Wish"]


class Threshold(traitlets.Float[float, Any]):
    """A finite number of at least 0; a negative wish counts as 0."""

    def validate(self, obj: Any, value: Any) -> float:
        """Return the number, or raise a ValueError or TypeError."""
        return check_threshold(value, self.name or "threshold")

    def wish(self, session: PruningSession, value: Any) -> float | None:
        """Return the number, clamped, or None."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return max(0.0, float(value)) if math.isfinite(value) else None


class Flag(traitlets.Bool[bool, Any]):
    """True or false."""

    def wish(self, session: PruningSession, value: Any) -> bool | None:
        """Return the value if it is a bool, or None."""
        return value if isinstance(value, bool) else None


class _Ids(traitlets.List[Any]):
    """A sorted list of ids that the session's model has; unknown ones are left out of a wish."""

    def check(self, session: PruningSession, ids: Any) -> frozenset[Any]:
        """Return ids as a set, or raise an IndexError or TypeError."""
        raise NotImplementedError

    def validate(self, obj: Any, value: Any) -> list[Any]:
        """Return the sorted ids, or raise an IndexError or TypeError."""
        return sorted(self.check(obj.session, value))

    def wish(self, session: PruningSession, value: Any) -> list[Any] | None:
        """Return those ids that exist, sorted, or None."""
        if not isinstance(value, list):
            return None
        known: set[Any] = set()
        for ids in value:
            with contextlib.suppress(IndexError, TypeError):
                known |= self.check(session, [ids])
        return sorted(known)


class Edges(_Ids):
    """Ids ``(l, i, j)``."""

    def check(self, session: PruningSession, ids: Any) -> frozenset[Any]:
        """See `PruningSession.check_edges`."""
        return session.check_edges(ids)


class Nodes(_Ids):
    """Ids ``(l, i)``."""

    def check(self, session: PruningSession, ids: Any) -> frozenset[Any]:
        """See `PruningSession.check_nodes`."""
        return session.check_nodes(ids)


Wish = (Threshold, Edges, Flag, Nodes)
"""The traits that a view may write."""
