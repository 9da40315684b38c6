"""Commands, undo and redo along a tree, and the Python lines that replay them.

A command is small: the state that it led to, a reference to the baseline that this state
stands on, and the number of the weights that the model had; see `snapshots`. Undoing and then
doing something else starts a branch, and forgets nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from kanwidget.kan import pruning
from kanwidget.kan.checks import check_edges, check_nodes, check_threshold
from kanwidget.kan.pruning import Edits

from .baseline import Baseline
from .snapshots import Snapshots

__all__ = ["Command", "History", "State", "count", "describe", "script", "told"]


FEW = 2
"""Edges and nodes that a text tells apart; more are only hand edits."""

_OUTSIDE = [
    "# here the model was changed from outside the session: do the same, then",
    "session.refresh()",
]


@dataclass(frozen=True)
class State:
    """All that a person has decided, on top of a baseline."""

    node_threshold: float = 0.0
    edge_threshold: float = 0.0
    keep_mean: bool = True
    edits: Edits = field(default_factory=Edits)

    def arguments(self, before: State) -> dict[str, Any]:
        """Return what has to be set to come here from another state, as `set` takes it."""
        now, then = self.to_dict(), before.to_dict()
        return {name: value for name, value in now.items() if value != then[name]}

    def changed(
        self, changes: Mapping[str, Any], width: list[int], slots: Sequence[Sequence[int]]
    ) -> State:
        """Return a state with changes, checked against the sizes of a model.

        Raises
        ------
        TypeError, ValueError, IndexError
            If there is no such thing to change, or no such value.
        """
        new: dict[str, Any] = {}
        edits: dict[str, Any] = {}
        for name, value in changes.items():
            if name in ("node_threshold", "edge_threshold"):
                new[name] = check_threshold(value, name)
            elif name in ("removed_edges", "kept_edges"):
                edits[name] = check_edges(width, value, slots)
            elif name in ("removed_nodes", "kept_nodes"):
                edits[name] = check_nodes(width, value)
            elif name == "keep_mean":
                new[name] = bool(value)
            else:
                known = ", ".join(self.to_dict())
                raise TypeError(f"a session has no {name} to set; it has {known}")
        return replace(self, edits=replace(self.edits, **edits), **new)

    def rounded(self, baseline: Baseline) -> State:
        """Return a state with the same mask and the shortest thresholds that lead to it.

        They keep away from the scores: another machine may compute these a little differently.
        """
        edges = torch.cat([scores.flatten() for scores in baseline.scores])
        nodes = torch.cat([edges[:0], *pruning.node_scores(baseline.scores, baseline.slots)])
        return replace(
            self,
            node_threshold=_between(self.node_threshold, nodes),
            edge_threshold=_between(self.edge_threshold, edges),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and sorted lists."""
        edits = {name: sorted(ids) for name, ids in asdict(self.edits).items()}
        return {
            "node_threshold": self.node_threshold,
            "edge_threshold": self.edge_threshold,
            "keep_mean": self.keep_mean,
            **edits,
        }


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
    kept_off : int
        Edges that others brought back, and that were switched off by hand to stay off.
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
    kept_off: int = 0


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

    def stand(self, command: Command) -> None:
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


def script(
    history: History,
    usual_score: str = "l1",
    metric: str = "",
    higher_is_better: bool | None = None,
) -> str:
    """Return the shortest Python that leads from the original model to the present one.

    Edges score ``usual_score`` if nothing else is said. A ``metric`` of the session's own is for
    the reader to fill in; this is what it was called.
    """
    lines = ["from kanwidget import PruningSession", ""]
    if metric:
        lines.append(
            f"# metric is {' '.join(metric.split())[:80]}: losses and ablation scores depend on it"
        )
    path = history.path()
    score = path[0].baseline.score
    state = path[0].state  # of the session that the script starts, as far as it has come
    asked = ", metric=metric" if metric else ""
    asked += "" if higher_is_better is None else f", higher_is_better={higher_is_better}"
    asked += "" if score == usual_score else f", score={score!r}"
    asked += "" if state.keep_mean else ", keep_mean=False"
    lines.append(f"session = PruningSession(model, dataset{asked})")
    for step, following in zip(path, [*path[1:], None], strict=True):
        if following is not None and following.kind == "set":
            continue  # the last state before a commit says it all
        wanted = step.state.rounded(step.baseline)
        changes = wanted.arguments(state) if step.kind == "set" else {}
        if changes:
            arguments = ", ".join(f"{name}={value!r}" for name, value in changes.items())
            lines.append(f"session.set({arguments})")
            state = wanted
        if following is None:
            if changes:
                lines.append("session.commit()  # the model stays so when the session is gone")
            break
        if following.kind == "commit":
            lines.append("session.commit()")
        elif following.kind == "score":
            lines.append(f"session.rescore({following.baseline.score!r})")
        elif lines[-2:] != _OUTSIDE:  # one after the other they are one
            lines += _OUTSIDE
        state = following.state
    return "\n".join(lines) + "\n"


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


def told(gone: int) -> str:
    """Say how many edges go, or come back if the number is negative."""
    if gone == 0:
        return ""
    one = abs(gone) == 1
    verb = ("goes" if one else "go") if gone > 0 else ("comes back" if one else "come back")
    return f": {count(abs(gone), 'edge')} {verb}"


def _between(threshold: float, scores: Tensor) -> float:
    """Return the shortest decimal that takes the same scores as a threshold, well between them."""
    taken, left = scores[scores <= threshold], scores[scores > threshold]
    if threshold == 0:
        return 0.0
    low = float(taken.max()) * (1 + 1e-9) if len(taken) else 0.0
    high = float(left.min()) * (1 - 1e-9) if len(left) else math.inf
    for digits in range(1, 16):
        nearest = float(f"{threshold:.{digits}g}")
        step = 10.0 ** (math.floor(math.log10(threshold)) - digits + 1)
        for candidate in (nearest, float(f"{threshold + step:.{digits}g}")):
            if low < candidate < high:
                return candidate
    return threshold
