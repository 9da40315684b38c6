"""Which metrics a page without Python can compute by itself: those of torch that mean one thing."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from torch import nn
from torch.nn import functional as F

from kanwidget.evaluate.data_and_metric import DataAndMetric

__all__ = ["page_loss_name", "torch_loss_name"]

_FUNCTIONS: dict[Any, str] = {
    F.mse_loss: "mse",
    F.l1_loss: "l1",
    F.cross_entropy: "cross_entropy",
    F.binary_cross_entropy_with_logits: "bce",
}
_MODULES: dict[type[nn.Module], str] = {
    nn.MSELoss: "mse",
    nn.L1Loss: "l1",
    nn.CrossEntropyLoss: "cross_entropy",
    nn.BCEWithLogitsLoss: "bce",
}
_USUAL = {
    "reduction": "mean",
    "weight": None,
    "pos_weight": None,
    "ignore_index": -100,
    "label_smoothing": 0.0,
}


def torch_loss_name(metric: Any) -> str:
    """Return what a page calls a loss of torch's, however it is set; "" for any other."""
    if isinstance(metric, nn.Module):
        return _MODULES.get(type(metric), "")
    return _FUNCTIONS.get(metric, "") if isinstance(metric, Hashable) else ""


def page_loss_name(measure: DataAndMetric, n_out: int) -> str:
    """Return what a page calls the loss of a session, "" if it stays in Python.

    ``change`` is the RMS change of the outputs, of data without labels.

    A function's name says nothing: it must be torch's own, with nothing set otherwise, and
    labels that its formula is plain for.
    """
    metric, labels = measure.metric, measure.test_labels
    if measure.higher_is_better:  # none of these is such a metric
        return ""
    plain = labels.shape == (len(measure.test_rows), n_out) and labels.is_floating_point()
    if metric is None:
        return ("rmse" if measure.has_labels else "change") if plain else ""
    kind = torch_loss_name(metric)
    if isinstance(metric, nn.Module) and any(
        getattr(metric, name, value) != value for name, value in _USUAL.items()
    ):
        kind = ""
    if kind == "cross_entropy":
        plain = labels.shape == (len(measure.test_rows),) and not labels.is_floating_point()
        plain = plain and bool(((labels >= 0) & (labels < n_out)).all())
    return kind if plain else ""
