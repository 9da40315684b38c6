"""The weights that a model had before and after trainings, within a budget of memory."""

from __future__ import annotations

from collections.abc import Container

from kanwidget.adapters.model_copy import Weights

__all__ = ["HISTORY_BYTES", "Snapshots"]

HISTORY_BYTES = 256 * 1024 * 1024
"""Bytes that snapshots may take by default."""


class Snapshots:
    """Weights by their number: each training makes new ones.

    Snapshots share the tensors that are equal. Once they take more than the budget, some go: first
    those on which nothing was decided, between one training and the next, then the others, and of
    both those with the lowest numbers.

    Parameters
    ----------
    budget : int
        In bytes; 0 keeps none.
    """

    def __init__(self, budget: int = HISTORY_BYTES) -> None:
        self.budget = budget
        self._kept: dict[int, Weights] = {}

    def keep(self, number: int, weights: Weights, decided: Container[int] = ()) -> None:
        """Keep weights under a number, unless there are some already.

        ``decided`` are the numbers of those that are worth most: something was decided on them.
        """
        if number in self._kept:
            return
        near = sorted(self._kept, key=lambda other: abs(other - number))[:2]
        shared = weights.sharing([self._kept[other] for other in near])
        kept = dict(sorted([*self._kept.items(), (number, shared)]))
        while kept and _size(kept) > self.budget:
            del kept[min(kept, key=lambda n: (n in decided, n))]
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
