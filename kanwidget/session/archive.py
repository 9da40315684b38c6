"""Sessions as JSON: no code, no pickle, bound to the model and the data they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .history import History

__all__ = ["check_format", "check_owner", "in_words", "to_dict"]

FORMAT = "kanwidget.session 1"


def to_dict(history: History, model: str, data: str) -> dict[str, Any]:
    """Return a session's commands, with digests of its model and its data."""
    commands = []
    for command in history.commands:
        if command.kind == "outside":
            raise ValueError(
                f"command {command.id} stands for a change that came from outside the session, "
                "which it cannot replay; start a new session on the model as it is"
            )
        kept = {name: getattr(command, name) for name in ("parent", "kind", "text", "note")}
        if command.kind in ("start", "score"):
            kept["score"] = command.baseline.score
        commands.append({**kept, "state": command.state.rounded(command.baseline).to_dict()})
    current = history.current.id
    return {
        "format": FORMAT,
        "model": model,
        "data": data,
        "current": current,
        "commands": commands,
    }


def check_format(content: object) -> None:
    """Raise a ValueError unless this is what `to_dict` returns."""
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise ValueError(f"expected a session's content of format {FORMAT!r}")


def check_owner(content: Mapping[str, Any], model: str, data: str) -> None:
    """Raise a ValueError if the session belongs to another model or other data."""
    if content.get("model") != model:
        raise ValueError(
            "this session belongs to another model, or to this one in another state: load the "
            "model as it was when the session began"
        )
    if content.get("data") != data:
        raise ValueError("this session belongs to other data; give it the data it was on")


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what goes wrong with strange content into a ValueError that says so."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"this is no session's content: {error!r}") from None
