"""Formulas as modules of torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .evaluate import evaluate
from .rows import Expressions

__all__ = ["TorchFormula"]


class TorchFormula(nn.Module):
    """A formula as a module: from inputs ``(rows, n_in)`` to outputs ``(rows, n_out)``.

    Attributes
    ----------
    numbers : Parameter, shape (n,)
        The measured numbers, float64; they can be trained.
    """

    def __init__(self, expressions: Expressions) -> None:
        super().__init__()
        self._expressions = expressions
        self._first = expressions.numbers
        self.numbers = nn.Parameter(torch.tensor(self._first, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs ``(rows, n_in)`` to outputs ``(rows, n_out)``, in the type of the numbers."""
        made = self._expressions
        if x.dim() != 2 or x.shape[1] != len(made.in_vars):
            raise ValueError(
                f"the formula takes inputs of shape (rows, {len(made.in_vars)}), got "
                f"{tuple(x.shape)}"
            )
        x = x.to(self.numbers)
        columns = {name: x[:, n] for n, name in enumerate(made.in_vars)}
        constants = dict(zip(self._first, self.numbers, strict=True))
        found = evaluate([*made.parts, *made.outputs], columns, made.functions.library, constants)
        ones = torch.ones_like(x[:, 0])
        return torch.stack([found[part.name] * ones for part in made.outputs], dim=1)
