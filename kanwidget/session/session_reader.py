"""What can be read from a pruning session, and asked of it. Nothing here makes a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from kanwidget.adapters import Adapter
from kanwidget.adapters.edge_functions import EdgeFunctions
from kanwidget.evaluate import tradeoff
from kanwidget.evaluate.baseline import Baseline
from kanwidget.evaluate.data_and_metric import DataAndMetric, MetricValues
from kanwidget.evaluate.measure_losses import Progress, Stop
from kanwidget.evaluate.names import Names, names_or_default
from kanwidget.evaluate.tradeoff import Costs, TradeOff
from kanwidget.masks import edit_operations
from kanwidget.masks.edits import Edits
from kanwidget.masks.ids import Edge, Node
from kanwidget.masks.state import State
from kanwidget.masks.validate import check_edge, check_node

from . import mask_warnings, outcome, script, serialize
from .commands import count_edges
from .history import History
from .outcome import Outcome
from .step_applier import StepApplier
from .step_planner import StepPlanner
from .words import Message, warning_words

__all__ = ["SessionReader"]


class SessionReader:
    """The part of a `PruningSession` that only reads, including what decisions would lead to.

    All answers are measured on a private copy of the model.
    """

    _applier: StepApplier
    _planner: StepPlanner

    @property
    def history(self) -> History:
        """Every step, as a tree of commands."""
        return self._applier.history

    @property
    def width(self) -> list[int]:
        """Nodes in each node layer, inputs first."""
        return self._applier.facts.width

    @property
    def columns(self) -> list[int]:
        """Which columns of the data the inputs are: some are missing after `prune_input`."""
        return self._applier.facts.columns

    @property
    def variable_names(self) -> Names:
        """Names of the inputs and outputs: of the columns, if the data are tables with names."""
        evaluator = self._applier.evaluator
        given: Names = ([], []) if evaluator is None else evaluator.data.names
        return names_or_default(given, self.columns, self.width[-1])

    @property
    def loss_name(self) -> str:
        """What `loss` measures."""
        return self._applier.facts.loss_name

    @property
    def higher_is_better(self) -> bool:
        """Whether more of what `loss` measures is better."""
        return self._applier.facts.higher_is_better

    @property
    def score_names(self) -> list[str]:
        """Names of the scores that edges can have, the usual one first."""
        return self._applier.facts.score_names

    @property
    def closed(self) -> bool:
        """Whether the session has let go of the model."""
        return self._applier.live_model is None

    @property
    def state(self) -> State:
        """Thresholds, hand edits and whether means are kept."""
        return self._applier.state

    @property
    def node_threshold(self) -> float:
        """Hidden nodes with a score at or below it are off; 0 removes nothing."""
        return self.state.node_threshold

    @property
    def edge_threshold(self) -> float:
        """Edges with a score at or below it are off; 0 removes nothing."""
        return self.state.edge_threshold

    @property
    def edits(self) -> Edits:
        """What was switched by hand."""
        return self.state.edits

    @property
    def baseline(self) -> Baseline:
        """Mask, scores, means and curves without thresholds and hand edits; nothing to write to."""
        return self._applier.baseline

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
    def mask(self) -> list[Tensor]:
        """The effective mask, which the model has, shapes ``(n_out, n_in)``."""
        return self._applier.current_masks.mask

    @property
    def bias(self) -> list[Tensor]:
        """The biases that go with it, shapes ``(n_out,)``."""
        return self._applier.current_masks.bias

    @property
    def active_edges(self) -> int:
        """How many edges are on."""
        return count_edges(self.mask)

    @property
    def loss(self) -> float:
        """The metric at present."""
        return self._applier.current.loss_after

    def metric_values(self) -> dict[str, MetricValues]:
        """Measure the present model by all metrics, by their names.

        Returns
        -------
        dict of str to MetricValues
            ``test`` and ``train``: on the test rows, and on the training rows, None where these
            are the same. The first one decides, and its ``test`` is `loss`. Empty without labels.
        """
        self.refresh()
        return self._applier.require_evaluator().metric_values(self.mask, self.bias)

    @property
    def data(self) -> DataAndMetric:
        """The data and the metric, to read; a RuntimeError if the session is closed."""
        return self._applier.require_evaluator().data

    def private_copy(self) -> Adapter:
        """Return an adapter of a private copy of the model as it is now, to try things on."""
        return self._applier.require_live_model().adapter.copy()

    @property
    def edge_functions(self) -> EdgeFunctions:
        """The model's unmasked functions, to read; a RuntimeError if the session is closed."""
        return self._applier.require_evaluator().adapter

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the present state, in words."""
        return [warning_words(message) for message in self.warning_messages]

    @property
    def warning_messages(self) -> list[Message]:
        """What is wrong with the present state, as codes and numbers; see `words`."""
        current = self._applier.current
        return [
            *([current.notice] if current.notice else []),
            *([("kept_off", len(current.kept_off))] if current.kept_off else []),
            *outcome.warnings(self.baseline, *self._applier.current_masks),
        ]

    def __repr__(self) -> str:
        total = sum(layer.numel() for layer in self.mask)
        now = f"{self.active_edges} of {total} edges on, {self.loss_name} {self.loss:.4g}"
        return f"PruningSession({self.width}, {now}{', closed' if self.closed else ''})"

    def refresh(self) -> bool:
        """Take in what others did to the model since; return whether there was anything.

        Edges that others switched are switched in the baseline; scores, curves and losses
        are computed anew. Thresholds and hand edits stay, except where they contradict. A
        training is one step of the history, however often it is looked at meanwhile.
        """
        self._applier.recover()
        if self._applier.only_record:
            return False
        return self._applier.apply(self._planner.adopt_external_changes())

    def preview(self, *, inputs: Tensor | None = None, **changes: Any) -> Outcome:
        """Return what `set` would lead to, and change nothing.

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
        """Return what it would lead to to switch an edge ``l, i, j`` or a node ``l, i`` off or on.

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
        return self._outcome(replace(self.state, edits=edits))

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
            Called with the share that is done, from 0 to 1.

        Returns
        -------
        TradeOff
            ``thresholds`` and, at each, ``active_edges``, and ``loss_zeroed`` or ``loss_kept``
            if what goes leaves nothing or its mean.
        """
        self.refresh()
        given = self._applier.require_evaluator().copy_rows_and_loss()
        return tradeoff.measure_tradeoff(
            *given, self.baseline, self.state, axis, stop, progress, self.higher_is_better
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

    def costs(self, *, stop: Stop | None = None, progress: Progress | None = None) -> Costs:
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
        given = self._applier.require_evaluator().copy_rows_and_loss()
        return tradeoff.measure_costs(*given, self.baseline, self.state, stop, progress)

    def dead_ends(self) -> list[Node]:
        """Return hidden nodes with edges in, from which no output can be reached."""
        if self._applier.facts.depends_on_other_nodes:  # then one that leads nowhere still matters
            return []
        return mask_warnings.dead_ends(self.mask, self.baseline.slots)

    def mask_of(self, id: int) -> list[Tensor]:
        """Return the mask that a command led to; raise an IndexError if there is none."""
        command = self.history.get(id)
        return command.baseline.mask_rule(command.state).mask(command.state.edits)

    def script(self) -> str:
        """Return the shortest Python that takes the original model to the present state.

        It does not define ``model``, ``dataset`` and, if there is one, ``metric``.
        """
        return self._script()

    def script_to_baseline(self) -> str:
        """Return the Python that takes the original model to the present baseline."""
        return self._script(to_baseline=True)

    def _script(self, to_baseline: bool = False) -> str:
        facts = self._applier.facts
        given = facts.higher_is_better_given
        return script.script(
            self.history, facts.score_names[0], facts.metric_name, given, to_baseline
        )

    def compact(self) -> nn.Module:
        """Return a new, smaller model with the present outputs; the live one stays."""
        return self._applier.require_live_model().adapter.compact()

    def to_dict(self) -> dict[str, Any]:
        """Return the session as plain numbers, lists and texts, fit for JSON.

        Raises
        ------
        ValueError
            If the model was trained, or changed otherwise, in a cell: that cannot be replayed.
        """
        return serialize.to_dict(self.history, self._applier.model_digest, self.data.digest())

    def _check_edge(self, l: int, i: int, j: int) -> Edge:
        """Return ``(l, i, j)`` as plain ints, or raise an IndexError or TypeError."""
        return check_edge(self.width, l, i, j, self.baseline.slots)

    def _check_node(self, l: int, i: int) -> Node:
        """Return ``(l, i)`` as plain ints, or raise an IndexError or TypeError."""
        return check_node(self.width, l, i)

    def _changed(self, changes: Mapping[str, Any]) -> State:
        """Return the present state with checked changes."""
        return self.state.changed(changes, self.width, self.baseline.slots)

    def _private_model(self) -> Adapter:
        """Return the private copy of the model, under the present masks."""
        return self._applier.require_evaluator().scratch.with_masks(self.mask, self.bias)

    def _outcome(self, state: State, inputs: Tensor | None = None) -> Outcome:
        return outcome.measure_outcome(
            self._applier.require_evaluator(), self.baseline, state, inputs
        )
