"""Finds the adapter for a model: ours, and those that others have registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from kanwidget.kan.check_data import check_model

from .base import BaseAdapter
from .efficient_kan import EfficientAdapter
from .fast_kan import FastAdapter
from .native import NativeAdapter
from .protocol import Adapter
from .pykan00 import Pykan0Adapter
from .pykan02 import PykanAdapter

__all__ = ["adapt", "check_dtype", "register_adapter"]

BUILT_IN: tuple[type[BaseAdapter], ...] = (
    NativeAdapter,
    PykanAdapter,
    Pykan0Adapter,
    EfficientAdapter,
    FastAdapter,
)
REGISTERED: list[Any] = []

SUPPORTED_DTYPES = torch.float32, torch.float64
"""In which scores, means and losses can be computed."""

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
    REGISTERED[:] = [k for k in REGISTERED if (k.__module__, k.__qualname__) != name]
    REGISTERED.insert(0, kind)
    return kind


def adapt(model: object) -> Adapter:
    """Return the adapter for a live model.

    Raises
    ------
    TypeError
        If no adapter knows such a model, or its numbers cannot be computed with; the message
        says what would do.
    """
    if isinstance(model, nn.Module):
        check_model(model)
    found, doubts = _first_adapter(model)
    if found is not None:
        check_dtype(found)
        return found
    kind = type(model).__qualname__
    if type(model).__module__ != "builtins":
        kind = f"{type(model).__module__}.{kind}"
    start = f"cannot read a {kind}{doubts} as a KAN"
    inside = _path_of_kan(model)
    if inside:
        raise TypeError(f"{start}, but what it holds: hand over model{inside}")
    if isinstance(model, (Mapping, Tensor)):
        advice = "The model comes first, and then its data"
    else:
        advice = (
            "For any other, write an adapter (examples/toy_adapter.py is a short one) and hand it "
            "to kanwidget.register_adapter"
        )
    supported = ", ".join(kind.supports for kind in [*REGISTERED, *BUILT_IN])
    raise TypeError(f"{start}; supported: {supported}. {advice}")


def check_dtype(adapter: Adapter) -> None:
    """Raise a TypeError unless a model's numbers are of a type that can be measured in."""
    if adapter.dtype not in SUPPORTED_DTYPES:
        raise TypeError(
            f"the model's numbers are {adapter.dtype}, in which nothing can be measured; turn "
            "it into torch.float32 with model.float(), or a copy of it: "
            "copy.deepcopy(model).float()"
        )


def _first_adapter(model: object) -> tuple[Adapter | None, str]:
    """Return the first adapter that knows a model, or what those say that nearly do."""
    doubts = ""
    for kind in [*REGISTERED, *BUILT_IN]:
        try:
            adapter: Adapter | None = kind.wrap(model)
        except TypeError as doubt:
            doubts += f" ({doubt})"
            continue
        if adapter is not None:
            return adapter, ""
    return None, doubts


def _path_of_kan(model: object) -> str:
    """Return how to get at the one KAN in a model, such as ``[0]``; "" if it holds none or more."""
    found: list[str] = []
    for path, part in model.named_modules() if isinstance(model, nn.Module) else ():
        inner = any(path.startswith(f"{outer}.") for outer in found)
        if path and not inner and _first_adapter(part)[0] is not None:
            found.append(path)
    names = found[0].split(".") if len(found) == 1 else []
    return "".join(f"[{name}]" if name.isdigit() else f".{name}" for name in names)
