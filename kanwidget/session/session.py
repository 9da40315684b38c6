"""PruningSession: what a person does to a live model, and the way back. No Jupyter here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

from torch import Tensor, nn

from kanwidget.kan.checks import Node
from kanwidget.kan.pruning import Edits

from . import archive, guards, history
from . import edits as acts
from .baseline import Metric, Yardstick
from .history import State
from .outlook import Outcome, Outlook
from .same_metric import same

__all__ = ["NOTE", "Outcome", "PruningSession"]

NOTE = 2000
"""Characters that a note may have."""


class PruningSession(Outlook):
    """Thresholds and hand edits on a live model, from a baseline that stays untouched.

    The model's masks are always the effective mask: a pure function of the baseline, the
    thresholds and the hand edits. Means of edges that are off go to the biases, if they are
    kept. Nothing else of the model is written, and `close` gives it back as it was or as last
    committed. Changes that others make meanwhile are kept and become part of the baseline.

    Parameters
    ----------
    model : KAN
        A live model of a supported library.
    dataset : dict or Tensor, optional
        A dataset as `create_dataset` makes it: scores and means come from its training
        inputs, the loss from its test rows. Or inputs alone, ``(rows, width[0])``. By default
        the inputs that the model last saw.
    keep_mean : bool
        Whether an edge that goes off leaves its mean output over the data in the bias of the
        node it leads to.
    metric : callable, optional
        ``(prediction, label) -> scalar``, such as a torch loss; the root mean squared error by
        default. Without labels it is the root mean squared change of the outputs, and
        there can be no other.
    score : {"l1", "attribution", "ablation"}, optional
        What edges score, see `rescore`; by default what the model's own library uses.

    Attributes
    ----------
    width : list of int
    columns : list of int
        Which columns of the data the inputs are: fewer than it has after pykan's `prune_input`.
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

    def __repr__(self) -> str:
        total = sum(layer.numel() for layer in self.mask)
        now = f"{self.active_edges} of {total} edges on, {self.loss_name} {self.loss:.4g}"
        return f"PruningSession({self.width}, {now}{', closed' if self.closed else ''})"

    def is_on(self, model: nn.Module) -> bool:
        """Whether this is the live model of the session."""
        return self._stage is not None and self._stage.adapter.model is model

    def measures_with(
        self, dataset: Mapping[str, Tensor] | Tensor | None, metric: Metric | None
    ) -> bool:
        """Whether a session on these data and this metric would measure the same."""
        if dataset is None:
            return metric is None
        ours = self._live().yardstick
        other = Yardstick(self._live().adapter, dataset, metric)
        return other.digest() == ours.digest() and same(other.metric, ours.metric)

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
    def score(self) -> str:
        """What edges score: ``l1``, ``attribution`` or ``ablation``."""
        return self.baseline.score

    @property
    def baseline_loss(self) -> float:
        """The metric before thresholds and hand edits."""
        return self.baseline.loss

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the present state, in words."""
        return self._warnings(self.mask, self._last.bias)

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
        if self.refresh():  # which may have switched edges by hand
            state = self._changed(changes)
        self._go(state, merge=merge)

    def remove_edge(self, l: int, i: int, j: int) -> None:
        """Switch off the edge from node ``i`` of node layer ``l`` to node ``j`` of the next."""
        edge = self._check_edge(l, i, j)
        self._edit(lambda edits: acts.remove_edge(edits, edge), f"edge {edge} off")

    def restore_edge(self, l: int, i: int, j: int) -> None:
        """Switch an edge on, and keep it on against thresholds and baseline.

        If a node at its end was removed by hand, the node comes back with this edge alone.
        """
        edge = self._check_edge(l, i, j)
        self._edit(lambda edits: acts.restore_edge(edits, edge, self._ground()), f"edge {edge} on")

    def remove_node(self, l: int, i: int) -> None:
        """Switch off all edges into and out of node ``i`` of node layer ``l``."""
        node = self._check_node(l, i)
        self._edit(lambda edits: acts.remove_node(edits, node), f"node {node} off")

    def restore_node(self, l: int, i: int) -> None:
        """Switch a node on, and keep it on against the node threshold.

        Edges that were removed one by one stay off, unless the node would be left without
        a way in or without a way out: then all its edges on that side come back.
        """
        node = self._check_node(l, i)
        self._edit(lambda edits: acts.restore_node(edits, node, self._ground()), f"node {node} on")

    def dead_ends(self) -> list[Node]:
        """Return hidden nodes with edges in, from which no output can be reached."""
        # Where nodes depend on each other, one that leads nowhere still matters.
        return [] if self._coupled else guards.dead_ends(self.mask, self.baseline.slots)

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

    def rescore(self, score: str) -> None:
        """Score the baseline's edges in another way, and set both thresholds to 0.

        Parameters
        ----------
        score : {"l1", "attribution", "ablation"}
            Mean size of the edge's output over the width of its grid; which share of what
            varies in the outputs comes through it, as pykan 0.2.x traces it back; or by how
            much the loss grows without it, its mean kept.

        Raises
        ------
        ValueError
            If there is no such score.
        """
        stage = self._live()
        stage.check_score(score)
        self._refresh()
        if score == self.score:
            return
        before, stage.score = stage.score, score
        old, state = self.baseline, replace(self.state, node_threshold=0.0, edge_threshold=0.0)
        try:
            baseline = stage.look(old.mask, old.bias, old.folded)
            mask = acts.Ground.of(baseline, state).mask(state.edits)
            stage.show(mask, baseline.bias_under(mask, state.keep_mean))
        except BaseException:
            stage.score = before
            stage.put_back(stage.mask, stage.bias)
            raise
        self._record("score", f"scores by {score}", state, baseline)

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
        return history.script(self.history, self._usual_score)

    def compact(self) -> nn.Module:
        """Return a new, smaller model with the present outputs; the live one stays."""
        return self._live().adapter.compact()

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
        dataset: Mapping[str, Tensor] | Tensor | None = None,
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
        with archive.in_words():
            first = content["commands"][0]
            score, keep_mean = first.get("score"), bool(first["state"]["keep_mean"])
        session = cls(model, dataset, metric=metric, score=score, keep_mean=keep_mean)
        try:
            archive.check_owner(content, session._origin, session._live().yardstick.digest())
            with archive.in_words():
                commands = list(content["commands"])
                for command in commands[1:]:
                    session._stand(session.history.get(command["parent"]))
                    if command["kind"] == "commit":
                        session.commit()
                    elif command["kind"] == "score":
                        session.rescore(command["score"])
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
        self._stage.loss = self.baseline.loss
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

    def _edit(self, act: Callable[[Edits], Edits], text: str) -> None:
        self._refresh()
        self._go(replace(self.state, edits=act(self.state.edits)), text)
