"""What a view may ask for by message: everything that is no value of a trait.

A message may hold anything; what makes no sense is refused in words. Those of a training:

``{"do": "train", "steps": 20, "opt": "LBFGS", "lr": 1.0, "lamb": 0.0, "lamb_entropy": 2.0,
"update_grid": false, "batch": -1, "one_step": false}``
    Begins one in the background, see `PruningSession.fit`; what is left out is as usual there.
    With ``one_step`` it waits after its first step. The trait ``_run`` says how it is, and
    ``_run_losses`` what it has reached. When it ends, or is looked at, it is a step of the history.
``{"do": "pause"}``, ``{"do": "resume"}``, ``{"do": "step"}``, ``{"do": "stop"}``
    For the one that is under way, or a loop of the user's own that a widget follows: wait after
    the current step; go on; take one step and wait; end after the current step, and keep what was
    trained.
``{"do": "change", "lr": 0.1}``
    Gives it other settings from the next step on, see `TrainingRun.change`; what is left out stays.
``{"do": "refine", "grid": 10}``
    Gives the splines finer grids, see `PruningSession.refine`.

And those of names for curves:

``{"do": "name", "edge": [0, 1, 2], "function": "sin"}``, ``{"do": "unname", "edge": [0, 1, 2]}``
    Names an edge's curve, or gives the spline back; see `PruningSession.name`.
``{"do": "name_all", "tolerance": 0.05}``
    Begins to look for names for all curves in the background, see `PruningSession.name_all`. The
    trait ``_naming`` says how it is.
``{"do": "stop_naming"}``, ``{"do": "keep_names", "count": 3}``
    Ends that, and keeps the names found so far; keeps only the first so many of them.
``{"do": "formula", "digits": 3, "exact": true}``
    Writes the formula into the trait ``_formula`` from now on, with so many digits; with exact
    numbers such as pi where the data allow it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from kanwidget.masks.ids import Edge
from kanwidget.masks.validate import check_edge
from kanwidget.session import NOTE, PruningSession
from kanwidget.training.pausable import Pausable
from kanwidget.training.run import TrainingRun
from kanwidget.training.settings import TrainingSettings

from .naming_steps import NamingSteps

__all__ = ["AT_ONCE", "Refused", "error_text", "formula_form", "handle_message", "pair"]

AT_ONCE = ("pause", "resume", "step", "stop")
"""What acts on a training in whatever thread it arrives: the others may be busy with that."""

MAX_DIGITS = 17


class Refused(ValueError):
    """What was asked for makes no sense, or there is nothing to do."""


def handle_message(session: PruningSession, message: Mapping[str, Any]) -> None:
    """Do what a message asks for, ``{"do": ..., ...}``, or raise an error in words."""
    name = message.get("do")
    found = _COMMANDS.get(name) if isinstance(name, str) else None
    if found is None:
        raise Refused(
            f"there is no act {_short(name)}; there are {', '.join(_COMMANDS)} and compare"
        )
    found(session, message)


def pair(session: PruningSession, ids: Any) -> tuple[int, int] | None:
    """Return the two commands that a view wants to see side by side; None for an empty list."""
    if ids == []:
        return None
    if not isinstance(ids, list) or len(ids) != 2:
        raise Refused(f"compare takes the numbers of two commands, got {_short(ids)}")
    first, second = (session.history.get(_number(id)).id for id in ids)
    return first, second


def formula_form(message: Mapping[str, Any]) -> tuple[int, bool]:
    """Return with how many digits a view wants the formula, and whether with exact numbers."""
    digits = _number(message.get("digits"), "digits are")
    if not 1 <= digits <= MAX_DIGITS:
        raise Refused(f"a formula has 1 to {MAX_DIGITS} digits, got {digits}")
    return digits, message.get("exact") is not False


def error_text(error: Exception) -> str:
    """Return what a view shows of an error."""
    expected = isinstance(error, (ValueError, IndexError))
    return str(error) if expected else f"{type(error).__name__}: {error}"


def _undo(session: PruningSession, message: Mapping[str, Any]) -> None:
    if not session.undo():
        raise Refused("there is nothing to undo")


def _redo(session: PruningSession, message: Mapping[str, Any]) -> None:
    if not session.redo():
        raise Refused("there is nothing to redo")


def _jump(session: PruningSession, message: Mapping[str, Any]) -> None:
    session.jump(_number(message.get("id")))


def _note(session: PruningSession, message: Mapping[str, Any]) -> None:
    text = message.get("text")
    if not isinstance(text, str):
        raise Refused(f"a note is a text, got {_short(text)}")
    session.note(_number(message.get("id")), text[:NOTE])


def _remove_dead_ends(session: PruningSession, message: Mapping[str, Any]) -> None:
    if not session.dead_ends():
        raise Refused("there are no dead ends to remove")
    session.remove_dead_ends()


def _settings(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a training that a message has."""
    names = [field.name for field in fields(TrainingSettings)]
    given = {name: message[name] for name in names if message.get(name) is not None}
    whole = {n: int(v) for n, v in given.items() if isinstance(v, float) and v.is_integer()}
    return given | {n: v for n, v in whole.items() if n in ("steps", "batch")}  # hosts write 20.0


def _train(session: PruningSession, message: Mapping[str, Any]) -> None:
    try:
        session.start_fit(paused=message.get("one_step") is True, **_settings(message))
    except (TypeError, RuntimeError) as error:
        raise Refused(str(error)) from None


def _change(session: PruningSession, message: Mapping[str, Any]) -> None:
    try:
        _run(session).change(**_settings(message))
    except (TypeError, RuntimeError) as error:
        raise Refused(str(error)) from None


def _refine(session: PruningSession, message: Mapping[str, Any]) -> None:
    grid = message.get("grid")
    try:
        session.refine(int(grid) if isinstance(grid, float) and grid.is_integer() else grid)  # type: ignore[arg-type]
    except (TypeError, RuntimeError) as error:
        raise Refused(str(error)) from None


def _name(session: PruningSession, message: Mapping[str, Any]) -> None:
    function = message.get("function")
    if not isinstance(function, str):
        raise Refused(f"a curve is named by a function's name, got {_short(function)}")
    session.name(*_edge(session, message), function)


def _unname(session: PruningSession, message: Mapping[str, Any]) -> None:
    session.unname(*_edge(session, message))


def _name_all(session: PruningSession, message: Mapping[str, Any]) -> None:
    tolerance = message.get("tolerance", 0.05)
    try:
        NamingSteps.of(session).begin(session, tolerance)
    except (TypeError, RuntimeError) as error:
        raise Refused(str(error)) from None


def _keep_names(session: PruningSession, message: Mapping[str, Any]) -> None:
    NamingSteps.of(session).keep(session, _number(message.get("count"), "names to keep are"))


def _edge(session: PruningSession, message: Mapping[str, Any]) -> Edge:
    """Return the edge that a message is about."""
    ids = message.get("edge")
    if not isinstance(ids, list) or len(ids) != 3:
        raise Refused(f"an edge is three numbers, got {_short(ids)}")
    l, i, j = ids
    return check_edge(session.width, l, i, j, session.baseline.slots)


def _run(session: PruningSession) -> TrainingRun:
    """Return the training that is under way."""
    if session.run is None or not session.run.running:
        raise Refused("no training is under way")
    return session.run


def _control(session: PruningSession, message: Mapping[str, Any]) -> None:
    """Pause, resume or stop what trains, or take it a step further."""
    run: Pausable | None = session.run
    if run is None or not run.running:
        run = session.loop
    if run is None or not run.running:
        raise Refused("no training is under way")
    acts = {"pause": run.pause, "resume": run.resume, "step": run.step, "stop": run.stop}
    try:
        acts[message["do"]]()
    except RuntimeError as error:
        raise Refused(str(error)) from None


_COMMANDS: dict[str, Callable[[PruningSession, Mapping[str, Any]], None]] = {
    "undo": _undo,
    "redo": _redo,
    "commit": lambda session, message: session.commit(),
    "reset": lambda session, message: session.reset(),
    "new_step": lambda session, message: session.end_drag(),
    "same_step": lambda session, message: session.continue_step(),
    "jump": _jump,
    "note": _note,
    "remove_dead_ends": _remove_dead_ends,
    "train": _train,
    **dict.fromkeys(AT_ONCE, _control),
    "change": _change,
    "refine": _refine,
    "name": _name,
    "unname": _unname,
    "name_all": _name_all,
    "stop_naming": lambda session, message: NamingSteps.of(session).stop(),
    "keep_names": _keep_names,
}


def _number(id: Any, what: str = "a command has") -> int:
    """Return a whole number, such as that of a command, or raise an error if it is none."""
    whole = isinstance(id, int) and not isinstance(id, bool)
    if isinstance(id, float) and id.is_integer():  # as some hosts write 3
        return int(id)
    if not whole:
        noun = "whole numbers" if what.endswith("are") else "a whole number"
        raise Refused(f"{what} {noun}, got {_short(id)}")
    return int(id)


def _short(value: Any) -> str:
    text = reprlib.repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
