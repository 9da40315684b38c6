"""What a model is within the step that a training is in, for a view that asks for it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from kanwidget.adapters import Adapter
from kanwidget.kan.arrays import Array

from .working_copy import WorkingCopy

__all__ = ["CurrentStep", "PointInStep"]


class PointInStep(NamedTuple):
    """Where the optimiser is within a step.

    Attributes
    ----------
    iteration : int
        How many iterations of the step are done.
    loss : float
        On the training rows; NaN if it is not known.
    adapter : Adapter
        Of a private copy of the model, as it would be if the step ended here, masks aside.
    """

    iteration: int
    loss: float
    adapter: Adapter


class CurrentStep:
    """The step that a training is in, seen from another thread.

    A step of L-BFGS is up to 20 iterations, which take seconds in a large network, and the live
    model has none of it before the step ends. A view that draws the step meanwhile asks for it,
    and the training leaves a copy of the model as it is by then, once. An iteration that nobody has
    asked for costs a comparison.

    Attributes
    ----------
    lock : context manager
        To hold while `point` is read: nothing is left meanwhile, and the training does not wait.
    point : PointInStep or None
        What was left last; None if the step has ended since. It does not end while somebody has
        the live model's `write_lock`.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()  # an interrupt may leave it to the thread that draws
        self.point: PointInStep | None = None
        self._due = math.inf  # when a point is wanted, as `time.monotonic` counts
        self._adapter: Adapter | None = None
        self._of: object = None  # what the adapter is a copy of

    def ask(self, seconds: float) -> None:
        """Ask for where the training is in so many seconds, or sooner if it was asked before."""
        self._due = min(self._due, time.monotonic() + seconds)

    def take(
        self, copy: WorkingCopy, iteration: int, look: Callable[[], tuple[float, Array]]
    ) -> None:
        """Leave a copy, if it is time to; in the thread that trains.

        Parameters
        ----------
        copy : WorkingCopy
        iteration : int
        look : callable
            Returns the loss and the trained parameters as a flat vector.
        """
        if time.monotonic() < self._due or not self.lock.acquire(blocking=False):
            return
        try:
            self._due = math.inf
            loss, theta = look()
            if self._adapter is None or self._of is not copy.beginning:
                self._adapter, self._of = copy.adapter.copy(), copy.beginning
            copy.write_to(self._adapter, torch.from_numpy(theta))
            self.point = PointInStep(iteration, loss, self._adapter)
        finally:
            self.lock.release()

    def end(self) -> None:
        """Forget the point: the step has ended."""
        self.point = None
