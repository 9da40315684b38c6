"""Splines on other grids: the same functions, with more coefficients to go on with."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from . import bsplines
from .arrays import Array, as_array
from .layer import KANLayer

__all__ = ["refine_grid", "refine_layer", "refit", "refit_coef"]

MAX_SAMPLES_PER_BLOCK = 1 << 20
"""Most samples of curves that are made at once: bounds the memory."""


def refine_grid(grid: Tensor, intervals: int, values: Tensor | None = None) -> Tensor:
    """Divide grids anew: ``(n, G + 1)`` to ``(n, intervals + 1)``, in proportion to their steps.

    If ``intervals`` is a multiple of G, every grid point is one of the new grid, too. But grids
    are widened first where values ``(rows, n)`` are outside: beyond its grid a spline fades out
    within the next steps, and these are shorter on the new one.
    """
    old = as_array(grid)
    count = old.shape[1] - 1
    if values is not None and intervals > count:
        x, old = as_array(values), old.copy()
        low, high = x.min(0), x.max(0)
        wider = (low < old[:, 0]) | (high >= old[:, -1])
        wider &= np.isfinite(low) & np.isfinite(high)
        low, high = np.minimum(low, old[:, 0]), np.maximum(high, old[:, -1])
        margin = 0.01 * (high - low) / count
        even = np.ptp(np.diff(old, axis=1), axis=1) <= 1e-6 * (old[:, -1] - old[:, 0])
        for n in wider.nonzero()[0]:
            ends = low[n] - margin[n], high[n] + margin[n]
            if even[n]:
                old[n] = np.linspace(*ends, count + 1)
            else:
                old[n, [0, -1]] = ends
    at = np.arange(intervals + 1) * count / intervals
    left = np.minimum(at.astype(int), count - 1)
    share = at - left
    return torch.from_numpy(old[:, left] * (1 - share) + old[:, left + 1] * share).to(grid)


def refit(layer: KANLayer, grid: Tensor, k: int) -> Tensor:
    """Fit splines of order ``k`` on other grids to a layer's, over the range of these grids.

    Parameters
    ----------
    layer : KANLayer
    grid : Tensor, shape (n_in, intervals + 1)
    k : int

    Returns
    -------
    Tensor, shape (n_out, n_in, intervals + k)
        See `refit_coef`.
    """
    old, new = as_array(layer.grid), as_array(grid)
    coef = as_array(layer.coef).transpose(1, 0, 2)
    knots = bsplines.extend_grid(old, layer.k), bsplines.extend_grid(new, k)
    found = refit_coef(coef, knots[0], layer.k, knots[1], k)
    return torch.from_numpy(found).transpose(0, 1).to(layer.coef)


def refit_coef(coef: Array, old: Array, old_k: int, new: Array, k: int) -> Array:
    """Fit splines on other knots to splines, over the range of the new grids.

    Parameters
    ----------
    coef : ndarray, shape (n, m, G + old_k)
        Of ``m`` curves on each of ``n`` grids.
    old, new : ndarray, shapes (n, G + 1 + 2 old_k) and (n, intervals + 1 + 2 k)
        Grids with the knots beyond their ends.
    old_k, k : int
        Orders of the splines.

    Returns
    -------
    ndarray, shape (n, m, intervals + k)
        By least squares at points in each interval: exact where the old grid's points are
        points of the new one, and ``k`` is ``old_k``.
    """
    n, m, _ = coef.shape
    found = np.empty((n, m, new.shape[1] - 1 - k))
    ends = new[:, k : k + 1], new[:, -1 - k :][:, :1]
    inner = [knots[:, order : knots.shape[1] - order] for knots, order in ((old, old_k), (new, k))]
    points = _points_between(np.sort(np.concatenate(inner, axis=1), axis=1), max(k, old_k) + 2)
    points = points.clip(*ends)
    size = max(1, MAX_SAMPLES_PER_BLOCK // (m * points.shape[1]))
    for start in range(0, n, size):
        block = slice(start, start + size)
        x = points[block]
        basis = bsplines.de_boor(x, old[block], old_k)[0]
        wanted = bsplines.de_boor(x, new[block], k)[0]
        found[block] = bsplines.fit_coef(wanted, coef[block] @ basis)
    return found


def _points_between(knots: Array, count: int) -> Array:
    """Return ``count`` points within each interval of ``(n, m)`` rising knots."""
    share = (np.arange(count) + 0.5) / count
    inner = knots[:, :-1, None] + (knots[:, 1:] - knots[:, :-1])[..., None] * share
    return inner.reshape(len(knots), -1)


@torch.no_grad()
def refine_layer(layer: KANLayer, intervals: int, values: Tensor | None = None) -> KANLayer:
    """Return a new layer with the same functions on finer grids; the old one stays as it is.

    Parameters
    ----------
    layer : KANLayer
    intervals : int
    values : Tensor, shape (rows, n_in), optional
        What the functions shall be the same for, besides the grids.
    """
    child = layer.with_settings(layer.n_in, layer.n_out, intervals)
    child.grid.copy_(refine_grid(layer.grid, intervals, values))
    child.coef.copy_(refit(layer, child.grid, layer.k))
    for name in ("scale_base", "scale_sp", "bias", "mask"):
        getattr(child, name).copy_(getattr(layer, name))
    if layer.named_edges is not None:
        child.replace_names(layer.named_edges.copy())
    return child
