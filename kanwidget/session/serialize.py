"""Sessions as JSON: no code, no pickle, bound to the model and the data they belong to."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import FUNCTIONS
from kanwidget.masks.ids import Edge
from kanwidget.masks.state import State

from .history import History
from .live_model import PlannedStep
from .name_rows import names_of_rows, rows_of_names
from .script import shortest_thresholds
from .step_applier import StepApplier
from .step_planner import StepPlanner
from .words import Message, checked_messages, outside_words

__all__ = [
    "NOTE",
    "SavedCommand",
    "check_owner",
    "errors_in_words",
    "read_commands",
    "replay",
    "to_dict",
]

FORMAT = "kanwidget.session 1"

NOTE = 2000
"""Characters that a note may have."""

KINDS = ("set", "commit", "score", "name", "name_all")
"""What follows a start."""


@dataclass(frozen=True)
class SavedCommand:
    """One saved command, whose own fields are valid."""

    parent: int
    kind: str
    what: tuple[Message, ...]
    note: str
    score: str | None
    state: State
    names: dict[Edge, NamedCurve | None]


def to_dict(history: History, model: str, data: str) -> dict[str, Any]:
    """Return a session's commands, with digests of its model and its data."""
    commands = []
    for command in history.commands:
        if any(message[0] in ("fit", "refine") for message in command.what):
            raise ValueError(
                f"the model was trained at command {command.id}, and weights are not in what "
                "to_dict returns; save(folder) keeps them"
            )
        if command.kind == "outside":
            raise ValueError(
                f"the model was changed in a cell at command {command.id} "
                f"({outside_words(*command.changes)}), which a session cannot replay; start a new "
                "one on the model as it is"
            )
        own = [row[3] for row in command.names if row[3] not in ("", *FUNCTIONS)]
        if own:
            raise ValueError(
                f"an edge was named {own[0]!r} at command {command.id}: a function of your own is "
                "code, which to_dict does not return; name the edge by one of the library first, "
                "or keep the lines of script()"
            )
        if command.kind in ("name", "name_all") and not command.names:
            raise ValueError(
                f"other weights changed with the names at command {command.id}, and weights are "
                "not in what to_dict returns; save(folder) keeps them"
            )
        kept = {name: getattr(command, name) for name in ("parent", "kind", "what", "note")}
        if command.kind in ("start", "score"):
            kept["score"] = command.baseline.score
        if command.names:
            kept["names"] = [list(row) for row in command.names]
        commands.append(
            {**kept, "state": shortest_thresholds(command.state, command.baseline).to_dict()}
        )
    current = history.current.id
    return {
        "format": FORMAT,
        "model": model,
        "data": data,
        "current": current,
        "commands": commands,
    }


def read_commands(content: object) -> list[SavedCommand]:
    """Return the commands of what `to_dict` returned, or raise a ValueError in words.

    Whether there are such edges is for the model to say.
    """
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise ValueError(f"expected a session's content of format {FORMAT!r}")
    with errors_in_words():
        commands = content["commands"]
        if not isinstance(commands, Sequence) or isinstance(commands, (str, bytes)):
            raise TypeError(f"commands must be a list, got {_short(commands)}")
        if not commands:
            raise ValueError("there are no commands")
        found = [_command(command, id) for id, command in enumerate(commands)]
        _whole(content["current"], "current", len(found))
    return found


def check_owner(content: Mapping[str, Any], model: str, data: str) -> None:
    """Raise a ValueError if the session belongs to another model or other data."""
    if content.get("model") != model:
        raise ValueError(
            "this session belongs to another model, or to this one in another state: load the "
            "model as it was when the session began"
        )
    if content.get("data") != data:
        raise ValueError("this session belongs to other data; give it the data it was on")


def replay(
    commands: Sequence[SavedCommand], current: int, applier: StepApplier, planner: StepPlanner
) -> None:
    """Take the steps that were saved, and go to one of them; raise a ValueError in words."""
    history = applier.history
    with errors_in_words():
        for command in commands[1:]:
            applier.apply(planner.go_to(history.get(command.parent)))
            if command.kind == "commit":
                step: PlannedStep | None = planner.commit()
            elif command.kind == "score":
                score = applier.require_evaluator().check_score(command.score or "")
                other = score != applier.baseline.score
                step = planner.rescore(score, None, None) if other else None
            elif command.kind in ("name", "name_all"):
                step = _naming_step(command, applier, planner)
            else:
                width, slots = applier.facts.width, applier.baseline.slots
                state = applier.state.changed(command.state.to_dict(), width, slots)
                step = planner.change(state, always=True)
            applier.apply(step)
        history.label([(command.what, command.note) for command in commands])
        applier.apply(planner.go_to(history.get(current)))


def _naming_step(command: SavedCommand, applier: StepApplier, planner: StepPlanner) -> PlannedStep:
    """Plan the step that gives edges the names that a command holds."""
    width, slots = applier.facts.width, applier.baseline.slots
    state = applier.state.changed(command.state.to_dict(), width, slots)
    masks = applier.masks_under(applier.baseline, state)
    copy = applier.require_evaluator().scratch.with_masks(*masks).copy()
    copy.set_names(command.names)
    rows = rows_of_names(command.names)
    return planner.rename(command.kind, command.what[0], copy, state, rows)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Turn what is wrong with strange content into a ValueError that says so."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError) as error:
        raise ValueError(f"this is no session's content: {_short(error)}") from None


def _command(command: Mapping[str, Any], id: int) -> SavedCommand:
    parent, kind, score = command["parent"], command["kind"], command.get("score")
    if id == 0:
        if parent is not None or kind != "start":
            raise ValueError("the first command must be a start")
        parent = 0
    else:
        parent = _whole(parent, f"the parent of command {id}", id)
        if kind not in KINDS:
            raise ValueError(f"command {id} is of no known kind: {_short(kind)}")
    if kind in ("start", "score") and not (isinstance(score, str) or (score is None and id == 0)):
        raise TypeError(f"command {id} has no score")
    note = command["note"]
    if not isinstance(note, str) or len(note) > NOTE:
        raise ValueError(f"notes have {NOTE} characters at the most: command {id}")
    note = note.encode("utf-8", "replace").decode()
    what = checked_messages(command["what"])
    names = names_of_rows(command.get("names", []))
    if (kind in ("name", "name_all")) != bool(names and what):
        raise ValueError(f"command {id} has no names, or has some and is no naming")
    return SavedCommand(parent, str(kind), what, note, score, _state(command["state"]), names)


def _state(content: Mapping[str, Any]) -> State:
    if not isinstance(content["keep_mean"], bool):
        raise TypeError(f"keep_mean must be true or false, got {_short(content['keep_mean'])}")
    return State.from_dict(content)


def _whole(value: object, name: str, end: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < end:
        raise ValueError(f"{name} must be one of 0 .. {end - 1}, got {_short(value)}")
    return value


def _short(value: object) -> str:
    text = str(value) if isinstance(value, ValueError) else reprlib.repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
