"""Functions that want to know of a sweep's progress."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

__all__ = ["Listeners"]


class Listeners:
    """Functions to call when something happens to a sweep; what one of them raises is logged.

    Attributes
    ----------
    run, end : list of callable
        Called with each `Run` that has ended, and with nothing when all have; in a thread of the
        sweep's own.
    waiting : list of callable
        Called often by `Sweep.wait`, in the thread that waits.
    """

    def __init__(self) -> None:
        self.run: list[Callable[..., object]] = []
        self.end: list[Callable[..., object]] = []
        self.waiting: list[Callable[..., object]] = []

    @staticmethod
    def tell(functions: list[Callable[..., object]], *arguments: Any) -> None:
        """Call functions, whatever they raise: what only looks must not end the sweep."""
        for function in list(functions):
            _call(function, *arguments)


def _call(function: Callable[..., object], *arguments: Any) -> None:
    try:
        function(*arguments)
    except Exception:
        logging.getLogger(__name__).exception("a function that follows a sweep failed")
