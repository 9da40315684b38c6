"""What decisions would lead to, before they are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from kanwidget.evaluate.baseline import Baseline
from kanwidget.evaluate.evaluator import Evaluator
from kanwidget.masks.state import State

from . import mask_warnings
from .commands import count_edges
from .words import Message, warning_words

__all__ = ["Outcome", "measure_outcome", "warnings"]


@dataclass(frozen=True)
class Outcome:
    """What a step would lead to.

    Attributes
    ----------
    active_edges : int
        Edges left.
    loss : float
        The session's metric then.
    warnings : list of str
        What one should know of it, in words.
    outputs : Tensor or None, shape (rows, width[-1])
        What the model would give for the inputs that were handed over, if any were.
    """

    active_edges: int
    loss: float
    warnings: list[str]
    outputs: Tensor | None = None


def measure_outcome(
    evaluator: Evaluator, baseline: Baseline, state: State, inputs: Tensor | None = None
) -> Outcome:
    """Return what a state would lead to, with the model's outputs for inputs if there are any."""
    mask, bias = baseline.masks_under(state)
    return Outcome(
        count_edges(mask),
        evaluator.loss(mask, bias),
        [warning_words(message) for message in warnings(baseline, mask, bias)],
        None if inputs is None else evaluator.outputs(mask, bias, inputs),
    )


def warnings(baseline: Baseline, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> list[Message]:
    """Return what is wrong with a mask, and what one should know of the model, as messages."""
    return [
        *mask_warnings.warnings(baseline.mask, mask, baseline.slots, bias),
        *baseline.notes,
        *mask_warnings.broken(baseline.broken, mask, bias),
    ]
