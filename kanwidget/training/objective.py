"""What a training minimises, computed by any adapter, as a function of one flat vector."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kanwidget.kan.arrays import Array, as_array
from kanwidget.kan.bsplines import score_span
from kanwidget.kan.call_loss import call_loss
from kanwidget.kan.check_data import varying_columns
from kanwidget.kan.layer import copy_all
from kanwidget.kan.row_blocks import split_rows

from .settings import TrainingSettings
from .working_copy import WorkingCopy

__all__ = ["AdapterObjective", "LossFunction", "check_loss"]

LossFunction = Callable[[Tensor, Tensor], Any]
"""From predictions and labels to a scalar Tensor."""


class AdapterObjective:
    """Loss and regulariser of a working copy's parameters; less is better.

    The regulariser is that of `KAN.fit`, of the edges' mean sizes over the widths of their grids.

    Parameters
    ----------
    copy : WorkingCopy
    settings : TrainingSettings
    loss_fn : callable, optional
        The mean squared error by default.
    inputs : Tensor, shape (rows, width[0])
        All rows of training: edges from inputs that do not vary are no part of the regulariser.

    Attributes
    ----------
    loss, reg : float
        Of the last evaluation.
    has_slope : ndarray of bool
        Which numbers have had a gradient since `start`.
    """

    def __init__(
        self,
        copy: WorkingCopy,
        settings: TrainingSettings,
        loss_fn: LossFunction | None,
        inputs: Tensor,
    ) -> None:
        self._adapter, self._settings = copy.adapter, settings
        self._loss_fn = loss_fn or nn.functional.mse_loss
        self._label_dtype: torch.dtype | None = None
        self._varies = varying_columns(inputs)
        self._copy = copy
        self._x = self._y = inputs
        self.loss = self.reg = math.nan
        self.has_slope = np.zeros(0, bool)

    def start(self, x: Tensor, y: Tensor) -> Array:
        """Get ready for a step on some rows, and return the parameters as a flat vector."""
        self._x, self._y = x, y
        self._parameters = self._copy.parameters
        self._forward = self._adapter.training_forward(x, bool(self._settings.lamb))
        self._mask, self._grids = self._adapter.mask(), self._adapter.grid()
        theta = as_array(torch.cat([p.detach().flatten() for p in self._parameters])).copy()
        self.has_slope = np.zeros(len(theta), bool)
        return theta

    def write(self, theta: Array) -> None:
        """Write a flat vector to the copy."""
        ends = np.cumsum([0, *(p.numel() for p in self._parameters)]).tolist()
        parts = [
            torch.from_numpy(theta[first:last]).view(p.shape)
            for (first, last), p in zip(pairwise(ends), self._parameters, strict=True)
        ]
        with torch.no_grad():
            copy_all(self._parameters, parts)

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Return value and gradient at a point."""
        self.write(theta)
        with torch.enable_grad():
            values, sizes = self._forward()
            loss, reg = self._loss(values[-1], self._y), self._regulariser(values, sizes)
            total = loss if reg is None else loss + self._settings.lamb * reg
            grads = torch.autograd.grad(total, self._parameters, allow_unused=True)
        flat = [
            torch.zeros_like(p).flatten() if grad is None else grad.flatten()
            for p, grad in zip(self._parameters, grads, strict=True)
        ]
        slope = as_array(torch.cat(flat)).copy()
        self.has_slope |= slope != 0
        self.loss, self.reg = loss.item(), 0.0 if reg is None else reg.item()
        return self.loss + self._settings.lamb * self.reg, slope

    @torch.no_grad()
    def loss_on(self, x: Tensor, y: Tensor) -> float:
        """Return the loss of the copy as it is."""
        width = 8 * max(self._adapter.width)
        blocks = [self._adapter.values_for_training(rows)[-1] for rows in split_rows(x, width)]
        with torch.enable_grad():  # a loss of one's own may need gradients
            return float(self._loss(torch.cat(blocks), y).item())

    def _loss(self, pred: Tensor, label: Tensor) -> Tensor:
        if self._label_dtype is not None:
            loss: Tensor = self._loss_fn(pred, label.to(self._label_dtype))
            return loss
        name = getattr(self._loss_fn, "__name__", type(self._loss_fn).__name__)
        loss, self._label_dtype = call_loss(self._loss_fn, pred, label, f"loss_fn {name}")
        return loss

    def _regulariser(self, values: list[Tensor], sizes: list[Tensor]) -> Tensor | None:
        """Return the sum of the edges' scores, and their entropy, over layers; see `Penalty`."""
        if not self._settings.lamb:
            return None
        reg = values[0].new_zeros(())
        parts = zip(self._mask, self._grids, values[:-1], sizes, strict=True)
        for l, (on, grid, x, size) in enumerate(parts):
            rows = x.detach()
            no_grid = grid.isnan().any(1, keepdim=True)
            ends = torch.where(no_grid, torch.stack([rows.amin(0), rows.amax(0)], 1), grid)
            scores = size.where(on, 0.0) / score_span(ends)
            scores = scores[:, self._varies.to(scores.device)] if l == 0 else scores
            total = scores.sum()
            if total > 0:
                share = scores / total
                bits = (share * torch.log2(share + 1e-4)).sum()
                reg = reg + total - self._settings.lamb_entropy * bits
        return reg


def check_loss(function: LossFunction, pred: Tensor, label: Tensor, name: str) -> None:
    """Raise a ValueError in words unless a loss can be trained on: a Tensor with a gradient."""
    pred = pred.detach().clone().requires_grad_()
    with torch.enable_grad():
        value, _ = call_loss(function, pred, label.clone(), name)
        advice = (
            "hand over loss_fn=..., a function of (prediction, label) with a gradient, such as "
            "torch.nn.CrossEntropyLoss() for classes"
        )
        if not isinstance(value, Tensor):
            raise ValueError(
                f"{name} cannot be trained on: it returns {reprlib.repr(value)}, and no tensor; "
                f"{advice}"
            )
        if not value.requires_grad:
            raise ValueError(f"{name} cannot be trained on: it has no gradient; {advice}")
