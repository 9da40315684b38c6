"""The model as a session's thresholds and hand edits find it, and what it is measured with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.adapters.copying import same_bits
from kanwidget.kan.checks import Edge, check_scalar
from kanwidget.kan.tensors import check_dataset, check_inputs

__all__ = ["Baseline", "Metric", "Yardstick"]

CURVE_POINTS = 64
"""Samples of each curve that a view draws."""

BINS = 32
"""Bins of the data's density under each curve."""

Metric = Callable[[Tensor, Tensor], Any]
"""From predictions and labels to a scalar; less is better."""


@dataclass(frozen=True)
class Baseline:
    """The model as it was when a session began or was last committed, and what follows from it.

    Lists hold one tensor for each layer: ``(n_out, n_in)``, or ``(n_out,)`` for biases.
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
    notes: list[str] = field(default_factory=list)
    """What one should know of the model, in words, whatever its mask."""
    broken: list[Edge] = field(default_factory=list)
    """Edges whose outputs are NaN or infinite on these data; they have no mean to keep."""
    trained: tuple[list[Tensor], list[Tensor], bool] | None = None
    """Masks and biases that others left, and whether means are in these: to the last bit."""

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
        moves = []
        for was, now, mean, fold in zip(self.mask, mask, self.means, self.folded, strict=True):
            off, on = was & ~now & keep_mean, now & ~was
            change = mean.masked_fill(~off, 0.0) - fold.masked_fill(~on, 0.0)
            moves.append(((off | on).any(dim=1), change.sum(1)))
        return moves

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
        bias = [
            # Not what was written less the baseline's: a number that is none would never go away.
            torch.where(now != then, torch.where(moved, now - change, now), was)
            for now, then, was, (moved, change) in zip(
                found[1], written[1], self.bias, self._moved(written[0], keep_mean), strict=True
            )
        ]
        folded = [f.masked_fill(c, 0.0) for f, c in zip(self.folded, changed, strict=True)]
        return mask, bias, folded, changed


class Yardstick:
    """The data and the metric of a session; see `PruningSession`."""

    def __init__(
        self,
        adapter: Adapter,
        data: Mapping[str, Tensor] | Tensor | None,
        metric: Metric | None,
    ) -> None:
        n_in, n_out, device, dtype = (
            adapter.width[0],
            adapter.width[-1],
            adapter.device,
            adapter.dtype,
        )
        if metric is not None and not callable(metric):
            raise TypeError(f"metric must be a function of (prediction, label), got {metric!r}")
        data = adapter.own(data)
        self.metric: Metric | None = None
        self._number = -1
        if isinstance(data, Mapping):
            dataset = check_dataset(data, n_in, None if metric else n_out, device, dtype)
            self.metric, self.inputs = metric, dataset["train_input"]
            self.rows, self.labels = dataset["test_input"], dataset["test_label"]
            self.name = f"test {_name(metric) if metric else 'RMSE'}"
            return
        if metric is not None:
            raise ValueError(
                "metric compares predictions with labels: hand over a dataset with labels, as "
                "create_dataset makes it, not inputs alone"
            )
        x = adapter.seen() if data is None else check_inputs(data, n_in, "data", device, dtype)
        self.inputs, self.rows, self.labels = x, x, adapter.forward(x)
        self.name = "RMS change of the outputs"

    def loss(self, adapter: Adapter) -> float:
        """Return the metric of a model as it is."""
        return self.of(adapter.forward(self.rows))

    def of(self, pred: Tensor) -> float:
        """Return the metric of predictions on the rows.

        Raises
        ------
        TypeError
            If it is not one real number.
        """
        if self.metric is not None:
            return check_scalar(self.metric(pred, self.labels), f"metric {_name(self.metric)}")
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
        curves = adapter.curves(self.inputs, CURVE_POINTS)
        values = adapter.inputs_of(self.inputs)
        return Baseline(
            mask,
            bias,
            folded or [torch.zeros_like(mean) for mean in means],
            scores,
            means,
            curves,
            self.loss(adapter),
            self._number,
            [_density(v, x[:, 0], x[:, -1]) for v, (x, _) in zip(values, curves, strict=True)],
            [_off(v, ends) for v, ends in zip(values, adapter.grid(), strict=True)],
            adapter.slots(),
            kind,
            adapter.notes(),
        )

    def digest(self) -> str:
        """Return what tells these data from others."""
        digest = hashlib.sha256()
        for values in (self.inputs, self.rows, self.labels):
            digest.update(values.detach().cpu().double().numpy().tobytes())
        return digest.hexdigest()


def _shared(value: Tensor, old: Tensor) -> Tensor:
    return old if same_bits(value, old) else value


def _name(metric: Metric) -> str:
    return getattr(metric, "__name__", type(metric).__name__)


def _density(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return the share of values ``(rows, n)`` in each bin between bounds, ``(n, BINS)``."""
    place = ((values - low) / (high - low) * BINS).nan_to_num().long().clamp(0, BINS - 1)
    share = torch.full_like(values, 1 / len(values))
    return values.new_zeros(values.shape[1], BINS).scatter_add_(1, place.T, share.T)


def _off(values: Tensor, ends: Tensor) -> Tensor:
    """Add to the ends of grids ``(n, 2)`` the share of values ``(rows, n)`` outside them."""
    outside = (values < ends[:, 0]) | (values > ends[:, 1])
    return torch.cat([ends, outside.to(ends).mean(0).unsqueeze(1)], 1)
