"""Cubic B-splines on a uniform grid, whose end pieces go on outside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ORDER", "SplineGrid"]

Array = NDArray[np.float64]

ORDER = 3

# Of the four splines on a cell the coefficients of 1, t, t², t³, for t from 0 to 1.
_PIECES = np.array([[1, -3, 3, -1], [4, 0, -6, 3], [1, 3, 3, -3], [0, 0, 0, 1]]) / 6.0
_SLOPES = _PIECES[:, 1:] * np.array([1.0, 2.0, 3.0])


@dataclass(frozen=True)
class SplineGrid:
    """A uniform grid.

    Attributes
    ----------
    low, high : float
    intervals : int
    """

    low: float
    high: float
    intervals: int

    @property
    def count(self) -> int:
        """Coefficients of a spline."""
        return self.intervals + ORDER

    def basis(self, x: Array) -> tuple[Array, Array]:
        """Return all splines and their slopes at values ``(rows,)``, each ``(count, rows)``.

        Unlike a `KANLayer`'s splines these do not fade out beyond the grid: the polynomial of
        the last cell goes on, so that a node whose values move during a fit still has a curve.
        """
        step = (self.high - self.low) / self.intervals
        place = (x - self.low) / step
        cell = np.clip(np.nan_to_num(np.floor(place)), 0, self.intervals - 1)
        t = place - cell
        powers = np.stack([np.ones_like(t), t, t * t, t * t * t])
        basis, slope = np.zeros((2, self.count, len(x)))
        at, rows = cell.astype(np.int64), np.arange(len(x))
        weight, tilt = _PIECES @ powers, _SLOPES @ powers[:-1] / step
        for n in range(ORDER + 1):
            basis[at + n, rows], slope[at + n, rows] = weight[n], tilt[n]
        return basis, slope

    def fit(self, x: Array, y: Array) -> Array:
        """Return the coefficients ``(curves, count)`` nearest to samples ``(curves, points)``."""
        basis = self.basis(x)[0]
        normal = basis @ basis.T
        normal += 1e-12 * np.trace(normal) / len(normal) * np.eye(len(normal))
        return np.asarray(np.linalg.solve(normal, basis @ y.T).T, dtype=np.float64)
