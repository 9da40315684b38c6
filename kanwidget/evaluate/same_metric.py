"""Whether two metrics compute the same: running a cell again creates its metrics again."""

from __future__ import annotations

import functools
from types import BuiltinMethodType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["is_same_metric"]

MAX_DEPTH = 8
"""Objects within objects that are looked into; what lies deeper counts as another one."""


def is_same_metric(one: Any, other: Any, depth: int = 0) -> bool:
    """Whether two functions, or what they hold, are equal: code, defaults and all that it uses.

    Globals are looked up when a function runs, so that functions of one module share them.
    """
    if one is other:
        return True
    if type(one) is not type(other) or depth > MAX_DEPTH:
        return False
    return _equal(one, other, depth + 1)


def _equal(one: Any, other: Any, depth: int) -> bool:
    if isinstance(one, FunctionType):
        parts = ("__code__", "__defaults__", "__kwdefaults__", "__closure__")
        shared = one.__globals__ is other.__globals__
        return shared and all(
            is_same_metric(getattr(one, n), getattr(other, n), depth) for n in parts
        )
    if isinstance(one, CodeType):
        # Not its line numbers.
        code = ("co_code", "co_consts", "co_names", "co_freevars", "co_argcount", "co_flags")
        return all(is_same_metric(getattr(one, n), getattr(other, n), depth) for n in code)
    if isinstance(one, (MethodType, BuiltinMethodType)):
        return one.__name__ == other.__name__ and is_same_metric(
            one.__self__, other.__self__, depth
        )
    if isinstance(one, functools.partial):
        ours, theirs = (one.func, one.args, one.keywords), (other.func, other.args, other.keywords)
        return is_same_metric(ours, theirs, depth)
    if isinstance(one, Tensor):
        return torch.equal(one, other) if one.dtype == other.dtype else False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, (list, tuple)):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(is_same_metric(a, b, depth) for a, b in pairs)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            is_same_metric(one[k], other[k], depth) for k in one
        )
    if isinstance(one, (str, bytes, bool, int, float, complex, frozenset, set)):
        return bool(one == other)
    if type(one).__name__ == "cell":
        return _in_cell(one, other, depth)
    # An instance of a class, such as torch.nn.MSELoss(): by what it holds.
    return hasattr(one, "__dict__") and is_same_metric(vars(one), vars(other), depth)


def _in_cell(one: Any, other: Any, depth: int) -> bool:
    """Compare what two closures hold; an empty one raises a ValueError."""
    try:
        return is_same_metric(one.cell_contents, other.cell_contents, depth)
    except ValueError:
        return False
