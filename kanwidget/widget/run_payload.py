"""What a view reads of a training that goes on, or was the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.kan.arrays import as_array
from kanwidget.kan.json_numbers import finite
from kanwidget.masks.ids import Edge
from kanwidget.session.session_training import DrawnStep
from kanwidget.session.training_log import TrainedSteps
from kanwidget.training.pausable import LoopRun, Pausable
from kanwidget.training.run import TrainingRun
from kanwidget.training.settings import TrainingSettings

__all__ = ["moving_layers", "newer_curves", "run_losses", "run_state"]

Array = NDArray[np.generic]

MAX_MOVING_CURVES = 5000
"""Curves that are sent at each look at a training, besides those of selected edges."""

MAX_RUN_MARKS = 64
"""Decisions between steps of trainings that a view gets."""

MAX_RUN_POINTS = 512
"""Steps of a training whose losses a view gets."""


def run_state(
    run: TrainingRun | None,
    trained: TrainedSteps,
    loop: LoopRun | None = None,
    is_over: bool = True,
    drawn: DrawnStep | None = None,
) -> dict[str, Any]:
    """Return how the last training is.

    ``state`` is "running", "pausing" (it waits after the current step), "paused" or "ended", if it
    ``is_over``: the history has all of it, so that no older loss is told beside that word;
    ``number`` counts trainings; ``done`` are the steps until now. ``stopped`` says in words why it
    ended early, and ``error`` what was raised in it; "" if nothing. ``marks`` are what was done
    between steps: how many of those in `run_losses` there were by then, and "pruned" or "refined".
    All else are its settings. Of a loop of the user's own, if that is the later one, ``own`` is
    true and ``steps`` are those until now. ``iteration`` says how many iterations of the current
    step are in the curves that were ``drawn``, and ``train_loss`` the loss then; None if the view
    draws whole steps alone, or the loss is not known.
    """
    marks = [list(mark) for mark in trained.marks[-MAX_RUN_MARKS:]]
    if loop is not None and (run is None or loop.number > run.number):
        return {
            **asdict(TrainingSettings() if run is None else run.settings),
            "number": loop.number,
            "state": _state_of(loop),
            "steps": loop.steps_done,
            "done": loop.steps_done,
            "stopped": "",
            "error": "",
            "marks": marks,
            "own": True,
            "iteration": None,
            "train_loss": None,
        }
    if run is None:
        return {}
    iteration, train_loss = _current_step(run, drawn)
    error = "" if run.error is None else f"{type(run.error).__name__}: {run.error}"
    return {
        **asdict(run.settings),
        "number": run.number,
        "state": _state_of(run) if run.running or is_over else "running",
        "done": run.steps_done,
        "stopped": run.stopped,
        "error": error,
        "marks": marks,
        "own": False,
        "iteration": iteration,
        "train_loss": train_loss,
    }


def _current_step(run: TrainingRun, drawn: DrawnStep | None) -> tuple[int | None, float | None]:
    """Return the iteration of the current step that a view draws, and the loss on it."""
    if drawn is None or drawn.run != run.number or not run.running or run.waits:
        return None, None
    if run.settings.opt != "LBFGS":
        return None, None
    is_of_step = drawn.steps == run.steps_done and drawn.iteration > 0
    return (drawn.iteration, finite(drawn.train_loss)) if is_of_step else (0, None)


def _state_of(run: Pausable) -> str:
    if run.paused:
        return "paused" if run.waits else "pausing"
    return "running" if run.running else "ended"


def run_losses(trained: TrainedSteps) -> Array | None:
    """Return numbers and losses of steps of trainings, ``(4, points)``; None before the first.

    Of many they are `MAX_RUN_POINTS`, evenly spread, with the first and the last.
    """
    count = trained.total
    if not count:
        return None
    some = np.unique(np.linspace(0, count - 1, min(count, MAX_RUN_POINTS)).round().astype(int))
    rows, before = [], 0
    for run, first, end in trained.pieces:
        mine = some[(some >= before) & (some < before + end - first)]
        rows += [(step, *run.losses_at(first + step - before)) for step in mine.tolist()]
        before += end - first
    return np.array(rows, float).T.copy()


def moving_layers(mask: Sequence[Tensor]) -> list[int]:
    """Return the layers of which all curves are sent at each look at a training, small ones first.

    A view of a larger one shows scores, and curves in cards: all others follow with the scores.
    """
    layers = sorted(range(len(mask)), key=lambda l: mask[l].numel())
    total = np.cumsum([mask[l].numel() for l in layers])
    return sorted(layers[: int((total <= MAX_MOVING_CURVES).sum())])


def newer_curves(
    mask: Sequence[Tensor],
    layers: Sequence[int],
    edges: Sequence[Edge],
    curves: Mapping[int, Tensor],
) -> Array | None:
    """Return numbers of edges, each with its curve, ``(count, 1 + n)``; None if there are none.

    They are all edges of some layers, and these; ``curves`` are those of their layers,
    ``(slots, n_in, n)`` each.
    """
    first = np.cumsum([0, *(on.numel() for on in mask)])
    numbers = [np.arange(first[l], first[l + 1]) for l in layers]
    found = [as_array(curves[l].flatten(0, 1)) for l in layers]
    for l, i, j in edges:
        if l not in layers:
            numbers.append(first[l, None] + j * mask[l].shape[1] + i)
            found.append(as_array(curves[l][j, i]).reshape(1, -1))
    if not numbers:
        return None
    rows = np.column_stack([np.concatenate(numbers), np.concatenate(found)])
    return rows.astype(np.float32)
