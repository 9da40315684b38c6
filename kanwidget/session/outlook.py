"""What steps would lead to, before they are taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from kanwidget.adapters import Adapter

from . import edits as acts
from . import guards, tradeoff
from .baseline import Baseline
from .engine import Engine
from .history import State
from .tradeoff import Costs, TradeOff

__all__ = ["Outcome", "Outlook"]


@dataclass(frozen=True)
class Outcome:
    """What a step would lead to.

    Attributes
    ----------
    active_edges : int
        Edges left.
    loss : float
        The session's metric then.
    warnings : list of str
        What speaks against it, in words.
    outputs : Tensor or None, shape (rows, width[-1])
        What the model would give for the inputs that were handed over, if any were.
    """

    active_edges: int
    loss: float
    warnings: list[str]
    outputs: Tensor | None = None


class Outlook(Engine):
    """Questions to a session; none changes anything."""

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
        self._refresh()
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

    def _outcome(self, state: State, inputs: Tensor | None = None) -> Outcome:
        mask = self._ground(state).mask(state.edits)
        bias = self.baseline.bias_under(mask, state.keep_mean)
        loss, outputs = self._live().try_out(mask, bias, inputs)
        edges = sum(int(layer.sum()) for layer in mask)
        return Outcome(edges, loss, self._warnings(mask, bias), outputs)

    def _warnings(self, mask: list[Tensor], bias: list[Tensor]) -> list[str]:
        """Say what speaks against a mask, and what one should know of the model."""
        baseline = self.baseline
        return [*guards.warnings(baseline.mask, mask, baseline.slots, bias), *baseline.notes]

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
        self._refresh()
        return tradeoff.along(*self._measured(), axis, stop, progress, self.higher_is_better)

    def threshold_for(self, tolerance: float = 0.05, axis: str = "edge") -> float:
        """Return the threshold that leaves the fewest edges while the loss is within a tolerance.

        The other threshold and the hand edits stay as they are.

        Parameters
        ----------
        tolerance : float
            0.05 allows losses up to 1.05 times the one at a threshold of 0; down to 0.95 times,
            if higher is better.
        axis : {"node", "edge"}

        Returns
        -------
        float
            One of the ``thresholds`` of `tradeoff`. It leaves no more edges than are left now.

        Raises
        ------
        ValueError
            If no network with as few edges as there are now is within the tolerance.
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
        self._refresh()
        return tradeoff.without_each(*self._measured(), stop, progress)

    def _measured(self) -> tuple[Adapter, Tensor, Callable[[Tensor], float], Baseline, State]:
        stage = self._live()
        measure = stage.yardstick
        return stage.adapter, measure.rows, measure.of, self.baseline, self.state
