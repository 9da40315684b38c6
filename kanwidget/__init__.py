"""Kolmogorov-Arnold networks, readable by hand."""

from .kan import KAN, create_dataset
from .session import PruningSession
from .widget import KANWidget

__all__ = ["KAN", "KANWidget", "PruningSession", "create_dataset"]
