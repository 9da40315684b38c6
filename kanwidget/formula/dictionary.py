"""Every function of a library over those constants where it looks different on -1 .. 1.

The best of these columns is where a fit starts; see `fit`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kanwidget.functions.library import Function

__all__ = ["POINTS", "Dictionary", "StartGrid", "make_dictionary"]

Array = NDArray[np.float64]

POINTS = 64
"""Points at which curves are compared."""

MOST_FREQUENCY = 50.0
"""In radians for half the range: a wave of 64 points that is still seen as one."""


@dataclass(frozen=True)
class StartGrid:
    """Where the fit of one function starts: a grid of parameters ``p``.

    The constants are linear in ``q = exp(p)`` (where `in_log`) or ``q = p``, so that a fit cannot
    leave the function's domain:
    ``a = at[0] + at[1] q1 + at[2] q2`` and ``b = bt[0] + bt[1] q1 + bt[2] q2``.

    Attributes
    ----------
    p : ndarray, shape (n1, n2, 2)
        ``n1`` is 1 if the first parameter is not free.
    at, bt : ndarray, shape (n1, 3)
    in_log, free : (bool, bool)
        Of each parameter.
    """

    p: Array
    at: Array
    bt: Array
    in_log: tuple[bool, bool]
    free: tuple[bool, bool]

    def constants(self) -> tuple[Array, Array]:
        """Return a and b, shapes ``(n1, n2)``."""
        q = np.where(self.in_log, np.exp(np.where(self.in_log, self.p, 0.0)), self.p)
        at, bt = self.at[:, None], self.bt[:, None]
        return (
            at[..., 0] + at[..., 1] * q[..., 0] + at[..., 2] * q[..., 1],
            bt[..., 0] + bt[..., 1] * q[..., 0] + bt[..., 2] * q[..., 1],
        )


@dataclass(frozen=True)
class Dictionary:
    """All columns of some functions.

    Attributes
    ----------
    functions : tuple of Function
    grids : tuple of StartGrid
    columns, squares : ndarray, shape (POINTS, columns)
        Each with mean 0 and spread 1, one function after the other; and their squares.
    first : ndarray of int, shape (functions + 1,)
        Where each function's columns begin.
    """

    functions: tuple[Function, ...]
    grids: tuple[StartGrid, ...]
    columns: Array
    squares: Array
    first: NDArray[np.int64]


@functools.lru_cache(8)
def make_dictionary(functions: tuple[Function, ...]) -> Dictionary:
    """Return the columns of some functions; made once for each choice of functions."""
    t = np.linspace(-1.0, 1.0, POINTS)
    grids = tuple(_start_grid(function) for function in functions)
    columns = []
    for function, grid in zip(functions, grids, strict=True):
        a, b = grid.constants()
        with np.errstate(all="ignore"):
            values = function.value((a[..., None] * t + b[..., None]).reshape(-1, POINTS))
            values = values - values.mean(1, keepdims=True)
            spread = values.std(1, keepdims=True)
            seen = np.isfinite(values).all(1, keepdims=True) & (spread > 0)
            columns.append(np.where(seen, values / np.where(seen, spread, 1.0), 0.0))
    first = np.cumsum([0, *map(len, columns)])
    together = np.ascontiguousarray(np.concatenate(columns).T)
    return Dictionary(functions, grids, together, together**2, first)


def _start_grid(function: Function) -> StartGrid:
    zero, one = np.zeros(1), np.ones(1)
    match function.family:
        case "constant" | "line":
            return _direct(one, zero, (False, False))
        case "power":
            return _direct(one, np.sinh(np.linspace(-2.8, 2.8, 41)), (False, True))
        case "kink":
            return _direct(one, np.linspace(-0.98, 0.98, POINTS), (False, True))
        case "step":
            between = np.linspace(-1.0, 1.0, 2 * POINTS - 1)[1::2]
            return _direct(one, between, (False, False))
        case "exp":
            rate = np.geomspace(0.05, 40.0, 24)
            return _direct(np.r_[-rate[::-1], rate], zero, (True, False))
        case "pole":  # u = t + side (1 + distance), which has the sign of side
            side = np.array([1.0, -1.0])
            at = np.stack([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
            bt = np.stack([side, 0 * side, side], 1)
            distance = np.geomspace(1e-4, 30.0, 28)
            return StartGrid(_mesh(side, np.log(distance)), at, bt, (False, True), (False, True))
        case "one_sided":  # u = side t + (1 + distance)
            side = np.array([1.0, -1.0])
            at = np.stack([side, 0 * side, 0 * side], 1)
            bt = np.stack([[1.0, 0.0, 1.0], [1.0, 0.0, 1.0]])
            distance = np.geomspace(1e-6, 30.0, 28)
            return StartGrid(_mesh(side, np.log(distance)), at, bt, (False, True), (False, True))
        case "between":  # u is at these distances from both ends of the domain where t is -1 and 1
            distance = np.log(function.limit * np.geomspace(1e-5, 0.9, 14))
            at = np.array([[function.limit, -0.5, -0.5]])
            bt = np.array([[0.0, 0.5, -0.5]])
            mesh, each = _mesh(distance, distance), len(distance)
            rows = at.repeat(each, 0), bt.repeat(each, 0)
            return StartGrid(mesh, *rows, (True, True), (True, True))
        case "wave":
            frequency = np.arange(0.5, MOST_FREQUENCY, 0.5)
            return _direct(frequency, np.arange(8) * math.pi / 8, (True, True))
        case "any":
            rate, centre = np.geomspace(0.25, 20.0, 14), np.linspace(-2.0, 2.0, 25)
            grid = _direct(rate, centre, (True, True))
            p = grid.p.copy()
            p[..., 1] *= -p[..., 0]  # b = -a centre
            return StartGrid(p, grid.at, grid.bt, grid.in_log, grid.free)


def _direct(a: Array, b: Array, free: tuple[bool, bool]) -> StartGrid:
    """Return a grid whose parameters are a and b themselves."""
    at, bt = np.array([[0.0, 1.0, 0.0]]), np.array([[0.0, 0.0, 1.0]])
    each = len(a)
    return StartGrid(_mesh(a, b), at.repeat(each, 0), bt.repeat(each, 0), (False, False), free)


def _mesh(p1: Array, p2: Array) -> Array:
    return np.stack(np.meshgrid(p1, p2, indexing="ij"), 2)
