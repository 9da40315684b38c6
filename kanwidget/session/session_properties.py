"""What can be read of a pruning session: where it stands, and what its model is."""

from __future__ import annotations

from torch import Tensor

from kanwidget.evaluate.baseline import Baseline
from kanwidget.evaluate.data_and_metric import DataAndMetric
from kanwidget.evaluate.edge_functions import EdgeFunctions
from kanwidget.evaluate.names import Names, names_or_default
from kanwidget.masks.edits import Edits
from kanwidget.masks.state import State

from . import outcome
from .commands import count_edges
from .external_changes import off_by_hand
from .history import History
from .step_applier import StepApplier

__all__ = ["SessionProperties"]


class SessionProperties:
    """The properties of a `PruningSession`; none of them changes anything."""

    _steps: StepApplier

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
        """Which columns of the data the inputs are: some are missing after `prune_input`."""
        return self._steps.facts.columns

    @property
    def names(self) -> Names:
        """Names of the inputs and outputs: of the columns, if the data are tables with names."""
        evaluator = self._steps.evaluator
        given: Names = ([], []) if evaluator is None else evaluator.data.names
        return names_or_default(given, self.columns, self.width[-1])

    @property
    def loss_name(self) -> str:
        """What `loss` measures."""
        return self._steps.facts.loss_name

    @property
    def higher_is_better(self) -> bool:
        """Whether more of what `loss` measures is better."""
        return self._steps.facts.higher_is_better

    @property
    def score_names(self) -> list[str]:
        """Names of the scores that edges can have, the usual one first."""
        return self._steps.facts.score_names

    @property
    def closed(self) -> bool:
        """Whether the session has let go of the model."""
        return self._steps.live is None

    @property
    def state(self) -> State:
        """Thresholds, hand edits and whether means are kept."""
        return self._steps.state

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
        return self._steps.baseline

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
        return self._steps.current_masks.mask

    @property
    def bias(self) -> list[Tensor]:
        """The biases that go with it, shapes ``(n_out,)``."""
        return self._steps.current_masks.bias

    @property
    def active_edges(self) -> int:
        """How many edges are on."""
        return count_edges(self.mask)

    @property
    def loss(self) -> float:
        """The metric at present."""
        return self._steps.current.loss_after

    @property
    def data(self) -> DataAndMetric:
        """The data and the metric, to read; a RuntimeError if the session is closed."""
        return self._steps.open_evaluator().data

    @property
    def edge_functions(self) -> EdgeFunctions:
        """The model's unmasked functions, to read; a RuntimeError if the session is closed."""
        return self._steps.open_evaluator().adapter

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the present state, in words."""
        current = self._steps.current
        said = [current.notice, off_by_hand(len(current.kept_off))]
        return [*filter(None, said), *outcome.warnings(self.baseline, *self._steps.current_masks)]
