"""The Jupyter widget: traits that follow a session, and what a page sees of them."""

from .sweep_widget import SweepWidget
from .widget import KANWidget

__all__ = ["KANWidget", "SweepWidget"]
