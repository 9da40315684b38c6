"""What does not make sense is said in words: what was wrong, what was expected, what to do."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "DATASET_KEYS",
    "Edge",
    "Node",
    "check_config",
    "check_dataset",
    "check_edge",
    "check_inputs",
    "check_node",
    "check_number",
    "check_threshold",
    "check_whole",
]

Edge = tuple[int, int, int]
"""``(l, i, j)``: from node ``i`` of node layer ``l`` to node ``j`` of node layer ``l + 1``."""

Node = tuple[int, int]
"""``(l, i)``: node ``i`` of node layer ``l``, 0 being the inputs."""

DATASET_KEYS = ("train_input", "train_label", "test_input", "test_label")


def check_config(
    width: Sequence[int],
    grid: int,
    k: int,
    base_fun: object,
    grid_eps: float,
    grid_range: Sequence[float],
    dtype: torch.dtype,
) -> tuple[list[int], int, int]:
    """Return a KAN's width as a new list, grid and k as ints, or raise what `KAN` does."""
    if isinstance(width, (str, bytes)) or not isinstance(width, (Sequence, np.ndarray)):
        raise TypeError(f"width must be a list of ints such as [2, 5, 1], got {width!r}")
    plain = [_whole(nodes) for nodes in width]
    nodes = [n for n in plain if n is not None and n >= 1]
    if len(nodes) < max(2, len(plain)):
        raise ValueError(
            "width must list the nodes from inputs to outputs, each at least 1, "
            f"such as [2, 5, 1]; got {width!r}"
        )
    counts = []
    for name, value in (("grid", grid), ("k", k)):
        count = _whole(value)
        if count is None or count < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        counts.append(count)
    if base_fun is not None and not callable(base_fun):
        raise TypeError(f"base_fun must be a function of a tensor, got {base_fun!r}")
    if not 0 <= _number(grid_eps, "grid_eps") <= 1:
        raise ValueError(
            f"grid_eps must be between 0 (quantiles) and 1 (uniform), got {grid_eps!r}"
        )
    try:
        low_high = [float(value) for value in grid_range]
    except (TypeError, ValueError):
        raise TypeError(
            f"grid_range must be two numbers, (low, high), got {grid_range!r}"
        ) from None
    if len(low_high) != 2 or not -math.inf < low_high[0] < low_high[1] < math.inf:
        raise ValueError(f"grid_range must be (low, high) with low < high, got {grid_range!r}")
    if dtype not in (torch.float32, torch.float64):
        raise TypeError(
            "dtype must be a floating point type that splines can be fitted in, torch.float32 "
            f"or torch.float64, got {dtype!r}"
        )
    return nodes, counts[0], counts[1]


def check_number(value: object, name: str, least: float = 0.0) -> float:
    """Return a finite number as a float, or raise a ValueError or TypeError."""
    number = _number(value, name)
    if not (math.isfinite(number) and number >= least):
        bound = "" if least == -math.inf else f" of at least {least:g}"
        raise ValueError(f"{name} must be a finite number{bound}, got {value}")
    return number


def check_threshold(value: object, name: str = "threshold") -> float:
    """Return a threshold as a float, or raise a ValueError or TypeError."""
    return check_number(value, name)


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


def check_inputs(
    x: object, n_in: int, name: str, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Return inputs as a tensor ``(rows, n_in)``, or raise a ValueError or TypeError."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{name} must be a torch tensor of shape (rows, {n_in}), got {type(x).__name__}"
        )
    if x.dim() != 2 or x.shape[1] != n_in:
        raise ValueError(f"{name} must have shape (rows, {n_in}), got {tuple(x.shape)}")
    if len(x) == 0:
        raise ValueError(f"{name} has no rows")
    return _convert(x, name, device, dtype)


def check_dataset(
    dataset: object,
    n_in: int,
    n_out: int | None,
    device: torch.device,
    dtype: torch.dtype,
) -> dict[str, Tensor]:
    """Return a dataset moved to a model's device and dtype, or say what is wrong with it.

    Parameters
    ----------
    dataset : mapping
        With the four entries that `create_dataset` makes.
    n_in : int
        Columns that inputs must have.
    n_out : int or None
        Columns that labels must have; None leaves labels (shape and integer dtype) to a
        loss function of the user's own.
    device, dtype
        Where to, for inputs and for labels that are floating point numbers.

    Raises
    ------
    TypeError
        If it is not a mapping of tensors.
    ValueError
        If entries are missing, shapes do not match, or numbers are NaN or infinite.
    """
    if not isinstance(dataset, Mapping):
        raise TypeError(
            f"dataset must be a dict with the entries {', '.join(DATASET_KEYS)}, "
            f"got {type(dataset).__name__}"
        )
    missing = [key for key in DATASET_KEYS if key not in dataset]
    if missing:
        raise ValueError(
            f"dataset lacks {', '.join(missing)}; it must have {', '.join(DATASET_KEYS)} "
            "(create_dataset makes one)"
        )
    checked: dict[str, Tensor] = {}
    for part in ("train", "test"):
        x = check_inputs(dataset[f"{part}_input"], n_in, f"dataset['{part}_input']", device, dtype)
        name, y = f"dataset['{part}_label']", dataset[f"{part}_label"]
        if not isinstance(y, Tensor):
            raise TypeError(f"{name} must be a torch tensor, got {type(y).__name__}")
        shape = tuple(y.shape)
        if n_out is not None and shape != (len(x), n_out):
            raise ValueError(f"{name} must have shape ({len(x)}, {n_out}), got {shape}")
        if y.dim() == 0 or len(y) != len(x):
            raise ValueError(f"{name} must have {len(x)} rows, as the inputs have; got {shape}")
        as_number = n_out is not None or y.is_floating_point()
        checked[f"{part}_input"] = x
        checked[f"{part}_label"] = _convert(y, name, device, dtype if as_number else y.dtype)
    return checked


def _convert(values: Tensor, name: str, device: torch.device, dtype: torch.dtype) -> Tensor:
    found = _check_finite(values, name).detach().to(device, dtype)
    if not torch.isfinite(found).all():
        largest = float(values.abs().max())
        raise ValueError(
            f"{name} holds numbers up to {largest:g}, too large for the model's {dtype}; "
            "scale them, or make the model with dtype=torch.float64"
        )
    return found


def _check_finite(values: Tensor, name: str) -> Tensor:
    bad = ~torch.isfinite(values)
    if bad.any():
        row = int(bad.nonzero()[0, 0])
        raise ValueError(
            f"{name} holds {int(bad.sum())} numbers that are NaN or infinite, the first in "
            f"row {row}; drop or mend those rows"
        )
    return values


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
