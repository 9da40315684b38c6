"""Commands, undo and redo along a tree, and the Python lines that replay them.

A command is small: the state that it led to, a reference to the baseline that this state
stands on, and the number of the weights that the model had; see `snapshots`. Undoing and then
doing something else starts a branch, and forgets nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from kanwidget.evaluate.baseline import Baseline
from kanwidget.masks.edits import Edits
from kanwidget.masks.ids import Edge
from kanwidget.masks.state import State

from .snapshots import Snapshots

__all__ = [
    "OUTSIDE",
    "Command",
    "History",
    "State",
    "count",
    "describe",
    "describe_with_losses",
    "in_a_cell",
]


FEW = 2
"""Edges and nodes that a text tells apart; more are only hand edits."""

OUTSIDE = {
    "layers": "layers changed",
    "type": "dtype or device changed",
    "formulas": "formulas changed",
    "trained": "trained",
    "edges": "edges switched",
}
"""What others do to a model, in words."""


@dataclass(frozen=True)
class Command:
    """One step of a session.

    Attributes
    ----------
    id, parent : int, int or None
        Its number, and the command that it follows.
    kind : str
        ``start``, ``set`` (thresholds and hand edits), ``commit``, ``score`` (other scores), or
        ``outside`` for changes that others made to the model.
    text : str
        What was done and what it cost, in words.
    note : str
        A person's own words.
    state, baseline
        What it led to.
    loss_before, loss_after : float
    active_edges : int
        As measured then, and anew when one goes back to it; see `History.stale`.
    weights : int
        The number of the weights that the model had.
    what : str
        What was done, without what it cost.
    notice : str
        What one should know as long as one stands there, in words.
    changes : tuple of str
        What others did, of a command ``outside``: keys of `OUTSIDE`.
    kept_off : set of (l, i, j)
        Edges that came back by what others did, and are off by hand to stay off.
    """

    id: int
    parent: int | None
    kind: str
    text: str
    state: State
    baseline: Baseline
    loss_before: float
    loss_after: float
    active_edges: int
    note: str = ""
    weights: int = 0
    what: str = ""
    notice: str = ""
    changes: tuple[str, ...] = ()
    kept_off: frozenset[Edge] = frozenset()


class Label(Protocol):
    """The words of a command."""

    @property
    def text(self) -> str: ...

    @property
    def note(self) -> str: ...


class _Tree(NamedTuple):
    """All commands, which of them is current, and for each the child that redo goes to."""

    commands: list[Command]
    current: int
    next: dict[int, int]


class History:
    """A tree of commands, and where in it the session stands.

    It is replaced as a whole: whatever interrupts a step, it has happened or it has not.

    Parameters
    ----------
    first : Command
    snapshots : Snapshots
        The weights that commands had.
    """

    def __init__(self, first: Command, snapshots: Snapshots | None = None) -> None:
        self._tree = _Tree([first], 0, {})
        self.snapshots = Snapshots() if snapshots is None else snapshots

    @property
    def commands(self) -> list[Command]:
        """All commands, by their numbers; nothing may write to the list."""
        return self._tree.commands

    @property
    def current(self) -> Command:
        """Where the session stands."""
        return self._tree.commands[self._tree.current]

    def move_to(self, command: Command) -> None:
        """Stand at a command: a new one, or one in the place of that with its number."""
        tree = self._tree
        commands, onward = list(tree.commands), dict(tree.next)
        commands[command.id : command.id + 1] = [command]
        child, parent, is_new = command.id, command.parent, command.id == len(tree.commands)
        while parent is not None:  # redo will come this way again
            onward[parent] = child
            child, parent = parent, None if is_new else commands[parent].parent
        self._tree = _Tree(commands, command.id, onward)

    def rewrite(self, start: int, commands: Sequence[Command], before: Command) -> None:
        """Put other commands in the place of the last ones, and stand at the end.

        Parameters
        ----------
        start : int
            The number of the first one to go; nothing is done if the one before comes after it.
        commands : sequence of Command
            One or none.
        before : Command
            What they follow.
        """
        tree = self._tree
        if before.id >= start:
            return
        onward = {p: c for p, c in tree.next.items() if c < start}
        for command in commands:
            onward[before.id] = command.id
        kept = [*tree.commands[:start], *commands]
        self._tree = _Tree(kept, kept[-1].id if commands else before.id, onward)

    def note(self, id: int, text: str) -> None:
        """Write a person's own words to a command."""
        commands = list(self.commands)
        commands[id] = replace(self.get(id), note=str(text))
        self._tree = self._tree._replace(commands=commands)

    def label(self, labels: Sequence[Label]) -> None:
        """Give commands the texts and notes that they had."""
        named = zip(self.commands, labels, strict=True)
        commands = [replace(c, text=label.text, note=label.note) for c, label in named]
        self._tree = self._tree._replace(commands=commands)

    def get(self, id: int) -> Command:
        """Return a command by its number, or raise an IndexError."""
        if not isinstance(id, int) or isinstance(id, bool) or not 0 <= id < len(self.commands):
            raise IndexError(f"no command {id!r}: there are {len(self.commands)}, counted from 0")
        return self.commands[id]

    def stale(self, command: Command) -> bool:
        """Whether a command's numbers are of weights that nobody can go back to any more."""
        if command.weights == self.current.weights:
            return False
        return self.snapshots.get(command.weights) is None

    def before(self) -> Command | None:
        """Return what undo goes to, None at the start."""
        return None if self.current.parent is None else self.commands[self.current.parent]

    def after(self) -> Command | None:
        """Return what redo goes to, None at the end."""
        child = self._tree.next.get(self._tree.current)
        return None if child is None else self.commands[child]

    def path(self) -> list[Command]:
        """Return the commands from the start to the current one."""
        steps = [self.current]
        while steps[-1].parent is not None:
            steps.append(self.commands[steps[-1].parent])
        return steps[::-1]


def in_a_cell(changes: Sequence[str]) -> str:
    """Say what others did to a model, by the keys of `OUTSIDE`."""
    words = [words for change, words in OUTSIDE.items() if change in changes]
    return f"{' and '.join(words) or 'changed'} in a cell"


def describe(before: State, state: State) -> str:
    """Say in words what leads from one state to another."""
    words = []
    for name in ("node_threshold", "edge_threshold"):
        value = getattr(state, name)
        if value != getattr(before, name):
            words.append(f"{name.replace('_', ' ')} {value:.3g}")
    if state.keep_mean != before.keep_mean:
        words.append("means kept" if state.keep_mean else "means not kept")
    switched = _switched(before.edits, state.edits)
    words += switched if len(switched) <= FEW else ["hand edits"]
    return ", ".join(words)


def _switched(before: Edits, edits: Edits) -> list[str]:
    """Say which edges and nodes a hand has switched from one state to another."""
    words = []
    for kind in ("edge", "node"):
        (was_off, was_kept), (off, kept) = (
            (getattr(e, f"removed_{kind}s"), getattr(e, f"kept_{kind}s")) for e in (before, edits)
        )
        gone = off - was_off
        back = ((was_off - off) | (kept - was_kept)) - gone
        left = was_kept - kept - gone - back
        for ids, what in ((gone, "off"), (back, "on"), (left, "not kept")):
            words += [f"{kind} {id} {what}" for id in sorted(ids)]
    return words


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def describe_with_losses(gone: int) -> str:
    """Say how many edges go, or come back if the number is negative."""
    if gone == 0:
        return ""
    one = abs(gone) == 1
    verb = ("goes" if one else "go") if gone > 0 else ("comes back" if one else "come back")
    return f": {count(abs(gone), 'edge')} {verb}"
