"""Decides whether a change of the model continues a training, or begins a new one."""

from __future__ import annotations

import time
from dataclasses import dataclass

from torch import nn

from kanwidget.kan.write_lock import fit_of
from kanwidget.training.run import TrainingRun

from .history import History
from .words import Message

__all__ = ["PAUSE", "FitRecord", "TrainingWatch"]

PAUSE = 3.0
"""Seconds without a change after which a training by a loop of the user's own counts as ended."""


@dataclass
class FitRecord:
    """A training by the session itself, and how much of it is in the history.

    Attributes
    ----------
    run : TrainingRun
    loss_name : str
        What a loss is called that was handed over for it; "" if it is the session's own.
    first, recorded : int
        Its steps before the last step of the history that has some of it, and all in the history.
    """

    run: TrainingRun
    loss_name: str = ""
    first: int = 0
    recorded: int = 0

    def messages(self, first: int, done: int) -> tuple[Message, ...]:
        """Return what a step of the history does that trains from a step on, see `words`.

        One for each part of the training that had settings of its own.
        """
        parts = list(self.run.parts)
        ends = [*(part.first for part in parts[1:]), done]
        found: list[Message] = []
        for part, end in zip(parts, ends, strict=True):
            steps, s = min(end, done) - max(part.first, first), part.settings
            if steps > 0:
                others = s.lr, s.lamb, s.lamb_entropy, s.update_grid, s.batch
                found.append(("fit", steps, s.opt, *others, self.loss_name))
        return tuple(found)


class TrainingWatch:
    """What a session has seen of the trainings of its model.

    An example. A loop of the user's own trains the model, and the session looks every second. The
    first change that it finds is a step of the history; each further one replaces that step, so
    that one training is one step. When the model stays the same for `PAUSE` seconds and changes
    then, this is another training and another step. `KAN.fit` says itself when it begins and ends:
    two fits are two steps, however close.
    """

    def __init__(self, model: nn.Module) -> None:
        self._fit = fit_of(model)  # which fit of ours it was when others last changed the model
        self._by_fit = False  # whether that change was a fit of ours
        self._last_change = 0.0
        self._no_change_since = False  # whether the last look found no change

    def saw_no_change(self) -> None:
        """Note that the model was found as it was."""
        self._no_change_since = True

    def saw_change(self, fit: tuple[int, bool], continued: bool) -> None:
        """Note that others had changed the model.

        Parameters
        ----------
        fit : (int, bool)
            See `fit_of`, as it was when the change was found.
        continued : bool
            Whether that went on with the training that was seen before.
        """
        own = fit != self._fit or fit[1]
        self._by_fit = own or (continued and self._by_fit)
        self._fit, self._no_change_since, self._last_change = fit, False, time.monotonic()

    def continues(
        self, fit: tuple[int, bool], history: History, is_drag: bool, kind: str = "outside"
    ) -> bool:
        """Whether a change goes on with the training that the current step stands for.

        ``kind`` is that of a step for it: ``outside``, or ``fit`` for one by the session itself.
        A training ends when another fit begins, when the model stays as it is for `PAUSE`, or by a
        decision, unless that is a drag.
        """
        now, start = history.current, history.before()
        if start is None or now.note or history.after() is not None:
            return False
        new_weights = now.weights != start.weights
        trains = now.kind == kind and new_weights
        drags = now.kind == "set" and start.kind == kind and is_drag
        snapshot_kept = new_weights and history.snapshots.get(now.weights) is not None
        return (
            (trains or drags)
            and not snapshot_kept
            and fit[0] == self._fit[0]
            and (not self._no_change_since or self._fit[1] or self._is_between_steps())
        )

    def _is_between_steps(self) -> bool:
        """Whether a training that is no fit of ours may only be between two of its steps."""
        return not self._by_fit and time.monotonic() - self._last_change < PAUSE
