"""Kolmogorov-Arnold networks, readable by hand."""

from .adapters import register_adapter
from .kan import KAN, create_dataset
from .session import PruningSession
from .sweep import Sweep, sweep
from .widget import KANWidget, SweepWidget

__all__ = [
    "KAN",
    "KANWidget",
    "PruningSession",
    "Sweep",
    "SweepWidget",
    "create_dataset",
    "register_adapter",
    "sweep",
]
