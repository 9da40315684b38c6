"""B-spline bases and least-squares fits: pure functions of tensors.

A grid belongs to an *input*, not to an edge: all edges that leave one node see
the same samples, so they share one grid and one set of basis values.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["adapt_grid", "bspline_basis", "extend_grid", "fit_coef", "uniform_grid"]


def uniform_grid(n: int, intervals: int, low: float, high: float) -> Tensor:
    """Return ``n`` equal grids of ``intervals`` equal steps, shape ``(n, intervals + 1)``."""
    return torch.linspace(low, high, intervals + 1, dtype=torch.float64).repeat(n, 1)


def extend_grid(grid: Tensor, k: int) -> Tensor:
    """Add ``k`` knots on both sides of each grid, at the mean step.

    Parameters
    ----------
    grid : Tensor, shape (n, G + 1)
    k : int
        Order of the piecewise polynomials.

    Returns
    -------
    Tensor, shape (n, G + 1 + 2k)
    """
    first, last = grid[:, :1], grid[:, -1:]
    step = (last - first) / (grid.shape[1] - 1)
    reach = torch.arange(1, k + 1, dtype=grid.dtype, device=grid.device)
    return torch.cat([first - step * reach.flip(0), grid, last + step * reach], dim=1)


def bspline_basis(x: Tensor, grid: Tensor, k: int) -> Tensor:
    """Evaluate all B-splines of order ``k`` by the Cox-de Boor recursion.

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

    Returns
    -------
    Tensor, shape (n, G + k, batch)
    """
    t = extend_grid(grid, k).unsqueeze(2)  # (n, knots, 1)
    x = x.unsqueeze(1)  # (n, 1, batch)
    basis = ((x >= t[:, :-1]) & (x < t[:, 1:])).to(x.dtype)
    for d in range(1, k + 1):
        span = t[:, d:] - t[:, :-d]
        inverse = torch.where(span > 0, 1 / span, torch.zeros_like(span))
        rising = (x - t[:, : -d - 1]) * inverse[:, :-1]
        falling = (t[:, d + 1 :] - x) * inverse[:, 1:]
        basis = rising * basis[:, :-1] + falling * basis[:, 1:]
    return basis


def fit_coef(basis: Tensor, y: Tensor) -> Tensor:
    """Fit spline coefficients to samples by least squares of minimum norm.

    Parameters
    ----------
    basis : Tensor, shape (n, K, batch)
        Basis values at the samples, from `bspline_basis`.
    y : Tensor, shape (n, m, batch)
        ``m`` curves to fit on each of the ``n`` grids.

    Returns
    -------
    Tensor, shape (n, m, K)
    """
    # On a GPU torch has only a solver for full rank, and ours is rank-deficient at the start.
    solution: Tensor = torch.linalg.lstsq(
        basis.transpose(1, 2).cpu(), y.transpose(1, 2).cpu(), driver="gelsy"
    ).solution  # (n, K, m)
    return solution.transpose(1, 2).to(y)


def adapt_grid(x: Tensor, intervals: int, eps: float, margin: float = 0.01) -> Tensor:
    """Lay a grid over samples, between their quantiles and a uniform partition.

    Parameters
    ----------
    x : Tensor, shape (n, batch)
        Samples of each input.
    intervals : int
        Number of grid intervals, G.
    eps : float
        1 is uniform from ``min - margin`` to ``max + margin``, 0 is quantiles.
    margin : float
        How far the uniform part goes beyond the samples, in units of ``x``.

    Returns
    -------
    Tensor, shape (n, G + 1)
    """
    ordered = x.sort(dim=1).values
    batch = x.shape[1]
    at = [int(batch / intervals * g) for g in range(intervals)] + [batch - 1]
    quantiles = ordered[:, at]
    low, high = ordered[:, :1] - margin, ordered[:, -1:] + margin
    share = torch.linspace(0, 1, intervals + 1, dtype=x.dtype, device=x.device)
    return eps * (low + (high - low) * share) + (1 - eps) * quantiles
