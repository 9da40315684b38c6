"""In which order a page gave its decisions and commands, whatever order they arrive in.

ipywidgets holds a trait's new value back while an earlier one is being handled, and sends messages
at once: after a drag, a release and an undo there arrive a first threshold, the undo, and then the
threshold of the release, which would undo the undo. So a page numbers all that it sends. A command
carries the decisions that may not have arrived yet, and a decision that arrives after a later
command is dropped: the command has brought it already.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["MessageOrder", "Pending"]

MAX_PAGES = 64
"""Pages that are remembered; each view of a browser's tab is on one."""


@dataclass(frozen=True)
class Pending:
    """What a command of a page brings with it.

    Attributes
    ----------
    page : str
        By which its page is known.
    number : int
        The command's own number.
    widgets : list of (str, dict)
        For each widget of the page, oldest first: its mark, and its decisions by name, each with
        its number and its value.
    """

    page: str
    number: int
    widgets: list[tuple[str, dict[str, tuple[int, Any]]]]

    @classmethod
    def of(cls, content: Any) -> Pending | None:
        """Read what a command carries; None if it carries nothing that makes sense."""
        content = content if isinstance(content, Mapping) else {}
        page, number, widgets = (content.get(name) for name in ("page", "number", "widgets"))
        if not (isinstance(page, str) and _is_number(number) and isinstance(widgets, Mapping)):
            return None
        found = []
        for mark, decisions in widgets.items():
            if isinstance(decisions, Mapping):
                known = {name: _numbered(one) for name, one in decisions.items()}
                found.append((str(mark), {name: one for name, one in known.items() if one}))
        found.sort(key=lambda one: max((number for number, _ in one[1].values()), default=0))
        return cls(page, number, found)


@dataclass
class _Page:
    command: int = 0  # the last one that was handled
    decisions: dict[str, int] = field(default_factory=dict)  # the last number of each


class MessageOrder:
    """Records what each page has sent to one widget, and finds what arrives too late."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, _Page] = OrderedDict()

    def late(self, written: Any, names: Iterable[str]) -> set[str]:
        """Return those decisions of a message that are older than what was handled already.

        Parameters
        ----------
        written : dict
            ``{"page": ..., "numbers": {name: number}}``, as the page wrote it; anything else, as
            from other front ends, has no order, and nothing of it is late.
        names : iterable of str
            What the message decides.
        """
        if not self.is_order(written):
            return set()
        numbers = written["numbers"]
        given = {name: numbers[name] for name in names if _is_number(numbers.get(name))}
        return given.keys() - self._note(written["page"], given)

    @staticmethod
    def is_order(written: Any) -> bool:
        """Whether this is what a page of ours writes."""
        return (
            isinstance(written, Mapping)
            and isinstance(written.get("page"), str)
            and isinstance(written.get("numbers"), Mapping)
        )

    def take(self, pending: Pending, mark: str) -> dict[str, Any]:
        """Return the decisions that a command brings a widget and that have not arrived before."""
        found = dict(pending.widgets).get(mark, {})
        new = self._note(pending.page, {name: number for name, (number, _) in found.items()})
        known = self._page(pending.page)
        known.command = max(known.command, pending.number)
        return {name: found[name][1] for name in found if name in new}

    def _note(self, page: str, numbers: Mapping[str, int]) -> set[str]:
        """Remember the numbers of decisions; return which of them are new."""
        known = self._page(page)
        new = {
            name
            for name, number in numbers.items()
            if number > max(known.command, known.decisions.get(name, 0))
        }
        known.decisions.update({name: numbers[name] for name in new})
        return new

    def _page(self, page: str) -> _Page:
        known = self._pages.setdefault(page, _Page())
        self._pages.move_to_end(page)
        while len(self._pages) > MAX_PAGES:
            self._pages.popitem(last=False)
        return known


def _is_number(value: Any) -> bool:
    # Some hosts write 3.0 for 3.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _numbered(one: Any) -> tuple[int, Any] | None:
    """Return a decision's number and value, or None."""
    if isinstance(one, (list, tuple)) and len(one) == 2 and _is_number(one[0]):
        return one[0], one[1]
    return None
