"""Tensors as numpy arrays of float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Array", "as_array", "as_columns"]

Array = NDArray[np.float64]


def as_array(values: Tensor) -> Array:
    """Return a tensor's numbers in float64, of the same shape; in the same memory if possible."""
    return values.detach().cpu().double().numpy()


def as_columns(values: Tensor) -> Array:
    """Return the numbers of ``(rows, n)`` in float64 as ``(n, rows)``, each column in one piece."""
    return np.ascontiguousarray(as_array(values).T)
