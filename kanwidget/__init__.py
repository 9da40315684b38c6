"""Kolmogorov-Arnold networks, readable by hand."""

from .adapters import register_adapter
from .formula.kan_naming import NamingOfKan
from .kan import KAN, create_dataset
from .kan.symbolic import provide_naming
from .session import PruningSession
from .sweep import Sweep, sweep
from .widget import KANWidget, SweepWidget

provide_naming(NamingOfKan())

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
