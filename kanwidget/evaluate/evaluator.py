"""What a session measures, on a private copy of its model: the live one is only read."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from kanwidget.adapters import Adapter, check_dtype
from kanwidget.adapters.model_copy import Weights
from kanwidget.adapters.scores import check_score, forward_in_blocks
from kanwidget.masks.ids import Edge

from . import tradeoff
from .baseline import Baseline
from .data_and_metric import DataAndMetric, MetricValues
from .measure_losses import Progress, Stop
from .metric import Metric, metric_name
from .scratch import Scratch

__all__ = ["Evaluator", "ModelFacts"]

ABLATION = "ablation"
"""By how much the loss grows without an edge: a score of any model."""


class ModelFacts(NamedTuple):
    """What stays the same as long as the model keeps its layers and nodes."""

    width: list[int]
    columns: list[int]
    """Which columns of a person's data the inputs are."""
    depends_on_other_nodes: bool
    score_names: list[str]
    """Names of the scores that edges can have, the usual one first."""
    loss_name: str
    higher_is_better: bool
    """Whether more of what `loss_name` says is better."""
    metric_name: str
    """What a metric of the user's own is called, "" if there is none."""
    higher_is_better_given: bool | None
    """What the user gave as ``higher_is_better``, None if nothing."""


class Evaluator:
    """A model's numbers at one moment, and the data and metric that they are measured with.

    When others change the model there is a new one: see `for_changed_model`.

    Attributes
    ----------
    scratch : Scratch
    data : DataAndMetric
    facts : ModelFacts
    """

    def __init__(
        self,
        live: Adapter,
        data: Mapping[str, Tensor] | Tensor | None,
        metric: Metric | None,
        higher_is_better: bool | None = None,
        before: Evaluator | None = None,
    ) -> None:
        check_dtype(live)
        self._source = data, metric, higher_is_better
        self.scratch = Scratch(live)
        self.data = _data_for(live, self._source, before)
        adapter = self.adapter
        self.facts = ModelFacts(
            adapter.width,
            adapter.columns(),
            adapter.depends_on_other_nodes,
            [*adapter.score_names, ABLATION],
            self.data.loss_name,
            self.data.higher_is_better,
            "" if metric is None else metric_name(metric),
            None if higher_is_better is None else bool(higher_is_better),
        )

    @property
    def adapter(self) -> Adapter:
        """Of the private copy; its masks are those last measured."""
        return self.scratch.adapter

    def for_changed_model(self, live: Adapter) -> Evaluator:
        """Return one for a model that others have changed."""
        return Evaluator(live, *self._source, before=self)

    def with_weights(self, weights: Weights) -> Evaluator:
        """Return one for the same model with other weights."""
        new = copy.copy(self)
        new.scratch = self.scratch.with_weights(weights)
        return new

    def with_switched_count(self, switched: int) -> Evaluator:
        """Return a copy with this number of switched edges."""
        new = copy.copy(self)
        new.scratch = copy.copy(self.scratch)
        new.scratch.switched_count = switched
        return new

    def check_score(self, score: str) -> str:
        """Return the name of a score that edges can have, or raise a ValueError."""
        return check_score(score, self.facts.score_names)

    def loss(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> float:
        """Measure the model under masks and biases."""
        return self.data.loss_of_model(self.scratch.with_masks(mask, bias))

    def metric_values(
        self, mask: Sequence[Tensor], bias: Sequence[Tensor]
    ) -> dict[str, MetricValues]:
        """Measure the model under masks and biases by all metrics, on test and training rows."""
        return self.data.metric_values(self.scratch.with_masks(mask, bias))

    def make_baseline(
        self,
        mask: list[Tensor],
        bias: list[Tensor],
        folded: list[Tensor] | None = None,
        score: str | None = None,
    ) -> Baseline:
        """Make a baseline of what the model is under masks and biases."""
        kind = self.facts.score_names[0] if score in (None, ABLATION) else str(score)
        baseline = self._make_baseline(mask, bias, folded, kind)
        if score != ABLATION:
            return baseline
        better = self.facts.higher_is_better
        found = tradeoff.ablation_scores(*self.copy_rows_and_loss(), baseline, better)
        return replace(baseline, scores=found, score=ABLATION)

    def with_scores(
        self,
        baseline: Baseline,
        score: str,
        stop: Stop | None = None,
        progress: Progress | None = None,
    ) -> Baseline:
        """Return a baseline with other scores.

        Raises
        ------
        Cancelled
            If ``stop`` became true.
        """
        adapter, measure = self.scratch.with_masks(baseline.mask, baseline.bias), self.data
        if score == ABLATION:
            better, given = self.facts.higher_is_better, self.copy_rows_and_loss()
            found = tradeoff.ablation_scores(*given, baseline, better, stop, progress)
        elif baseline.broken:
            found = self._make_baseline(baseline.mask, baseline.bias, baseline.folded, score).scores
        else:
            found = adapter.scores(measure.train_rows, score)
        return measure.with_scores(baseline, found, score)

    def add_curves(self, baseline: Baseline) -> None:
        """Compute a baseline's curves again, if it has dropped them."""
        if not baseline.curves:
            self.data.add_curves(self.scratch.with_masks(baseline.mask, baseline.bias), baseline)

    def outputs(self, mask: Sequence[Tensor], bias: Sequence[Tensor], inputs: object) -> Tensor:
        """Return what the model gives for inputs under masks and biases."""
        checked = self.data.check_inputs(self.adapter, inputs)
        return forward_in_blocks(self.scratch.with_masks(mask, bias), checked)

    def copy_rows_and_loss(self) -> tuple[Adapter, Tensor, Any]:
        """Return what a trade-off is measured with: private copy, rows, and loss."""
        return self.adapter, self.data.test_rows, self.data.loss_of

    def fingerprint(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> str:
        """Return a digest of the model under masks and biases."""
        return self.scratch.with_masks(mask, bias).fingerprint()

    def _make_baseline(
        self,
        mask: list[Tensor],
        bias: list[Tensor],
        folded: list[Tensor] | None,
        kind: str,
    ) -> Baseline:
        adapter, measure = self.scratch.with_masks(mask, bias), self.data
        baseline = measure.make_baseline(adapter, mask, bias, folded, kind)
        if all(bool(t.isfinite().all()) for t in (*baseline.means, *bias)):
            return baseline
        # What comes after a broken edge has a score, a mean and a curve without it.
        sound = [m.clone() for m in mask], [_finite_or_zero(b) for b in bias]
        broken: list[Edge] = []
        for _ in mask:
            means = self.scratch.with_masks(*sound).means(measure.train_rows)
            bad = [on & ~mean.isfinite() for on, mean in zip(sound[0], means, strict=True)]
            l = next((l for l, layer in enumerate(bad) if layer.any()), None)
            if l is None:
                break
            broken += [(l, i, j) for j, i in bad[l].nonzero().tolist()]
            sound[0][l] &= ~bad[l]
        without = measure.make_baseline(self.scratch.with_masks(*sound), mask, bias, folded, kind)
        scores = [s.clone() for s in without.scores]
        for l, i, j in broken:
            scores[l][j, i] = torch.nan
        return replace(
            without,
            scores=scores,
            means=[_finite_or_zero(mean) for mean in without.means],
            loss=baseline.loss,
            broken=broken,
        )


def _data_for(
    live: Adapter,
    source: tuple[Mapping[str, Tensor] | Tensor | None, Metric | None, bool | None],
    before: Evaluator | None,
) -> DataAndMetric:
    """Return the data and metric for a model: those from before as far as they fit."""
    ends, device, dtype = (live.width[0], live.width[-1]), live.device, live.dtype
    if before is None:
        return DataAndMetric(live, *source)
    was, facts = before.data, before.facts
    if ends != (facts.width[0], facts.width[-1]) or live.columns() != facts.columns:
        new = DataAndMetric(live, *source)
        new.baseline_count = was.baseline_count
        return new
    if was.test_rows.device == device and was.test_rows.dtype == dtype:
        return was
    new = copy.copy(was)
    for name in ("train_rows", "train_labels", "test_rows", "test_labels"):
        value: Tensor = getattr(was, name)
        setattr(new, name, _moved(value, device, dtype))
    return new


def _moved(values: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    return values.to(device, dtype if values.is_floating_point() else values.dtype)


def _finite_or_zero(values: Tensor) -> Tensor:
    return values.masked_fill(~values.isfinite(), 0.0)
