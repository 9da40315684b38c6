"""One run of a sweep: its settings, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["FACTS", "Result", "Run", "facts"]

FACTS = ("train_loss", "test_loss", "active_edges", "seconds", "error", "stopped")
"""What is known of a run beside its settings and its network."""


@dataclass(frozen=True)
class Result:
    """What comes back from a worker.

    Attributes
    ----------
    train_loss, test_loss : float
        Of the finished network; NaN if there is none.
    active_edges : int or None
        Edges that are on and carry something from an input to an output.
    seconds : float
        What building, training and pruning took, by the worker's clock.
    error : str
        Why the run failed, "" if it did not.
    stopped : str
        Why the training ended early, "" if it did not.
    model : bytes
        The network as a safetensors file; empty if there is none.
    """

    train_loss: float = math.nan
    test_loss: float = math.nan
    active_edges: int | None = None
    seconds: float = math.nan
    error: str = ""
    stopped: str = ""
    model: bytes = b""


@dataclass(frozen=True)
class Run:
    """One run of a sweep that has ended.

    Attributes
    ----------
    number : int
        Its place in the sweep, whatever the order in which runs ended; what `Sweep.model` takes.
    settings : mapping
        What it was trained with, ``seed`` included.
    train_loss, test_loss : float
        Of the finished network: root mean squared errors, or means of ``loss_fn``. NaN if the
        run failed.
    active_edges : int or None
        Edges that are on and carry something from an input to an output; None if it failed.
    seconds : float
        What building, training and pruning took, by the worker's clock.
    error : str
        Why the run failed, "" if it did not.
    stopped : str
        Why the training ended early, such as that it diverged, "" if it did not.
    """

    number: int
    settings: Mapping[str, Any]
    train_loss: float
    test_loss: float
    active_edges: int | None
    seconds: float
    error: str = ""
    stopped: str = ""

    @property
    def usable(self) -> bool:
        """Whether there is a network, with a loss that is a finite number."""
        return self.active_edges is not None and math.isfinite(self.test_loss)


def facts(run: Result | Run) -> dict[str, Any]:
    """Return what is known of a run, by the names in `FACTS`."""
    return {name: getattr(run, name) for name in FACTS}
