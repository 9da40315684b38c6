"""The weights that a model had before and after others trained it, within a budget of memory."""

from __future__ import annotations

from kanwidget.adapters.model_copy import Weights

__all__ = ["HISTORY_BYTES", "Snapshots"]

HISTORY_BYTES = 256 * 1024 * 1024
"""Bytes that snapshots may take by default."""


class Snapshots:
    """Weights by their number: each outside training makes new ones.

    Snapshots share the tensors that are equal. Once they take more than the budget, those with
    the lowest numbers go.

    Parameters
    ----------
    budget : int
        In bytes; 0 keeps none.
    """

    def __init__(self, budget: int = HISTORY_BYTES) -> None:
        self.budget = budget
        self._kept: dict[int, Weights] = {}

    def keep(self, number: int, weights: Weights) -> None:
        """Keep weights under a number, unless there are some already."""
        if number in self._kept:
            return
        near = sorted(self._kept, key=lambda other: abs(other - number))[:2]
        shared = weights.sharing([self._kept[other] for other in near])
        kept = dict(sorted([*self._kept.items(), (number, shared)]))
        while kept and _size(kept) > self.budget:
            del kept[next(iter(kept))]
        self._kept = kept

    def get(self, number: int) -> Weights | None:
        """Return weights by their number, None if they are not kept any more."""
        return self._kept.get(number)

    @property
    def nbytes(self) -> int:
        """What all of them take."""
        return _size(self._kept)


def _size(kept: dict[int, Weights]) -> int:
    tensors = {id(t): t for weights in kept.values() for t in weights.tensors.values()}
    return sum(t.numel() * t.element_size() for t in tensors.values())
