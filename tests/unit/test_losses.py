"""Which losses a page without Python computes, and what it says of the others."""

from __future__ import annotations

import functools
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kanwidget import KAN, KANWidget, PruningSession
from kanwidget.widget.page_losses import page_loss_name

X = torch.rand(30, 2, dtype=torch.float64)


def data(labels: Tensor) -> dict[str, Tensor]:
    return {"train_input": X, "train_label": labels, "test_input": X, "test_label": labels}


NUMBERS = torch.rand(30, 3, dtype=torch.float64)
CLASSES = torch.arange(30) % 3


def mse_loss(pred: Tensor, label: Tensor) -> Tensor:
    """Not what its name says."""
    return (pred - label).abs().max()


@pytest.mark.parametrize(
    ("metric", "labels", "kind"),
    [
        (None, NUMBERS, "rmse"),
        (F.mse_loss, NUMBERS, "mse"),
        (nn.MSELoss(), NUMBERS, "mse"),
        (nn.MSELoss(reduction="sum"), NUMBERS, ""),
        (F.l1_loss, NUMBERS, "l1"),
        (nn.L1Loss(), NUMBERS, "l1"),
        (F.binary_cross_entropy_with_logits, NUMBERS, "bce"),
        (nn.BCEWithLogitsLoss(), NUMBERS, "bce"),
        (nn.BCEWithLogitsLoss(pos_weight=torch.ones(3).double()), NUMBERS, ""),
        (F.cross_entropy, CLASSES, "cross_entropy"),
        (F.cross_entropy, NUMBERS, ""),
        (nn.CrossEntropyLoss(), CLASSES, "cross_entropy"),
        (nn.CrossEntropyLoss(label_smoothing=0.1), CLASSES, ""),
        (nn.CrossEntropyLoss(weight=torch.ones(3).double()), CLASSES, ""),
        (nn.HuberLoss(), NUMBERS, ""),
        (mse_loss, NUMBERS, ""),
        (functools.partial(F.mse_loss, reduction="sum"), NUMBERS, ""),
        (F.mse_loss, NUMBERS[:, :1], ""),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_torchs_own_losses_are_known_and_no_others(metric: Any, labels: Tensor, kind: str) -> None:
    with PruningSession(KAN([2, 2, 3], seed=0), data(labels), metric=metric) as session:
        assert page_loss_name(session.data, 3) == kind


def test_a_page_says_that_a_metric_stayed_in_python() -> None:
    w = KANWidget(KAN([2, 2, 3], seed=0), data(NUMBERS), metric=mse_loss)
    page = w.to_html()
    assert f"mse_loss was {w.loss:.4g} in Python, and stayed there" in page
    assert "how far the outputs move" in page
    assert "every loss is computed here" not in page
    assert re.search(r'"_page_loss": ?""', page)
    w.close()


def test_a_page_holds_the_classes_that_its_loss_takes() -> None:
    w = KANWidget(KAN([2, 2, 3], seed=0), data(CLASSES), metric=F.cross_entropy)
    assert "every loss is computed here" in w.to_html(data_rows=10)
    assert re.search(r'"_page_loss": ?"cross_entropy"', w.to_html(data_rows=10))
    assert "_row_classes" in w.to_html(data_rows=10)
    w.close()
