"""Which steps of which trainings led to where a session stands, and what was done between them."""

from __future__ import annotations

from typing import NamedTuple

from kanwidget.training.run import TrainingRun

from .history import Command, History

__all__ = ["TrainedSteps", "TrainingLog"]


class TrainedSteps(NamedTuple):
    """Steps of one or more trainings, in the order in which they led to a state.

    Attributes
    ----------
    pieces : list of (TrainingRun, int, int)
        Trainings, and which of their steps: the first, and the first that is not.
    marks : list of (int, str)
        ``pruned`` or ``refined``, and how many steps there were by then.
    """

    pieces: list[tuple[TrainingRun, int, int]]
    marks: list[tuple[int, str]]

    @property
    def total(self) -> int:
        """How many steps there are."""
        return sum(end - first for _, first, end in self.pieces)


class TrainingLog:
    """Which steps of which trainings the commands of a history stand for."""

    def __init__(self) -> None:
        self._pieces: dict[int, tuple[TrainingRun, int, int]] = {}

    def add(self, command: Command, run: TrainingRun, first: int, end: int) -> None:
        """Note that a command stands for the steps of a training from ``first`` up to ``end``."""
        self._pieces[command.id] = run, first, end

    def along(
        self, history: History, unrecorded: tuple[TrainingRun, int, int] | None = None
    ) -> TrainedSteps:
        """Return the steps that led to the present command.

        Parameters
        ----------
        history : History
        unrecorded : (TrainingRun, int, int), optional
            Steps that are not in it yet.
        """
        found = TrainedSteps([], [])
        marks: list[tuple[int, str]] = []
        for command in history.path()[1:]:
            if command.edges_removed > 0 and command.kind != "fit":
                marks.append((found.total, "pruned"))
            elif command.kind == "refine":
                marks.append((found.total, "refined"))
            piece = self._pieces.get(command.id)
            if piece is not None and any(message[0] == "fit" for message in command.what):
                found.pieces.append(piece)
        if unrecorded is not None and unrecorded[1] < unrecorded[2]:
            found.pieces.append(unrecorded)
        # Before the first step, and after the last, there is nothing to compare with.
        found.marks.extend(mark for mark in dict.fromkeys(marks) if 0 < mark[0] < found.total)
        return found
