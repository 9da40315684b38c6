"""What steps would lead to, before they are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.evaluate.baseline import Baseline, DataAndMetric
from kanwidget.evaluate.evaluator import Evaluator
from kanwidget.masks.state import State

from . import mask_warnings
from .words import Message, warning_words

__all__ = ["ModelView", "Outcome", "outcome", "warnings"]


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
        What speaks against it, in words.
    outputs : Tensor or None, shape (rows, width[-1])
        What the model would give for the inputs that were handed over, if any were.
    """

    active_edges: int
    loss: float
    warnings: list[str]
    outputs: Tensor | None = None


@dataclass(frozen=True)
class ModelView:
    """A session's model and what it is measured with, for those who only read.

    Attributes
    ----------
    adapter : Adapter
        Of the live model.
    scratch : Adapter
        Of the private copy that baselines are measured on; its masks are of no meaning.
    data : Yardstick
        Data and metric.
    mask : list of Tensor, shapes (n_out, n_in)
        What the live model has.
    scores_known : list of str
        Names of the scores that edges can have, the usual one first.
    """

    adapter: Adapter
    scratch: Adapter
    data: DataAndMetric
    mask: list[Tensor]
    scores_known: list[str]


def outcome(
    evaluator: Evaluator, baseline: Baseline, state: State, inputs: Tensor | None = None
) -> Outcome:
    """Tell what a state would lead to, and what the model would give for inputs then."""
    mask = baseline.mask_rule(state).mask(state.edits)
    bias = baseline.bias_under(mask, state.keep_mean)
    return Outcome(
        sum(int(layer.sum()) for layer in mask),
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
