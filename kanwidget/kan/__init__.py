"""The torch KAN: it knows nothing of Jupyter."""

from .datasets import create_dataset
from .layer import KANLayer
from .network import KAN

__all__ = ["KAN", "KANLayer", "create_dataset"]
