"""How any KAN is read and edited: one protocol, and one file for each library."""

from __future__ import annotations

from .native import NativeAdapter
from .protocol import Adapter

__all__ = ["Adapter", "adapt"]

_ADAPTERS: tuple[type[NativeAdapter], ...] = (NativeAdapter,)


def adapt(model: object) -> Adapter:
    """Return the adapter for a live model.

    Raises
    ------
    TypeError
        If no adapter knows such a model; the message lists those that exist.
    """
    for kind in _ADAPTERS:
        adapter = kind.wrap(model)
        if adapter is not None:
            return adapter
    raise TypeError(
        f"cannot read a {type(model).__module__}.{type(model).__qualname__} as a KAN; supported: "
        + ", ".join(kind.supports for kind in _ADAPTERS)
    )
