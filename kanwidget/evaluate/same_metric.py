"""Whether two metrics compute the same: running a cell again creates its metrics again."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from types import BuiltinMethodType, CellType, CodeType, FunctionType, MethodType
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
    if isinstance(one, Tensor):
        return torch.equal(one, other) if one.dtype == other.dtype else False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, (str, bytes, bool, int, float, complex, frozenset, set)):
        return bool(one == other)
    try:
        ours, theirs = _parts(one), _parts(other)
    except ValueError:
        return False
    pairs = zip(ours, theirs, strict=False)
    return len(ours) == len(theirs) and all(is_same_metric(a, b, depth + 1) for a, b in pairs)


def _parts(one: Any) -> Sequence[Any]:
    """Return what makes an object what it is, a ValueError if that cannot be told."""
    if isinstance(one, (list, tuple)):
        return one
    if isinstance(one, dict):
        return [part for key in sorted(one, key=str) for part in (key, one[key])]
    if isinstance(one, FunctionType):
        given = one.__defaults__, one.__kwdefaults__, one.__closure__
        return id(one.__globals__), one.__code__, *given
    if isinstance(one, CodeType):
        # Not its line numbers.
        code = ("co_code", "co_consts", "co_names", "co_freevars", "co_argcount", "co_flags")
        return [getattr(one, name) for name in code]
    if isinstance(one, (MethodType, BuiltinMethodType)):
        return one.__name__, one.__self__
    if isinstance(one, functools.partial):
        return one.func, one.args, one.keywords
    if isinstance(one, CellType):
        return [one.cell_contents]  # a ValueError if it is empty
    if not hasattr(one, "__dict__"):
        raise ValueError
    return [vars(one)]  # of an instance of a class, such as torch.nn.MSELoss()
