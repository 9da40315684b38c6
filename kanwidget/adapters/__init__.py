"""How any KAN is read and edited: one protocol, and one file for each library."""

from __future__ import annotations

from typing import Any, TypeVar

from .base import BaseAdapter
from .efficient import EfficientAdapter
from .fast import FastAdapter
from .layered import LayeredAdapter
from .native import NativeAdapter
from .protocol import Adapter
from .pykan import PykanAdapter
from .pykan0 import Pykan0Adapter

__all__ = ["Adapter", "BaseAdapter", "LayeredAdapter", "adapt", "register_adapter"]

_OURS: tuple[type[BaseAdapter], ...] = (
    NativeAdapter,
    PykanAdapter,
    Pykan0Adapter,
    EfficientAdapter,
    FastAdapter,
)
_REGISTERED: list[Any] = []

Kind = TypeVar("Kind", bound=type)


def register_adapter(kind: Kind) -> Kind:
    """Let sessions and widgets read models of another library.

    Parameters
    ----------
    kind : type
        A class with what `kanwidget.adapters.Adapter` lists; most of it comes with deriving
        from `BaseAdapter` or `LayeredAdapter`. Its class method ``wrap(model)`` returns an
        adapter for models that it knows, and None for all others; ``supports`` says in a few
        words which these are. The one registered last is asked first, and all before ours.

    Returns
    -------
    type
        The same class: this can be used as a decorator.

    Raises
    ------
    TypeError
        If the class lacks ``wrap`` or ``supports``.
    """
    missing = [name for name in ("wrap", "supports") if not hasattr(kind, name)]
    if missing:
        raise TypeError(f"an adapter needs {' and '.join(missing)}, which {kind!r} has not")
    # A cell that is run again defines the class anew.
    name = kind.__module__, kind.__qualname__
    _REGISTERED[:] = [k for k in _REGISTERED if (k.__module__, k.__qualname__) != name]
    _REGISTERED.insert(0, kind)
    return kind


def adapt(model: object) -> Adapter:
    """Return the adapter for a live model.

    Raises
    ------
    TypeError
        If no adapter knows such a model; the message lists those that exist.
    """
    doubts, kinds = [], [*_REGISTERED, *_OURS]
    for kind in kinds:
        try:
            adapter = kind.wrap(model)
        except TypeError as doubt:
            doubts.append(f" ({doubt})")
            continue
        if adapter is not None:
            found: Adapter = adapter
            return found
    raise TypeError(
        f"cannot read a {type(model).__module__}.{type(model).__qualname__}{''.join(doubts)} as a "
        f"KAN; supported: {', '.join(kind.supports for kind in kinds)}. For any other, write an "
        "adapter (examples/toy_adapter.py is a short one) and hand it to "
        "kanwidget.register_adapter"
    )
