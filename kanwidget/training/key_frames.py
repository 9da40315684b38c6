"""What a model was at some steps of a training, evenly spread over it."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.adapters.model_copy import Weights
from kanwidget.kan.write_lock import write_lock

__all__ = ["MAX_FRAMES", "KeyFrame", "KeyFrames"]

MAX_FRAMES = 30
"""Most steps that are kept of a training."""

MAX_EDGES = 2000
"""Edges of the largest model that is kept so: bounds memory and time."""


class KeyFrame(NamedTuple):
    """A model after some steps of a training.

    Attributes
    ----------
    steps : int
        How many it had; 0 is before the first.
    weights : Weights
    mask, bias : list of Tensor
    """

    steps: int
    weights: Weights
    mask: list[Tensor]
    bias: list[Tensor]


class KeyFrames:
    """Keeps every step of a training, then every second, fourth and so on, as there get more.

    Parameters
    ----------
    live : Adapter
        Of the model that is trained.
    """

    def __init__(self, live: Adapter) -> None:
        self._live, self._every = live, 1
        self._is_small = sum(on.numel() for on in live.mask()) <= MAX_EDGES
        self.kept: list[KeyFrame] = []

    def look(self, steps: int) -> None:
        """Keep the model as it is after some steps, if it is time to."""
        if not self._is_small or steps % self._every:
            return
        live = self._live
        with write_lock(live.model):
            frame = KeyFrame(steps, live.weights(), live.mask(), live.bias())
        kept = [*self.kept, frame]
        if len(kept) > MAX_FRAMES:
            self._every *= 2
            kept = [one for one in kept if one.steps % self._every == 0]
        self.kept = kept
