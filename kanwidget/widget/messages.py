"""What a view may ask for by message: everything that is no value of a trait.

A message may hold anything; what makes no sense is refused in words.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from kanwidget.session import NOTE, PruningSession

__all__ = ["Refused", "error_text", "handle_message", "pair"]


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


_COMMANDS: dict[str, Callable[[PruningSession, Mapping[str, Any]], None]] = {
    "undo": _undo,
    "redo": _redo,
    "commit": lambda session, message: session.commit(),
    "reset": lambda session, message: session.reset(),
    "new_step": lambda session, message: session.end_drag(),
    "jump": _jump,
    "note": _note,
    "remove_dead_ends": _remove_dead_ends,
}


def _number(id: Any) -> int:
    """Return the number of a command, or raise an error if it is not a number."""
    whole = isinstance(id, int) and not isinstance(id, bool)
    if isinstance(id, float) and id.is_integer():  # as some hosts write 3
        return int(id)
    if not whole:
        raise Refused(f"a command has a whole number, got {_short(id)}")
    return int(id)


def _short(value: Any) -> str:
    text = reprlib.repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
