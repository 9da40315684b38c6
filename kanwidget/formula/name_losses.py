"""What one name costs the network's loss: at once, and after everything else adapts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.adapters.scores import forward_in_blocks
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS, Function
from kanwidget.kan.arrays import as_columns
from kanwidget.kan.row_blocks import some_rows
from kanwidget.masks.ids import Edge

from .levenberg_marquardt import refit
from .naming_network import NamingNetwork, build_network
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
        Of a model of any library, which stays as it is. An edge to be tried has no name in it.
    rows : Tensor, shape (rows, width[0])
    labels : Tensor, shape (rows, width[-1])
        What everything is refitted to.
    test_rows : Tensor, shape (rows, width[0]), optional
        What losses are measured on, by default the same rows.
    loss : callable, optional
        Of outputs ``(rows, width[-1])`` for these: a Tensor of the model's kind. The root mean
        squared error to ``labels`` by default.

    Attributes
    ----------
    parameters : int
        How many are refitted; 0 if the model's outputs do not follow from its curves alone.
    """

    def __init__(
        self,
        adapter: Adapter,
        rows: Tensor,
        labels: Tensor,
        test_rows: Tensor | None = None,
        loss: Callable[[Tensor], float] | None = None,
    ) -> None:
        self._adapter = adapter.copy()
        self._on = adapter.mask()
        self._network: NamingNetwork | None = None
        if adapter.can_tabulate:
            left = float((adapter.forward(rows) - labels).square().mean())
            much = left > MUCH * float(labels.var(0, correction=0).mean())
            self._network = build_network(adapter, rows, COARSE if much else FINE)
        self.parameters = self._network.size if self._network else 0
        self._test_rows = rows if test_rows is None else test_rows
        self._test_x = as_columns(self._test_rows)
        self._loss = loss or _rmse(labels)
        if len(rows) > MAX_ROWS:
            some = some_rows(len(rows), MAX_ROWS)
            rows, labels = rows[some.to(rows.device)], labels[some.to(labels.device)]
        self._x, self._labels = as_columns(rows), as_columns(labels)

    def losses(
        self, edge: Edge, curve: NamedCurve, functions: Mapping[str, Function] = FUNCTIONS
    ) -> tuple[float, float]:
        """Return the loss with a name as fitted, and after a short refit.

        Parameters
        ----------
        edge : (l, i, j)
        curve : NamedCurve
        functions : mapping of str to Function
            What names mean.

        Returns
        -------
        (float, float)
            Infinite if the curve is not defined for some row; the second NaN if the model has too
            many edges to refit it. The same if the edge is off: a name changes nothing then.
        """
        self._adapter.set_names({edge: curve}, functions)
        try:
            loss = self._measured(forward_in_blocks(self._adapter, self._test_rows))
        finally:
            self._adapter.set_names({edge: None})
        l, i, j = edge
        if not self._on[l][j, i]:
            return loss, loss
        if self._network is None or self.parameters > MAX_PARAMETERS:
            return loss, math.nan
        return loss, self._refitted(self._network.with_edge(edge, curve, functions[curve.function]))

    def _refitted(self, network: NamingNetwork) -> float:
        after, _, seen = refit(network, self._x, self._labels, STEPS)
        if not seen.in_domain:
            return math.inf
        # Splines that were fitted to some rows say nothing beyond these.
        ends = [np.stack([values.min(1), values.max(1)], 1) for values in seen.values]
        passed = after.forward(self._test_x, ends)
        if not passed.in_domain:
            return math.inf
        outputs = torch.from_numpy(np.ascontiguousarray(passed.outputs.T))
        return self._measured(outputs.to(self._test_rows))

    def _measured(self, outputs: Tensor) -> float:
        loss = self._loss(outputs) if outputs.isfinite().all() else math.inf
        return loss if math.isfinite(loss) else math.inf


def _rmse(labels: Tensor) -> Callable[[Tensor], float]:
    def loss(outputs: Tensor) -> float:
        return float((outputs - labels).square().mean().sqrt())

    return loss
