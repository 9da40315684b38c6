"""The model as a session's thresholds and hand edits find it, and what it is measured with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.adapters.model_copy import same_bits
from kanwidget.adapters.scores import forward
from kanwidget.kan.check_data import (
    as_tensors,
    call_loss,
    check_dataset,
    check_inputs,
    varying_columns,
)
from kanwidget.kan.row_blocks import split
from kanwidget.masks.effective import MaskRule
from kanwidget.masks.ids import Edge
from kanwidget.masks.state import State
from kanwidget.masks.validate import check_scalar

from .metric import Metric, check_metric, doubts, is_higher_better, name_of
from .names import names_given

__all__ = ["Baseline", "DataAndMetric", "without"]

CURVE_POINTS = 64
"""Samples of each curve that a view draws."""

CURVE_ROWS = 4096
"""Rows of data that curves and densities are drawn over, at the most: evenly spread over all."""

BINS = 32
"""Bins of the data's density under each curve."""


@dataclass(frozen=True)
class Baseline:
    """The model as it was when a session began or was last committed, and what follows from it.

    Lists hold one tensor for each layer: ``(n_out, n_in)``, or ``(n_out,)`` for biases. Curves,
    densities and grids are only drawn: they are large, and empty in a baseline that a session
    does not stand on; see `forget_drawing` and `Yardstick.draw`.
    """

    mask: list[Tensor]
    bias: list[Tensor]
    folded: list[Tensor]  # means in the bias of edges that earlier commits switched off
    scores: list[Tensor]
    means: list[Tensor]
    curves: list[tuple[Tensor, Tensor]]
    loss: float
    number: int
    """Counts the baselines of a session."""
    density: list[Tensor] = field(default_factory=list)
    """Share of the data in each bin of a source node's curve range, ``(n_in, BINS)``."""
    grid: list[Tensor] = field(default_factory=list)
    """First and last grid point of a source node, and the share of data outside; ``(n_in, 3)``."""
    slots: list[list[int]] = field(default_factory=list)
    """The node of each target, if there are products; see `Adapter.slots`."""
    score: str = "l1"
    """What the scores are; see `PruningSession.rescore`."""
    notes: list[tuple[Any, ...]] = field(default_factory=list)
    """What one should know of the model whatever its mask: messages, see `session.words`."""
    broken: list[Edge] = field(default_factory=list)
    """Edges whose outputs are NaN or infinite on these data; they have no mean to keep."""
    trained: tuple[list[Tensor], list[Tensor], bool] | None = None
    """Masks and biases that others left, and whether means are in these: to the last bit."""
    back: tuple[list[Tensor], list[Tensor]] | None = None
    """Masks and biases that the model goes back to from here, if not those of the baseline:
    these may have what other sessions only try."""

    def mask_rule(self, state: State) -> MaskRule:
        """Return what gives the mask of hand edits under a state's thresholds."""
        return MaskRule(
            self.mask, self.scores, state.node_threshold, state.edge_threshold, self.slots
        )

    def forget_drawing(self, other: Baseline | None = None) -> None:
        """Let go of what is only drawn, in all copies of this baseline; not if another has it."""
        if other is not None and other.curves is self.curves:
            return
        for drawn in (self.curves, self.density, self.grid):
            drawn.clear()

    def bias_under(self, mask: Sequence[Tensor], keep_mean: bool) -> list[Tensor]:
        """Return the biases that go with a mask.

        They have the means of edges that are off, if means are kept, and not those of edges
        that an earlier commit switched off and that are on again.
        """
        found = [
            torch.where(moved, bias + change, bias)
            for bias, (moved, change) in zip(self.bias, self._moved(mask, keep_mean), strict=True)
        ]
        if self.trained is None or self.trained[2] != keep_mean:
            return found
        # What was trained is not added up anew: that would round it.
        return [
            torch.where((now == then).all(1), exact, bias)
            for bias, now, then, exact in zip(found, mask, *self.trained[:2], strict=True)
        ]

    def _moved(self, mask: Sequence[Tensor], keep_mean: bool) -> list[tuple[Tensor, Tensor]]:
        """Return which biases a mask moves, and by how much, shapes ``(n_out,)``."""
        return [
            ((was != now).any(1) if keep_mean else (now & ~was).any(1), share.sum(1))
            for was, now, share in zip(self.mask, mask, self.shares(mask, keep_mean), strict=True)
        ]

    def shares(self, mask: Sequence[Tensor], keep_mean: bool) -> list[Tensor]:
        """Return by how much each edge moves its bias under a mask, shapes ``(n_out, n_in)``."""
        shares = []
        for was, now, mean, fold in zip(self.mask, mask, self.means, self.folded, strict=True):
            off, on = was & ~now & keep_mean, now & ~was
            shares.append(mean.masked_fill(~off, 0.0) - fold.masked_fill(~on, 0.0))
        return shares

    def folded_under(self, mask: Sequence[Tensor], keep_mean: bool) -> list[Tensor]:
        """Return the means in the biases, of edges that are off, once a mask is committed."""
        return [
            torch.where(was & ~now, mean * keep_mean, fold * ~now)
            for was, now, mean, fold in zip(self.mask, mask, self.means, self.folded, strict=True)
        ]

    def keeping_means(self, old: Baseline, mask: Sequence[Tensor]) -> Baseline:
        """Return a baseline with the means that another one has of edges which a mask has off.

        They are in the biases that others trained the model with: new ones would change it.
        """
        means = [
            torch.where(on | ~ours, new, was)
            for on, ours, new, was in zip(mask, self.mask, self.means, old.means, strict=True)
        ]
        return replace(self, means=means)

    def sharing(self, old: Baseline) -> Baseline:
        """Return the same baseline, with the tensors of another one wherever they are equal."""
        names = ("mask", "bias", "folded", "scores", "means", "density", "grid")
        shared: dict[str, Any] = {
            name: list(map(_shared, getattr(self, name), getattr(old, name))) for name in names
        }
        pairs = zip(self.curves, old.curves, strict=True)
        curves = [(_shared(x, old_x), _shared(y, old_y)) for (x, y), (old_x, old_y) in pairs]
        return replace(self, curves=curves, **shared)

    def changed_outside(
        self,
        written: tuple[Sequence[Tensor], Sequence[Tensor]],
        found: tuple[Sequence[Tensor], Sequence[Tensor]],
        keep_mean: bool,
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """Take into mask, bias and folded means what others changed.

        Parameters
        ----------
        written, found : (masks, biases)
            What a session last wrote to the model, and what is there now.
        keep_mean : bool
            Whether what was written keeps means.

        Returns
        -------
        mask, bias, folded : list of Tensor
            For a new baseline.
        changed : list of bool Tensor, shapes (n_out, n_in)
            Which edges somebody switched.
        """
        changed = [now != then for now, then in zip(found[0], written[0], strict=True)]
        mask = [
            torch.where(switched, now, was)
            for switched, now, was in zip(changed, found[0], self.mask, strict=True)
        ]
        shares = self.shares(written[0], keep_mean)
        bias = [
            # Not what was written less the baseline's: a number that is none would never go away.
            torch.where(now != then, without(now, was != put, switched, share), plain)
            for now, then, plain, was, put, switched, share in zip(
                found[1], written[1], self.bias, self.mask, written[0], changed, shares, strict=True
            )
        ]
        folded = [f.masked_fill(c, 0.0) for f, c in zip(self.folded, changed, strict=True)]
        return mask, bias, folded, changed


def without(bias: Tensor, moves: Tensor, switched: Tensor, shares: Tensor) -> Tensor:
    """Take the shares of edges out of biases that others have written.

    What others both switched and wrote a bias for, as they do who load a checkpoint, has no
    share in it.

    Parameters
    ----------
    bias : Tensor, shape (n_out,)
    moves, switched : bool Tensor, shape (n_out, n_in)
        Which edges a session had switched, and which others have switched since.
    shares : Tensor, shape (n_out, n_in)
        What the session had added for each edge.
    """
    left = moves & ~switched
    return torch.where(left.any(1), bias - shares.masked_fill(~left, 0.0).sum(1), bias)


class DataAndMetric:
    """The data and the metric of a session; see `PruningSession`.

    The data are copies: what others write to their tensors later changes no loss.

    Attributes
    ----------
    higher_is_better : bool
        Whether more of the metric is better.
    names : Given
        Of the columns, where the data are tables.
    has_labels : bool
        Else the loss is how far the outputs move.
    """

    def __init__(
        self,
        adapter: Adapter,
        data: Mapping[str, Tensor] | Tensor | None,
        metric: Metric | None,
        higher_is_better: bool | None = None,
    ) -> None:
        n_in, n_out, device, dtype = (
            adapter.width[0],
            adapter.width[-1],
            adapter.device,
            adapter.dtype,
        )
        if metric is not None:
            check_metric(metric)
        self.higher_is_better = is_higher_better(metric, higher_is_better)
        self._doubts = doubts(metric, higher_is_better)
        self.names = names_given(adapter.select_columns(data))
        data = adapter.select_columns(as_tensors(data))
        self.metric: Metric | None = None
        self.has_labels = isinstance(data, Mapping)
        self._number = -1
        if isinstance(data, Mapping):
            own = None if metric else n_out
            dataset = check_dataset(data, n_in, own, device, dtype, outputs=n_out)
            self.metric, self.inputs = metric, dataset["train_input"].clone()
            self.rows, self.labels = dataset["test_input"].clone(), dataset["test_label"].clone()
            self.name = f"test {name_of(metric) if metric else 'RMSE'}"
            return
        if metric is not None:
            raise ValueError(
                "metric compares predictions with labels: hand over a dataset with labels, as "
                "create_dataset makes it, not inputs alone"
            )
        x = (
            adapter.last_inputs()
            if data is None
            else check_inputs(data, n_in, "data", device, dtype)
        )
        x = x.clone()
        self.inputs, self.rows, self.labels = x, x, forward(adapter, x)
        self.name = "RMS change of the outputs"

    @staticmethod
    def check_inputs(adapter: Adapter, inputs: object) -> Tensor:
        """Return inputs of a model in its dtype and columns, or raise a ValueError or TypeError."""
        like = adapter.device, adapter.dtype
        return check_inputs(adapter.select_columns(inputs), adapter.width[0], "inputs", *like)

    def loss(self, adapter: Adapter) -> float:
        """Return the metric of a model as it is."""
        return self.of(forward(adapter, self.rows))

    def of(self, pred: Tensor) -> float:
        """Return the metric of predictions on the rows.

        Raises
        ------
        TypeError
            If it is not one real number.
        """
        if self.metric is not None:
            name = f"metric {name_of(self.metric)}"
            # Tensors of its own: it may work in place.
            value, dtype = call_loss(self.metric, pred.clone(), self.labels.clone(), name)
            self.labels = self.labels.to(dtype)
            return check_scalar(value, name)
        return float(torch.nn.functional.mse_loss(pred, self.labels).sqrt())

    def baseline(
        self,
        adapter: Adapter,
        mask: list[Tensor],
        bias: list[Tensor],
        folded: list[Tensor] | None = None,
        kind: str = "l1",
    ) -> Baseline:
        """Look at a model that has these masks and biases."""
        self._number += 1
        scores = adapter.scores(self.inputs, kind)
        means = adapter.means(self.inputs)  # in the model's dtype, as biases are
        baseline = Baseline(
            mask,
            bias,
            folded or [torch.zeros_like(mean) for mean in means],
            scores,
            means,
            [],
            self.loss(adapter),
            self._number,
            slots=adapter.slots(),
            score=kind,
            notes=[
                *adapter.notes(),
                *self._doubts,
                *_do_not_vary(self.inputs),
            ],
        )
        self.draw(adapter, baseline)
        return baseline

    def rescored(self, baseline: Baseline, scores: list[Tensor], score: str) -> Baseline:
        """Return a baseline of the same model with other scores."""
        self._number += 1
        return replace(
            baseline,
            scores=scores,
            score=score,
            number=self._number,
            curves=[*baseline.curves],
            density=[*baseline.density],
            grid=[*baseline.grid],
        )

    def draw(self, adapter: Adapter, baseline: Baseline) -> None:
        """Give a baseline its curves, densities and grids, of a model that has its masks.

        They are over `CURVE_ROWS` of the training inputs, if there are more.
        """
        rows = self.inputs
        if len(rows) > CURVE_ROWS:
            some = torch.linspace(0, len(rows) - 1, CURVE_ROWS, dtype=torch.float64)
            rows = rows[some.round().long().to(rows.device)]
        curves, values = adapter.curves(rows, CURVE_POINTS), adapter.inputs_of(rows)
        baseline.forget_drawing()
        baseline.curves.extend(curves)
        baseline.density.extend(
            _density(v, x[:, 0], x[:, -1]) for v, (x, _) in zip(values, curves, strict=True)
        )
        baseline.grid.extend(_off(v, ends) for v, ends in zip(values, adapter.grid(), strict=True))

    def digest(self) -> str:
        """Return what tells these data from others."""
        digest = hashlib.sha256()
        for values in (self.inputs, self.rows, self.labels):
            for rows in split(values, values[:1].numel()):
                digest.update(rows.detach().cpu().double().numpy().tobytes())
        return digest.hexdigest()


def _shared(value: Tensor, old: Tensor) -> Tensor:
    return old if same_bits(value, old) else value


def _do_not_vary(inputs: Tensor) -> list[tuple[str, int, int]]:
    """Return the first input with the same value in all rows, and how many more there are."""
    same = (~varying_columns(inputs)).nonzero().flatten().tolist()
    if len(inputs) < 2 or not same:
        return []
    return [("inputs_do_not_vary", same[0], len(same) - 1)]


def _density(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return the share of values ``(rows, n)`` in each bin between bounds, ``(n, BINS)``."""
    place = ((values - low) / (high - low) * BINS).nan_to_num().long().clamp(0, BINS - 1)
    share = torch.full_like(values, 1 / len(values))
    return values.new_zeros(values.shape[1], BINS).scatter_add_(1, place.T, share.T)


def _off(values: Tensor, ends: Tensor) -> Tensor:
    """Add to the ends of grids ``(n, 2)`` the share of values ``(rows, n)`` outside them."""
    outside = (values < ends[:, 0]) | (values > ends[:, 1])
    return torch.cat([ends, outside.to(ends).mean(0).unsqueeze(1)], 1)
