"""Measures what pruning costs before it is done: loss along thresholds, and without each edge.

Every number is what the session would measure if it went there. All of it is measured on a private
copy of the model. For kanwidget's own KAN that takes little more than computing what differs; for
any other library each mask is set on the copy in turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.kan.mask_sequence import MaskSequence
from kanwidget.masks import effective, reachability
from kanwidget.masks.state import State

from .baseline import Baseline
from .measure_losses import Cancelled, Loss, Progress, ProgressReport, Stop, measure_losses

__all__ = ["Cancelled", "Costs", "TradeOff", "ablation_scores", "measure_costs", "measure_tradeoff"]

Floats = NDArray[np.float64]

CLEARLY_WORSE, HARDLY_WORSE = 0.2, 0.1 + 1e-9
"""Shares of the first loss: one that rose by more than the first is clearly worse, one that rose by
up to the second hardly; `1e-9` is for rounding."""

MIN_KNEE_DEPTH = 0.02
"""How far below its chord a curve must be to have a knee; one that is not counts as straight."""


@dataclass(frozen=True)
class TradeOff:
    """Loss along one threshold, with all else as it is.

    All losses are those of steps: from one threshold up to the next nothing changes.

    Attributes
    ----------
    axis : {"node", "edge"}
        Which threshold.
    thresholds : ndarray, shape (points,)
        0, and each threshold at which an edge goes, rising.
    active_edges : ndarray of int, shape (points,)
        Edges left.
    loss_zeroed, loss_kept : ndarray, shape (points,)
        Loss if what goes leaves nothing, or its mean.
    higher_is_better : bool
        Whether the loss is a metric such as accuracy, of which more is better.
    """

    axis: str
    thresholds: Floats
    active_edges: NDArray[np.int64]
    loss_zeroed: Floats
    loss_kept: Floats
    higher_is_better: bool = False

    def threshold_for(
        self, tolerance: float = 0.05, keep_mean: bool = True, most_edges: int | None = None
    ) -> float:
        """Return the threshold that leaves the fewest edges while the loss is within a tolerance.

        The best loss is the lowest along the threshold, or the highest if higher is better; losses
        that are not finite do not count. A loss is within the tolerance up to ``(1 + tolerance)``
        times the best; if higher is better, down to ``(1 - tolerance)`` times. If the best loss is
        negative, the tolerance is a share of its size; if it is 0, of the worst loss. Losses on
        the way may be worse: what counts is the network that is left.

        Parameters
        ----------
        tolerance : float
        keep_mean : bool
            Which of the two losses.
        most_edges : int, optional
            How many edges it may leave, such as those that are left now.

        Raises
        ------
        ValueError
            If the tolerance is not a number of at least 0, or no such network is within it.
        """
        if not tolerance >= 0:
            raise ValueError(f"tolerance must be a number of at least 0, got {tolerance!r}")
        cost, left = self._costs(keep_mean), self.active_edges
        finite = cost[np.isfinite(cost)]
        if len(finite) == 0:
            raise ValueError(f"no loss along the {self.axis} threshold is a finite number")
        best = float(finite.min())
        limit = best + tolerance * (abs(best) or float(finite.max()) or 1.0)
        few = left <= (left[0] if most_edges is None else most_edges)
        within = np.flatnonzero(np.isfinite(cost) & (cost <= limit) & few)
        if len(within):
            return float(self.thresholds[within[-1]])
        loss = -best if self.higher_is_better else best
        raise ValueError(
            f"no network with at most {most_edges} edges is within {tolerance:.3g} of the best "
            f"loss along the {self.axis} threshold, {loss:.4g}; "
            f"allow a larger tolerance, or lower the {self.axis} threshold first"
        )

    def _costs(self, keep_mean: bool) -> Floats:
        """Return the losses such that less is better."""
        loss = self.loss_kept if keep_mean else self.loss_zeroed
        return -loss if self.higher_is_better else loss

    def knee(self, keep_mean: bool = True) -> float:
        """Return the last of the thresholds before the loss turns up (down, if higher is better).

        A loss has clearly turned up where it is more than 20 % above the lowest so far, or is not
        finite; nothing from there on counts. Of the points before, those are good that are at
        most 10 % above, and the knee is the one farthest below the chord to where the loss has
        turned up, in the plane of edges removed and loss. So what is flat is taken to its end,
        small ups and downs are passed, and it is 0 if the first steps cost as much as the others.
        Percents are of the loss at 0, or of the largest if that is 0.
        """
        loss = self._costs(keep_mean)
        strange = np.flatnonzero(~np.isfinite(loss))
        count = strange[0] if len(strange) else len(loss)
        if count == 0:
            return 0.0
        scale = abs(loss[0]) or loss[:count].max() or 1.0
        loss = loss[: count + 1].copy()
        loss[count:] = loss[0] + scale
        above = loss - np.minimum.accumulate(loss)
        clear = np.flatnonzero(above > CLEARLY_WORSE * scale)
        end = clear[0] if len(clear) else len(loss) - 1
        rise, removed = (loss - loss[0])[: end + 1], self.active_edges[0] - self.active_edges
        if removed[end] == 0 or np.ptp(rise) == 0:
            return 0.0
        if len(clear):  # up, also where it is no more than the first
            rise[end] = max(rise[end], CLEARLY_WORSE * scale)
        below = (rise[end] * removed[: end + 1] / removed[end] - rise) / np.ptp(rise)
        below[above[: end + 1] > HARDLY_WORSE * scale] = 0.0
        return float(self.thresholds[below.argmax()]) if below.max() > MIN_KNEE_DEPTH else 0.0


@dataclass(frozen=True)
class Costs:
    """Loss without each edge or hidden node alone, all else as it is.

    Attributes
    ----------
    loss : float
        The present loss, with all of them.
    edges_zeroed, edges_kept : list of float64 Tensor, shapes (n_out, n_in)
        Loss without each edge if it leaves nothing, or its mean. NaN where it is off.
    nodes_zeroed, nodes_kept : list of float64 Tensor, shapes (width[l],)
        Loss without each node of the hidden node layers ``1 .. L-1``; NaN where a node has no
        edges.
    """

    loss: float
    edges_zeroed: list[Tensor]
    edges_kept: list[Tensor]
    nodes_zeroed: list[Tensor]
    nodes_kept: list[Tensor]


def measure_tradeoff(
    adapter: Adapter,
    rows: Tensor,
    loss: Loss,
    baseline: Baseline,
    state: State,
    axis: str,
    stop: Stop | None = None,
    progress: Progress | None = None,
    higher_is_better: bool = False,
) -> TradeOff:
    """Measure the loss at every value of a threshold that matters.

    Parameters
    ----------
    adapter : Adapter
    rows : Tensor, shape (rows, width[0])
        Inputs to measure the loss on.
    loss : callable
        From predictions ``(rows, width[-1])``, in the model's dtype and on its device, to a
        number.
    baseline, state
        Of the session; the other threshold and the hand edits stay.
    axis : {"node", "edge"}
    stop : callable, optional
        Asked often: once it is true, all ends.
    progress : callable, optional
        Called with the share that is done, 0 .. 1.
    higher_is_better : bool
        Whether more of the loss is better.

    Raises
    ------
    Cancelled
        If ``stop`` became true. The model is as it was, as it is after any error.
    """
    if axis not in ("node", "edge"):
        raise ValueError(f"axis must be 'node' or 'edge', got {axis!r}")
    at_zero: dict[str, Any] = {f"{axis}_threshold": 0.0}
    mask = baseline.mask_rule(replace(state, **at_zero)).mask(state.edits)
    off_at = effective.off_thresholds_of_edges(
        axis, baseline.mask, baseline.scores, state.edits, baseline.slots
    )
    goes = [on.cpu() & at.isfinite() for at, on in zip(off_at, mask, strict=True)]
    of_edges = torch.cat([at[here] for at, here in zip(off_at, goes, strict=True)])
    levels, counts = np.unique(of_edges.numpy(), return_counts=True)
    point = [
        torch.from_numpy(np.searchsorted(levels, at.numpy()) + 1) * here
        for at, here in zip(off_at, goes, strict=True)
    ]
    plan = MaskSequence(
        mask,
        (baseline.bias_under(mask, False), baseline.bias_under(mask, True)),
        point,
        ([torch.zeros_like(mean) for mean in baseline.means], baseline.means),
        len(levels),
        True,
    )
    measured = measure_losses(
        adapter, rows, loss, plan, ProgressReport(plan.count + 1, stop, progress)
    )
    total = sum(int(layer.sum()) for layer in mask)
    left = total - np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    thresholds = np.concatenate([[0.0], levels])
    return TradeOff(axis, thresholds, left, measured[:, 0], measured[:, 1], higher_is_better)


def measure_costs(
    adapter: Adapter,
    rows: Tensor,
    loss: Loss,
    baseline: Baseline,
    state: State,
    stop: Stop | None = None,
    progress: Progress | None = None,
) -> Costs:
    """Measure the loss without each edge and without each hidden node, from the present state.

    Parameters are those of `measure_tradeoff`. What is off already stays as it is, its mean kept or
    not as the state says: zeroed or kept is only what is removed in addition. If an edge was off in
    the baseline and is on by hand, the mean that it had left is taken out of the bias either way.

    Raises
    ------
    Cancelled
        If ``stop`` became true. The model is as it was, as it is after any error.
    """
    mask = baseline.mask_rule(state).mask(state.edits)
    bias = baseline.bias_under(mask, state.keep_mean)
    zeroed, kept = [], []
    for was, mean, fold in zip(baseline.mask, baseline.means, baseline.folded, strict=True):
        zeroed.append(fold.masked_fill(was, 0.0))
        kept.append(torch.where(was, mean, fold))
    shift, on = (zeroed, kept), [layer.cpu() for layer in mask]
    edges = _number_from_one(on)
    fed = [reachability.has_edge_in(layer, baseline.slots, l) for l, layer in enumerate(on)]
    nodes = _number_from_one([into | out.any(0) for into, out in zip(fed, on[1:], strict=False)])
    # Without its edges out, a node is gone: what still leads into it does not matter.
    out_of = [number * layer for number, layer in zip(nodes, on[1:], strict=True)]
    of_nodes = [torch.zeros_like(edges[0]), *out_of]
    totals = [max((int(n.max()) for n in layers), default=0) for layers in (edges, nodes)]
    watch = ProgressReport(sum(totals) + 2, stop, progress)
    by_edge, by_node = (
        measure_losses(
            adapter, rows, loss, MaskSequence(mask, (bias, bias), point, shift, count, False), watch
        )
        for point, count in zip((edges, of_nodes), totals, strict=True)
    )
    tables = [
        [torch.from_numpy(measured[:, kept])[n].masked_fill(n == 0, math.nan) for n in numbers]
        for measured, numbers in ((by_edge, edges), (by_node, nodes))
        for kept in (0, 1)
    ]
    return Costs(float(by_edge[0, 1]), *tables)


def ablation_scores(
    adapter: Adapter,
    rows: Tensor,
    loss: Loss,
    baseline: Baseline,
    higher_is_better: bool = False,
    stop: Stop | None = None,
    progress: Progress | None = None,
) -> list[Tensor]:
    """Score edges by how much worse the loss is without each alone, its mean kept.

    Parameters are those of `measure_tradeoff`, as is the error.

    Returns
    -------
    list of float64 Tensor, shapes (n_out, n_in)
        0 for edges that are off, and for those without which the loss is no worse.
    """
    off = [torch.zeros_like(score) for score in baseline.scores]
    unscored = replace(baseline, scores=off)
    costs = measure_costs(adapter, rows, loss, unscored, State(), stop, progress)
    sign = -1.0 if higher_is_better else 1.0
    return [
        (sign * (edges - costs.loss)).clamp_min(0.0).to(on.device).masked_fill(~on, 0.0)
        for edges, on in zip(costs.edges_kept, baseline.mask, strict=True)
    ]


def _number_from_one(layers: list[Tensor]) -> list[Tensor]:
    """Number what is true in tensors from 1 on; 0 elsewhere."""
    numbers, start = [], 0
    for layer in layers:
        # In order of the inputs: one node's edges out are cheapest together.
        count = layer.t().flatten().cumsum(0)
        number = (count.view(layer.t().shape).t() + start) * layer
        start = max(start, int(number.max()))
        numbers.append(number)
    return numbers
