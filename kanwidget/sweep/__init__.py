"""Trains many networks on any executor, and chooses one of them."""

from .agreement import Agreement
from .results import Sweep
from .run import Run
from .start import sweep

__all__ = ["Agreement", "Run", "Sweep", "sweep"]
