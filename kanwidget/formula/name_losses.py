"""What one name costs the network's loss: at once, and after everything else adapts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS, Function
from kanwidget.kan.arrays import as_columns
from kanwidget.masks.ids import Edge

from .levenberg_marquardt import refit
from .naming_network import Forward, NamingNetwork, build_network
from .naming_search import MAX_PARAMETERS, MAX_ROWS

__all__ = ["NameLosses"]

Array = NDArray[np.float64]

COARSE, FINE = 5, 10
"""Grid intervals of the splines: for networks that leave much of the labels, and for others."""

MUCH = 1e-4
"""As a share of the labels' variance."""

STEPS = 8


class NameLosses:
    """Tries single names on a copy of a model.

    Parameters
    ----------
    adapter : Adapter
        Of a model of any library, which stays as it is.
    rows : Tensor, shape (rows, width[0])
    labels : Tensor, shape (rows, width[-1])
        What everything is refitted to.
    test_rows : Tensor, shape (rows, width[0]), optional
        What losses are measured on, by default the same rows.
    loss : callable, optional
        Of outputs ``(rows, width[-1])`` for these: a Tensor of the model's kind. The root mean
        squared error to ``labels`` by default.
    """

    def __init__(
        self,
        adapter: Adapter,
        rows: Tensor,
        labels: Tensor,
        test_rows: Tensor | None = None,
        loss: Callable[[Tensor], float] | None = None,
    ) -> None:
        self._adapter = adapter
        left = float((adapter.forward(rows) - labels).square().mean())
        much = left > MUCH * float(labels.var(0, correction=0).mean())
        self._network = build_network(adapter, rows, COARSE if much else FINE)
        self._can_refit = self._network.size <= MAX_PARAMETERS
        self._test_x = as_columns(rows if test_rows is None else test_rows)
        self._loss = loss or _rmse(labels)
        if len(rows) > MAX_ROWS:
            some = torch.linspace(0, len(rows) - 1, MAX_ROWS, dtype=torch.float64).round().long()
            rows, labels = rows[some.to(rows.device)], labels[some.to(labels.device)]
        self._x, self._labels = as_columns(rows), as_columns(labels)

    def losses(
        self, edge: Edge, curve: NamedCurve, function: Function | None = None
    ) -> tuple[float, float]:
        """Return the loss with a name as fitted, and after a short refit.

        Parameters
        ----------
        edge : (l, i, j)
        curve : NamedCurve
        function : Function, optional
            By default that of the library with the curve's name.

        Returns
        -------
        (float, float)
            Infinite if the curve is not defined for some row; the second NaN if the model has too
            many edges to refit it.
        """
        network = self._network.with_edge(edge, curve, function or FUNCTIONS[curve.function])
        return self._loss_of(network.forward(self._test_x)), self._refitted(network)

    def _refitted(self, network: NamingNetwork) -> float:
        if not self._can_refit:
            return math.nan
        after, _, seen = refit(network, self._x, self._labels, STEPS)
        if not seen.in_domain:
            return math.inf
        # Splines that were fitted to some rows say nothing beyond these.
        ends = [np.stack([values.min(1), values.max(1)], 1) for values in seen.values]
        return self._loss_of(after.forward(self._test_x, ends))

    def _loss_of(self, passed: Forward) -> float:
        if not (passed.in_domain and np.isfinite(passed.outputs).all()):
            return math.inf
        outputs = torch.from_numpy(np.ascontiguousarray(passed.outputs.T))
        return self._loss(outputs.to(self._adapter.device, self._adapter.dtype))


def _rmse(labels: Tensor) -> Callable[[Tensor], float]:
    def loss(outputs: Tensor) -> float:
        return float((outputs - labels).square().mean().sqrt())

    return loss
