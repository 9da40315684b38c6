"""The named edges of a model in a file: numbers in tensors, functions by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kanwidget.functions.library import FUNCTIONS, Function
from kanwidget.functions.named_edges import NamedEdges, code_of

from .layer_stack import LayerStack

__all__ = [
    "check_saved_names",
    "function_names",
    "functions_by_name",
    "is_of_names",
    "named_edges_of",
    "shapes_of_names",
]

PART = ".named_edges."

DTYPES = {"codes": torch.int64, "fixed": torch.uint8}


def is_of_names(key: str) -> bool:
    """Whether a tensor belongs to named edges, by its name."""
    return PART in key


def function_names(model: LayerStack) -> list[str]:
    """Return the names of the functions that stand on a model's edges, in order."""
    named = [layer.named_edges for layer in model.layers]
    return sorted({name for edges in named if edges is not None for name in edges.functions})


def functions_by_name(
    names: list[str], given: Mapping[str, Function] | None, path: Any
) -> dict[str, Function]:
    """Return the functions that a file names; one's own have to be given.

    Raises
    ------
    ValueError, TypeError
        If one is missing, or what is given is no function.
    """
    known = {**FUNCTIONS, **(given or {})}
    for name, function in known.items():
        if not isinstance(function, Function) or function.name != name:
            raise TypeError(
                f"functions must map names to Functions, as in {{'j0': own_function('j0', ...)}}; "
                f"got {type(function).__name__} for {str(name)[:40]!r}"
            )
    missing = [name for name in names if name not in known]
    if missing:
        raise ValueError(
            f"{path} was saved with functions of its own on edges, {', '.join(missing)[:200]}, and "
            "a file holds no code; pass them as functions={name: own_function(name, ...)}"
        )
    return {name: known[name] for name in names}


def shapes_of_names(keys: Any, l: int, edges: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    """Return what shapes the tensors of a layer's names must have; none if it has no names."""
    prefix = f"layers.{l}{PART}"
    if not any(key.startswith(prefix) for key in keys):
        return {}
    return {f"{prefix}affine": (*edges, 4), f"{prefix}codes": edges, f"{prefix}fixed": edges}


def check_saved_names(state: Mapping[str, Tensor], names: list[str]) -> str:
    """Return what is wrong with the numbers of named edges, "" if nothing is."""
    codes = torch.tensor([0, *map(code_of, names)])
    for key, value in state.items():
        if not is_of_names(key):
            continue
        part = key.rpartition(".")[2]
        if value.dtype != DTYPES.get(part, value.dtype):
            return f"{key} does not hold what a KAN has there"
        if part == "codes" and not torch.isin(value.cpu(), codes).all():
            return f"{key} names functions that are not in its settings"
        if part == "fixed" and bool((value > 15).any()):
            return f"{key} does not hold what a KAN has there"
        if part == "affine" and not value.isfinite().all():
            return f"{key} does not hold finite numbers"
    return ""


def named_edges_of(
    state: Mapping[str, Tensor], l: int, functions: Mapping[str, Function]
) -> NamedEdges | None:
    """Return a layer's named edges from the tensors of a file, None if it has none."""
    prefix = f"layers.{l}{PART}"
    if f"{prefix}codes" not in state:
        return None
    affine = state[f"{prefix}affine"]
    named = NamedEdges(affine[..., 0])
    named.affine = nn.Parameter(affine)
    named.codes, named.fixed = state[f"{prefix}codes"], state[f"{prefix}fixed"]
    named.use_functions({name: f for name, f in functions.items() if name not in FUNCTIONS})
    return named
