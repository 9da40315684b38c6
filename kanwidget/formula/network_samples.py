"""The curves of a `NamingNetwork` that have no name yet, and how much each place counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .dictionary import POINTS
from .edge_samples import EdgeSamples, weigh
from .naming_network import Forward, NamingNetwork, SplineEdge

__all__ = ["sample_network"]

Array = NDArray[np.float64]


def sample_network(network: NamingNetwork, passed: Forward, error: float) -> EdgeSamples:
    """Sample the splines of a network, as `sample_edges` does those of a model.

    Parameters
    ----------
    network : NamingNetwork
        With at least one edge without a name.
    passed : Forward
        Its pass over the rows.
    error : float
        Its mean squared error on them.
    """
    edges = network.unnamed()
    squared = [np.zeros_like(sums) for sums in passed.sums]
    for output in range(len(passed.outputs)):
        gradients = network.target_gradients(passed, output)
        for total, gradient in zip(squared, gradients, strict=True):
            total += gradient**2
    values = np.stack([passed.values[l][i] for l, i, _ in edges])
    gain = np.stack([squared[l][j] for l, _, j in edges])
    x = np.stack([values.min(1), values.max(1)], 1)
    # A node that emits one value still has curves to look at: around it.
    x += np.where(x[:, 1:] > x[:, :1], 0.0, [-0.5, 0.5])
    y = np.empty((len(edges), POINTS))
    for e, (l, i, j) in enumerate(edges):
        curve, points = network.edges[l, i, j], np.linspace(x[e, 0], x[e, 1], POINTS)
        assert isinstance(curve, SplineEdge)
        y[e] = curve.coef @ network.grids[l][i].basis(points)[0]
    return weigh(edges, x, y, values, gain, error * len(passed.outputs))
