"""Applies decisions to a live model, records them, and takes them back. No Jupyter here."""

from .outcome import Outcome
from .session import NOTE, PruningSession

__all__ = ["NOTE", "Outcome", "PruningSession"]
