"""What a person has switched by hand: one field for each kind of edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from .ids import Edge, Node
from .validate import check_edges, check_nodes

__all__ = ["Check", "Edits", "checks_of", "decision"]

Check = Callable[[Any, str, Sequence[int], Sequence[Sequence[int]]], Any]
"""Takes a value, the name of the decision, and a model's width and slots; returns the value as it
is stored, or raises a TypeError, ValueError or IndexError that says what is wrong."""


def decision(default: Any, check: Check, about: str = "") -> Any:
    """Declare a dataclass field that a person decides, with the check of its values.

    Parameters
    ----------
    default : object
    check : callable
    about : {"", "edge", "node"}
        What the ids of an edit are of.
    """
    return field(default=default, metadata={"check": check, "about": about})


def checks_of(kind: type) -> dict[str, Check]:
    """Return the checks of all decisions that a dataclass declares, by their names."""
    return {f.name: f.metadata["check"] for f in fields(kind) if "check" in f.metadata}


def _edges(value: Any, name: str, width: Sequence[int], slots: Sequence[Sequence[int]]) -> Any:
    return check_edges(width, value, slots)


def _nodes(value: Any, name: str, width: Sequence[int], slots: Sequence[Sequence[int]]) -> Any:
    return check_nodes(width, value)


@dataclass(frozen=True)
class Edits:
    """What a person has removed by hand, or keeps on against thresholds and baseline.

    Each field is one kind of edit, a set of ids. An edge or node that gets one kind loses the
    others; see `with_edit`. To add a kind of edit, add a field here: the checks, messages, scripts,
    saved sessions and traits follow from it.
    """

    removed_edges: frozenset[Edge] = decision(frozenset(), _edges, "edge")
    kept_edges: frozenset[Edge] = decision(frozenset(), _edges, "edge")
    removed_nodes: frozenset[Node] = decision(frozenset(), _nodes, "node")
    kept_nodes: frozenset[Node] = decision(frozenset(), _nodes, "node")

    def with_edit(self, kind: str, ids: Iterable[Any]) -> Edits:
        """Return edits in which some ids have this kind of edit and no other.

        Parameters
        ----------
        kind : str
            The name of a field.
        ids : iterable of (l, i, j) or (l, i)
        """
        ids, about = frozenset(ids), {f.name: f.metadata["about"] for f in fields(self)}
        same = [name for name in about if about[name] == about[kind]]
        sets = {name: getattr(self, name) - ids for name in same}
        return replace(self, **{**sets, kind: sets[kind] | ids})

    def without_edit(self, kind: str, ids: Iterable[Any]) -> Edits:
        """Return edits in which some ids do not have this kind of edit."""
        return replace(self, **{kind: getattr(self, kind) - frozenset(ids)})
