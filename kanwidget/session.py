"""PruningSession: what a person does to a live model, and the way back. No Jupyter here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from torch import Tensor, nn

from . import archive, guards, history, tradeoff
from . import edits as acts
from .adapters import Adapter
from .baseline import Baseline, Metric, Yardstick
from .history import Command, History, State
from .kan.checks import (
    Edge,
    Node,
    check_edge,
    check_node,
    check_threshold,
)
from .kan.pruning import Edits
from .stage import Stage
from .tradeoff import Costs, TradeOff

__all__ = ["NOTE", "Outcome", "PruningSession"]

NOTE = 2000
"""Characters that a note may have."""


@dataclass(frozen=True)
class Outcome:
    """What a step would lead to: edges left, loss, and what speaks against it, in words."""

    active_edges: int
    loss: float
    warnings: list[str]


class PruningSession:
    """Thresholds and hand edits on a live model, from a baseline that stays untouched.

    The model's masks are always the effective mask: a pure function of the baseline, the
    thresholds and the hand edits. Means of edges that are off go to the biases, if they are
    kept. Nothing else of the model is written, and `close` gives it back as it was or as last
    committed. Changes that others make meanwhile are kept and become part of the baseline.

    Parameters
    ----------
    model : KAN
        A live model of a supported library.
    data : dict or Tensor, optional
        A dataset as `create_dataset` makes it: scores and means come from its training
        inputs, the loss from its test rows. Or inputs alone, ``(rows, width[0])``. By default
        the inputs that the model last saw.
    keep_mean : bool
        Whether an edge that goes off leaves its mean output over the data in the bias of the
        node it leads to.
    metric : callable, optional
        ``(prediction, label) -> scalar``, such as a torch loss; the root mean squared error by
        default. Without labels it is the root mean squared change of the outputs.

    Attributes
    ----------
    width : list of int
    baseline : Baseline
        Mask, scores, means and curves that the thresholds and hand edits stand on.
    loss_name : str
        What `loss` measures.
    history : History
        Every step, as a tree of commands.

    Raises
    ------
    TypeError
        If the model is not a KAN of a supported library, or the data is of a wrong type.
    ValueError
        If the data does not fit, or there is none.
    """

    _stage: Stage | None = None

    def __init__(
        self,
        model: nn.Module,
        data: Mapping[str, Tensor] | Tensor | None = None,
        *,
        keep_mean: bool = True,
        metric: Metric | None = None,
    ) -> None:
        stage = Stage(model, data, metric)
        self.loss_name = stage.yardstick.name
        self.width = stage.adapter.width
        self._origin, self._epoch = stage.origin, 0
        try:
            baseline = stage.look(stage.mask, stage.bias)
        except BaseException:
            stage.leave(stage.mask, stage.bias)
            raise
        stage.loss = baseline.loss
        self._stage = self._last = stage
        first = Command(
            0,
            None,
            "start",
            "the model as it came",
            State(keep_mean=bool(keep_mean)),
            baseline,
            baseline.loss,
            baseline.loss,
            self.active_edges,
        )
        self.history = History(first)

    @property
    def closed(self) -> bool:
        """Whether the session has let go of the model."""
        return self._stage is None

    @property
    def mask(self) -> list[Tensor]:
        """The effective mask, which the model has, shapes ``(n_out, n_in)``."""
        return self._last.mask

    @property
    def loss(self) -> float:
        """The metric at present."""
        return self._last.loss

    @property
    def stage(self) -> Stage:
        """The live model, and what it is measured with.

        Raises
        ------
        RuntimeError
            If the session is closed.
        """
        return self._live()

    def is_on(self, model: nn.Module) -> bool:
        """Whether this is the live model of the session."""
        return self._stage is not None and self._stage.adapter.model is model

    def measures_with(
        self, data: Mapping[str, Tensor] | Tensor | None, metric: Metric | None
    ) -> bool:
        """Whether a session on these data and this metric would measure the same."""
        if data is None:
            return metric is None
        ours = self._live().yardstick
        other = Yardstick(self._live().adapter, data, metric)
        return other.digest() == ours.digest() and other.metric is ours.metric

    @property
    def state(self) -> State:
        """Thresholds, hand edits and whether means are kept."""
        return self.history.current.state

    @property
    def baseline(self) -> Baseline:
        """What thresholds and hand edits stand on."""
        return self.history.current.baseline

    @property
    def node_threshold(self) -> float:
        """Hidden nodes with a score at or below it are off; 0 takes nothing."""
        return self.state.node_threshold

    @property
    def edge_threshold(self) -> float:
        """Edges with a score at or below it are off; 0 takes nothing."""
        return self.state.edge_threshold

    @property
    def edits(self) -> Edits:
        """What was switched by hand."""
        return self.state.edits

    @property
    def scores(self) -> list[Tensor]:
        """Edge scores of the baseline, one ``(n_out, n_in)`` for each layer."""
        return self.baseline.scores

    @property
    def active_edges(self) -> int:
        """How many edges are on."""
        return sum(int(layer.sum()) for layer in self.mask)

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the present state, in words."""
        return guards.warnings(self.baseline.mask, self.mask)

    def set(self, *, merge: bool = False, **changes: Any) -> None:
        """Set thresholds, hand edits or both at once; what is not given stays.

        Parameters
        ----------
        node_threshold, edge_threshold : float
            In units of the scores; 0 takes nothing.
        removed_edges, kept_edges : list of (l, i, j)
            Edges switched off by hand; kept on against thresholds and baseline.
        removed_nodes, kept_nodes : list of (l, i)
            The same for nodes.
        keep_mean : bool
        merge : bool
            Whether this goes on with the last command if that changed the same things, as a
            slider that is dragged does, rather than being one of its own.

        Raises
        ------
        TypeError, ValueError
            If a threshold is not a finite number of at least 0.
        IndexError, TypeError
            If there is no such edge or node.
        """
        state = self._changed(changes)
        self._refresh()
        self._go(state, merge=merge)

    def preview(self, **changes: Any) -> Outcome:
        """Tell what `set` would lead to, and change nothing.

        Returns
        -------
        Outcome
        """
        state = self._changed(changes)
        self._refresh()
        return self._outcome(state)

    def preview_toggle(self, *ids: int) -> Outcome:
        """Tell what it would lead to if an edge ``l, i, j`` or a node ``l, i`` were switched.

        Returns
        -------
        Outcome
            Without what is on, or with what is off.

        Raises
        ------
        IndexError, TypeError
            If there is no such edge or node.
        """
        check = check_edge if len(ids) == 3 else check_node
        where: Any = check(self.width, *ids)
        self._refresh()
        ground, edits = self._ground(), self.state.edits
        if len(where) == 3:
            edge = acts.at(self.mask, where)
            toggled = (
                acts.remove_edge(edits, where) if edge else acts.restore_edge(edits, where, ground)
            )
        elif all(any(acts.at(self.mask, e) for e in side) for side in ground.sides(where)):
            toggled = acts.remove_node(edits, where)
        else:
            toggled = acts.restore_node(edits, where, ground)
        return self._outcome(replace(self.state, edits=toggled))

    def _outcome(self, state: State) -> Outcome:
        mask = self._ground(state).mask(state.edits)
        bias = self.baseline.bias_under(mask, state.keep_mean)
        return Outcome(
            sum(int(layer.sum()) for layer in mask),
            self._live().try_out(mask, bias),
            guards.warnings(self.baseline.mask, mask),
        )

    def tradeoff(
        self,
        axis: str = "edge",
        *,
        stop: Callable[[], bool] | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> TradeOff:
        """Measure the loss at every value of a threshold that matters; change nothing.

        Parameters
        ----------
        axis : {"node", "edge"}
            Which threshold; the other one and the hand edits stay as they are.
        stop : callable, optional
            Asked now and then; once it is true, `tradeoff.Cancelled` is raised.
        progress : callable, optional
            Told how far it is, from 0 to 1.
        """
        self._refresh()
        return tradeoff.along(*self._measured(), axis, stop, progress)

    def threshold_for(self, tolerance: float = 0.05, axis: str = "edge") -> float:
        """Return the largest threshold up to which the loss stays within a tolerance.

        Parameters
        ----------
        tolerance : float
            0.05 allows losses up to 1.05 times the one at a threshold of 0.
        axis : {"node", "edge"}
        """
        return self.tradeoff(axis).threshold_for(tolerance, self.state.keep_mean)

    def costs(
        self,
        *,
        stop: Callable[[], bool] | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> Costs:
        """Measure the loss without each edge, and without each hidden node; change nothing.

        Parameters
        ----------
        stop, progress
            As in `tradeoff`.
        """
        self._refresh()
        return tradeoff.without_each(*self._measured(), stop, progress)

    def check_edges(self, edges: Iterable[Sequence[int]]) -> frozenset[Edge]:
        """Return edges as a set of ``(l, i, j)``, or raise an IndexError or TypeError."""
        return frozenset(check_edge(self.width, *ids) for ids in _ids(edges, "l", "i", "j"))

    def check_nodes(self, nodes: Iterable[Sequence[int]]) -> frozenset[Node]:
        """Return nodes as a set of ``(l, i)``, or raise an IndexError or TypeError."""
        return frozenset(check_node(self.width, *ids) for ids in _ids(nodes, "l", "i"))

    def remove_edge(self, l: int, i: int, j: int) -> None:
        """Switch off the edge from node ``i`` of node layer ``l`` to node ``j`` of the next."""
        edge = check_edge(self.width, l, i, j)
        self._edit(lambda edits: acts.remove_edge(edits, edge), f"edge {edge} off")

    def restore_edge(self, l: int, i: int, j: int) -> None:
        """Switch an edge on, and keep it on against thresholds and baseline.

        If a node at its end was removed by hand, the node comes back with this edge alone.
        """
        edge = check_edge(self.width, l, i, j)
        self._edit(lambda edits: acts.restore_edge(edits, edge, self._ground()), f"edge {edge} on")

    def remove_node(self, l: int, i: int) -> None:
        """Switch off all edges into and out of node ``i`` of node layer ``l``."""
        node = check_node(self.width, l, i)
        self._edit(lambda edits: acts.remove_node(edits, node), f"node {node} off")

    def restore_node(self, l: int, i: int) -> None:
        """Switch a node on, and keep it on against the node threshold.

        Edges that were removed one by one stay off, unless the node would be left without
        a way in or without a way out: then all its edges on that side come back.
        """
        node = check_node(self.width, l, i)
        self._edit(lambda edits: acts.restore_node(edits, node, self._ground()), f"node {node} on")

    def dead_ends(self) -> list[Node]:
        """Return hidden nodes with edges in, from which no output can be reached."""
        return guards.dead_ends(self.mask)

    def sweep(self) -> None:
        """Switch off all dead ends; no output changes."""
        dead = self.dead_ends()

        def swept(edits: Edits) -> Edits:
            for node in dead:
                edits = acts.remove_node(edits, node)
            return edits

        self._edit(swept, f"{history.count(len(dead), 'dead end')} swept")

    def reset(self) -> None:
        """Set both thresholds to 0 and take back all hand edits: the baseline again."""
        self._refresh()
        self._go(State(keep_mean=self.state.keep_mean), "reset")

    def commit(self) -> None:
        """Make the present state the new baseline; `close` leaves the model there."""
        stage = self._live()
        self._refresh()
        folded = self.baseline.folded_under(stage.mask, self.state.keep_mean)
        baseline = stage.look(stage.mask, stage.bias, folded)
        stage.settle(baseline)
        self._record("commit", "commit", State(keep_mean=self.state.keep_mean), baseline)

    def undo(self) -> bool:
        """Go back by one command; return whether there was one."""
        return self._stand(self.history.before())

    def redo(self) -> bool:
        """Go forward to the command last come from; return whether there was one."""
        return self._stand(self.history.after())

    def jump(self, id: int) -> None:
        """Go to any command, by its number.

        Raises
        ------
        IndexError
            If there is no such command.
        """
        self._stand(self.history.get(id))

    def note(self, id: int, text: str) -> None:
        """Write your own words to a command.

        Raises
        ------
        IndexError
            If there is no such command.
        TypeError, ValueError
            If this is no text, or one of more than 2,000 characters.
        """
        if not isinstance(text, str):
            raise TypeError(f"a note is a text, got {text!r}")
        if len(text) > NOTE:
            raise ValueError(f"a note has {NOTE} characters at the most, got {len(text)}")
        # Halves of characters, which a page can send, cannot be written to a file or back.
        self.history.note(id, text.encode("utf-8", "replace").decode())

    def mask_of(self, id: int) -> list[Tensor]:
        """Return the mask that a command led to, by its number.

        Raises
        ------
        IndexError
            If there is no such command.
        """
        command = self.history.get(id)
        return acts.Ground.of(command.baseline, command.state).mask(command.state.edits)

    def script(self) -> str:
        """Return the shortest Python that takes the original model to the present state."""
        return history.script(self.history)

    def compact(self) -> nn.Module:
        """Return a new, smaller model with the present outputs; the live one stays."""
        return self._live().adapter.compact()

    def refresh(self) -> bool:
        """Take in what others did to the model since; return whether there was anything.

        Edges that somebody switched are switched in the baseline; scores, curves and losses
        are computed anew. Thresholds and hand edits stay, except where they contradict.
        """
        before = self.baseline
        self._refresh()
        return self.baseline is not before

    def to_dict(self) -> dict[str, Any]:
        """Return the session as plain numbers, lists and texts, fit for JSON.

        Raises
        ------
        ValueError
            If the model was changed from outside the session: that cannot be replayed.
        """
        return archive.to_dict(self.history, self._origin, self._live().yardstick.digest())

    @classmethod
    def from_dict(
        cls,
        content: Mapping[str, Any],
        model: nn.Module,
        data: Mapping[str, Tensor] | Tensor | None = None,
        *,
        metric: Metric | None = None,
    ) -> PruningSession:
        """Start a session on a model, and bring it to what `to_dict` kept.

        Raises
        ------
        ValueError
            If it is not a session's content, or belongs to another model or other data.
        """
        archive.check_format(content)
        session = cls(model, data, metric=metric)
        try:
            archive.check_owner(content, session._origin, session._live().yardstick.digest())
            with archive.in_words():
                commands = list(content["commands"])
                for command in commands[1:]:
                    session._stand(session.history.get(command["parent"]))
                    if command["kind"] == "commit":
                        session.commit()
                    else:
                        state = State.from_dict(command["state"])
                        session._go(session._changed(state.to_dict()), always=True)
                session.history.label(commands)
                session._stand(session.history.get(content["current"]))
        except BaseException:
            session.close()
            raise
        return session

    def close(self) -> None:
        """Give the model back as it was or as last committed, and let go of it.

        What others changed meanwhile stays.
        """
        if self._stage is None:
            return
        # Nobody will read the loss, and a metric that fails must not stop us.
        self._stage.yardstick.silent = True
        self.reset()
        self._stage.leave(self.baseline.mask, self.baseline.bias)
        self._stage.let_go()
        self._stage = None

    def __enter__(self) -> PruningSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A session that is forgotten must not leave a stranger's thresholds in the model. At the
        # interpreter's end nobody will see the model, and torch is half gone.
        if not sys.is_finalizing():
            with contextlib.suppress(Exception):
                self.close()

    def _measured(self) -> tuple[Adapter, Tensor, Callable[[Tensor], float], Baseline, State]:
        stage = self._live()
        measure = stage.yardstick
        return stage.adapter, measure.rows, measure.of, self.baseline, self.state

    def _live(self) -> Stage:
        if self._stage is None:
            raise RuntimeError("this pruning session is closed; start a new one on the model")
        return self._stage

    def _changed(self, changes: Mapping[str, Any]) -> State:
        """Return the present state with checked changes."""
        state = self.state
        new: dict[str, Any] = {}
        edits: dict[str, Any] = {}
        for name, value in changes.items():
            if name in ("node_threshold", "edge_threshold"):
                new[name] = check_threshold(value, name)
            elif name in ("removed_edges", "kept_edges"):
                edits[name] = self.check_edges(value)
            elif name in ("removed_nodes", "kept_nodes"):
                edits[name] = self.check_nodes(value)
            elif name == "keep_mean":
                new[name] = bool(value)
            else:
                known = ", ".join(state.to_dict())
                raise TypeError(f"a session has no {name} to set; it has {known}")
        return replace(state, edits=replace(state.edits, **edits), **new)

    def _edit(self, act: Callable[[Edits], Edits], text: str) -> None:
        self._refresh()
        self._go(replace(self.state, edits=act(self.state.edits)), text)

    def _ground(self, state: State | None = None) -> acts.Ground:
        return acts.Ground.of(self.baseline, state or self.state)

    def _go(self, state: State, text: str = "", merge: bool = False, always: bool = False) -> None:
        """Bring the model to a state, and record how it came there."""
        if state == self.state and not always:
            return
        before = self.history.current
        mask = self._ground(state).mask(state.edits)
        self._live().show(mask, self.baseline.bias_under(mask, state.keep_mean))
        text = text or history.describe(before.state, state)
        start = self.history.before()
        if (
            merge
            and start is not None
            and before.kind == "set"
            and not before.note
            and self.history.after() is None
            and before.state.arguments(start.state).keys() == state.arguments(before.state).keys()
        ):
            text = self._told(history.describe(start.state, state) or text, start)
            self.history.amend(
                state=state, text=text, loss_after=self.loss, active_edges=self.active_edges
            )
        else:
            self._record("set", text, state, self.baseline)

    def _record(self, kind: str, text: str, state: State, baseline: Baseline) -> None:
        before = self.history.current
        self.history.add(
            Command(
                len(self.history.commands),
                before.id,
                kind,
                self._told(text, before),
                state,
                baseline,
                before.loss_after,
                self.loss,
                self.active_edges,
            )
        )

    def _told(self, text: str, before: Command) -> str:
        """Add to what was done what it came to."""
        gone = before.active_edges - self.active_edges
        losses = f"{self.loss_name} {before.loss_after:.4g} -> {self.loss:.4g}"
        return f"{text}{history.told(gone)}, {losses}"

    def _stand(self, command: Command | None) -> bool:
        if command is None:
            return False
        self._refresh()
        stage, baseline = self._live(), command.baseline
        if baseline.number < self._epoch:
            # Others changed the model since: its weights stay as they are now.
            now = self.baseline
            bias = [
                b - new.sum(1) + old.sum(1)
                for b, new, old in zip(now.bias, now.folded, baseline.folded, strict=True)
            ]
            baseline = stage.look(baseline.mask, bias, baseline.folded)
            self.history.commands[command.id] = command = replace(command, baseline=baseline)
        state = command.state
        mask = acts.Ground.of(baseline, state).mask(state.edits)
        stage.show(mask, baseline.bias_under(mask, state.keep_mean))
        if baseline is not self.baseline:
            stage.settle(baseline)
        self.history.stand(command)
        return True

    def _refresh(self) -> None:
        stage = self._live()
        found = stage.found()
        if found is None:
            return
        try:
            self._take_in(stage, *found)
        except BaseException:
            stage.put_back(*found[:2])
            raise

    def _take_in(
        self,
        stage: Stage,
        live: list[Tensor],
        bias: list[Tensor],
        switched: list[tuple[Edge, bool]],
    ) -> None:
        """Make what others left in the model the new baseline, under the same thresholds."""
        old, edits = self.baseline, self.state.edits
        edges: list[Edge] = []
        if stage.adapter.width == self.width:
            written = stage.mask, stage.bias
            mask, bias, folded, changed = old.changed_outside(written, (live, bias))
            edges = [(l, i, j) for l, c in enumerate(changed) for j, i in c.nonzero().tolist()]
            for edge, on in switched:
                acts.put(mask, edge, on)
                edges.append(edge)
            edits = replace(
                edits,
                removed_edges=edits.removed_edges - set(edges),
                kept_edges=edits.kept_edges - set(edges),
            )
            baseline = stage.look(mask, bias, folded)
        else:
            self.width, edits = stage.adapter.width, Edits()
            baseline = stage.look(live, bias)
        ground = acts.Ground.of(baseline, self.state)
        for edge in edges:
            if acts.at(baseline.mask, edge):
                edits = acts.restore_edge(edits, edge, ground)
        state = replace(self.state, edits=edits)
        mask = ground.mask(edits)
        stage.show(mask, baseline.bias_under(mask, state.keep_mean))
        stage.take(switched)
        self._epoch = baseline.number
        self._record("outside", "changed from outside the session", state, baseline)


def _ids(values: object, *names: str) -> Iterator[Sequence[int]]:
    shape = f"({', '.join(names)})"
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"expected a list of ids {shape}, got {values!r}")
    for ids in values:
        if not isinstance(ids, (list, tuple)) or len(ids) != len(names):
            raise TypeError(f"expected ids {shape}, got {ids!r}")
        yield ids
