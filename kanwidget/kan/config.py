"""Checks what a KAN is built with."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from kanwidget.masks.validate import check_number, check_whole

__all__ = ["check_config"]


def check_config(
    width: Sequence[int],
    grid: int,
    k: int,
    base_fun: object,
    grid_eps: float,
    grid_range: Sequence[float],
    dtype: torch.dtype,
) -> tuple[list[int], int, int]:
    """Return a KAN's width as a new list, and grid and k as ints.

    Raises
    ------
    ValueError, TypeError
        If a number makes no sense; the message says which, and what would.
    """
    if isinstance(width, (str, bytes)) or not isinstance(width, (Sequence, np.ndarray)):
        raise TypeError(f"width must be a list of ints such as [2, 5, 1], got {width!r}")
    nodes = [_count(n) for n in width]
    if len(nodes) < 2 or 0 in nodes:
        raise ValueError(
            "width must list the nodes from inputs to outputs, each at least 1, "
            f"such as [2, 5, 1]; got {width!r}"
        )
    for name, value in (("grid", grid), ("k", k)):
        if not _count(value):
            raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    if base_fun is not None and not callable(base_fun):
        raise TypeError(f"base_fun must be a function of a tensor, got {base_fun!r}")
    try:
        sound = check_number(grid_eps, "grid_eps") <= 1
    except ValueError:
        sound = False
    if not sound:
        raise ValueError(
            f"grid_eps must be between 0 (quantiles) and 1 (uniform), got {grid_eps!r}"
        )
    try:
        low_high = [float(value) for value in grid_range]
    except (TypeError, ValueError, OverflowError):
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
    return nodes, _count(grid), _count(k)


def _count(value: object) -> int:
    """Return a whole number of at least 1 as an int, 0 for anything else."""
    try:
        return check_whole(value, "", 1)
    except (TypeError, ValueError):
        return 0
