"""The shell of IPython, where there is one, and what is done after each of its cells."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["after_cells", "ipython_shell"]

Owner = TypeVar("Owner")


def ipython_shell() -> Any:
    """Return IPython's shell, or None."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def after_cells(owner: Owner, act: Callable[[Owner], object]) -> Callable[[], None]:
    """Act on an object after each cell, as long as it lives; return how to stop that."""
    shell = ipython_shell()
    if shell is None:
        return lambda: None
    held = weakref.ref(owner)

    def run(*_: Any) -> None:
        living = held()
        if living is not None:
            act(living)

    shell.events.register("post_run_cell", run)

    def stop() -> None:
        if run in shell.events.callbacks["post_run_cell"]:
            shell.events.unregister("post_run_cell", run)

    return stop
