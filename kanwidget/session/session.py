"""PruningSession: what a person does to a live model, and the way back. No Jupyter here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

from torch import Tensor, nn

from kanwidget.evaluate import tradeoff
from kanwidget.evaluate.baseline import Baseline, DataAndMetric
from kanwidget.evaluate.measure_losses import Progress, Stop
from kanwidget.evaluate.metric import Metric
from kanwidget.evaluate.names import Given, names_given, usual_names
from kanwidget.evaluate.same_metric import same
from kanwidget.evaluate.tradeoff import Costs, TradeOff
from kanwidget.masks import edit_operations
from kanwidget.masks.edits import Edits
from kanwidget.masks.ids import Edge, Node
from kanwidget.masks.state import State
from kanwidget.masks.validate import check_edge, check_node, check_whole

from . import mask_warnings, outcome, script, serialize, words
from .history import History
from .live_model import Masks
from .outcome import ModelView, Outcome
from .snapshots import HISTORY_BYTES, Snapshots
from .steps import Steps

__all__ = ["NOTE", "Outcome", "PruningSession"]

NOTE = serialize.NOTE
"""Characters that a note may have."""


class PruningSession:
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

    Attributes
    ----------
    width : list of int
    columns : list of int
        Which columns of the data the inputs are: fewer than it has after pykan's `prune_input`.
    names : (list of str, list of str)
        Of inputs and outputs.
    baseline : Baseline
        Mask, scores, means and curves that the thresholds and hand edits stand on.
    loss_name : str
        What `loss` measures.
    higher_is_better : bool
        Whether more of it is better.
    history : History
        Every step, as a tree of commands.

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
        self._steps = Steps(
            model,
            dataset,
            metric,
            score,
            bool(keep_mean),
            snapshots,
            higher_is_better=higher_is_better,
        )

    @property
    def history(self) -> History:
        """Every step, as a tree of commands."""
        return self._steps.history

    @property
    def width(self) -> list[int]:
        """Nodes in each node layer, inputs first."""
        return self._steps.facts.width

    @property
    def columns(self) -> list[int]:
        """Which columns of the data the inputs are."""
        return self._steps.facts.columns

    @property
    def names(self) -> Given:
        """Names of the inputs and outputs: of the columns, if the data are tables with names."""
        evaluator = self._steps.evaluator
        given: Given = ([], []) if evaluator is None else evaluator.data.names
        return usual_names(given, self.columns, self.width[-1])

    def name_after(self, dataset: Mapping[str, Tensor] | Tensor | None) -> None:
        """Take the names of a table's columns, if it has any."""
        adapter, evaluator = self._steps.open_model().adapter, self._steps.open_evaluator()
        pairs = zip(names_given(adapter.select_columns(dataset)), evaluator.data.names, strict=True)
        inputs, outputs = (new or old for new, old in pairs)
        evaluator.data.names = inputs, outputs

    @property
    def loss_name(self) -> str:
        """What `loss` measures."""
        return self._steps.facts.loss_name

    @property
    def higher_is_better(self) -> bool:
        """Whether more of what `loss` measures is better."""
        return self._steps.facts.higher_is_better

    @property
    def closed(self) -> bool:
        """Whether the session has let go of the model."""
        return self._steps.live is None

    @property
    def mask(self) -> list[Tensor]:
        """The effective mask, which the model has, shapes ``(n_out, n_in)``."""
        return self._steps.current_masks.mask

    @property
    def loss(self) -> float:
        """The metric at present."""
        return self._steps.current.loss_after

    @property
    def state(self) -> State:
        """Thresholds, hand edits and whether means are kept."""
        return self._steps.state

    @property
    def baseline(self) -> Baseline:
        """What thresholds and hand edits stand on."""
        return self._steps.baseline

    @property
    def active_edges(self) -> int:
        """How many edges are on."""
        return sum(int(layer.sum()) for layer in self.mask)

    @property
    def model_view(self) -> ModelView:
        """The model and what it is measured with, to read.

        Raises
        ------
        RuntimeError
            If the session is closed.
        """
        live, evaluator = self._steps.open_model(), self._steps.open_evaluator()
        known = evaluator.facts.scores_known
        return ModelView(live.adapter, evaluator.adapter, evaluator.data, self.mask, known)

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
        ours = self._steps.open_evaluator().data
        other = DataAndMetric(self._steps.open_model().adapter, dataset, metric, higher_is_better)
        return (
            other.digest() == ours.digest()
            and same(other.metric, ours.metric)
            and other.higher_is_better == ours.higher_is_better
        )

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
        return [words.warning_words(message) for message in self.warning_messages]

    @property
    def warning_messages(self) -> list[words.Message]:
        """What is wrong with the present state, as codes and numbers; see `words`."""
        current = self._steps.current
        return [
            *([current.notice] if current.notice else []),
            *([("kept_off", len(current.kept_off))] if current.kept_off else []),
            *outcome.warnings(self.baseline, *self._steps.current_masks),
        ]

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
        self._steps.apply(state, merge=merge)

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
        return self._steps.as_one((("text", str(text)),) if text else ())

    def end_drag(self) -> None:
        """Let the next change be a step of its own, whatever ``merge`` says."""
        self._steps.end_step()

    def remove_edge(self, l: int, i: int, j: int) -> None:
        """Switch off the edge from node ``i`` of node layer ``l`` to node ``j`` of the next."""
        edge = self._check_edge(l, i, j)
        self._edit(lambda edits: edit_operations.remove_edge(edits, edge), ("edge_off", *edge))

    def restore_edge(self, l: int, i: int, j: int) -> None:
        """Switch an edge on, and keep it on against thresholds and baseline.

        If a node at its end was removed by hand, the node comes back with this edge alone.
        """
        edge = self._check_edge(l, i, j)
        self._edit(
            lambda edits: edit_operations.restore_edge(edits, edge, self._steps.mask_rule()),
            ("edge_on", *edge),
        )

    def remove_node(self, l: int, i: int) -> None:
        """Switch off all edges into and out of node ``i`` of node layer ``l``."""
        node = self._check_node(l, i)
        self._edit(lambda edits: edit_operations.remove_node(edits, node), ("node_off", *node))

    def restore_node(self, l: int, i: int) -> None:
        """Switch a node on, and keep it on against the node threshold.

        Edges that were removed one by one stay off, unless the node would be left without
        a way in or without a way out: then all its edges on that side come back.
        """
        node = self._check_node(l, i)
        self._edit(
            lambda edits: edit_operations.restore_node(edits, node, self._steps.mask_rule()),
            ("node_on", *node),
        )

    def dead_ends(self) -> list[Node]:
        """Return hidden nodes with edges in, from which no output can be reached."""
        # Where nodes depend on each other, one that leads nowhere still matters.
        return (
            []
            if self._steps.facts.depends_on_other_nodes
            else mask_warnings.dead_ends(self.mask, self.baseline.slots)
        )

    def remove_dead_ends(self) -> None:
        """Switch off all dead ends; no output changes."""
        dead = self.dead_ends()

        def without_dead_ends(edits: Edits) -> Edits:
            for node in dead:
                edits = edit_operations.remove_node(edits, node)
            return edits

        self._edit(without_dead_ends, ("dead_ends_removed", len(dead)))

    def reset(self) -> None:
        """Set both thresholds to 0 and take back all hand edits: the baseline again."""
        self.refresh()
        self._steps.apply(State(keep_mean=self.state.keep_mean), (("reset",),))

    def commit(self) -> None:
        """Make the present state the new baseline; `close` leaves the model there."""
        self._steps.commit()

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
        self._steps.rescore(score, stop, progress)

    def refresh(self) -> bool:
        """Take in what others did to the model since; return whether there was anything.

        Edges that somebody switched are switched in the baseline; scores, curves and losses
        are computed anew. Thresholds and hand edits stay, except where they contradict. A
        training is one step of the history, however often it is looked at meanwhile.
        """
        return self._steps.refresh()

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
        check: Any = self._check_edge if len(ids) == 3 else self._check_node
        where: Any = check(*ids)
        self.refresh()
        toggled = edit_operations.toggle(
            self.state.edits, where, self._steps.mask_rule(), self.mask
        )
        return self._outcome(replace(self.state, edits=toggled))

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

        Returns
        -------
        TradeOff
            ``thresholds`` and, at each, ``active_edges``, and ``loss_zeroed`` or ``loss_kept``
            if what goes leaves nothing or its mean.
        """
        self.refresh()
        return tradeoff.measure_tradeoff(
            *self._given(), axis, stop, progress, self.higher_is_better
        )

    def threshold_for(self, tolerance: float = 0.05, axis: str = "edge") -> float:
        """Return the threshold that leaves the fewest edges while the loss is within a tolerance.

        The other threshold and the hand edits stay as they are.

        Parameters
        ----------
        tolerance : float
            0.05 allows losses up to 1.05 times the lowest along this threshold; if higher is
            better, down to 0.95 times the highest.
        axis : {"node", "edge"}

        Returns
        -------
        float
            One of the ``thresholds`` of `tradeoff`. It leaves no more edges than are left now.

        Raises
        ------
        ValueError
            If no network with as few edges as there are now is within the tolerance, or no loss
            along this threshold is finite.
        """
        curve = self.tradeoff(axis)
        return curve.threshold_for(tolerance, self.state.keep_mean, self.active_edges)

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

        Returns
        -------
        Costs
            ``loss`` at present; ``edges_zeroed`` and ``edges_kept``, the loss without each edge
            if it leaves nothing or its mean; ``nodes_zeroed`` and ``nodes_kept`` likewise.
        """
        self.refresh()
        return tradeoff.measure_costs(*self._given(), stop, progress)

    def undo(self) -> bool:
        """Go back by one command; return whether there was one.

        Before an outside training that gives the weights back that the model had.
        """
        self.refresh()  # what others did since is a step, too
        return self._steps.go_to(self.history.before())

    def redo(self) -> bool:
        """Go forward to the command last come from; return whether there was one."""
        self.refresh()
        return self._steps.go_to(self.history.after())

    def jump(self, id: int) -> None:
        """Go to any command, by its number.

        Raises
        ------
        IndexError
            If there is no such command.
        """
        self._steps.go_to(self.history.get(id))

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
        return command.baseline.mask_rule(command.state).mask(command.state.edits)

    def script(self) -> str:
        """Return the shortest Python that takes the original model to the present state.

        It stands for itself but for ``model``, ``dataset`` and, if there is one, ``metric``.
        """
        return self._script()

    def script_to_baseline(self) -> str:
        """Return the Python that takes the original model to the present baseline."""
        return self._script(to_baseline=True)

    def _script(self, to_baseline: bool = False) -> str:
        steps, known = self._steps, self._steps.facts.scores_known
        return script.script(
            self.history, known[0], steps.metric_name, steps.asked_higher, to_baseline
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
        return serialize.to_dict(self.history, self._steps.origin, self._digest())

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
        steps = session._steps
        steps.held = True  # nothing is written to the model until all of it makes sense
        try:
            serialize.check_owner(content, steps.origin, session._digest())
            with serialize.in_words():
                for command in commands[1:]:
                    steps.go_to(session.history.get(command.parent))
                    if command.kind == "commit":
                        session.commit()
                    elif command.kind == "score":
                        session.rescore(command.score or "")
                    else:
                        steps.apply(session._changed(command.state.to_dict()), always=True)
                session.history.label(commands)
                steps.go_to(session.history.get(content["current"]))
        except BaseException:
            steps.close(leave=False)
            raise
        steps.write_held_steps()
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
        new = object.__new__(PruningSession)
        new._steps = Steps(
            model,
            dataset,
            metric,
            self.score,
            self.state.keep_mean,
            Snapshots(self.history.snapshots.budget),
            Masks(start.mask, start.bias),
            higher_is_better,
        )
        steps = new._steps
        steps.held = True
        try:
            new.set(**self.state.to_dict())
            if score is not None:
                new.rescore(score)
            steps.write_held_steps()
            yield new
        except BaseException:
            steps.close(leave=False)
            self._steps.write_held_steps()
            raise
        self._steps.close(leave=False)

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
        # A session that is forgotten must not leave a stranger's thresholds in the model. At the
        # interpreter's end nobody will see the model, and torch is half gone.
        if "_steps" in vars(self) and not sys.is_finalizing():
            try:
                with contextlib.suppress(Exception):
                    self.close()
            finally:  # an interrupt may come before `close` waits for one
                if not self.closed:
                    with contextlib.suppress(Exception):
                        self.close()

    def _edit(self, act: Callable[[Edits], Edits], what: words.Message) -> None:
        self.refresh()
        self._steps.apply(replace(self.state, edits=act(self.state.edits)), (what,))

    def _check_edge(self, l: int, i: int, j: int) -> Edge:
        """Return ``(l, i, j)`` as plain ints, or raise an IndexError or TypeError."""
        return check_edge(self.width, l, i, j, self.baseline.slots)

    def _check_node(self, l: int, i: int) -> Node:
        """Return ``(l, i)`` as plain ints, or raise an IndexError or TypeError."""
        return check_node(self.width, l, i)

    def _changed(self, changes: Mapping[str, Any]) -> State:
        """Return the present state with checked changes."""
        return self.state.changed(changes, self.width, self.baseline.slots)

    def _outcome(self, state: State, inputs: Tensor | None = None) -> Outcome:
        return outcome.outcome(self._steps.open_evaluator(), self.baseline, state, inputs)

    def _digest(self) -> str:
        return self._steps.open_evaluator().data.digest()

    def _given(self) -> tuple[Any, Any, Any, Baseline, State]:
        """Return what losses that could be are measured with."""
        return *self._steps.open_evaluator().measured_with(), self.baseline, self.state
