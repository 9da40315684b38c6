"""What does not make sense is said in words: what was wrong, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    "check_threshold",
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
) -> list[int]:
    """Return a KAN's width as a new list, or raise a ValueError or TypeError."""

    def whole(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1

    if isinstance(width, (str, bytes)) or not isinstance(width, Sequence):
        raise TypeError(f"width must be a list of ints such as [2, 5, 1], got {width!r}")
    if len(width) < 2 or not all(map(whole, width)):
        raise ValueError(
            "width must list the nodes from inputs to outputs, each at least 1, "
            f"such as [2, 5, 1]; got {width!r}"
        )
    for name, value in (("grid", grid), ("k", k)):
        if not whole(value):
            raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    if base_fun is not None and not callable(base_fun):
        raise TypeError(f"base_fun must be a function of a tensor, got {base_fun!r}")
    if not 0 <= grid_eps <= 1:
        raise ValueError(
            f"grid_eps must be between 0 (quantiles) and 1 (uniform), got {grid_eps!r}"
        )
    low_high = [float(value) for value in grid_range]
    if len(low_high) != 2 or not -float("inf") < low_high[0] < low_high[1] < float("inf"):
        raise ValueError(f"grid_range must be (low, high) with low < high, got {grid_range!r}")
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise TypeError(f"dtype must be a floating point type such as torch.float64, got {dtype!r}")
    return list(width)


def check_threshold(value: object, name: str = "threshold") -> float:
    """Return a threshold as a float, or raise a ValueError or TypeError."""
    try:
        if isinstance(value, (bool, str)):
            raise TypeError
        number = float(value)  # type: ignore[arg-type]  # numpy's and torch's scalars too
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    if not 0 <= number < float("inf"):
        raise ValueError(f"{name} must be a finite number of at least 0, got {value}")
    return number


def check_node(width: Sequence[int], l: int, i: int) -> Node:
    """Return ``(l, i)`` as plain ints, or raise an error that names the axis and its size."""
    what = f"KAN({list(width)}) has no node ({l}, {i})"
    l = _check_index(l, len(width), what, "node layers")
    return l, _check_index(i, width[l], what, f"nodes in node layer {l}")


def check_edge(width: Sequence[int], l: int, i: int, j: int) -> Edge:
    """Return ``(l, i, j)`` as plain ints, or raise an error that names the axis and its size."""
    what = f"KAN({list(width)}) has no edge ({l}, {i}, {j})"
    l = _check_index(l, len(width) - 1, what, "layers of edges")
    i = _check_index(i, width[l], what, f"nodes in node layer {l}")
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
    return _check_finite(x, name).detach().to(device, dtype)


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
        y = _check_finite(y, name).detach()
        checked[f"{part}_input"] = x
        checked[f"{part}_label"] = y.to(device, dtype) if as_number else y.to(device)
    return checked


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
