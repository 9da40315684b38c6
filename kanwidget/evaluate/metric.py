"""What a metric is called, and whether more of it is better."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor

__all__ = [
    "Metric",
    "NamedMetrics",
    "check_metric",
    "combine_metrics",
    "direction_doubts",
    "is_higher_better",
    "metric_name",
]

Metric = Callable[[Tensor, Tensor], Any]
"""From predictions and labels to a scalar: a loss, or a score of which more is better."""

LIKELY_HIGHER_IS_BETTER = re.compile(
    r"accuracy|^acc$|auc|auroc|f1|r2|precision|recall|score|iou|psnr|ssim", re.I
)
LIKELY_LOWER_IS_BETTER = re.compile(r"loss|error|deviance", re.I)


class NamedMetrics:
    """Several metrics by their names: the first decides, so that this is called as if it were it.

    Parameters
    ----------
    named : mapping of str to callable
        At least one.
    """

    def __init__(self, named: Mapping[str, Metric]) -> None:
        self.named = dict(named)
        self.__name__, self.first = next(iter(self.named.items()))

    def __call__(self, prediction: Tensor, label: Tensor) -> Any:
        return self.first(prediction, label)

    @property
    def higher_is_better(self) -> bool | None:
        """Whether more of the first is better, None if it does not say."""
        return _direction_of(self.first)


def combine_metrics(metric: Metric | None, metrics: Mapping[str, Metric] | None) -> Metric | None:
    """Return one metric of the one that decides and of those with names; the first decides.

    Raises
    ------
    TypeError
        If ``metrics`` is no dict of names and functions.
    """
    if metrics is None:
        return metric
    given: object = metrics
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise TypeError(
            f'metrics must be a dict of names and functions, such as {{"accuracy": accuracy}}; '
            f"got {metrics!r}"
        )
    for each in metrics.values():
        check_metric(each)
    if metric is None:
        return NamedMetrics(metrics) if metrics else None
    check_metric(metric)
    own = metric_name(metric)
    return NamedMetrics({own: metric, **{n: f for n, f in metrics.items() if n != own}})


def metric_name(metric: Metric) -> str:
    """Return what a metric is called."""
    return getattr(metric, "__name__", type(metric).__name__)


def check_metric(metric: object) -> None:
    """Raise a TypeError unless a metric can be called with predictions and labels, in this order.

    scikit-learn's functions take the labels first. A call would not reveal that: a few metrics
    would just be wrong.
    """
    if not callable(metric):
        raise TypeError(f"metric must be a function of (prediction, label), got {metric!r}")
    name, better = metric_name(metric), is_higher_better(metric)
    if hasattr(metric, "_score_func"):
        raise TypeError(
            f"metric {metric!r} is a scikit-learn scorer, which takes (estimator, X, y); hand "
            "over a function of (prediction, label) instead, with "
            f"higher_is_better={metric._sign > 0}"  # type: ignore[attr-defined]
        )
    if _first_parameter(metric) == "y_true":
        raise TypeError(
            f"metric {name} takes (y_true, y_pred), and a metric is called with (prediction, "
            f"label); hand over metric=lambda prediction, label: {name}(label, prediction) with "
            f"higher_is_better={better}"
        )


def is_higher_better(metric: object, given: object = None) -> bool:
    """Return whether a higher metric is better: as given, else as the metric itself states.

    torchmetrics' metrics have an attribute ``higher_is_better``, others ``greater_is_better``,
    and scikit-learn names its functions by it. Without any of these less is better.

    Raises
    ------
    TypeError, ValueError
        If what is given is no bool, or there is no metric.
    """
    if given is not None:
        if not isinstance(given, (bool, np.bool_)):
            raise TypeError(f"higher_is_better must be True, False or None, got {given!r}")
        if metric is None and given:
            raise ValueError(
                "higher_is_better belongs to a metric of your own, and there is none: less is "
                "better of the root mean squared error"
            )
        return bool(given)
    return _direction_of(metric) is True


def direction_doubts(metric: Metric | None, given: object) -> list[tuple[str, str]]:
    """Return a message if a metric's name suggests that more is better; see `session.words`."""
    if metric is None or given is not None or _direction_of(metric) is not None:
        return []
    name = metric_name(metric)
    if not LIKELY_HIGHER_IS_BETTER.search(name) or LIKELY_LOWER_IS_BETTER.search(name):
        return []
    return [("may_be_better", name)]


def _direction_of(metric: object) -> bool | None:
    """Return whether more is better by a metric's own attributes or name, None if unknown."""
    for attribute in ("higher_is_better", "greater_is_better"):
        value = getattr(metric, attribute, None)
        if isinstance(value, (bool, np.bool_)):
            return bool(value)
    if str(getattr(metric, "__module__", "")).partition(".")[0] == "sklearn":
        return metric_name(metric).endswith("_score")  # type: ignore[arg-type]
    return None


def _first_parameter(metric: Callable[..., Any]) -> str:
    try:
        return next(iter(inspect.signature(metric).parameters), "")
    except (TypeError, ValueError):  # of a built-in
        return ""
