"""What a person has decided: thresholds, hand edits, and whether means are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .edits import Check, Edits, checks_of, decision
from .validate import check_number

__all__ = ["State"]


def _threshold(value: Any, name: str, *sizes: object) -> float:
    return check_number(value, name)


def _flag(value: Any, *_: object) -> bool:
    return bool(value)


@dataclass(frozen=True)
class State:
    """All that a person has decided, on top of a baseline.

    The fields here and those of `Edits` are declared once: what can be set, saved, sent and
    replayed follows from them.
    """

    node_threshold: float = decision(0.0, _threshold)
    edge_threshold: float = decision(0.0, _threshold)
    keep_mean: bool = decision(True, _flag)
    edits: Edits = field(default_factory=Edits)

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all decisions: thresholds first, then hand edits."""
        return list(_CHECKS)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> State:
        """Return what `to_dict` wrote. Whether a model has such edges is for `changed` to say.

        Raises
        ------
        KeyError, TypeError, ValueError
            If a name is missing, or a value cannot be one.
        """
        values = {
            name: frozenset(map(tuple, content[name]))
            if name in _EDITS
            else check(content[name], name, (), ())
            for name, check in _CHECKS.items()
        }
        return cls()._with(values)

    def changed(
        self, changes: Mapping[str, Any], width: Sequence[int], slots: Sequence[Sequence[int]]
    ) -> State:
        """Return a state with changes, checked against the sizes of a model.

        Raises
        ------
        TypeError, ValueError, IndexError
            If there is no such thing to change, or no such value.
        """
        for name in changes:
            if name not in _CHECKS:
                raise TypeError(f"a session has no {name} to set; it has {', '.join(_CHECKS)}")
        return self._with({n: _CHECKS[n](value, n, width, slots) for n, value in changes.items()})

    def arguments(self, before: State) -> dict[str, Any]:
        """Return what differs from another state, as arguments of `PruningSession.set`."""
        now, then = self.to_dict(), before.to_dict()
        return {name: value for name, value in now.items() if value != then[name]}

    def to_dict(self) -> dict[str, Any]:
        """Return all decisions by their names: numbers, bools and sorted lists of ids."""
        return {
            name: sorted(getattr(self.edits, name)) if name in _EDITS else getattr(self, name)
            for name in _CHECKS
        }

    def _with(self, values: Mapping[str, Any]) -> State:
        edits = {name: value for name, value in values.items() if name in _EDITS}
        others = {name: value for name, value in values.items() if name not in _EDITS}
        return replace(self, edits=replace(self.edits, **edits), **others)


_EDITS = checks_of(Edits)
_CHECKS: dict[str, Check] = {**checks_of(State), **_EDITS}
