"""The Python lines that lead from the original model to the present one."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor

from kanwidget.evaluate.baseline import Baseline
from kanwidget.functions.library import FUNCTIONS
from kanwidget.masks.effective import node_scores
from kanwidget.masks.state import State
from kanwidget.training.settings import TrainingSettings

from .history import Command, History
from .words import outside_words

__all__ = ["path_to_baseline", "script", "shortest_thresholds"]


REFRESH = "session.refresh()"

CALLS = "fit", "refine", "name", "unname", "name_all"
"""What steps do that change weights, each by a call of the session."""

GOES_ON = "set", "fit", "refine", "name", "name_all"
"""Kinds of steps that stand on the baseline before."""


def script(
    history: History,
    usual_score: str = "l1",
    metric: str = "",
    higher_is_better: bool | None = None,
    to_baseline: bool = False,
) -> str:
    """Return the shortest Python that leads from the original model to the present one.

    Or ``to_baseline``: without the thresholds and hand edits since.

    Edges score ``usual_score`` by default. A ``metric`` of the session's own is for
    the reader to fill in; this is what it was called.
    """
    lines = ["from kanwidget import PruningSession", ""]
    if metric:
        lines.append(
            f"# metric is {' '.join(metric.split())[:80]}: losses and ablation scores depend on it"
        )
    path = path_to_baseline(history) if to_baseline else history.path()
    score = path[0].baseline.score
    state = path[0].state  # of the session that the script starts, as far as it has come
    asked = ", metric=metric" if metric else ""
    asked += "" if higher_is_better is None else f", higher_is_better={higher_is_better}"
    asked += "" if score == usual_score else f", score={score!r}"
    asked += "" if state.keep_mean else ", keep_mean=False"
    lines.append(f"session = PruningSession(model, dataset{asked})")
    others: tuple[str, ...] = ()
    for step, following in zip(path, [*path[1:], None], strict=True):
        trained = [message for message in step.what if message[0] in CALLS]
        # Only the last state before a commit or a training matters.
        is_last = following is None or following.kind != "set"
        changes = {}
        if step.kind == "set" and (is_last or trained):
            wanted = shortest_thresholds(step.state, step.baseline)
            changes = wanted.arguments(state)
            state = wanted if changes else state
        if changes:
            arguments = ", ".join(f"{name}={value!r}" for name, value in changes.items())
            lines.append(f"session.set({arguments})")
        if step.kind in GOES_ON:
            lines += [_line_of(step, *message) for message in trained]
            state = step.state if trained else state
        if following is None:
            if changes or (trained and step.state != State(keep_mean=step.state.keep_mean)):
                lines.append("session.commit()  # the model stays so when the session is gone")
            break
        if following.kind in GOES_ON:
            continue
        if following.kind == "commit":
            lines.append("session.commit()")
        elif following.kind == "score":
            lines.append(f"session.rescore({following.baseline.score!r})")
        else:
            if lines[-1] == REFRESH:  # two in a row become one
                del lines[-2:]
            else:
                others = ()
            others += following.changes
            lines += [f"# {outside_words(*others)}: do the same here, then", REFRESH]
        state = following.state
    return "\n".join(lines) + "\n"


def _line_of(step: Command, code: str, *values: Any) -> str:
    """Return the call that trains, refines or names so."""
    if code == "name":
        return _name_line(step, *values)
    if code == "name_all":
        return _name_all_line(*values[2:])
    if code == "unname":
        return f"session.unname({', '.join(map(str, values))})"
    return f"session.refine({values[0]})" if code == "refine" else _fit_line(*values)


def _name_line(step: Command, l: int, i: int, j: int, function: str) -> str:
    """Return the call that names an edge so; a function of one's own is for the reader to give."""
    own = function not in FUNCTIONS
    given = [str(l), str(i), str(j), function if own else repr(function)]
    row = next((row for row in step.names if row[:3] == (l, i, j)), None)
    if row is not None and row[8]:
        pinned = {n: v for n, v in zip("abcd", row[4:8], strict=True) if n in row[8]}
        given.append(f"pin={pinned!r}")
    line = f"session.name({', '.join(given)})"
    return f"{line}  # {function} is a function of your own" if own else line


def _name_all_line(
    tolerance: float = 0.05,
    lib: str = "",
    seconds: float = 20.0,
    deep: bool = False,
    most_names: int = -1,
) -> str:
    """Return the call that names all curves so; it may find more in more time."""
    given = [f"tolerance={tolerance!r}"]
    functions = lib.split()
    own = [name for name in functions if name not in FUNCTIONS]
    if own:
        given.append("lib=lib")
    elif functions:
        given.append(f"lib={functions!r}")
    given += [] if seconds == 20.0 else [f"seconds={seconds!r}"]
    given += ["deep=True"] if deep else []
    given += [f"most_names={most_names}"] if most_names >= 0 else []
    line = f"session.name_all({', '.join(given)})"
    return f"{line}  # lib has {', '.join(own)}, of your own" if own else line


def _fit_line(
    steps: int,
    opt: str,
    lr: float,
    lamb: float,
    lamb_entropy: float,
    update_grid: bool,
    batch: int,
    loss_name: str = "",
) -> str:
    """Return the call that trains so; a loss is for the reader to fill in."""
    asked = TrainingSettings(steps, opt, lr, lamb, lamb_entropy, update_grid, batch)
    usual = asdict(TrainingSettings())
    given = [f"{n}={v!r}" for n, v in asdict(asked).items() if n == "steps" or v != usual[n]]
    if not loss_name:
        return f"session.fit({', '.join(given)})"
    name = " ".join(loss_name.split())[:80]
    return f"session.fit({', '.join([*given, 'loss_fn=loss_fn'])})  # loss_fn is {name}"


def path_to_baseline(history: History) -> list[Command]:
    """Return the commands from the start to the one that made the present baseline."""
    path = history.path()
    while path[-1].kind == "set":
        path.pop()
    return path


def shortest_thresholds(state: State, baseline: Baseline) -> State:
    """Return a state with the same mask and the shortest thresholds that lead to it.

    They keep away from the scores: another machine may compute these a little differently.
    """
    edges = torch.cat([scores.flatten() for scores in baseline.scores])
    nodes = torch.cat([edges[:0], *node_scores(baseline.scores, baseline.slots)])
    return replace(
        state,
        node_threshold=_between(state.node_threshold, nodes),
        edge_threshold=_between(state.edge_threshold, edges),
    )


def _between(threshold: float, scores: Tensor) -> float:
    """Return the shortest decimal that removes the same scores, at a distance from all of them."""
    removed, left = scores[scores <= threshold], scores[scores > threshold]
    if threshold == 0:
        return 0.0
    low = float(removed.max()) * (1 + 1e-9) if len(removed) else 0.0
    high = float(left.min()) * (1 - 1e-9) if len(left) else math.inf
    for digits in range(1, 16):
        nearest = float(f"{threshold:.{digits}g}")
        step = 10.0 ** (math.floor(math.log10(threshold)) - digits + 1)
        for candidate in (nearest, float(f"{threshold + step:.{digits}g}")):
            if low < candidate < high:
                return candidate
    return threshold
