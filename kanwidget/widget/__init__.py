"""The Jupyter widget: traits that follow a session, and what a page sees of them."""

from .widget import KANWidget

__all__ = ["KANWidget"]
