"""What names would cost a network, and its formula: computed on a private copy, in any thread."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.evaluate.data_and_metric import DataAndMetric
from kanwidget.formula.candidates import candidates_of
from kanwidget.formula.formula import Formula, formula_of
from kanwidget.formula.levenberg_marquardt import refit
from kanwidget.formula.name_losses import NameLosses
from kanwidget.formula.naming_network import NamingNetwork, build_network
from kanwidget.functions.curve import NamedCurve, named_value
from kanwidget.functions.library import FUNCTIONS
from kanwidget.kan.arrays import as_array, as_columns
from kanwidget.kan.row_blocks import some_rows
from kanwidget.masks.ids import Edge

from .naming_payload import CandidateName, EdgeNames, FormulaText

__all__ = ["NamingTrials"]

Floats = NDArray[np.float64]

TOP = 5
"""Functions shown for an edge; all that cannot be told apart from the best, but no more than ..."""

MOST = 8

INTERVALS = 10
REFIT_STEPS = 8

MAX_ROWS = 1000
"""Rows that a refit is made on."""

MAX_PARAMETERS = 1500
"""A network with more is not refitted while somebody looks at a card."""

RECOGNITION_SECONDS = 5.0

ROUNDING = 1e-6
"""A loss that is smaller, relative to the labels, is rounding."""


class NamingTrials:
    """Tries names on a copy of a model as it is now.

    Parameters
    ----------
    adapter : Adapter
        Of a private copy.
    data : DataAndMetric
        What losses are measured with.
    curves : sequence of (Tensor (n_in, samples), Tensor)
        Where each layer's curves are sampled.
    """

    def __init__(
        self, adapter: Adapter, data: DataAndMetric, curves: Sequence[tuple[Tensor, Tensor]]
    ) -> None:
        self._adapter, self._data, self._curves = adapter, data, curves
        self._trial: tuple[Edge, NameLosses] | None = None
        labels = data.train_labels
        shape = (len(data.train_rows), adapter.width[-1])
        numeric = data.has_labels and labels.shape == shape and labels.is_floating_point()
        self._labels = labels if numeric else None
        self._names, self._functions = adapter.names(), adapter.functions()

    def candidates(self, edge: Edge) -> EdgeNames:
        """Return what might name an edge, without losses."""
        l, i, _ = edge
        found = candidates_of(
            self._without_name(edge), self._data.train_rows, self._labels, None, [edge], TOP
        ).get(edge, [])
        x = as_array(self._curves[l][0][i])
        names = EdgeNames(edge)
        for candidate in found[:MOST]:
            curve = candidate.curve
            y = named_value(curve, FUNCTIONS, x)
            names.rows.append(CandidateName(curve, candidate.r2, candidate.in_group, y))
        names.busy = bool(names.rows)
        return names

    def losses(self, edge: Edge, curve: NamedCurve) -> tuple[float, float] | None:
        """Return the loss with a name, and after a short refit; None if that takes too long.

        They are infinite or NaN where there is none.
        """
        if self._is_large:
            return None
        if self._trial is None or self._trial[0] != edge:
            data, adapter = self._data, self._without_name(edge)
            rows = data.train_rows
            labels = adapter.forward(rows) if self._labels is None else self._labels
            self._trial = edge, NameLosses(adapter, rows, labels, data.test_rows, data.loss_of)
        trial = self._trial[1]
        if not 0 < trial.parameters <= MAX_PARAMETERS:
            return None
        return trial.losses(edge, curve)

    def formula(
        self, in_vars: Sequence[str], out_vars: Sequence[str], digits: int, exact: bool
    ) -> FormulaText:
        """Return the formula in all its forms."""
        made = self._formula(in_vars, out_vars)
        if exact and made.rows is not None and not made.unnamed:
            made = made.recognised(seconds=RECOGNITION_SECONDS)
        text = FormulaText(digits, exact)
        written = made.rounded(digits)
        text.unnamed = made.unnamed
        text.mathml, text.latex = made.mathml(digits), made.latex(digits)
        text.words = made.words(digits)
        text.python = written.python()
        text.sympy = "\n".join(
            [f"{symbol} = {value}" for symbol, value in written.sympy_parts]
            + [f"{name} = {value}" for name, value in zip(out_vars, written.sympy, strict=True)]
        )
        outputs = torch.from_numpy(written(as_array(self._data.test_rows)))
        text.loss = self._loss_of(outputs)
        return text

    def costs_of_names(self, text: FormulaText) -> None:
        """Find out the loss after a refit, and the edge whose name costs most."""
        if self._labels is None or not self._names or self._is_large:
            return
        if not self._adapter.can_tabulate:
            return
        network = build_network(self._adapter, self._data.train_rows, INTERVALS)
        if network.size > MAX_PARAMETERS:
            return
        best, text.loss_refit = self._refitted(network)
        passed = best.forward(self._train_x())
        on = [edge for edge in self._names if edge in best.edges]
        found = []
        for edge in on:
            spline = best.with_splines([edge], passed, INTERVALS)
            found.append((self._refitted(spline)[1], edge))
        known = [(loss, edge) for loss, edge in found if math.isfinite(loss)]
        least = ROUNDING * float(self._labels.std())  # below it nothing is to blame for
        if known and text.loss_refit and text.loss_refit > least:
            loss, edge = min(known)
            if loss < 0.9 * text.loss_refit:
                text.blame = edge, loss

    def _formula(self, in_vars: Sequence[str], out_vars: Sequence[str]) -> Formula:
        some = some_rows(len(self._data.train_rows), MAX_ROWS)
        labels = None if self._labels is None else self._labels[some]
        rows = self._data.train_rows[some], labels
        return formula_of(
            self._adapter,
            rows=rows,
            in_vars=in_vars,
            out_vars=out_vars,
            functions=self._functions,
        )

    @property
    def _is_large(self) -> bool:
        edges_on = sum(int(layer.sum()) for layer in self._adapter.mask())
        return edges_on * INTERVALS > 2 * MAX_PARAMETERS

    def _without_name(self, edge: Edge) -> Adapter:
        """Return the model with the spline that an edge had before its name."""
        if edge not in self._names:
            return self._adapter
        copy = self._adapter.copy()
        copy.set_names({edge: None})
        return copy

    def _train_x(self) -> Floats:
        return as_columns(self._data.train_rows[some_rows(len(self._data.train_rows), MAX_ROWS)])

    def _refitted(self, network: NamingNetwork) -> tuple[NamingNetwork, float]:
        if self._labels is None:
            return network, math.nan
        labels = as_columns(self._labels[some_rows(len(self._labels), MAX_ROWS)])
        best, _, _ = refit(network, self._train_x(), labels, REFIT_STEPS)
        return best, self._loss(best)

    def _loss(self, network: NamingNetwork) -> float:
        passed = network.forward(as_columns(self._data.test_rows))
        if not passed.in_domain:
            return math.nan
        return self._loss_of(torch.from_numpy(passed.outputs.T.copy()))

    def _loss_of(self, outputs: Tensor) -> float:
        data = self._data
        return data.loss_of(outputs.to(data.test_rows.device, data.test_rows.dtype))
