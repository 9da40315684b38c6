"""Commands, with undo and redo along a tree.

A command is small: the state that it led to, a reference to the baseline that this state
stands on, and the number of the weights that the model had; see `snapshots`. Undoing and then
doing something else starts a branch, and forgets nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from kanwidget.evaluate.baseline import Baseline
from kanwidget.masks.edits import Edits
from kanwidget.masks.ids import Edge
from kanwidget.masks.state import State

from .name_rows import NameRow
from .snapshots import Snapshots
from .words import Message, step_words

__all__ = ["Command", "History", "State", "changes_between"]


MOST_NAMED = 2
"""The most edges and nodes that a step names; a step with more is just called hand edits."""


@dataclass(frozen=True)
class Command:
    """One step of a session.

    Attributes
    ----------
    id, parent : int, int or None
        Its number, and the command that it follows.
    kind : str
        ``start``, ``set`` (thresholds and hand edits), ``commit``, ``score`` (other scores),
        ``fit`` (trained by the session), ``refine`` (finer grids), ``name`` and ``name_all``
        (functions on edges), or ``outside`` for changes that others made to the model.
    state, baseline
        What it led to.
    loss_before, loss_after : float
    active_edges : int
        As measured then, and anew when one goes back to it; see `History.stale`.
    edges_removed : int
        How many edges fewer there were then; fewer than 0 came back.
    loss_name : str
        What the losses measure.
    what : tuple of messages
        What was done, see `words`; nothing at the start.
    note : str
        A person's own words.
    weights : int
        The number of the weights that the model had.
    notice : message
        What one should know as long as one stands there, see `words`; or ().
    changes : tuple of str
        What others did, of a command ``outside``: keys of `words.OUTSIDE`.
    kept_off : set of (l, i, j)
        Edges that came back by what others did, and are off by hand to stay off.
    names : tuple of NameRow
        Which edges got which names, if nothing else of the weights changed with them.
    """

    id: int
    parent: int | None
    kind: str
    state: State
    baseline: Baseline
    loss_before: float
    loss_after: float
    active_edges: int
    edges_removed: int = 0
    loss_name: str = ""
    what: tuple[Message, ...] = ()
    note: str = ""
    weights: int = 0
    notice: Message = ()
    changes: tuple[str, ...] = ()
    kept_off: frozenset[Edge] = frozenset()
    names: tuple[NameRow, ...] = ()

    @property
    def text(self) -> str:
        """What was done and what it cost, in words."""
        words = step_words(self.what, self.edges_removed)
        if self.notice[:1] == ("weights_lost",):
            after = f"{self.loss_after:.4g} with the weights of a later step"
            return f"{words}, {self.loss_name} {after}"
        if self.parent is None:
            return words
        return f"{words}, {self.loss_name} {self.loss_before:.4g} -> {self.loss_after:.4g}"


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

    @classmethod
    def of(
        cls, commands: Sequence[Command], current: int, redo: dict[int, int], snapshots: Snapshots
    ) -> History:
        """Return the history of all commands, which stands at one of them; see `redo_steps`."""
        history = cls(commands[0], snapshots)
        history._tree = _Tree(list(commands), current, dict(redo))
        return history

    def redo_steps(self) -> dict[int, int]:
        """Return which command redo goes to, by the number of the one it goes from."""
        return dict(self._tree.next)

    @property
    def commands(self) -> list[Command]:
        """All commands, by their numbers; nothing may write to the list."""
        return self._tree.commands

    @property
    def current(self) -> Command:
        """Where the session stands."""
        return self._tree.commands[self._tree.current]

    def move_to(self, command: Command) -> None:
        """Go to a command: a new one, or one that replaces the command with its number."""
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
            The number of the first one to go.
        commands : sequence of Command
            One or none.
        before : Command
            What they follow.
        """
        tree = self._tree
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

    def label(self, labels: Sequence[tuple[tuple[Message, ...], str]]) -> None:
        """Let commands be called what they were: for each what was done, and a person's words."""
        named = zip(self.commands, labels, strict=True)
        commands = [replace(c, what=what, note=note) for c, (what, note) in named]
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

    def next_weights(self) -> int:
        """Return a number for new weights."""
        return 1 + max(command.weights for command in self.commands)

    def decided_weights(self) -> set[int]:
        """Return the numbers of the weights that more than one command had."""
        counts = Counter(command.weights for command in self.commands)
        return {number for number, count in counts.items() if count > 1}

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


def changes_between(before: State, state: State) -> tuple[Message, ...]:
    """Return what leads from one state to another, as messages that `words` says."""
    changes: list[Message] = []
    for name in ("node_threshold", "edge_threshold", "keep_mean"):
        value = getattr(state, name)
        if value != getattr(before, name):
            changes.append((name, value))
    switched = _switched(before.edits, state.edits)
    return (*changes, *(switched if len(switched) <= MOST_NAMED else [("hand_edits",)]))


def _switched(before: Edits, edits: Edits) -> list[Message]:
    """Return which edges and nodes a hand has switched from one state to another."""
    switched: list[Message] = []
    for kind in ("edge", "node"):
        (was_off, was_kept), (off, kept) = (
            (getattr(e, f"removed_{kind}s"), getattr(e, f"kept_{kind}s")) for e in (before, edits)
        )
        gone = off - was_off
        back = ((was_off - off) | (kept - was_kept)) - gone
        left = was_kept - kept - gone - back
        for ids, how in ((gone, "off"), (back, "on"), (left, "not_kept")):
            switched += [(f"{kind}_{how}", *id) for id in sorted(ids)]
    return switched
