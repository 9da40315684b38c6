"""B-spline bases and least-squares fits: pure functions of tensors.

A grid belongs to an *input*, not to an edge: all edges that leave one node see
the same samples, so they share one grid and one set of basis values.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "adapt_grid",
    "bspline_basis",
    "bspline_basis_and_slope",
    "de_boor",
    "extend_grid",
    "fit_coef",
    "is_uniform",
    "keep_grid",
    "score_span",
    "varies",
]

Array = NDArray[np.float64]

MIN_RELATIVE_SIZE = 1e-6
"""What is left of a basis function counts as 0 below this share of the largest, in `fit_coef`."""

MIN_SPREAD = 1e-6
"""Inputs vary if they span more than this, in their own units, and more than rounding."""

GRID_MARGIN = 0.01
"""How far a uniform grid goes beyond the samples, in their own units."""

MAX_SAMPLES_PER_BLOCK = 1 << 18
"""Samples of curves that `fit_coef` takes at once: as many as stay in a processor's cache."""


def extend_grid(grid: Any, k: int) -> Any:
    """Add ``k`` knots on both sides of each grid, at the mean step.

    Parameters
    ----------
    grid : Tensor or ndarray, shape (n, G + 1)
    k : int
        Order of the piecewise polynomials.

    Returns
    -------
    Tensor or ndarray, shape (n, G + 1 + 2k)
    """
    join: Any = torch.cat if isinstance(grid, Tensor) else np.concatenate
    first, last, step = grid[:, :1], grid[:, -1:], _step(grid)
    before = [first - step * m for m in range(k, 0, -1)]
    return join([*before, grid, *(last + step * m for m in range(1, k + 1))], 1)


def score_span(grid: Any) -> Any:
    """Return what L1 scores ``mean |phi|`` are divided by: the width of each grid + 1e-4.

    As in pykan 0.0.x, where the 1e-4 keeps a score finite on a grid without a width.

    Parameters
    ----------
    grid : Tensor or ndarray, shape (n, G + 1)

    Returns
    -------
    Tensor or ndarray, shape (n,)
    """
    return grid[:, -1] - grid[:, 0] + 1e-4


def is_uniform(grid: Tensor) -> bool:
    """Whether all grids have equal steps, to rounding; shape ``(n, G + 1)``."""
    steps = grid.diff(dim=1)
    mean = (grid[:, -1:] - grid[:, :1]) / (grid.shape[1] - 1)
    slack = 8 * torch.finfo(grid.dtype).eps * grid.abs().amax()
    return bool(((steps - mean).abs() <= slack).all() and (mean > 0).all())


def bspline_basis(
    x: Tensor, grid: Tensor, k: int, uniform: bool = False, out: Tensor | None = None
) -> Tensor:
    """Evaluate all B-splines of order ``k``.

    Outside the grid the bases fade out over the ``k`` extra knots and are zero beyond
    them. Where knots coincide, a term 0/0 counts as 0 (de Boor, *A Practical Guide to
    Splines*, chapter IX).

    Parameters
    ----------
    x : Tensor, shape (n, batch)
        One row of samples for each grid.
    grid : Tensor, shape (n, G + 1)
        Grid points in rising order.
    k : int
        Order of the piecewise polynomials (3 is cubic).
    uniform : bool
        Whether all steps are equal: then a closed form takes the place of the recursion.
    out : Tensor, shape (n, G + k, batch), optional
        Where to write the values; autograd does not see it then.

    Returns
    -------
    Tensor, shape (n, G + k, batch)
    """
    if uniform:
        count = grid.shape[1] - 1 + k
        out = x.new_empty(len(x), count, x.shape[1]) if out is None else out
        return _cardinal(_knots(x, grid, k), k, out)
    basis: Tensor = de_boor(x, extend_grid(grid, k), k)[0]
    return basis if out is None else out.copy_(basis)


def bspline_basis_and_slope(
    x: Tensor, grid: Tensor, k: int, uniform: bool = False, out: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Evaluate all B-splines of order ``k`` and their derivatives, as in `bspline_basis`.

    Returns
    -------
    basis, slope : Tensor, shapes (n, G + k, batch)
    """
    count = grid.shape[1] - 1 + k
    if not uniform:
        basis, slope = de_boor(x, extend_grid(grid, k), k)
        return (basis if out is None else out.copy_(basis)), slope
    u = _knots(x, grid, k)
    lower = _cardinal(u, k - 1, x.new_empty(len(x), count + 1, x.shape[1]))
    slope = lower[:, :-1] - lower[:, 1:]  # in units of a knot
    at = u.unsqueeze(1) - torch.arange(count, dtype=x.dtype, device=x.device).unsqueeze(1)
    out = torch.mul(at, slope, out=out).add_(lower[:, 1:], alpha=k + 1).div_(k)
    return out, slope.div_(_step(grid).unsqueeze(2))


def _step(grid: Any) -> Any:
    return (grid[:, -1:] - grid[:, :1]) / (grid.shape[1] - 1)


def _knots(x: Tensor, grid: Tensor, k: int) -> Tensor:
    """Return where samples are on a uniform grid, counted in knots from the first."""
    u: Tensor = (x - grid[:, :1]) / _step(grid) + k
    return u


def _cardinal(u: Tensor, k: int, out: Tensor) -> Tensor:
    """Write cardinal B-splines ``M(u - i)`` for ``i = 0 .. count - 1`` to ``(n, count, batch)``.

    With ``a`` the distance from the middle of the support,
    ``M = sum_j (-1)^j C(k + 1, j) max((k + 1)/2 - j - a, 0)^k / k!`` over ``j <= k/2``: the
    truncated powers (Schoenberg 1973, lecture 2), of which symmetry leaves half, so that
    none is large and little cancels.
    """
    half, first = (k + 1) / 2, torch.arange(out.shape[1], dtype=u.dtype, device=u.device)
    if k == 0:  # a knot belongs to what is right of it, as in `de_boor`
        return out.copy_(u.floor().unsqueeze(1) == first.unsqueeze(1))
    a = (u.unsqueeze(1) - first.add_(half).unsqueeze(1)).abs_().neg_().add_(half)
    torch.clamp_min(a, 0, out=out).pow_(k).div_(math.factorial(k))
    for j in range(1, k // 2 + 1):
        a.sub_(1)
        share = a.clamp_min_(0) if j == k // 2 else a.clamp_min(0)
        out.add_(share.pow_(k), alpha=(-1) ** j * math.comb(k + 1, j) / math.factorial(k))
    return out


def de_boor(x: Any, knots: Any, k: int) -> tuple[Any, Any]:
    """Evaluate B-splines on any knots by the Cox-de Boor recursion, and their derivatives.

    Parameters
    ----------
    x : Tensor or ndarray, shape (n, batch)
    knots : Tensor or ndarray, shape (n, G + 1 + 2k)
        From `extend_grid`.
    k : int

    Returns
    -------
    basis, slope : Tensor or ndarray, shapes (n, G + k, batch)
    """
    x, t = x[:, None], knots[:, :, None]
    basis = share = ((x >= t[:, :-1]) & (x < t[:, 1:])) + 0 * x
    for d in range(1, k + 1):
        span = t[:, d:] - t[:, :-d]
        share = basis * ((span > 0) / (span + (span == 0)))  # 0/0 counts as 0
        basis = (x - t[:, : -d - 1]) * share[:, :-1] + (t[:, d + 1 :] - x) * share[:, 1:]
    return basis, k * (share[:, :-1] - share[:, 1:])


def fit_coef(basis: Array, y: Array) -> Array:
    """Fit spline coefficients to samples by least squares of minimum norm.

    Directions that the samples hardly see (what is left of a basis function, beside all that
    the samples see better, is below 1e-6 of the largest) are left at 0: coefficients would be
    huge there, and the curve wild between the samples.

    It is written out because LAPACK's last digits depend on the processor, and a fit that
    starts from other digits ends in another network.

    Parameters
    ----------
    basis : ndarray, shape (n, K, batch)
        Basis values at the samples.
    y : ndarray, shape (n, m, batch)
        ``m`` curves to fit on each of the ``n`` grids.

    Returns
    -------
    ndarray, shape (n, m, K)
    """
    out = np.empty((*y.shape[:2], basis.shape[1]))
    size = max(1, MAX_SAMPLES_PER_BLOCK // max(1, y.shape[1] * y.shape[2]))
    for start in range(0, len(y), size):
        block = slice(start, start + size)
        out[block] = _least_squares(basis[block], y[block])
    return out


def _least_squares(basis: Array, y: Array) -> Array:
    """Fit some grids' curves: modified Gram-Schmidt with pivots (Golub & Van Loan 2013, 5.2.8)."""
    rows, rest, each = basis.copy(), y.copy(), np.arange(len(basis))
    count = basis.shape[1]
    order = np.tile(np.arange(count), (len(basis), 1))
    # Each basis function and each curve in terms of orthonormal directions, one for each step.
    parts, wanted = np.zeros((len(basis), count, count)), np.zeros((*y.shape[:2], count))
    sizes = np.einsum("nkb,nkb->nk", rows, rows)
    least = sizes.max(1) * MIN_RELATIVE_SIZE**2
    for s in range(count):
        best = s + sizes[:, s:].argmax(1)
        for swapped in (rows, order, parts, sizes):
            swapped[each, s], swapped[each, best] = swapped[each, best], swapped[each, s].copy()
        q = rows[:, s]
        size = np.einsum("nb,nb->n", q, q)
        seen = size > least
        q *= (seen / np.sqrt(np.where(seen, size, 1.0)))[:, None]
        parts[:, s, s] = np.sqrt(size) * seen
        parts[:, s + 1 :, s] = np.einsum("nkb,nb->nk", rows[:, s + 1 :], q)
        wanted[..., s] = np.einsum("nmb,nb->nm", rest, q)
        rows[:, s + 1 :] -= parts[:, s + 1 :, s, None] * q[:, None]
        rest -= wanted[..., s, None] * q[:, None]
        sizes -= parts[..., s] ** 2
    out = np.empty_like(wanted)
    np.put_along_axis(out, order[:, None], _least_norm_solution(parts, wanted), axis=2)
    return out


def _least_norm_solution(a: Array, b: Array) -> Array:
    """Solve ``sum_k a[n, k, s] x[n, m, k] = b[n, m, s]`` by the ``x`` of least norm.

    Equations that are 0 throughout are left out.
    """
    x, share, done = np.zeros_like(b), np.zeros_like(b), np.zeros_like(a)
    for s in range(a.shape[2]):
        left, known = a[..., s], 0.0
        # What the first pass leaves of the others, to rounding, the second takes.
        for _ in range(2):
            other = np.einsum("nks,nk->ns", done, left)
            left, known = left - np.einsum("nks,ns->nk", done, other), known + other
        size = np.sqrt(np.einsum("nk,nk->n", left, left))
        scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
        done[..., s] = left * scale[:, None]
        missing = b[..., s] - np.einsum("nms,ns->nm", share, known)
        share[..., s] = missing * scale[:, None]
        x += share[..., s, None] * done[:, None, :, s]
    return x


def adapt_grid(x: Array, intervals: int, eps: float) -> Array:
    """Lay a grid over samples, between their quantiles and a uniform partition.

    Parameters
    ----------
    x : ndarray, shape (n, batch)
        Samples of each input.
    intervals : int
        Number of grid intervals, G.
    eps : float
        1 is uniform from ``min - 0.01`` to ``max + 0.01``, 0 is quantiles.

    Returns
    -------
    ndarray, shape (n, G + 1)
    """
    ordered, batch = np.sort(x, axis=1), x.shape[1]
    quantiles = ordered[:, [int(batch / intervals * g) for g in range(intervals)] + [batch - 1]]
    low, high = ordered[:, :1] - GRID_MARGIN, ordered[:, -1:] + GRID_MARGIN
    uniform = low + (high - low) * (np.arange(intervals + 1) / intervals)
    return eps * uniform + (1 - eps) * quantiles


def varies(x: Array, eps: float) -> NDArray[np.bool_]:
    """Which inputs vary, beyond rounding: samples ``(n, batch)`` to ``(n,)``.

    Parameters
    ----------
    x : ndarray, shape (n, batch)
    eps : float
        The relative rounding error of the numbers.
    """
    low, high = x.min(1), x.max(1)
    rounding = 4 * eps * np.maximum(np.abs(low), np.abs(high))
    out: NDArray[np.bool_] = high - low > np.maximum(MIN_SPREAD, rounding)
    return out


def keep_grid(grid: Array, x: Array) -> Array:
    """Return grids for inputs that do not vary: those they have, or around a value outside.

    A grid laid over one value would be as wide as the margin alone, and a score, which is
    relative to that width, would mean nothing.

    Parameters
    ----------
    grid : ndarray, shape (n, G + 1)
    x : ndarray, shape (n, batch)

    Returns
    -------
    ndarray, shape (n, G + 1)
    """
    low, high, value = grid[:, :1], grid[:, -1:], x[:, :1]
    inside = (low <= x.min(1, keepdims=True)) & (x.max(1, keepdims=True) < high)
    # So wide that grid points do not run together around a large value.
    wider = np.maximum(1.0, 1e-3 * np.abs(value) / np.maximum(high - low, MIN_SPREAD))
    return np.where(inside, grid, value + (grid - (low + high) / 2) * wider)
