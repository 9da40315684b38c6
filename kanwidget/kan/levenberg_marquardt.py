"""Levenberg-Marquardt steps for mean squared errors of a few thousand parameters.

Products and factors are computed in tiles: how threads share a large one shows in its last bits,
and a fit shall repeat to these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .optimizers import LBFGS

__all__ = [
    "MAX_PARAMETERS",
    "LeastSquares",
    "LevenbergMarquardt",
    "NormalEquations",
    "check_count",
    "gram",
]

MAX_PARAMETERS = 4000
"""Most parameters that are fitted: a step takes the third power of their number."""

FIRST_DAMPING = 0.01
"""The damping at first, in units of the curvature along each parameter."""

LEAST_DAMPING = 1e-14
"""The damping never gets lower."""

LEAST_CURVATURE = 0.01
"""Share of the largest curvature that each parameter is damped by, at least."""

LEARNT = 0.01
"""Share of the labels' variance: with an error below it, something has been learnt."""

MAX_ATTEMPTS = 10
"""Dampings that are tried in one step."""

TILE = 64
"""Rows of a tile: OpenBLAS multiplies two tiles in one thread."""


class NormalEquations(NamedTuple):
    """A mean of squares near a point: ``value + slope h + h curvature h / 2`` after a step h.

    Attributes
    ----------
    value : float
    columns : ndarray of int, shape (p,)
        The parameters that it depends on, by their places in the point; all others stay.
    slope : ndarray, shape (p,)
    curvature : ndarray, shape (p, p)
        By Gauss and Newton: of the residuals' slopes alone. What is above the diagonal is not used.
    """

    value: float
    columns: NDArray[np.intp]
    slope: Array
    curvature: Array


def check_count(parameters: int) -> None:
    """Raise a ValueError if there are too many parameters."""
    if parameters > MAX_PARAMETERS:
        raise ValueError(
            f"opt='LM' is for up to {MAX_PARAMETERS} parameters, and {parameters} are trained "
            "here: prune the model first, or train it with opt='LBFGS'"
        )


class LeastSquares(Protocol):
    """A mean of squares as a function of one flat vector."""

    @property
    def spread(self) -> float:
        """The value of the best constant outputs."""

    def __call__(self, theta: Array, slope: bool = True) -> tuple[float, Array]:
        """Return the value at a point, and its gradient if that is wanted."""

    def normal_equations(self, theta: Array) -> NormalEquations:
        """Return the normal equations at a point."""


class LevenbergMarquardt:
    """Steps between Newton's, by Gauss's curvature, and short ones downhill (Marquardt 1963).

    Each parameter is damped in proportion to the curvature along it, and the damping follows
    how well the last step was foretold (Nielsen 1999, "Damping parameter in Marquardt's method").
    Where nothing is learnt yet, curvatures foretell little: then the first steps are LBFGS's.

    Parameters
    ----------
    stop : callable, optional
        Asked during a step, which ends soon once it is true.
    """

    def __init__(self, stop: Callable[[], bool] | None = None) -> None:
        self._stop = stop or (lambda: False)
        self._damping, self._growth = FIRST_DAMPING, 2.0
        self._first, self._first_steps = LBFGS(stop=stop), 5

    def step(self, theta: Array, objective: LeastSquares, changed: bool = True) -> Array:
        """Go on from a point, and return one with a lower value, or the same if none is found."""
        if self._first_steps > 0:
            self._first_steps -= 1
            if objective(theta, slope=False)[0] > LEARNT * objective.spread:
                return self._first.step(theta, objective, changed)
        value, columns, slope, curvature = objective.normal_equations(theta)
        if not math.isfinite(value) or not slope.any():
            return theta
        diagonal = curvature.diagonal()
        scale = np.maximum(diagonal, LEAST_CURVATURE * float(diagonal.max()))
        for _ in range(MAX_ATTEMPTS):
            damping = self._damping * scale
            move = solve(curvature, damping, -slope)
            if move is not None:
                new = theta.copy()
                new[columns] += move
                found, _ = objective(new, slope=False)
                # What the quadratic foretells, as (curvature + damping) move = -slope.
                foretold = 0.5 * float((move * (damping * move - slope)).sum())
                if found < value and foretold > 0:
                    gain = (value - found) / foretold
                    factor = max(1 / 3, 1 - (2 * gain - 1) ** 3)
                    self._damping, self._growth = max(factor * self._damping, LEAST_DAMPING), 2.0
                    return new
            self._damping *= self._growth
            self._growth *= 2
            if self._stop():
                break
        self._damping = min(self._damping, FIRST_DAMPING)
        self._growth = 2.0
        objective(theta, slope=False)  # its losses are those of the point that is returned
        return theta


def gram(rows: Array, out: Array) -> None:
    """Add the inner products of rows ``(p, n)`` to the lower tiles of ``out``, ``(p, p)``."""
    count, depth = len(rows), 4 * TILE
    for start in range(0, rows.shape[1], depth):
        part = rows[:, start : start + depth]
        for i in range(0, count, TILE // 2):
            left = part[i : i + TILE // 2]
            for j in range(0, i + 1, TILE // 2):
                right = part[j : j + TILE // 2]
                out[i : i + TILE // 2, j : j + TILE // 2] += left @ right.T


def solve(matrix: Array, added: Array, wanted: Array) -> Array | None:
    """Solve ``(matrix + diag(added)) x = wanted`` by Cholesky; None if it is not positive.

    Parameters
    ----------
    matrix : ndarray, shape (p, p)
        Only what is on and below the diagonal is used.
    added, wanted : ndarray, shape (p,)
    """
    lower, x = matrix.copy(), wanted.copy()
    lower[np.diag_indices_from(lower)] += added
    starts = range(0, len(x), TILE)
    inverses = []
    for k in starts:
        here, rest = slice(k, k + TILE), range(k + TILE, len(x), TILE)
        try:
            factor = np.linalg.cholesky(lower[here, here])
            inverses.append(np.linalg.inv(factor))
        except np.linalg.LinAlgError:
            return None
        x[here] = inverses[-1] @ x[here]
        for i in rest:
            lower[i : i + TILE, here] = lower[i : i + TILE, here] @ inverses[-1].T
            x[i : i + TILE] -= lower[i : i + TILE, here] @ x[here]
        for i in rest:
            left = lower[i : i + TILE, here]
            for j in range(k + TILE, i + 1, TILE):
                lower[i : i + TILE, j : j + TILE] -= left @ lower[j : j + TILE, here].T
    for k, inverse in zip(reversed(starts), reversed(inverses), strict=True):
        here = slice(k, k + TILE)
        x[here] = inverse.T @ x[here]
        for j in range(0, k, TILE):
            x[j : j + TILE] -= lower[here, j : j + TILE].T @ x[here]
    return x if np.isfinite(x).all() else None
