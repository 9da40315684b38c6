"""A private copy of a model, to compute on, and its weights at one moment."""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["NAMED_EDGES", "Weights", "as_bytes", "named_tensors", "private_copy", "same_bits"]

NAMED_EDGES = "named_edges"
"""The name of the module that holds a layer's named edges."""


@dataclass(frozen=True)
class Weights:
    """All that makes a model's functions, at one moment. Nothing may write to it.

    Attributes
    ----------
    tensors : dict of str to Tensor
        Parameters and buffers by their names.
    settings : object
        All else, such as pykan's formulas: only the adapter that made it knows it.
    grid_tensors : tuple of str
        What ends the names of tensors whose last axis is longer with a finer grid.
    """

    tensors: Mapping[str, Tensor]
    settings: Any = None
    grid_tensors: tuple[str, ...] = ()

    def fits(self, model: nn.Module) -> bool:
        """Whether a model has tensors of the same names, shapes and dtypes.

        Grids may be coarser or finer, and edges may have names or not. Masks are set anew anyway,
        and may be of another dtype: pykan's `prune_edge` makes them float32.
        """
        live, own = (
            {name: value for name, value in tensors.items() if f".{NAMED_EDGES}." not in name}
            for tensors in (named_tensors(model), self.tensors)
        )
        return live.keys() == own.keys() and all(
            self._shape(name, live[name]) == self._shape(name, value)
            and (live[name].dtype == value.dtype or name.endswith(".mask"))
            for name, value in own.items()
        )

    def _shape(self, name: str, value: Tensor) -> tuple[int, ...]:
        """Return a shape, without its last axis if that is as long as a grid."""
        return tuple(value.shape[:-1] if name.endswith(self.grid_tensors) else value.shape)

    def sharing(self, others: Collection[Weights]) -> Weights:
        """Return the same weights, with the tensors of others wherever they are equal."""
        tensors = dict(self.tensors)
        for name, value in self.tensors.items():
            for other in others:
                theirs = other.tensors.get(name)
                if theirs is not None and same_bits(theirs, value):
                    tensors[name] = theirs
                    break
        return replace(self, tensors=tensors)


def named_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return a model's parameters and buffers, those too that its state dict leaves out."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


@torch.no_grad()
def private_copy(model: nn.Module, left_out: Collection[str] = ()) -> Any:
    """Return a deep copy of a model, without its constructor, hooks and autograd graph.

    What cannot be copied, such as a lock or an open file, is shared.

    Parameters
    ----------
    model : nn.Module
    left_out : collection of str
        Attributes of the model itself that are None in the copy, such as data it has seen.
    """
    memo: dict[int, Any] = {}
    for module in model.modules():
        for value in _tensors(vars(module).values()):
            if not value.is_leaf:  # which torch does not copy
                memo[id(value)] = value.detach().clone()
    new = _copied(model, memo, frozenset(left_out))
    for parameter in new.parameters():
        parameter.requires_grad_(False)
    return new


def _copied(module: nn.Module, memo: dict[int, Any], left_out: Collection[str] = ()) -> Any:
    if id(module) in memo:
        return memo[id(module)]
    new: Any = object.__new__(type(module))
    memo[id(module)] = new
    # Parameters first: lists of them, as pykan has, must hold the very same ones.
    for name in sorted(vars(module), key=lambda name: name not in ("_parameters", "_buffers")):
        value = vars(module)[name]
        if name == "_modules":
            value = type(value)((n, m and _copied(m, memo)) for n, m in value.items())
        elif name.endswith("_hooks") and hasattr(value, "items"):
            # Torch's own compute weights (weight_norm, prune); others' are none of our business.
            kept = [(n, h) for n, h in value.items() if _module_of(h).startswith("torch.")]
            value = type(value)((n, copy.deepcopy(h, memo)) for n, h in kept)
        elif name in left_out:
            value = None
        else:
            with contextlib.suppress(Exception):  # a lock, a file: whatever cannot be copied
                value = copy.deepcopy(value, memo)
        new.__dict__[name] = value
    return new


def _module_of(hook: Any) -> str:
    kind = hook if inspect.isroutine(hook) else type(hook)
    return str(getattr(kind, "__module__", ""))


def _tensors(values: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested lists, tuples and dicts."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)
        elif isinstance(value, dict):
            yield from _tensors(value.values())


def as_bytes(tensor: Tensor) -> bytes:
    """Return a tensor's numbers as they lie in memory."""
    # Whatever the dtype: numpy has no bfloat16.
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    numbers: bytes = flat.view(torch.uint8).numpy().tobytes()
    return numbers


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are equal, NaN to NaN, and of one kind."""
    if a is b:
        return True
    if a.shape != b.shape or a.dtype != b.dtype or a.device != b.device:
        return False
    if torch.equal(a, b):
        # 0.0 and -0.0 are equal, but not the same.
        return not a.is_floating_point() or torch.equal(a.signbit(), b.signbit())
    same = (a == b) | (a.isnan() & b.isnan()) if a.is_floating_point() else a == b
    return bool(same.all())
