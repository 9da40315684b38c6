"""PruningSession: applies thresholds and edits to a live model. No Jupyter here."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from kanwidget.evaluate.data_and_metric import DataAndMetric
from kanwidget.evaluate.measure_losses import Progress, Stop
from kanwidget.evaluate.metric import Metric, combine_metrics
from kanwidget.evaluate.names import column_names
from kanwidget.evaluate.same_metric import is_same_metric
from kanwidget.masks import edit_operations
from kanwidget.masks.edits import Edits
from kanwidget.masks.state import State
from kanwidget.masks.validate import check_whole

from . import serialize, session_files
from .mask_and_bias import MaskAndBias
from .outcome import Outcome
from .session_name_all import SessionNameAll
from .snapshots import HISTORY_BYTES, Snapshots
from .step_applier import StepApplier, start_on_model
from .step_planner import StepPlanner

__all__ = ["NOTE", "Outcome", "PruningSession"]

NOTE = serialize.NOTE
"""Characters that a note may have."""


class PruningSession(SessionNameAll):
    """Thresholds and hand edits on a live model, from a baseline that stays untouched.

    The model's masks are always the effective mask: a pure function of the baseline, the
    thresholds and the hand edits. Means of edges that are off go to the biases, if they are
    kept. Nothing else of the model is written, unless `fit` trains it, and `close` gives it back
    as it was or as last committed. Changes that others make meanwhile are kept and become part of
    the baseline. After a training, by `fit` or in a cell, `undo` gives the model the weights back
    that it had before.

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
        How much memory the weights from before trainings may take, 256 MiB by default. When it
        is full the oldest go, first those on which nothing was decided; steps that had them are
        shown with the weights of now, and say so.
    higher_is_better : bool, optional
        Whether more of the metric is better, as of an accuracy. By default what the metric
        says itself in an attribute ``higher_is_better``, as torchmetrics' do; else less is.
    metrics : dict of str to callable, optional
        More metrics by name, such as ``{"accuracy": accuracy}``, to be told beside the loss; see
        `metric_values`. The first decides if there is no ``metric``.

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
        metrics: Mapping[str, Metric] | None = None,
    ) -> None:
        metric = combine_metrics(metric, metrics)
        snapshots = Snapshots(check_whole(history_bytes, "history_bytes", 0))
        keep_mean = bool(keep_mean)
        self._own(
            start_on_model(model, dataset, metric, score, keep_mean, snapshots, higher_is_better)
        )

    def _own(self, steps: StepApplier) -> None:
        """Take over a live model, its evaluator and its history."""
        self._applier = steps
        self._planner = StepPlanner(steps)
        self._steps_of_naming = {}

    def is_session_of(self, model: nn.Module) -> bool:
        """Whether this is the live model of the session."""
        return (
            self._applier.live_model is not None and self._applier.live_model.adapter.model is model
        )

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
        other = DataAndMetric(
            self._applier.require_live_model().adapter, dataset, metric, higher_is_better
        )
        return (
            other.digest() == ours.digest()
            and list(other.metrics) == list(ours.metrics)
            and is_same_metric(other.metrics, ours.metrics)
            and other.higher_is_better == ours.higher_is_better
        )

    def name_after(self, dataset: Mapping[str, Tensor] | Tensor | None) -> None:
        """Take the names of a table's columns, if it has any."""
        adapter, data = self._applier.require_live_model().adapter, self.data
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
        self._applier.apply(self._planner.change(state, merge=merge))

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
        return self._planner.as_one_step((("text", str(text)),) if text else ())

    def end_drag(self) -> None:
        """Let the next change be a step of its own, whatever ``merge`` says."""
        self._planner.end_drag()

    def continue_step(self) -> None:
        """Let the next change go on with the last step, whatever that changed.

        Both are taken back at once then. Not if that step is no decision, or has a note.

        Examples
        --------
        >>> session.set(node_threshold=0.02)  # doctest: +SKIP
        >>> session.continue_step()  # doctest: +SKIP
        >>> session.set(edge_threshold=0.01)  # doctest: +SKIP
        """
        self._planner.continue_step()

    def remove_edge(self, l: int, i: int, j: int) -> None:
        """Switch off the edge from node ``i`` of node layer ``l`` to node ``j`` of the next."""
        edge = self._check_edge(l, i, j)
        self.refresh()
        self._edit(edit_operations.remove_edge(self.edits, edge), "edge_off", *edge)

    def restore_edge(self, l: int, i: int, j: int) -> None:
        """Switch an edge on, and keep it on against thresholds and baseline.

        If a node at its end was removed by hand, the node comes back with this edge alone.
        """
        edge = self._check_edge(l, i, j)
        self.refresh()
        rule = self.baseline.mask_rule(self.state)
        self._edit(edit_operations.restore_edge(self.edits, edge, rule), "edge_on", *edge)

    def remove_node(self, l: int, i: int) -> None:
        """Switch off all edges into and out of node ``i`` of node layer ``l``."""
        node = self._check_node(l, i)
        self.refresh()
        self._edit(edit_operations.remove_node(self.edits, node), "node_off", *node)

    def restore_node(self, l: int, i: int) -> None:
        """Switch a node on, and keep it on against the node threshold.

        Edges that were removed one by one stay off, unless the node would be left without
        a way in or without a way out: then all its edges on that side come back.
        """
        node = self._check_node(l, i)
        self.refresh()
        rule = self.baseline.mask_rule(self.state)
        self._edit(edit_operations.restore_node(self.edits, node, rule), "node_on", *node)

    def remove_dead_ends(self) -> None:
        """Switch off all dead ends; no output changes."""
        dead = self.dead_ends()
        self.refresh()
        self._edit(self.edits.with_edit("removed_nodes", dead), "dead_ends_removed", len(dead))

    def _edit(self, edits: Edits, *what: Any) -> None:
        """Take a step to other hand edits; ``what`` is its message, see `words`."""
        self._applier.apply(self._planner.change(replace(self.state, edits=edits), what))

    def reset(self) -> None:
        """Set both thresholds to 0 and take back all hand edits: the baseline again."""
        self.refresh()
        state = State(keep_mean=self.state.keep_mean)
        self._applier.apply(self._planner.change(state, ("reset",)))

    def commit(self) -> None:
        """Make the present state the new baseline; `close` leaves the model there."""
        self.refresh()
        self._applier.apply(self._planner.commit())

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
        self._applier.require_evaluator().check_score(score)
        self.refresh()
        if score != self.score:
            self._applier.apply(self._planner.rescore(score, stop, progress))

    def undo(self) -> bool:
        """Go back by one command; return whether there was one.

        Before a training that gives the weights back that the model had.
        """
        self.end_fit()
        self.refresh()  # what others did since is a step, too
        return self._applier.apply(self._planner.go_to(self.history.before()))

    def redo(self) -> bool:
        """Go forward to the command last come from; return whether there was one."""
        self.end_fit()
        self.refresh()
        return self._applier.apply(self._planner.go_to(self.history.after()))

    def jump(self, id: int) -> None:
        """Go to any command, by its number; raise an IndexError if there is none."""
        command = self.history.get(id)
        self.end_fit()
        self.refresh()
        self._applier.apply(self._planner.go_to(command))

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
        commands = serialize.read_commands(content)
        first = commands[0]
        session = cls(
            model,
            dataset,
            metric=metric,
            score=first.score,
            keep_mean=first.state.keep_mean,
            higher_is_better=higher_is_better,
        )
        with session._applier.recording():
            steps, planner = session._applier, session._planner
            serialize.check_owner(content, steps.model_digest, session.data.digest())
            serialize.replay(commands, content["current"], steps, planner)
        return session

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the session to a folder: its history, and the weights of its steps.

        They are JSON and safetensors, no code. Names of the library are kept; a function of your
        own is code: the weights of other steps that have one are left out, and if the present
        step has one, `load` needs a model with the same functions on the same edges.

        Raises
        ------
        OSError
            If it cannot be written; what was there before is still there then.
        """
        self.refresh()
        session_files.write_session(folder, self._applier)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        model: nn.Module,
        dataset: Mapping[str, Tensor] | Tensor | None = None,
        *,
        metric: Metric | None = None,
        higher_is_better: bool | None = None,
        history_bytes: int = HISTORY_BYTES,
    ) -> PruningSession:
        """Go on with a session that `save` wrote: the model gets the weights and masks of then.

        Parameters
        ----------
        folder : path
        model : nn.Module
            Of the same library, width and dtype as the one that was saved, with any weights.
        dataset : dict or Tensor, optional
            The data of the session.
        metric, higher_is_better, history_bytes
            As for `PruningSession`.

        Raises
        ------
        FileNotFoundError
            If there is no such folder.
        ValueError
            If it is no session's, or damaged, or belongs to another model or other data; the
            model is unchanged then.
        """
        budget = check_whole(history_bytes, "history_bytes", 0)
        parameters = iter(model.parameters() if isinstance(model, nn.Module) else ())
        saved = session_files.read_session(folder, next(parameters, torch.empty(0)).device)
        first = saved.first
        session = cls(
            model,
            dataset,
            metric=metric,
            score=first.baseline.score,
            keep_mean=first.state.keep_mean,
            higher_is_better=higher_is_better,
        )
        session_files.resume(session._applier, saved, budget)
        session._planner = StepPlanner(session._applier)
        return session

    @contextlib.contextmanager
    def succeeded_by(
        self,
        dataset: Mapping[str, Tensor] | Tensor | None,
        metric: Metric | None,
        score: str | None = None,
        higher_is_better: bool | None = None,
    ) -> Iterator[PruningSession]:
        """Yield a session on other data with the same decisions, and end this one.

        If what is done with it fails, this one goes on as before.

        Parameters
        ----------
        dataset, metric, higher_is_better
            As for `PruningSession`.
        score : str, optional
            What edges score from then on; by default what they score now.
        """
        self.end_fit()
        self.refresh()
        model, start = self._applier.require_live_model().adapter.model, self.baseline
        snapshots = Snapshots(self.history.snapshots.budget)
        base, keep_mean = MaskAndBias(start.mask, start.bias), self.state.keep_mean
        new = object.__new__(PruningSession)
        new._own(
            start_on_model(
                model, dataset, metric, self.score, keep_mean, snapshots, higher_is_better, base
            )
        )
        try:
            with new._applier.recording():
                new.set(**self.state.to_dict())
                if score is not None:
                    new.rescore(score)
            yield new
        except BaseException:
            new._applier.close(restore=False)
            self._applier.write_recorded()
            raise
        self._applier.close(restore=False)

    def close(self, weights: bool = False) -> None:
        """Give the model back as it was or as last committed, and let go of it.

        What others changed meanwhile stays, and so does what was trained. Nothing is measured, and
        an interrupt waits until the model is given back. A training that is under way is stopped.

        Parameters
        ----------
        weights : bool
            Whether all comes back that the model had when the session began: weights too, and
            what was committed.

        Raises
        ------
        RuntimeError
            If the weights shall come back and are not kept any more; the session stays open.
        """
        try:
            self.end_fit()
        finally:
            if weights and not self.closed:
                self._go_to_start()
            self._applier.close()

    def _go_to_start(self) -> None:
        """Go to the first command, or raise a RuntimeError if its weights are lost."""
        self.refresh()
        start = self.history.get(0)
        kept = self.history.snapshots.get(start.weights)
        model = self._applier.require_live_model().adapter.model
        same = start.weights == self.history.current.weights
        if not same and (kept is None or not kept.fits(model)):
            raise RuntimeError(
                "the weights that the model had when the session began are not kept any more "
                "(history_bytes says how much is): close() brings back the edges alone"
            )
        self.jump(0)

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
        if "_applier" in vars(self) and not sys.is_finalizing():
            try:
                with contextlib.suppress(Exception):
                    self.close()
            finally:  # an interrupt may come before `close` waits for one
                if not self.closed:
                    with contextlib.suppress(Exception):
                        self.close()
