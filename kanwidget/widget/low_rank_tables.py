"""What the functions of a source node's edges are made of: a few parts that all of them share.

Splines on one grid, with one base function, are sums of as many parts as there are
coefficients, however many edges there are. The parts are found from the functions alone, as the
singular vectors of their values, so that any library will do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters.edge_functions import EdgeFunctions
from kanwidget.evaluate.baseline import Baseline

from .function_tables import MAX_TABLE_BYTES, Layer, extremes, layer_of, layers_of, points_on

__all__ = ["SharedCells", "shared_cells"]

Floats = NDArray[np.float64]
Function = Callable[[Tensor], Tensor]
"""From points ``(n, n_in)`` to values ``(m, n_in, n)``."""

MAX_EDGES = 200_000
"""Edges beyond which no browser computes anything."""

ROUNDING = 1e-12
"""Singular values below this share of a layer's largest are rounding."""

BLOCK_POINTS = 64
"""Points looked at together: bounds the memory."""


@dataclass(frozen=True)
class SharedCells:
    """Cells of what the functions of a source's edges are made of: see `shared_cells`.

    Attributes
    ----------
    counts : list of int
        Cells of the functions of each layer, c.
    x, y : ndarray, shapes (n,) and (m, 4)
        As in `Cells`, with a source's parts in the place of edges, and one layer after another:
        ``(n_in, c + 1)`` and ``(n_in, parts, c, 4)``.
    weights : ndarray, shape (edges, parts)
        Each edge's function is the sum of its source's parts, times these.
    """

    counts: list[int]
    x: Floats
    y: Floats
    weights: Floats


def shared_cells(
    adapter: EdgeFunctions, baseline: Baseline, inputs: Sequence[Tensor]
) -> SharedCells | None:
    """Tabulate what the functions of a large model's edges are made of; else as `cells`."""
    edges = sum(layer.numel() for layer in baseline.mask)
    if edges > MAX_EDGES or not adapter.can_tabulate:
        return None
    weights: list[Floats] = []

    def table(l: int, ends: Floats) -> Layer | None:
        of_edges: Function = partial(adapter.edge_curves, l)
        parts = _parts(of_edges, points_on(ends, adapter), adapter.dtype)
        if parts is None:
            return None
        weights.append(parts)
        function = _turned(of_edges, parts)
        most = MAX_TABLE_BYTES // (16 * len(baseline.mask) * parts.shape[1] * parts.shape[2])
        made = layer_of(function, ends, adapter, most)
        return made and Layer(function, *made, _of_edges(made[1], parts))

    layers = layers_of(adapter, baseline, inputs, table)
    many = 0 if layers is None else max(w.shape[2] for w in weights)
    if layers is None or edges * many > MAX_TABLE_BYTES // 4:
        return None
    room = [many - w.shape[2] for w in weights]
    flat = [
        np.pad(layer.y, [(0, more), *[(0, 0)] * 3]).swapaxes(0, 1).reshape(-1, 4)
        for layer, more in zip(layers, room, strict=True)
    ]
    w = [
        np.pad(w, [(0, 0), (0, 0), (0, more)]).reshape(-1, many)
        for w, more in zip(weights, room, strict=True)
    ]
    return SharedCells(
        [layer.x.shape[1] - 1 for layer in layers],
        np.concatenate([layer.x.ravel() for layer in layers]),
        np.concatenate(flat),
        np.concatenate(w),
    )


def _of_edges(parts: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return each edge's lowest and highest value, from cubics of parts; a source at a time."""
    found = [
        extremes(np.einsum("jk,kcd->jcd", weights[:, i], parts[:, i])[:, None])
        for i in range(parts.shape[1])
    ]
    low, high = (np.concatenate(ends, axis=1) for ends in zip(*found, strict=True))
    return low, high


def _parts(function: Function, points: Tensor, dtype: torch.dtype) -> Floats | None:
    """Find how much of each part of its source is in each edge, ``(n_out, n_in, parts)``.

    They are orthonormal for each source, so that errors do not grow. None if there are values
    that are no numbers.
    """
    values = _by_source(function(points))
    if not values.isfinite().all():
        return None
    vectors, sizes, _ = torch.linalg.svd(values, full_matrices=False)
    least = max(ROUNDING, 4 * torch.finfo(dtype).eps) * float(sizes.max())
    count = max(1, int((sizes > least).sum(1).max()))
    found: Floats = vectors[:, :, :count].permute(1, 0, 2).numpy()
    return found


def _by_source(values: Tensor) -> Tensor:
    return values.detach().cpu().double().transpose(0, 1)


def _turned(function: Function, weights: Floats) -> Function:
    """Return a function that gives the parts where the given one gives the edges."""
    turn = torch.from_numpy(np.ascontiguousarray(weights.transpose(1, 2, 0)))

    def of_parts(points: Tensor) -> Tensor:
        some = [
            torch.bmm(turn, _by_source(function(points[k : k + BLOCK_POINTS])))
            for k in range(0, len(points), BLOCK_POINTS)
        ]
        return torch.cat(some, 2).transpose(0, 1)

    return of_parts
