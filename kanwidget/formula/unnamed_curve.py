"""A curve without a name: polynomials on cells, and a multiple of the library's base function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["BASES", "Base", "UnnamedCurve", "find_base", "sample_curves"]

Array = NDArray[np.float64]
Functions = Callable[[Array], Array]
"""From points ``(n, n_in)`` to the values of all edges there, ``(n_out, n_in, n)``."""

DEGREES = (3, 5, 9)
"""Degrees that are tried before cells are cut in two."""

TOLERANCE = 1e-13
"""Largest error of a polynomial, relative to the largest value of its edge."""

MAX_ROUNDS = 14
MAX_CELLS = 2000
"""How often cells are cut in two, and of how many of them a curve may be made."""

FIRST_CELLS = 16
"""Cells to begin with where a library has no knots."""

_TEST_POINTS = np.array([-0.97, -0.31, 0.17, 0.83])


@dataclass(frozen=True)
class Base:
    """A base function in the forms that a formula needs; see `Function` for their meaning."""

    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    torch: Callable[[Tensor], Tensor]
    python: str


def _sigmoid(x: Array) -> Array:
    out: Array = np.exp(-np.logaddexp(0.0, -x))
    return out


BASES: Mapping[str, Base] = MappingProxyType(
    {
        "silu": Base(
            lambda x: x * _sigmoid(x),
            lambda x: _sigmoid(x) * (1 + x * (1 - _sigmoid(x))),
            lambda x: x * torch.sigmoid(x),
            "{x} * np.exp(-np.logaddexp(0.0, -{x}))",
        ),
        "identity": Base(lambda x: x, np.ones_like, lambda x: x, "{x}"),
        "tanh": Base(np.tanh, lambda x: 1 - np.tanh(x) ** 2, torch.tanh, "np.tanh({x})"),
        "relu": Base(
            lambda x: np.maximum(x, 0.0),
            lambda x: (x > 0).astype(float),
            torch.relu,
            "np.maximum({x}, 0.0)",
        ),
        "sigmoid": Base(
            _sigmoid,
            lambda x: _sigmoid(x) * _sigmoid(-x),
            torch.sigmoid,
            "np.exp(-np.logaddexp(0.0, -{x}))",
        ),
        "sin": Base(np.sin, np.cos, torch.sin, "np.sin({x})"),
    }
)
"""Base functions that are recognised; others become polynomials with the rest of a curve."""


@dataclass(frozen=True, eq=False)
class UnnamedCurve:
    """``pieces(x) + base_weight * base(x)``, where the pieces are polynomials on cells.

    Attributes
    ----------
    ends : ndarray, shape (m,)
        Where cells meet, rising. A cell holds its left end. Two cells more are outside.
    middle, inverse : ndarray, shape (m + 1,)
        A cell's polynomial is one of ``t = (x - middle) * inverse``.
    coef : ndarray, shape (m + 1, degree + 1)
        Of the powers of ``t``, the constant first.
    base : str
        A name in `BASES`.
    base_weight : float
    """

    ends: Array
    middle: Array
    inverse: Array
    coef: Array
    base: str = "silu"
    base_weight: float = 0.0

    def pieces(self, x: Array) -> Array:
        """Evaluate the polynomials at an array of any shape."""
        cell = np.searchsorted(self.ends, x, side="right")
        t = (x - self.middle[cell]) * self.inverse[cell]
        y: Array = self.coef[cell, -1]
        for power in range(self.coef.shape[1] - 2, -1, -1):
            y = y * t + self.coef[cell, power]
        return y

    def slope(self, x: Array) -> Array:
        """Evaluate the derivative of the polynomials."""
        cell = np.searchsorted(self.ends, x, side="right")
        t = (x - self.middle[cell]) * self.inverse[cell]
        y = np.zeros_like(t)
        for power in range(self.coef.shape[1] - 1, 0, -1):
            y = y * t + power * self.coef[cell, power]
        out: Array = y * self.inverse[cell]
        return out

    def base_slope(self, x: Array) -> Array:
        """Evaluate the derivative of the base function, times its weight."""
        if not self.base_weight:
            return np.zeros_like(x)
        return self.base_weight * BASES[self.base].derivative(x)

    def value(self, x: Array, base_at: Array | None = None) -> Array:
        """Evaluate the curve; its base function elsewhere if ``base_at`` says so."""
        y = self.pieces(x)
        if self.base_weight:
            y = y + self.base_weight * BASES[self.base].value(x if base_at is None else base_at)
        return y

    def torch(self, x: Tensor, base_at: Tensor | None = None) -> Tensor:
        """Evaluate the curve for a tensor; a gradient flows through it."""
        ends, middle, inverse, coef = (
            torch.from_numpy(values).to(x)
            for values in (self.ends, self.middle, self.inverse, self.coef)
        )
        cell = torch.searchsorted(ends, x.detach().contiguous(), right=True)
        t = (x - middle[cell]) * inverse[cell]
        y = coef[cell, -1]
        for power in range(coef.shape[1] - 2, -1, -1):
            y = y * t + coef[cell, power]
        if self.base_weight:
            y = y + self.base_weight * BASES[self.base].torch(x if base_at is None else base_at)
        return y


def find_base(values: Array, points: Array) -> tuple[str, Array] | None:
    """Find which base function makes the base parts of a layer's edges.

    Parameters
    ----------
    values : ndarray, shape (n_out, n_in, n)
    points : ndarray, shape (n, n_in)

    Returns
    -------
    (str, ndarray of shape (n_out, n_in)) or None
        The name in `BASES` and each edge's weight.
    """
    size = float(np.abs(values).max(initial=0.0))
    for name, base in BASES.items():
        shape = base.value(points.T)  # (n_in, n)
        square = np.einsum("in,in->i", shape, shape)
        weight = np.einsum("oin,in->oi", values, shape) / np.where(square > 0, square, 1.0)
        if np.abs(values - weight[..., None] * shape).max(initial=0.0) <= 1e-13 * size:
            return name, weight
    return None


def sample_curves(
    functions: Functions,
    knots: list[Array],
    wanted: NDArray[np.bool_],
    size: Array | None = None,
) -> tuple[dict[tuple[int, int], UnnamedCurve], Array]:
    """Turn all functions of a layer into polynomials on cells.

    Exact, but for rounding, where a function is a polynomial between knots, as a spline is. Else
    cells are cut until the error is below `TOLERANCE`. Outside of the knots, a function that is 0
    there stays 0; others go on along their tangents.

    Parameters
    ----------
    functions : callable
    knots : list of ndarray, one for each of ``n_in`` sources
        Where functions need not be smooth, rising; first and last one end the cells.
    wanted : ndarray of bool, shape (n_out, n_in)
        The edges whose curves are asked for; the functions of all others are 0.
    size : ndarray, shape (n_out, n_in), optional
        What errors are relative to, if larger than the functions.

    Returns
    -------
    curves : dict of (j, i) to UnnamedCurve
        Without base functions.
    error : ndarray, shape (n_out, n_in)
        The largest error found, relative.
    """
    cells = [_distinct(own) for own in knots]
    for round_ in range(MAX_ROUNDS):
        degree = DEGREES[min(round_, len(DEGREES) - 1)]
        coef, error, scale = _fit_cells(functions, cells, degree, size)
        bad = [(own > TOLERANCE).any(0) for own in error]  # (cells,) each
        if not any(b.any() for b in bad):
            break
        if degree == DEGREES[-1]:
            full = [len(own) + b.sum() > MAX_CELLS for own, b in zip(cells, bad, strict=True)]
            if all(f or not b.any() for f, b in zip(full, bad, strict=True)):
                break
            if round_ < MAX_ROUNDS - 1:
                cells = [
                    own if f else np.sort(np.append(own, (own[:-1] + own[1:])[b] / 2))
                    for own, b, f in zip(cells, bad, full, strict=True)
                ]
    outer = [_outside(own) for own in cells]
    beyond = functions(np.stack(outer, axis=1))  # (n_out, n_in, 6)
    fades = np.abs(beyond).max(2) <= 1e-14 * scale
    curves = {}
    for j, i in zip(*wanted.nonzero(), strict=True):
        curves[int(j), int(i)] = _with_outside(cells[i], coef[i][j], bool(fades[j, i]))
    worst = np.stack([own.max(1) for own in error], axis=1)
    return curves, worst


def _distinct(knots: Array) -> Array:
    apart = np.append(True, np.diff(knots) > 1e-10 * max(knots[-1] - knots[0], 1e-300))
    return np.asarray(knots[apart], dtype=float)


def _outside(ends: Array) -> Array:
    width = ends[-1] - ends[0]
    steps = width * np.array([0.003, 0.1, 0.9])
    return np.concatenate([ends[0] - steps, ends[-1] + steps])


def _fit_cells(
    functions: Functions, cells: list[Array], degree: int, size: Array | None
) -> tuple[list[Array], list[Array], Array]:
    """Interpolate at Chebyshev's points of each cell.

    Returns
    -------
    coef, error : list of ndarray, shapes (n_out, cells, degree + 1) and (n_out, cells)
        One for each source.
    scale : ndarray, shape (n_out, n_in)
    """
    nodes = np.cos((2 * np.arange(degree + 1) + 1) * math.pi / (2 * degree + 2))
    share = np.concatenate([nodes, _TEST_POINTS])
    points = []
    for ends in cells:
        middle, half = (ends[1:] + ends[:-1]) / 2, np.diff(ends) / 2
        points.append((middle[:, None] + half[:, None] * share).ravel())
    longest = max(map(len, points))
    padded = np.stack([np.pad(own, (0, longest - len(own)), mode="edge") for own in points], axis=1)
    values = functions(padded)
    scale = np.abs(values).max(2)
    if size is not None:
        scale = np.maximum(scale, size)
    scale = np.where(scale > 0, scale, 1.0)
    to_powers = np.linalg.inv(np.vander(nodes, degree + 1, increasing=True)).T
    tests = np.vander(_TEST_POINTS, degree + 1, increasing=True).T
    coefs, errors = [], []
    for i, own in enumerate(points):
        found = values[:, i, : len(own)].reshape(len(values), -1, len(share))
        coef = found[..., : degree + 1] @ to_powers
        missed = np.abs(coef @ tests - found[..., degree + 1 :]).max(2)
        coefs.append(coef)
        errors.append(missed / scale[:, i, None])
    return coefs, errors, scale


def _with_outside(ends: Array, coef: Array, fades: bool) -> UnnamedCurve:
    """Make a curve of polynomials ``(cells, degree + 1)`` and what goes on beyond them."""
    middle = np.concatenate([ends[:1], (ends[1:] + ends[:-1]) / 2, ends[-1:]])
    inverse = np.concatenate([[1.0], 2 / np.diff(ends), [1.0]])
    table = np.zeros((len(ends) + 1, coef.shape[1]))
    table[1:-1] = coef
    if not fades:
        powers = np.arange(coef.shape[1])
        for row, cell, t in ((0, 1, -1.0), (-1, -2, 1.0)):
            table[row, 0] = (table[cell] * t**powers).sum()
            table[row, 1] = (powers[1:] * table[cell, 1:] * t ** powers[:-1]).sum() * inverse[cell]
    return UnnamedCurve(ends, middle, inverse, table)
