"""Lets the splines of a model, of any library, go through given points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.kan.arrays import as_array
from kanwidget.masks.ids import Edge

__all__ = ["fit_splines"]

Array = NDArray[np.float64]

RIDGE = 1e-10
"""Keeps coefficients near what they were where no point says anything."""


@torch.no_grad()
def fit_splines(
    adapter: Adapter, points: Mapping[tuple[int, int], Array], values: Mapping[Edge, Array]
) -> None:
    """Change the coefficients of edges' splines so that their curves come near to given values.

    Parameters
    ----------
    adapter : Adapter
        Of a model that may be written to.
    points : mapping of (l, i) to ndarray, shape (n,)
        Where the curves of node ``i`` of node layer ``l`` are known; as many for all nodes.
    values : mapping of (l, i, j) to ndarray, shape (n,)
        What the edges are to give there.
    """
    for l in sorted({edge[0] for edge in values}):
        edges = [edge for edge in values if edge[0] == l]
        coef = next((p for p in adapter.edge_parameters(l) if p.dim() == 3), None)
        if coef is None:
            continue
        count = len(values[edges[0]])
        x = np.zeros((count, adapter.width[l]))
        for (layer, i), places in points.items():
            if layer == l:
                x[:, i] = places
        at = torch.from_numpy(x).to(adapter.device, adapter.dtype)
        now = as_array(adapter.edge_curves(l, at))
        columns = _columns(adapter, l, coef, at, now)
        for _, i, j in edges:
            slope, rest = columns[:, j, i].T, values[l, i, j] - now[j, i]
            normal = slope.T @ slope
            scale = float(np.trace(normal)) or 1.0
            normal.flat[:: len(normal) + 1] += RIDGE * scale
            change = np.linalg.solve(normal, slope.T @ rest)
            coef[j, i] += torch.from_numpy(change).to(coef)


def _columns(adapter: Adapter, l: int, coef: Tensor, at: Tensor, now: Array) -> Array:
    """Return how each edge's curve changes with each coefficient, ``(coefficients, ...)``."""
    found, was = [], coef.detach().clone()
    for k in range(coef.shape[2]):
        coef[..., k] += 1.0
        found.append(as_array(adapter.edge_curves(l, at)) - now)
        coef.copy_(was)
    return np.stack(found)
