"""What a person has decided: thresholds, hand edits, and whether means are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .edits import Edits
from .validate import check_edges, check_nodes, check_threshold

__all__ = ["State"]


@dataclass(frozen=True)
class State:
    """All that a person has decided, on top of a baseline."""

    node_threshold: float = 0.0
    edge_threshold: float = 0.0
    keep_mean: bool = True
    edits: Edits = field(default_factory=Edits)

    def arguments(self, before: State) -> dict[str, Any]:
        """Return what has to be set to come here from another state, as `set` takes it."""
        now, then = self.to_dict(), before.to_dict()
        return {name: value for name, value in now.items() if value != then[name]}

    def changed(
        self, changes: Mapping[str, Any], width: list[int], slots: Sequence[Sequence[int]]
    ) -> State:
        """Return a state with changes, checked against the sizes of a model.

        Raises
        ------
        TypeError, ValueError, IndexError
            If there is no such thing to change, or no such value.
        """
        new: dict[str, Any] = {}
        edits: dict[str, Any] = {}
        for name, value in changes.items():
            if name in ("node_threshold", "edge_threshold"):
                new[name] = check_threshold(value, name)
            elif name in ("removed_edges", "kept_edges"):
                edits[name] = check_edges(width, value, slots)
            elif name in ("removed_nodes", "kept_nodes"):
                edits[name] = check_nodes(width, value)
            elif name == "keep_mean":
                new[name] = bool(value)
            else:
                known = ", ".join(self.to_dict())
                raise TypeError(f"a session has no {name} to set; it has {known}")
        return replace(self, edits=replace(self.edits, **edits), **new)

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and sorted lists."""
        edits = {name: sorted(ids) for name, ids in asdict(self.edits).items()}
        return {
            "node_threshold": self.node_threshold,
            "edge_threshold": self.edge_threshold,
            "keep_mean": self.keep_mean,
            **edits,
        }
