"""What a person has switched by hand."""

from __future__ import annotations

from dataclasses import dataclass

from .ids import Edge, Node

__all__ = ["Edits"]


@dataclass(frozen=True)
class Edits:
    """What a hand has switched off, or keeps on against thresholds and baseline."""

    removed_edges: frozenset[Edge] = frozenset()
    kept_edges: frozenset[Edge] = frozenset()
    removed_nodes: frozenset[Node] = frozenset()
    kept_nodes: frozenset[Node] = frozenset()
