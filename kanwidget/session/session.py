"""PruningSession: applies thresholds and edits to a live model. No Jupyter here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

from torch import Tensor, nn

from kanwidget.evaluate import tradeoff
from kanwidget.evaluate.data_and_metric import DataAndMetric
from kanwidget.evaluate.measure_losses import Progress, Stop
from kanwidget.evaluate.metric import Metric
from kanwidget.evaluate.names import column_names
from kanwidget.evaluate.same_metric import is_same_metric
from kanwidget.evaluate.tradeoff import Costs, TradeOff
from kanwidget.masks import edit_operations
from kanwidget.masks.edits import Edits
from kanwidget.masks.ids import Edge, Node
from kanwidget.masks.state import State
from kanwidget.masks.validate import check_edge, check_node, check_whole

from . import history, mask_warnings, outcome, script, serialize
from .mask_and_bias import MaskAndBias
from .outcome import Outcome
from .session_properties import SessionProperties
from .snapshots import HISTORY_BYTES, Snapshots
from .step_applier import StepApplier, begin
from .step_planner import StepPlanner

__all__ = ["NOTE", "Outcome", "PruningSession"]

NOTE = serialize.NOTE
"""Characters that a note may have."""


class PruningSession(SessionProperties):
    """Thresholds and hand edits on a live model, from a baseline that stays untouched.

    The model's masks are always the effective mask: a pure function of the baseline, the
    thresholds and the hand edits. Means of edges that are off go to the biases, if they are
    kept. Nothing else of the model is written, and `close` gives it back as it was or as last
    committed. Changes that others make meanwhile are kept and become part of the baseline; if
    they train the model, `undo` gives it the weights back that it had before.

    Parameters
    ----------
    model : KAN
        A live model of a supported library.
    dataset : dict or Tensor, optional
        A dataset as `create_dataset` makes it, with the entries ``train_input`` and
        ``test_input`` ``(rows, width[0])``, ``train_label`` and ``test_label``
        ``(rows, width[-1])``: tensors, arrays, DataFrames or lists. Scores and means come from
        its training inputs, the loss from its test rows. Or inputs alone. By default the inputs
        that the model last saw. Inputs and outputs are called as the columns of DataFrames.
    keep_mean : bool
        Whether an edge that goes off leaves its mean output over the data in the bias of the
        node it leads to.
    metric : callable, optional
        ``(prediction, label) -> scalar``, such as a torch loss; the root mean squared error by
        default. For labels that are classes, whole numbers ``(rows,)``:
        ``torch.nn.CrossEntropyLoss()``; for one output and labels 0 and 1:
        ``torch.nn.BCEWithLogitsLoss()``. Without labels it is the root mean squared change of the
        outputs, and there can be no other. Less is better, unless ``higher_is_better`` says
        otherwise.
    score : {"l1", "attribution", "ablation"}, optional
        What edges score, see `rescore`; by default what the model's own library uses.
    history_bytes : int
        How much memory the weights from before outside trainings may take, 256 MiB by default.
        When it is full the oldest go; steps that had them are shown with the weights of now, and
        say so.
    higher_is_better : bool, optional
        Whether more of the metric is better, as of an accuracy. By default what the metric
        says itself in an attribute ``higher_is_better``, as torchmetrics' do; else less is.

    Raises
    ------
    TypeError
        If the model is not a KAN of a supported library, or the data is of a wrong type.
    ValueError
        If the data does not fit, or there is none.
    """

    def __init__(
        self,
        model: nn.Module,
        dataset: Mapping[str, Tensor] | Tensor | None = None,
        *,
        keep_mean: bool = True,
        metric: Metric | None = None,
        score: str | None = None,
        higher_is_better: bool | None = None,
        history_bytes: int = HISTORY_BYTES,
    ) -> None:
        snapshots = Snapshots(check_whole(history_bytes, "history_bytes", 0))
        keep_mean = bool(keep_mean)
        self._own(begin(model, dataset, metric, score, keep_mean, snapshots, higher_is_better))

    def _own(self, steps: StepApplier) -> None:
        """Take over a live model, its evaluator and its history."""
        self._steps = steps
        self._planner = StepPlanner(steps)

    def __repr__(self) -> str:
        total = sum(layer.numel() for layer in self.mask)
        now = f"{self.active_edges} of {total} edges on, {self.loss_name} {self.loss:.4g}"
        return f"PruningSession({self.width}, {now}{', closed' if self.closed else ''})"

    def is_session_of(self, model: nn.Module) -> bool:
        """Whether this is the live model of the session."""
        return self._steps.live is not None and self._steps.live.adapter.model is model

    def measures_with(
        self,
        dataset: Mapping[str, Tensor] | Tensor | None,
        metric: Metric | None,
        higher_is_better: bool | None = None,
    ) -> bool:
        """Whether a session on these data and this metric would measure the same."""
        if dataset is None:
            return metric is None
        ours = self.data
        other = DataAndMetric(self._steps.open_model().adapter, dataset, metric, higher_is_better)
        return (
            other.digest() == ours.digest()
            and is_same_metric(other.metric, ours.metric)
            and other.higher_is_better == ours.higher_is_better
        )

    def name_after(self, dataset: Mapping[str, Tensor] | Tensor | None) -> None:
        """Take the names of a table's columns, if it has any."""
        adapter, data = self._steps.open_model().adapter, self.data
        pairs = zip(column_names(adapter.select_columns(dataset)), data.names, strict=True)
        inputs, outputs = (new or old for new, old in pairs)
        data.names = inputs, outputs

    def set(self, *, merge: bool = False, **changes: Any) -> None:
        """Set thresholds, hand edits or both at once; what is not given stays.

        Parameters
        ----------
        node_threshold, edge_threshold : float
            In units of the scores; 0 removes nothing.
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
        self._steps.apply(self._planner.change(state, merge=merge))

    def as_one_step(self, text: str = "") -> contextlib.AbstractContextManager[None]:
        """Make one step of the history of all that is done meanwhile.

        If it ends where it began there is none. Commits, and what others do to the model
        meanwhile, leave all steps as they are.

        Parameters
        ----------
        text : str
            What is done, in words; by default what is different then.

        Examples
        --------
        >>> with session.as_one_step("weak edges off"):  # doctest: +SKIP
        ...     for edge in weak:
        ...         session.remove_edge(*edge)
        """
        return self._planner.as_one_step(text)

    def end_drag(self) -> None:
        """Let the next change be a step of its own, whatever ``merge`` says."""
        self._planner.end_drag()

    def remove_edge(self, l: int, i: int, j: int) -> None:
        """Switch off the edge from node ``i`` of node layer ``l`` to node ``j`` of the next."""
        edge = self._check_edge(l, i, j)
        self.refresh()
        state = self._edited(edit_operations.remove_edge(self.edits, edge))
        self._steps.apply(self._planner.change(state, f"edge {edge} off"))

    def restore_edge(self, l: int, i: int, j: int) -> None:
        """Switch an edge on, and keep it on against thresholds and baseline.

        If a node at its end was removed by hand, the node comes back with this edge alone.
        """
        edge = self._check_edge(l, i, j)
        self.refresh()
        rule = self.baseline.mask_rule(self.state)
        state = self._edited(edit_operations.restore_edge(self.edits, edge, rule))
        self._steps.apply(self._planner.change(state, f"edge {edge} on"))

    def remove_node(self, l: int, i: int) -> None:
        """Switch off all edges into and out of node ``i`` of node layer ``l``."""
        node = self._check_node(l, i)
        self.refresh()
        state = self._edited(edit_operations.remove_node(self.edits, node))
        self._steps.apply(self._planner.change(state, f"node {node} off"))

    def restore_node(self, l: int, i: int) -> None:
        """Switch a node on, and keep it on against the node threshold.

        Edges that were removed one by one stay off, unless the node would be left without
        a way in or without a way out: then all its edges on that side come back.
        """
        node = self._check_node(l, i)
        self.refresh()
        rule = self.baseline.mask_rule(self.state)
        state = self._edited(edit_operations.restore_node(self.edits, node, rule))
        self._steps.apply(self._planner.change(state, f"node {node} on"))

    def dead_ends(self) -> list[Node]:
        """Return hidden nodes with edges in, from which no output can be reached."""
        if self._steps.facts.depends_on_other_nodes:  # then one that leads nowhere still matters
            return []
        return mask_warnings.dead_ends(self.mask, self.baseline.slots)

    def remove_dead_ends(self) -> None:
        """Switch off all dead ends; no output changes."""
        dead = self.dead_ends()
        self.refresh()
        state = self._edited(self.edits.with_edit("removed_nodes", dead))
        text = f"{history.count(len(dead), 'dead end')} removed"
        self._steps.apply(self._planner.change(state, text))

    def reset(self) -> None:
        """Set both thresholds to 0 and take back all hand edits: the baseline again."""
        self.refresh()
        state = State(keep_mean=self.state.keep_mean)
        self._steps.apply(self._planner.change(state, "reset"))

    def commit(self) -> None:
        """Make the present state the new baseline; `close` leaves the model there."""
        self.refresh()
        self._steps.apply(self._planner.commit())

    def rescore(
        self, score: str, *, stop: Stop | None = None, progress: Progress | None = None
    ) -> None:
        """Score the baseline's edges in another way, and set both thresholds to 0.

        Parameters
        ----------
        score : {"l1", "attribution", "ablation"}
            Mean size of the edge's output over the width of its grid; which share of what
            varies in the outputs comes through it, as pykan 0.2.x traces it back; or by how
            much worse the loss gets without it, its mean kept.
        stop, progress
            As in `tradeoff`, for ``ablation``: it measures the loss without each edge.

        Raises
        ------
        ValueError
            If there is no such score.
        Cancelled
            If ``stop`` became true; all is as it was.
        """
        self._steps.open_evaluator().check_score(score)
        self.refresh()
        if score != self.score:
            self._steps.apply(self._planner.rescore(score, stop, progress))

    def refresh(self) -> bool:
        """Take in what others did to the model since; return whether there was anything.

        Edges that somebody switched are switched in the baseline; scores, curves and losses
        are computed anew. Thresholds and hand edits stay, except where they contradict. A
        training is one step of the history, however often it is looked at meanwhile.
        """
        self._steps.recover()
        if self._steps.only_record:
            return False
        return self._steps.apply(self._planner.external_changes())

    def preview(self, *, inputs: Tensor | None = None, **changes: Any) -> Outcome:
        """Tell what `set` would lead to, and change nothing.

        Parameters
        ----------
        inputs : Tensor, shape (rows, width[0]), optional
            Inputs to give the outputs for, too.
        **changes
            As for `set`: thresholds, hand edits, ``keep_mean``.

        Returns
        -------
        Outcome
            ``active_edges``, ``loss``, ``warnings``, and ``outputs`` for the inputs.
        """
        state = self._changed(changes)
        self.refresh()
        return self._outcome(state, inputs)

    def preview_toggle(self, *ids: int) -> Outcome:
        """Tell what it would lead to to switch an edge ``l, i, j`` or a node ``l, i`` off or on.

        Raises
        ------
        IndexError, TypeError
            If there is no such edge or node.
        """
        check: Any = self._check_edge if len(ids) == 3 else self._check_node
        checked: Any = check(*ids)
        self.refresh()
        rule = self.baseline.mask_rule(self.state)
        edits = edit_operations.toggle(self.edits, checked, rule, self.mask)
        return self._outcome(self._edited(edits))

    def tradeoff(
        self, axis: str = "edge", *, stop: Stop | None = None, progress: Progress | None = None
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

        Returns
        -------
        TradeOff
        """
        self.refresh()
        given = self._steps.open_evaluator().copy_rows_and_loss()
        return tradeoff.measure_tradeoff(
            *given, self.baseline, self.state, axis, stop, progress, self.higher_is_better
        )

    def threshold_for(self, tolerance: float = 0.05, axis: str = "edge") -> float:
        """Return the threshold that leaves the fewest edges while the loss is within a tolerance.

        The other threshold and the hand edits stay as they are.

        The parameters are those of `tradeoff` and `TradeOff.threshold_for`. No more edges are left
        than now.

        Raises
        ------
        ValueError
            If no network with as few edges as there are now is within the tolerance, or no loss
            along this threshold is finite.
        """
        curve = self.tradeoff(axis)
        return curve.threshold_for(tolerance, self.state.keep_mean, self.active_edges)

    def costs(self, *, stop: Stop | None = None, progress: Progress | None = None) -> Costs:
        """Measure the loss without each edge, and without each hidden node; change nothing.

        ``stop`` and ``progress`` are as in `tradeoff`.
        """
        self.refresh()
        given = self._steps.open_evaluator().copy_rows_and_loss()
        return tradeoff.measure_costs(*given, self.baseline, self.state, stop, progress)

    def undo(self) -> bool:
        """Go back by one command; return whether there was one.

        Before an outside training that gives the weights back that the model had.
        """
        self.refresh()  # what others did since is a step, too
        return self._steps.apply(self._planner.go_to(self.history.before()))

    def redo(self) -> bool:
        """Go forward to the command last come from; return whether there was one."""
        self.refresh()
        return self._steps.apply(self._planner.go_to(self.history.after()))

    def jump(self, id: int) -> None:
        """Go to any command, by its number; raise an IndexError if there is none."""
        command = self.history.get(id)
        self.refresh()
        self._steps.apply(self._planner.go_to(command))

    def note(self, id: int, text: str) -> None:
        """Write your own words, 2,000 characters at the most, to a command.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such command, or this is no such text.
        """
        if not isinstance(text, str):
            raise TypeError(f"a note is a text, got {text!r}")
        if len(text) > NOTE:
            raise ValueError(f"a note has {NOTE} characters at the most, got {len(text)}")
        # Halves of characters, which a page can send, cannot be written to a file or back.
        self.history.note(id, text.encode("utf-8", "replace").decode())

    def mask_of(self, id: int) -> list[Tensor]:
        """Return the mask that a command led to; raise an IndexError if there is none."""
        command = self.history.get(id)
        return command.baseline.mask_rule(command.state).mask(command.state.edits)

    def script(self) -> str:
        """Return the shortest Python that takes the original model to the present state.

        It stands for itself but for ``model``, ``dataset`` and, if there is one, ``metric``.
        """
        facts = self._steps.facts
        return script.script(
            self.history, facts.score_names[0], facts.metric_name, facts.higher_is_better_given
        )

    def compact(self) -> nn.Module:
        """Return a new, smaller model with the present outputs; the live one stays."""
        return self._steps.open_model().adapter.compact()

    def to_dict(self) -> dict[str, Any]:
        """Return the session as plain numbers, lists and texts, fit for JSON.

        Raises
        ------
        ValueError
            If the model was trained, or changed otherwise, in a cell: that cannot be replayed.
        """
        return serialize.to_dict(self.history, self._steps.model_digest, self.data.digest())

    @classmethod
    def from_dict(
        cls,
        content: Mapping[str, Any],
        model: nn.Module,
        dataset: Mapping[str, Tensor] | Tensor | None = None,
        *,
        metric: Metric | None = None,
        higher_is_better: bool | None = None,
    ) -> PruningSession:
        """Start a session on a model, and bring it to what `to_dict` kept.

        Raises
        ------
        ValueError
            If it is not a session's content, or belongs to another model or other data.
        """
        commands = serialize.checked(content)
        first = commands[0]
        session = cls(
            model,
            dataset,
            metric=metric,
            score=first.score,
            keep_mean=first.state.keep_mean,
            higher_is_better=higher_is_better,
        )
        with session._steps.recording():
            steps, planner = session._steps, session._planner
            serialize.check_owner(content, steps.model_digest, session.data.digest())
            serialize.replay(commands, content["current"], steps, planner)
        return session

    @contextlib.contextmanager
    def succeeded_by(
        self,
        dataset: Mapping[str, Tensor] | Tensor | None,
        metric: Metric | None,
        score: str | None = None,
        higher_is_better: bool | None = None,
    ) -> Iterator[PruningSession]:
        """Yield a session on other data that stands where this one does, and end this one.

        If what is done with it fails, this one goes on as if nothing had been.

        Parameters
        ----------
        dataset, metric, higher_is_better
            As for `PruningSession`.
        score : str, optional
            What edges score from then on; by default what they score now.
        """
        self.refresh()
        model, start = self._steps.open_model().adapter.model, self.baseline
        snapshots = Snapshots(self.history.snapshots.budget)
        base, keep_mean = MaskAndBias(start.mask, start.bias), self.state.keep_mean
        new = object.__new__(PruningSession)
        new._own(
            begin(model, dataset, metric, self.score, keep_mean, snapshots, higher_is_better, base)
        )
        try:
            with new._steps.recording():
                new.set(**self.state.to_dict())
                if score is not None:
                    new.rescore(score)
            yield new
        except BaseException:
            new._steps.close(restore=False)
            self._steps.write_recorded()
            raise
        self._steps.close(restore=False)

    def close(self) -> None:
        """Give the model back as it was or as last committed, and let go of it.

        What others changed meanwhile stays. Nothing is measured, and an interrupt waits until
        the model is given back.
        """
        self._steps.close()

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
        # A session that is forgotten must not leave its thresholds in the model. At the
        # interpreter's end nobody will see the model, and torch is half gone.
        if "_steps" in vars(self) and not sys.is_finalizing():
            try:
                with contextlib.suppress(Exception):
                    self.close()
            finally:  # an interrupt may come before `close` waits for one
                if not self.closed:
                    with contextlib.suppress(Exception):
                        self.close()

    def _check_edge(self, l: int, i: int, j: int) -> Edge:
        """Return ``(l, i, j)`` as plain ints, or raise an IndexError or TypeError."""
        return check_edge(self.width, l, i, j, self.baseline.slots)

    def _check_node(self, l: int, i: int) -> Node:
        """Return ``(l, i)`` as plain ints, or raise an IndexError or TypeError."""
        return check_node(self.width, l, i)

    def _changed(self, changes: Mapping[str, Any]) -> State:
        """Return the present state with checked changes."""
        return self.state.changed(changes, self.width, self.baseline.slots)

    def _edited(self, edits: Edits) -> State:
        return replace(self.state, edits=edits)

    def _outcome(self, state: State, inputs: Tensor | None = None) -> Outcome:
        return outcome.outcome(self._steps.open_evaluator(), self.baseline, state, inputs)
