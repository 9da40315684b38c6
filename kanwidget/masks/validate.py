"""Checks of values, with errors that say what was wrong, what was expected, and what to do."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from .ids import Edge, Node

__all__ = [
    "check_edge",
    "check_edges",
    "check_node",
    "check_nodes",
    "check_number",
    "check_scalar",
    "check_whole",
]


def check_number(value: object, name: str, least: float = 0.0) -> float:
    """Return a finite number as a float, or raise a ValueError or TypeError."""
    number = _number(value, name)
    if not (math.isfinite(number) and number >= least):
        bound = "" if least == -math.inf else f" of at least {least:g}"
        raise ValueError(f"{name} must be a finite number{bound}, got {value}")
    return number


def check_whole(value: object, name: str, least: int | None = None) -> int:
    """Return an int (numpy's are fine) as a plain one, or raise a ValueError or TypeError."""
    whole = _whole(value)
    if whole is None:
        raise TypeError(f"{name} must be an int, got {value!r}")
    if least is not None and whole < least:
        raise ValueError(f"{name} must be at least {least}, got {whole}")
    return whole


def _whole(value: Any) -> int | None:
    try:
        return None if isinstance(value, (bool, Tensor)) else operator.index(value)
    except TypeError:
        return None


def _number(value: Any, name: str) -> float:
    try:
        if isinstance(value, (bool, str)):
            raise TypeError
        return float(value)  # numpy's and torch's scalars too
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    except OverflowError:  # of an int; to print it may take a page, or fail too
        raise ValueError(f"{name} must be a finite number, got one too large for a float") from None


def check_scalar(value: Any, name: str) -> float:
    """Return the one number that a function of the user's gave, or say what it gave instead."""
    what = f"{name} must return one real number"
    try:
        found = value.item() if isinstance(value, (Tensor, np.ndarray)) else value
        if isinstance(found, (str, bytes, complex, np.complexfloating)):
            raise TypeError
        return float(found)
    except (TypeError, ValueError, RuntimeError):
        array = isinstance(value, (Tensor, np.ndarray))
        shape = f" of shape {tuple(value.shape)}" if array else ""
        raise TypeError(f"{what}, got a {type(value).__name__}{shape}") from None
    except OverflowError:
        raise ValueError(f"{what}, got one too large for a float") from None


def check_node(width: Sequence[int], l: int, i: int) -> Node:
    """Return ``(l, i)`` as plain ints, or raise an error that names the axis and its size."""
    what = f"KAN({list(width)}) has no node ({l}, {i})"
    l = _check_index(l, len(width), what, "node layers")
    return l, _check_index(i, width[l], what, f"nodes in node layer {l}")


def check_edge(
    width: Sequence[int], l: int, i: int, j: int, slots: Sequence[Sequence[int]] = ()
) -> Edge:
    """Return ``(l, i, j)`` as plain ints, or raise an error that names the axis and its size.

    Where some nodes are products, ``slots`` holds the node of each target ``j``.
    """
    what = f"KAN({list(width)}) has no edge ({l}, {i}, {j})"
    l = _check_index(l, len(width) - 1, what, "layers of edges")
    i = _check_index(i, width[l], what, f"nodes in node layer {l}")
    if slots and len(slots[l]) != width[l + 1]:
        targets = f"factors and sums that make node layer {l + 1}"
        return l, i, _check_index(j, len(slots[l]), what, targets)
    return l, i, _check_index(j, width[l + 1], what, f"nodes in node layer {l + 1}")


def check_edges(
    width: Sequence[int], edges: Iterable[Sequence[int]], slots: Sequence[Sequence[int]] = ()
) -> frozenset[Edge]:
    """Return edges as a set of ``(l, i, j)``, or raise an IndexError or TypeError."""
    ids = _ids(edges, "l", "i", "j")
    return frozenset(check_edge(width, l, i, j, slots) for l, i, j in ids)


def check_nodes(width: Sequence[int], nodes: Iterable[Sequence[int]]) -> frozenset[Node]:
    """Return nodes as a set of ``(l, i)``, or raise an IndexError or TypeError."""
    return frozenset(check_node(width, l, i) for l, i in _ids(nodes, "l", "i"))


def _ids(values: object, *names: str) -> Iterator[Sequence[int]]:
    shape = f"({', '.join(names)})"
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"expected a list of ids {shape}, got {values!r}")
    for ids in values:
        if not isinstance(ids, (list, tuple)) or len(ids) != len(names):
            raise TypeError(f"expected ids {shape}, got {ids!r}")
        yield ids


def _check_index(index: int, size: int, what: str, axis: str) -> int:
    try:
        if isinstance(index, bool):
            raise TypeError
        plain = index.__index__()
    except (AttributeError, TypeError):
        raise TypeError(f"{what}: an index must be an int, got {index!r}") from None
    if not 0 <= plain < size:
        raise IndexError(f"{what}: there are {size} {axis}, counted from 0")
    return plain
