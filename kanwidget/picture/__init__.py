"""Pictures to keep: a session's state in lines and text, through matplotlib."""

from .drawing import figure, preview, save
from .sheet import Picture

__all__ = ["Picture", "figure", "preview", "save"]
