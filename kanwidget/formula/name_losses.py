"""What one name costs the network's loss: at once, and after everything else adapts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS, Function
from kanwidget.masks.ids import Edge

from .levenberg_marquardt import refit
from .naming_network import build_network, mean_square

__all__ = ["NameLosses"]

Array = NDArray[np.float64]

INTERVALS = 10
STEPS = 8


class NameLosses:
    """Tries single names on a copy of a model.

    Parameters
    ----------
    adapter : Adapter
        Of a model of any library, which stays as it is.
    rows : Tensor, shape (rows, width[0])
    labels : Tensor, shape (rows, width[-1])
    """

    def __init__(self, adapter: Adapter, rows: Tensor, labels: Tensor) -> None:
        self._network = build_network(adapter, rows, INTERVALS)
        self._x = np.ascontiguousarray(rows.detach().cpu().double().numpy().T)
        self._labels = np.ascontiguousarray(labels.detach().cpu().double().numpy().T)

    def losses(
        self, edge: Edge, curve: NamedCurve, function: Function | None = None
    ) -> tuple[float, float]:
        """Return the root mean squared error with a name as fitted, and after a short refit.

        Parameters
        ----------
        edge : (l, i, j)
        curve : NamedCurve
        function : Function, optional
            By default that of the library with the curve's name.

        Returns
        -------
        (float, float)
            Infinite if the curve is not defined for some row.
        """
        network = self._network.with_edge(edge, curve, function or FUNCTIONS[curve.function])
        passed = network.forward(self._x)
        error = mean_square(passed.outputs, self._labels) if passed.in_domain else math.inf
        _, after, _ = refit(network, self._x, self._labels, STEPS)
        return math.sqrt(error), math.sqrt(after)
