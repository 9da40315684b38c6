"""What a model was at some steps of a training, evenly spread over it."""

from __future__ import annotations

from typing import NamedTuple

from kanwidget.adapters import Adapter
from kanwidget.kan.write_lock import write_lock

from .model_state import ModelLayout, ModelState

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
    state : ModelState
    """

    steps: int
    state: ModelState


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

    def look(self, steps: int, state: ModelState | None = None) -> None:
        """Keep what the model is after some steps, if it is time to.

        Parameters
        ----------
        steps : int
        state : ModelState, optional
            What it is; read here by default.
        """
        last = self.kept[-1].steps if self.kept else -1
        if not self._is_small or steps % self._every or steps == last:
            return  # after an interrupt it may be told of a step twice
        if state is None:
            with write_lock(self._live.model):
                state = ModelState(ModelLayout(self._live))
        kept = [*self.kept, KeyFrame(steps, state)]
        if len(kept) > MAX_FRAMES:
            self._every *= 2
            kept = [one for one in kept if one.steps % self._every == 0]
        self.kept = kept
