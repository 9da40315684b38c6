"""What names are fitted to, and which losses they may lead to, by a session's data and metric."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kanwidget.evaluate.data_and_metric import DataAndMetric
from kanwidget.formula.name_all import Naming
from kanwidget.kan.arrays import as_columns

__all__ = [
    "exact_loss",
    "is_allowed",
    "labels_are_targets",
    "most_loss",
    "promised_loss",
    "targets_of",
]

EXACT = 1e-9
"""Losses below this share of the labels' spread are the same, whatever the tolerance."""


def labels_are_targets(data: DataAndMetric) -> bool:
    """Whether outputs are meant to be near the labels, and not scores of classes."""
    labels = data.test_labels
    if not data.has_labels or not labels.is_floating_point():
        return False
    if data.metric is None:
        return True
    if labels.dim() != 2 or data.train_labels.shape[1:] != labels.shape[1:]:
        return False
    spread = labels.std() if labels.numel() > 1 else labels.new_ones(())
    here = data.loss_of(labels.clone())
    near = (1.1 * labels, 0.9 * labels, labels + 0.1 * spread, labels - 0.1 * spread)
    sign = -1.0 if data.higher_is_better else 1.0
    return all(sign * here <= sign * data.loss_of(other) for other in near)


def targets_of(data: DataAndMetric) -> Tensor | None:
    """Return what names are fitted to, None for the model's own outputs."""
    return data.train_labels if labels_are_targets(data) else None


def most_loss(data: DataAndMetric, now: float, tolerance: float) -> float:
    """Return the worst loss that names may lead to; ``now`` is the present one."""
    if not data.has_labels:
        return max(now, tolerance * float(data.test_labels.std(0).mean()))
    room = tolerance * abs(now)
    if data.metric is None:
        room = max(room, exact_loss(data))
    return now - room if data.higher_is_better else now + room


def exact_loss(data: DataAndMetric) -> float:
    """Return the root mean squared error below which there is only rounding."""
    return EXACT * float(data.test_labels.double().std())


def is_allowed(data: DataAndMetric, loss: float, most: float) -> bool:
    """Whether a loss is not worse than another."""
    return loss >= most if data.higher_is_better else loss <= most


def promised_loss(data: DataAndMetric, naming: Naming) -> float:
    """Return the session's loss of the network that a search has found."""
    x, test = as_columns(data.train_rows), as_columns(data.test_rows)
    ends = [np.stack([v.min(1), v.max(1)], 1) for v in naming.network.forward(x).values]
    outputs = naming.network.forward(test, ends).outputs.T
    return data.loss_of(torch.from_numpy(np.ascontiguousarray(outputs)).to(data.test_rows))
