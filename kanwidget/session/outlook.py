"""What steps would lead to, before they are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from kanwidget.adapters import Adapter

from . import edits as acts
from . import guards
from .baseline import Baseline, Yardstick
from .evaluator import Evaluator
from .history import State

__all__ = ["Outcome", "Stage", "outcome", "warnings"]


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
    """

    active_edges: int
    loss: float
    warnings: list[str]


@dataclass(frozen=True)
class Stage:
    """A session's model and what it is measured with, for those who only read.

    Attributes
    ----------
    adapter : Adapter
        Of the live model.
    scratch : Adapter
        Of the private copy that baselines are measured on; its masks are of no meaning.
    yardstick : Yardstick
        Data and metric.
    mask : list of Tensor, shapes (n_out, n_in)
        What the live model has.
    scores_known : list of str
        Names of the scores that edges can have, the usual one first.
    """

    adapter: Adapter
    scratch: Adapter
    yardstick: Yardstick
    mask: list[Tensor]
    scores_known: list[str]


def outcome(evaluator: Evaluator, baseline: Baseline, state: State) -> Outcome:
    """Tell what a state would lead to."""
    mask = acts.Ground.of(baseline, state).mask(state.edits)
    bias = baseline.bias_under(mask, state.keep_mean)
    return Outcome(
        sum(int(layer.sum()) for layer in mask),
        evaluator.loss(mask, bias),
        warnings(baseline, mask, bias),
    )


def warnings(baseline: Baseline, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> list[str]:
    """Say what speaks against a mask, and what one should know of the model."""
    return [
        *guards.warnings(baseline.mask, mask, baseline.slots, bias),
        *baseline.notes,
        *guards.broken(baseline.broken, mask, bias),
    ]
