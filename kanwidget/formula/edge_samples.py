"""What names are fitted to: every edge's curve, and how much each of its places counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.kan.row_blocks import some_rows
from kanwidget.masks.ids import Edge

from .dictionary import POINTS

__all__ = ["EdgeSamples", "sample_edges", "weigh"]

Array = NDArray[np.float64]

MAX_ROWS = 1000
"""Rows of data that densities and gains are computed from, at the most: spread over all."""

UNSEEN_WEIGHT = 1e-6
"""What places without data count, relative to the mean."""

UNLABELLED_ERROR = 1e-5
"""Without labels, this share of the outputs' variance is taken as the network's error."""


@dataclass(frozen=True)
class EdgeSamples:
    """Curves of edges, unmasked, and their weights.

    Attributes
    ----------
    edges : list of (l, i, j)
    x : ndarray, shape (edges, 2)
        Least and largest input; the samples are evenly spread between them.
    y : ndarray, shape (edges, POINTS)
    weight : ndarray, shape (edges, POINTS)
        The density of the data times the squared gain; the mean over a curve is 1.
    noise : ndarray, shape (edges,)
        The share of a curve's variance that the network's loss would not notice.
    """

    edges: list[Edge]
    x: Array
    y: Array
    weight: Array
    noise: Array


@torch.no_grad()
def sample_edges(
    adapter: Adapter,
    rows: Tensor,
    labels: Tensor | None = None,
    edges: Sequence[Edge] | None = None,
) -> EdgeSamples:
    """Sample the curves of a model's edges.

    Parameters
    ----------
    adapter : Adapter
        Nothing is written to its model.
    rows : Tensor, shape (rows, width[0])
        Data over which the curves matter.
    labels : Tensor, shape (rows, width[-1]), optional
        From which the network's error is known.
    edges : sequence of (l, i, j), optional
        By default all that are on.
    """
    if len(rows) > MAX_ROWS:
        some = some_rows(len(rows), MAX_ROWS)
        rows, labels = rows[some], None if labels is None else labels[some]
    mask = adapter.mask()
    if edges is None:
        edges = [(l, i, j) for l, on in enumerate(mask) for i, j in on.T.nonzero().tolist()]
    chosen = list(edges)
    curves, inputs = adapter.curves(rows, POINTS), adapter.inputs_of(rows)
    outputs = adapter.forward(rows)
    if labels is None:
        error = UNLABELLED_ERROR * float(outputs.var(0, correction=0).sum())
    else:
        error = float((outputs - labels).square().sum(1).mean())
    gains = _squared_gains(adapter, inputs)
    x, y = np.empty((len(chosen), 2)), np.empty((len(chosen), POINTS))
    values, gain = np.empty((2, len(chosen), len(rows)))
    for n, (l, i, j) in enumerate(chosen):
        points, heights = curves[l]
        x[n] = points[i, 0], points[i, -1]
        y[n] = _array(heights[j, i])
        values[n], gain[n] = _array(inputs[l][:, i]), gains[l][j]
    return weigh(chosen, x, y, values, gain, error)


def weigh(
    edges: list[Edge], x: Array, y: Array, values: Array, gain: Array, error: float
) -> EdgeSamples:
    """Return samples with their weights and the noise that the network's error leaves.

    Parameters
    ----------
    edges, x, y
        See `EdgeSamples`.
    values : ndarray, shape (edges, rows)
        What enters each edge.
    gain : ndarray, shape (edges, rows)
        How much the outputs change with each edge's: squared, and summed over the outputs.
    error : float
        The network's squared error, summed over the outputs, the mean over rows.
    """
    weight = _spread_on_points(values, gain, x)
    mean_gain = weight.sum(1)  # of a row
    weight += UNSEEN_WEIGHT * np.where(mean_gain > 0, mean_gain / POINTS, 1.0)[:, None]
    share = weight / weight.sum(1, keepdims=True)
    mean = (share * y).sum(1, keepdims=True)
    variance = (share * (y - mean) ** 2).sum(1)
    noticed = mean_gain * variance
    noise = np.divide(4 * error, noticed, out=np.ones(len(edges)), where=noticed > 0)
    return EdgeSamples(edges, x, y, share * POINTS, noise)


def _spread_on_points(entering: Array, gain: Array, ends: Array) -> Array:
    """Return the mean squared gain of rows at each point, each row shared by its two nearest.

    Parameters
    ----------
    entering, gain : ndarray, shape (edges, rows)
    ends : ndarray, shape (edges, 2)

    Returns
    -------
    ndarray, shape (edges, POINTS)
        The sum over a curve is the mean over the rows.
    """
    count, rows = entering.shape
    low, high = ends[:, :1], ends[:, 1:]
    place: Array = ((entering - low) / (high - low) * (POINTS - 1)).clip(0, POINTS - 1)
    left = np.minimum(place.astype(np.int64), POINTS - 2)
    right_share: Array = (place - left) * gain / rows
    flat = (left + POINTS * np.arange(count)[:, None]).ravel()
    size = count * POINTS
    left_sum = np.bincount(flat, (gain / rows - right_share).ravel(), size)
    right_sum = np.bincount(flat + 1, right_share.ravel(), size + 1)[:size]
    result: Array = np.add(left_sum, right_sum, dtype=np.float64).reshape(count, POINTS)
    return result


def _squared_gains(adapter: Adapter, inputs: Sequence[Tensor]) -> list[Array]:
    """Return for each layer how much the outputs change with each target, ``(n_out, rows)``.

    Squared, and added up over the outputs.
    """
    mask, bias, slots, width = adapter.mask(), adapter.bias(), adapter.slots(), adapter.width
    found: list[Array] = []
    # Of the nodes after the layer, (rows, outputs, nodes).
    node = torch.eye(width[-1], device=inputs[0].device, dtype=inputs[0].dtype)
    node = node.expand(len(inputs[0]), -1, -1)
    for l in reversed(range(len(mask))):
        values, on = inputs[l], mask[l]
        target = node
        if slots:
            out = adapter.edge_curves(l, values).masked_fill(~on.unsqueeze(2), 0.0)
            sums = out.sum(1).T + bias[l]
            target = node[:, :, slots[l]] * _product_of_others(sums, slots[l]).unsqueeze(1)
        found.append(_array(target.square().sum(1).T))
        if l:
            span = (values.amax(0) - values.amin(0)).clamp_min(1e-12)
            step = span * (1e-5 if values.dtype == torch.float64 else 1e-3)
            ahead = adapter.edge_curves(l, values + step)
            ahead -= adapter.edge_curves(l, values - step)
            slope = ahead.masked_fill(~on.unsqueeze(2), 0.0) / (2 * step).unsqueeze(1)
            node = torch.einsum("rkj,jir->rki", target, slope)
    return found[::-1]


def _product_of_others(sums: Tensor, owners: Sequence[int]) -> Tensor:
    """Return for each target the product of the other targets of its node, ``(rows, n_out)``."""
    out = torch.ones_like(sums)
    for target, owner in enumerate(owners):
        for other, other_owner in enumerate(owners):
            if other != target and other_owner == owner:
                out[:, target] *= sums[:, other]
    return out


def _array(values: Tensor) -> Array:
    return values.detach().cpu().double().numpy()
