"""Calls a loss or metric, and says in words why it cannot compare predictions and labels."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

__all__ = ["call_loss", "refuse_broadcasting"]


class refuse_broadcasting(TorchFunctionMode):
    """Raise a ValueError where torch compares ``(n, 1)`` with ``(n,)``: each row with all rows.

    An interrupt at the wrong moment can leave such a mode on torch's stack. It does nothing once
    the function that entered it has ended.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._entered_in: FrameType | None = None

    def __enter__(self) -> refuse_broadcasting:
        self._entered_in = sys._getframe(1)
        super().__enter__()  # type: ignore[no-untyped-call]  # torch has no types here
        return self

    def _is_in_use(self) -> bool:
        """Whether the function that entered the mode is still running."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame is not self._entered_in:
            frame = frame.f_back
        if frame is None:
            self._entered_in = None  # what it held is of no use any more
        return frame is not None

    def __exit__(self, *error: Any) -> None:
        self._entered_in = None
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not self._is_in_use():
            return function(*args, **kwargs)
        given = [v for v in (*args, *kwargs.values()) if isinstance(v, Tensor)]
        shapes = {tuple(v.shape) for v in given}
        flat = [shape[0] for shape in shapes if len(shape) == 1 and shape[0] > 1]
        sizes = [n for n in flat if (n, 1) in shapes]
        paired = getattr(function, "__name__", "") in ELEMENTWISE_LOSSES
        out = None if sizes and paired else function(*args, **kwargs)
        for n in sizes:
            if paired or (isinstance(out, Tensor) and tuple(out.shape) == (n, n)):
                raise _BroadcastError(
                    f"{self._name} compares a tensor of shape ({n}, 1) with one of shape ({n},): "
                    f"torch makes ({n}, {n}) of them, each row against all rows. Give both the "
                    "same shape, such as pred[:, 0] and label[:, 0]"
                )
        return out


class _BroadcastError(ValueError):
    """Rows were compared with other rows."""


ELEMENTWISE_LOSSES = (
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
)
"""Functions that compare predictions and labels number by number."""

CLASS_LOSSES = (nn.functional.cross_entropy, nn.functional.nll_loss)


def _is_torchs(function: Callable[..., Any]) -> bool:
    module = getattr(function, "__module__", None) or type(function).__module__
    return module.split(".")[0] == "torch"


def call_loss(
    function: Callable[..., Any], pred: Tensor, label: Tensor, name: str
) -> tuple[Any, torch.dtype]:
    """Return what a loss or metric says of predictions ``(rows, n)`` and labels.

    Whole numbers that it cannot compare with predictions of the same shape, as
    ``torch.nn.BCEWithLogitsLoss()`` cannot, are handed to it in the dtype of these.

    Returns
    -------
    value
    dtype : torch.dtype
        In which it took the labels.

    Raises
    ------
    ValueError
        If a loss of torch's cannot compare the two, or any compares rows with other rows; in
        words. Errors of a function of the user's own go through as they are.
    """
    classes = isinstance(function, (nn.CrossEntropyLoss, nn.NLLLoss)) or function in CLASS_LOSSES
    if classes and pred.dim() == 2 and pred.shape[1] == 1:
        raise ValueError(
            f"{name} is for classes, and needs a model with one output for each class; this has "
            "one output: make it KAN([..., 2]), or use torch.nn.BCEWithLogitsLoss()"
        )
    as_numbers = not label.is_floating_point() and not label.is_complex()
    as_numbers = as_numbers and label.shape == pred.shape and not classes
    try:
        with refuse_broadcasting(name):
            if not as_numbers:
                return function(pred, label), label.dtype
            # It may work in place before it finds out.
            value = function(pred.clone(), label.clone())
            _check_slope(value, pred)
            return value, label.dtype
    except _BroadcastError:
        raise
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        if as_numbers:
            with contextlib.suppress(Exception), refuse_broadcasting(name):
                value = function(pred, label.to(pred.dtype))
                _check_slope(value, pred)
                return value, pred.dtype
        if isinstance(error, TypeError) or not _is_torchs(function):
            raise  # its author knows its errors best
        advice = ""
        if label.is_floating_point() and (classes or label.shape != pred.shape):
            advice = (
                "; classes must be whole numbers of shape (rows,): y.long() of a tensor, "
                "y.astype(int) of an array or Series"
            )
        elif not label.is_floating_point() and label.numel() and pred.dim() == 2:
            low, high = int(label.min()), int(label.max())
            if not 0 <= low <= high < pred.shape[1]:
                advice = (
                    f"; classes go from {low} to {high}, and the model has {pred.shape[1]} "
                    "outputs: they must be counted from 0, with an output for each"
                )
        raise ValueError(
            f"{name} cannot compare predictions {tuple(pred.shape)} of {pred.dtype} with labels "
            f"{tuple(label.shape)} of {label.dtype}{advice}. It said: {str(error).splitlines()[0]}"
        ) from error


def _check_slope(value: Any, pred: Tensor) -> None:
    """Raise what torch raises where a loss has no gradient, as for some with whole numbers."""
    if pred.requires_grad and isinstance(value, Tensor) and value.requires_grad:
        torch.autograd.grad(value, pred, torch.ones_like(value), True, allow_unused=True)
