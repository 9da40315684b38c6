"""The data and the metric that a model is measured with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.adapters.scores import forward_in_blocks
from kanwidget.kan.arrays import as_array
from kanwidget.kan.call_loss import call_loss
from kanwidget.kan.check_data import (
    DATASET_KEYS,
    as_tensors,
    check_dataset,
    check_inputs,
    varying_columns,
)
from kanwidget.kan.row_blocks import some_rows, split_rows
from kanwidget.masks.validate import check_scalar

from .baseline import Baseline
from .metric import (
    Metric,
    NamedMetrics,
    check_metric,
    direction_doubts,
    is_higher_better,
    metric_name,
)
from .names import column_names

__all__ = ["BINS", "CURVE_POINTS", "CURVE_ROWS", "DataAndMetric", "MetricValues"]


CURVE_POINTS = 64
"""Samples of each curve that a view draws."""


CURVE_ROWS = 4096
"""Rows of data that curves and densities are drawn over, at the most: evenly spread over all."""


BINS = 32
"""Bins of the data's density under each curve."""


class MetricValues(NamedTuple):
    """What a metric gives on the test rows, and on the training rows if these are others."""

    test: float
    train: float | None


class DataAndMetric:
    """The data and the metric of a session; see `PruningSession`.

    The data are copies: what others write to their tensors later changes no loss.

    Attributes
    ----------
    higher_is_better : bool
        Whether more of the metric is better.
    names : Names
        Of the columns, where the data are tables.
    train_rows : Tensor, shape (rows, width[0])
        Inputs that scores, means and curves come from.
    train_labels : Tensor, shape (rows, width[-1])
        What `PruningSession.fit` trains on; without labels, what the model gave at first.
    test_rows, test_labels : Tensor, shapes (rows, width[0]) and (rows, width[-1])
        What the loss is measured on.
    tells_train : bool
        Whether metrics are told of the training rows, too: they have labels, and are others.
    metric : callable or None
        The one that decides, None for the root mean squared error.
    metrics : dict of str to (callable or None)
        All metrics by name; the first is the one that decides. Empty without labels.
    loss_name : str
        What the loss measures.
    baseline_count : int
        The number of the last baseline.
    """

    def __init__(
        self,
        adapter: Adapter,
        data: Mapping[str, Tensor] | Tensor | None,
        metric: Metric | None,
        higher_is_better: bool | None = None,
    ) -> None:
        n_in, n_out, kind = adapter.width[0], adapter.width[-1], (adapter.device, adapter.dtype)
        if metric is not None:
            check_metric(metric)
        self.higher_is_better = is_higher_better(metric, higher_is_better)
        self._doubts = direction_doubts(metric, higher_is_better)
        self.names = column_names(adapter.select_columns(data))
        data = adapter.select_columns(as_tensors(data))
        self.metric: Metric | None = None
        self.metrics: dict[str, Metric | None] = {}
        self.tells_train = False
        self.has_labels = isinstance(data, Mapping)
        self.baseline_count = -1
        if isinstance(data, Mapping):
            own = None if metric else n_out
            dataset = check_dataset(data, n_in, own, *kind, outputs=n_out)
            named = metric.named if isinstance(metric, NamedMetrics) else {}
            name = metric_name(metric) if metric else "RMSE"
            self.metrics = dict(named) or {name: metric}
            self.metric = self.metrics[name]
            self.train_rows, self.train_labels, self.test_rows, self.test_labels = (
                dataset[key].clone() for key in DATASET_KEYS
            )
            self.tells_train = not torch.equal(self.train_rows, self.test_rows)
            self.loss_name = f"test {name}"
            return
        if metric is not None:
            raise ValueError(
                "metric compares predictions with labels: hand over a dataset with labels, as "
                "create_dataset makes it, not inputs alone"
            )
        x = adapter.last_inputs() if data is None else check_inputs(data, n_in, "data", *kind)
        x = x.clone()
        self.train_rows, self.test_rows, self.test_labels = x, x, forward_in_blocks(adapter, x)
        self.train_labels = self.test_labels
        self.loss_name = "RMS change of the outputs"

    @staticmethod
    def check_inputs(adapter: Adapter, inputs: object) -> Tensor:
        """Return inputs of a model in its dtype and columns, or raise a ValueError or TypeError."""
        kind = adapter.device, adapter.dtype
        return check_inputs(adapter.select_columns(inputs), adapter.width[0], "inputs", *kind)

    def loss_of_model(self, adapter: Adapter) -> float:
        """Return the metric of a model as it is."""
        return self.loss_of(forward_in_blocks(adapter, self.test_rows))

    def loss_of(self, pred: Tensor) -> float:
        """Return the metric of predictions on the rows.

        Raises
        ------
        TypeError
            If it is not one real number.
        """
        value, labels = _measure(self.metric, self.loss_name, pred, self.test_labels)
        self.test_labels = labels
        return value

    def metric_values(self, adapter: Adapter) -> dict[str, MetricValues]:
        """Return all metrics of a model as it is, by name.

        Raises
        ------
        TypeError
            If one of them is not one real number.
        """
        parts = [(self.test_rows, self.test_labels)]
        if self.tells_train:
            parts.append((self.train_rows, self.train_labels))
        rows, labels = zip(*parts, strict=True)
        outputs = forward_in_blocks(adapter, torch.cat(rows))  # in one go: it is faster
        pairs = list(zip(torch.split(outputs, list(map(len, rows))), labels, strict=True))
        found = {}
        for name, metric in self.metrics.items():
            values = [_measure(metric, name, *pair)[0] for pair in pairs]
            found[name] = MetricValues(values[0], values[1] if len(values) > 1 else None)
        return found

    def make_baseline(
        self,
        adapter: Adapter,
        mask: list[Tensor],
        bias: list[Tensor],
        folded: list[Tensor] | None = None,
        kind: str = "l1",
    ) -> Baseline:
        """Measure scores, means, curves and loss of a model that has these masks and biases."""
        self.baseline_count += 1
        scores = adapter.scores(self.train_rows, kind)
        means = adapter.means(self.train_rows)  # in the model's dtype, as biases are
        baseline = Baseline(
            mask,
            bias,
            folded or [torch.zeros_like(mean) for mean in means],
            scores,
            means,
            [],
            self.loss_of_model(adapter),
            self.baseline_count,
            slots=adapter.slots(),
            score=kind,
            notes=[
                *adapter.notes(),
                *self._doubts,
                *self._constant_inputs,
            ],
        )
        self.add_curves(adapter, baseline)
        return baseline

    @cached_property
    def _constant_inputs(self) -> list[tuple[str, int, int]]:
        """The first input with the same value in all rows, and how many more there are."""
        same = (~varying_columns(self.train_rows)).nonzero().flatten().tolist()
        if len(self.train_rows) < 2 or not same:
            return []
        return [("inputs_do_not_vary", same[0], len(same) - 1)]

    def with_scores(self, baseline: Baseline, scores: list[Tensor], score: str) -> Baseline:
        """Return a baseline of the same model with other scores."""
        self.baseline_count += 1
        return replace(
            baseline,
            scores=scores,
            score=score,
            number=self.baseline_count,
            curves=[*baseline.curves],
            density=[*baseline.density],
            grid=[*baseline.grid],
        )

    def add_curves(self, adapter: Adapter, baseline: Baseline) -> None:
        """Give a baseline its curves, densities and grids, of a model that has its masks.

        They are over `CURVE_ROWS` of the training inputs, if there are more.
        """
        rows = self.train_rows
        if len(rows) > CURVE_ROWS:
            rows = rows[some_rows(len(rows), CURVE_ROWS).to(rows.device)]
        values = adapter.inputs_of(rows)
        curves = adapter.curves(rows, CURVE_POINTS, values)
        baseline.drop_curves()
        baseline.curves.extend(curves)
        baseline.density.extend(
            _density(v, x[:, 0], x[:, -1]) for v, (x, _) in zip(values, curves, strict=True)
        )
        baseline.grid.extend(
            _with_share_outside(v, ends) for v, ends in zip(values, adapter.grid(), strict=True)
        )

    def digest(self) -> str:
        """Return a digest of the data."""
        return _digest_of(self.train_rows, self.test_rows, self.test_labels)

    def digest_of_given(self) -> str:
        """Return a digest of the data; of labels only if they are the person's own."""
        labels = [self.train_labels, self.test_labels] if self.has_labels else []
        return _digest_of(self.train_rows, self.test_rows, *labels)


def _digest_of(*tensors: Tensor) -> str:
    digest = hashlib.sha256()
    for values in tensors:
        for rows in split_rows(values, values[:1].numel()):
            digest.update(as_array(rows).tobytes())
    return digest.hexdigest()


def _measure(
    metric: Metric | None, name: str, pred: Tensor, labels: Tensor
) -> tuple[float, Tensor]:
    """Return a metric of predictions, the root mean squared error by default, and its labels."""
    if metric is None:
        return float(torch.nn.functional.mse_loss(pred, labels).sqrt()), labels
    called = f"metric {name.removeprefix('test ')}"
    # Tensors of its own: it may work in place.
    value, dtype = call_loss(metric, pred.clone(), labels.clone(), called)
    return check_scalar(value, called), labels.to(dtype)


def _density(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return the share of values ``(rows, n)`` in each bin between bounds, ``(n, BINS)``."""
    place = ((values - low) / (high - low) * BINS).nan_to_num().long().clamp(0, BINS - 1)
    share = torch.full_like(values, 1 / len(values))
    return values.new_zeros(values.shape[1], BINS).scatter_add_(1, place.T, share.T)


def _with_share_outside(values: Tensor, ends: Tensor) -> Tensor:
    """Add to the ends of grids ``(n, 2)`` the share of values ``(rows, n)`` outside them."""
    outside = (values < ends[:, 0]) | (values > ends[:, 1])
    return torch.cat([ends, outside.to(ends).mean(0).unsqueeze(1)], 1)
