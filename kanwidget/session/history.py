"""Commands, undo and redo along a tree, and the Python lines that replay them.

A command is small: the state that it led to, and a reference to the baseline that this state
stands on. Parameters are never copied. Nothing is forgotten: undoing and then doing something
else starts a branch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from kanwidget.kan import pruning
from kanwidget.kan.pruning import Edits

from .baseline import Baseline

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

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> State:
        """Return a state from what `to_dict` made of one."""
        names = ("removed_edges", "kept_edges", "removed_nodes", "kept_nodes")
        edits = Edits(**{n: frozenset(tuple(ids) for ids in content[n]) for n in names})
        node, edge = float(content["node_threshold"]), float(content["edge_threshold"])
        return cls(node, edge, bool(content["keep_mean"]), edits)


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


class History:
    """A tree of commands, and where in it the session stands."""

    def __init__(self, first: Command) -> None:
        self.commands = [first]
        self.current = first
        self.since = 0  # the first baseline of the model's present weights, by its number
        self._next: dict[int, int] = {}  # the child that redo goes to

    def add(self, command: Command) -> None:
        """Add a command after the current one, and stand there."""
        self.commands.append(command)
        if command.parent is not None:
            self._next[command.parent] = command.id
        self.current = command

    def amend(self, **changes: Any) -> None:
        """Change the current command."""
        self.current = self.commands[self.current.id] = replace(self.current, **changes)

    def note(self, id: int, text: str) -> None:
        """Write a person's own words to a command."""
        self.commands[id] = replace(self.get(id), note=str(text))
        self.current = self.commands[self.current.id]

    def label(self, labels: Sequence[Mapping[str, Any]]) -> None:
        """Give commands the texts and notes that they had."""
        for id, label in enumerate(labels):
            text, note = str(label["text"]), str(label["note"])
            self.commands[id] = replace(self.get(id), text=text, note=note)

    def get(self, id: int) -> Command:
        """Return a command by its number, or raise an IndexError."""
        if not isinstance(id, int) or isinstance(id, bool) or not 0 <= id < len(self.commands):
            raise IndexError(f"no command {id!r}: there are {len(self.commands)}, counted from 0")
        return self.commands[id]

    def stale(self, command: Command) -> bool:
        """Whether others have changed the model since a command was measured."""
        return command.baseline.number < self.since

    def before(self) -> Command | None:
        """Return what undo goes to, None at the start."""
        return None if self.current.parent is None else self.commands[self.current.parent]

    def after(self) -> Command | None:
        """Return what redo goes to, None at the end."""
        child = self._next.get(self.current.id)
        return None if child is None else self.commands[child]

    def stand(self, command: Command) -> None:
        """Stand at a command; redo will come this way again."""
        self.current = command
        while command.parent is not None:
            self._next[command.parent] = command.id
            command = self.commands[command.parent]

    def path(self) -> list[Command]:
        """Return the commands from the start to the current one."""
        steps = [self.current]
        while steps[-1].parent is not None:
            steps.append(self.commands[steps[-1].parent])
        return steps[::-1]


def script(history: History, usual_score: str = "l1") -> str:
    """Return the shortest Python that leads from the original model to the present one.

    Edges score ``usual_score`` if nothing else is said.
    """
    lines = ["from kanwidget import PruningSession", ""]
    path = history.path()
    score = path[0].baseline.score
    asked = "" if score == usual_score else f", score={score!r}"
    if not path[0].state.keep_mean:
        asked += ", keep_mean=False"
    lines.append(f"session = PruningSession(model, dataset{asked})")
    state = path[0].state  # of the session that the script starts, as far as it has come
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
