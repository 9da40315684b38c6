"""Makes the commands that a history consists of, from what was decided and measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from kanwidget.evaluate.baseline import Baseline
from kanwidget.masks.state import State

from .history import Command, History
from .words import Message

__all__ = [
    "count_edges",
    "next_command",
    "reset_command",
    "start_command",
]


def start_command(baseline: Baseline, keep_mean: bool, loss_name: str) -> Command:
    """Return the first command of a session."""
    state, loss, count = State(keep_mean=keep_mean), baseline.loss, count_edges(baseline.mask)
    return Command(0, None, "start", state, baseline, loss, loss, count, loss_name=loss_name)


def next_command(
    history: History,
    loss_name: str,
    kind: str,
    what: tuple[Message, ...],
    state: State,
    baseline: Baseline,
    loss: float,
    mask: Sequence[Tensor],
    parent: Command | None = None,
    replaced: Command | None = None,
    **more: Any,
) -> Command:
    """Return a command that leads to a state.

    Parameters
    ----------
    history : History
    loss_name : str
    kind, what, state, baseline
        As of a `Command`.
    loss, mask
        The loss and the masks that it comes to.
    parent : Command, optional
        What it follows, by default the current one.
    replaced : Command, optional
        The command that it replaces.
    **more
        Further attributes of the command.
    """
    parent, count = parent or history.current, count_edges(mask)
    return Command(
        len(history.commands) if replaced is None else replaced.id,
        parent.id,
        kind,
        state,
        baseline,
        parent.loss_after,
        loss,
        count,
        parent.active_edges - count,
        loss_name,
        what,
        **{"weights": parent.weights, **more},
    )


def reset_command(history: History, loss_name: str) -> Command:
    """Return the step back to the baseline, whose loss is known."""
    baseline, state = history.current.baseline, State(keep_mean=history.current.state.keep_mean)
    return next_command(
        history, loss_name, "set", (("reset",),), state, baseline, baseline.loss, baseline.mask
    )


def count_edges(mask: Sequence[Tensor]) -> int:
    """Return how many edges are on."""
    return sum(int(layer.sum()) for layer in mask)
