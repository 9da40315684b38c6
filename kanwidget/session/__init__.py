"""What a person does to a live model, what that costs, and the way back. No Jupyter here."""

from .outcome import Outcome
from .session import NOTE, PruningSession

__all__ = ["NOTE", "Outcome", "PruningSession"]
