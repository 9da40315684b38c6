"""A private copy of a live model: what is only measured never writes to the model itself."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.adapters.model_copy import Weights
from kanwidget.kan.write_lock import write_lock

__all__ = ["Scratch"]

COPY_ATTEMPTS = 3
"""How often to copy a model that a training thread writes to meanwhile."""


class Scratch:
    """A model's numbers at one moment, under any masks.

    Attributes
    ----------
    adapter : Adapter
        Of the private copy. Its masks are those last set by `with_masks`.
    version : Hashable
        Of the live model at that moment.
    switched_count : int
        How many edges the live model's own methods had switched by then.
    """

    def __init__(self, live: Adapter) -> None:
        for _ in range(COPY_ATTEMPTS):
            # The version is read first: a change during the copy then counts as a later one.
            with write_lock(live.model):
                self.version: Hashable = live.version()
                self.switched_count = len(live.edges_switched_by_model())
                self.adapter = live.copy()
            if live.version() == self.version:
                break

    def with_masks(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> Adapter:
        """Return the private copy with these masks and biases."""
        self.adapter.set_mask(mask, bias)
        return self.adapter

    def with_weights(self, weights: Weights) -> Scratch:
        """Return another copy, which has other weights."""
        new = copy.copy(self)
        new.version, new.adapter = None, self.adapter.copy()
        new.adapter.set_weights(weights)
        return new


def same(a: Tensor, b: Tensor) -> Tensor:
    """Return where two tensors are equal, NaN to NaN, in the dtype and on the device of the first.

    A model may have been moved or converted since a number was noted.
    """
    b = b.to(a)
    equal = a == b
    return equal | (a.isnan() & b.isnan()) if torch.is_floating_point(a) else equal
