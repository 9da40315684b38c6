"""Makes the commands that a history consists of, from what was decided and measured."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kanwidget.evaluate.baseline import Baseline
from kanwidget.masks.state import State

from .history import Command, History

__all__ = [
    "count_edges",
    "reset_command",
    "start_command",
]


def start_command(baseline: Baseline, keep_mean: bool, loss_name: str) -> Command:
    """Return the first command of a session."""
    state, loss, count = State(keep_mean=keep_mean), baseline.loss, count_edges(baseline.mask)
    return Command(0, None, "start", state, baseline, loss, loss, count, loss_name=loss_name)


def reset_command(history: History, loss_name: str) -> Command:
    """Return the step back to the baseline, whose loss is known."""
    now = history.current
    count = count_edges(now.baseline.mask)
    return Command(
        len(history.commands),
        now.id,
        "set",
        State(keep_mean=now.state.keep_mean),
        now.baseline,
        now.loss_after,
        now.baseline.loss,
        count,
        now.active_edges - count,
        loss_name,
        (("reset",),),
        weights=now.weights,
    )


def count_edges(mask: Sequence[Tensor]) -> int:
    """Return how many edges are on."""
    return sum(int(layer.sum()) for layer in mask)
