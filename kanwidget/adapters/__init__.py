"""How any KAN is read and edited: one protocol, and one file for each library."""

from .base import BaseAdapter
from .layered import LayeredAdapter
from .protocol import Adapter
from .registry import adapt, check_dtype, register_adapter

__all__ = [
    "Adapter",
    "BaseAdapter",
    "LayeredAdapter",
    "adapt",
    "check_dtype",
    "register_adapter",
]
