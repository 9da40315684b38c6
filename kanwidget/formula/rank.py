"""Which names the data support: description length, in bits.

A name costs the bits that its misfit, its constants and its function take to write down. Of two
names within `GROUP_BITS` of each other the data do not say which is right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import Function

from .dictionary import POINTS
from .fit import Fits

__all__ = ["GROUP_BITS", "MIN_NOISE", "Candidate", "by_bits", "description_length", "rank_fits"]

Array = NDArray[np.float64]

ROWS = 16
"""As so many independent observations a curve counts: its 64 points are not independent."""

GROUP_BITS = 4.0
"""Names that are so near to the best one cannot be told apart from it."""

DECIMALS = 2
"""Bits that are the same to so many decimals are equal: rounding decides what comes after."""

MIN_NOISE = 1e-14
"""The share of a curve's variance that is rounding, not misfit."""


@dataclass(frozen=True)
class Candidate:
    """A function that might name a curve.

    Attributes
    ----------
    curve : NamedCurve
        The function and its constants.
    unexplained : float
        ``1 - R²`` over the edge's curve, each place counted as often as the data are there and
        as much as the outputs notice it.
    bits : float
        Description length; less is better, and only differences count.
    deviation : tuple of float
        Standard deviations of a, b, c and d; 0 for what is not free.
    in_group : bool
        Whether it cannot be told apart from the best.
    """

    curve: NamedCurve
    unexplained: float
    bits: float
    deviation: tuple[float, float, float, float]
    in_group: bool

    @property
    def function(self) -> str:
        """The function's name."""
        return self.curve.function

    @property
    def r2(self) -> float:
        """The coefficient of determination, R²."""
        return 1.0 - self.unexplained


def description_length(unexplained: Array, noise: Array, functions: Sequence[Function]) -> Array:
    """Return what each name costs, in bits, shape ``(curves, functions)``.

    Parameters
    ----------
    unexplained : ndarray, shape (curves, functions)
        ``1 - R²``.
    noise : ndarray, shape (curves,)
        The share of a curve's variance that the network's loss would not notice:
        ``4 MSE / (gain² variance)``.
    functions : sequence of Function
    """
    share = unexplained + np.maximum(noise, MIN_NOISE)[:, None]
    free = np.array([function.parameters for function in functions])
    complexity = np.array([function.complexity for function in functions])
    bits: Array = ROWS / 2 * np.log2(share) + free / 2 * math.log2(ROWS) + complexity
    return bits


def by_bits(bits: Array) -> NDArray[np.intp]:
    """Return the places of the last axis, the fewest bits first; equal ones stay in their order.

    So a sine is a sine on every machine, and not a cosine on some.
    """
    return np.argsort(np.round(bits, DECIMALS), axis=-1, kind="stable")


def rank_fits(
    fits: Fits, x: Array, y: Array, weight: Array, noise: Array, topk: int | None = 5
) -> list[list[Candidate]]:
    """Return the candidates of each curve, the best first.

    Parameters
    ----------
    fits : Fits
        Of these curves.
    x, y, weight
        As in `fit_curves`.
    noise : ndarray, shape (curves,)
        See `description_length`.
    topk : int, optional
        How many of each; None is all. All that cannot be told apart are returned in any case.
    """
    bits = description_length(fits.unexplained, noise, fits.functions)
    order = by_bits(bits)
    count = len(fits.functions) if topk is None else topk
    near = (bits <= bits.min(1, keepdims=True) + GROUP_BITS).sum(1)
    shown = [row[: max(count, n)] for row, n in zip(order, near, strict=True)]
    deviation = _deviations(fits, x, y, weight, noise, shown)
    return [
        [
            Candidate(
                fits.curve(e, f),
                float(fits.unexplained[e, f]),
                float(bits[e, f]),
                deviation[e, f],
                bool(rank < near[e]),
            )
            for rank, f in enumerate(row)
        ]
        for e, row in enumerate(shown)
    ]


def _deviations(
    fits: Fits, x: Array, y: Array, weight: Array, noise: Array, shown: Sequence[Array]
) -> dict[tuple[int, int], tuple[float, float, float, float]]:
    """Return the standard deviations of constants, from the Jacobian of each fit."""
    curves = np.concatenate([np.full(len(row), e) for e, row in enumerate(shown)])
    kinds = np.concatenate(list(shown))
    order = np.argsort(kinds, kind="stable")
    curves, kinds = curves[order], kinds[order]
    share = weight[curves] / weight[curves].sum(1, keepdims=True)
    points = np.linspace(x[curves, 0], x[curves, 1], POINTS, axis=1)
    a, b, c = (field[curves, kinds, None] for field in (fits.a, fits.b, fits.c))
    u = a * points + b
    jacobian = np.empty((len(curves), POINTS, 4))
    free = np.zeros((len(curves), 4), dtype=bool)
    free[:, 3] = True
    with np.errstate(all="ignore"):
        for f in np.unique(kinds):
            some, function = kinds == f, fits.functions[f]
            slope = c[some] * function.derivative(u[some])
            jacobian[some, :, 0], jacobian[some, :, 1] = slope * points[some], slope
            jacobian[some, :, 2] = function.value(u[some])
            free[some, 0], free[some, 1] = function.free
            free[some, 2] = function.family != "constant"
        jacobian[..., 3] = 1.0
        jacobian *= np.sqrt(share)[..., None] * free[:, None]
        jacobian[~np.isfinite(jacobian)] = 0.0
        size = np.sqrt((jacobian**2).sum(1))
        size[size == 0] = 1.0
        jacobian /= size[:, None]
        normal = np.einsum("pni,pnj->pij", jacobian, jacobian)
        # What the curve does not say of a constant is large, not infinite.
        inverse = np.linalg.pinv(normal, rcond=1e-14, hermitian=True)
        mean = (share * y[curves]).sum(1, keepdims=True)
        variance = (share * (y[curves] - mean) ** 2).sum(1)
        error = variance * (fits.unexplained[curves, kinds] + noise[curves]) / ROWS
        spread = np.sqrt(np.einsum("pii->pi", inverse).clip(0) * error[:, None]) / size * free
    out = {}
    for e, f, row in zip(curves.tolist(), kinds.tolist(), spread.tolist(), strict=True):
        out[e, f] = (row[0], row[1], row[2], row[3])
    return out
