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
from kanwidget.adapters.scores import forward_in_blocks
from kanwidget.masks.ids import Edge

from . import tradeoff
from .baseline import Baseline, DataAndMetric
from .measure_losses import Progress, Stop
from .metric import Metric
from .scratch import Scratch

__all__ = ["Evaluator", "ModelFacts"]

ABLATION = "ablation"
"""By how much the loss grows without an edge: a score of any model."""


class ModelFacts(NamedTuple):
    """What stays the same as long as nobody changes what the model is made of."""

    width: list[int]
    columns: list[int]
    """Which columns of a person's data the inputs are."""
    depends_on_other_nodes: bool
    scores_known: list[str]
    """Names of the scores that edges can have, the usual one first."""
    loss_name: str
    higher_is_better: bool
    """Whether more of what `loss_name` says is better."""


class Evaluator:
    """A model's numbers at one moment, and the data and metric that they are measured with.

    When others change the model there is a new one: see `renewed`.

    Attributes
    ----------
    scratch : Scratch
    data : Yardstick
    facts : Facts
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
        self.data = _yardstick(live, self._source, before)
        adapter = self.adapter
        self.facts = ModelFacts(
            adapter.width,
            adapter.columns(),
            adapter.depends_on_other_nodes,
            [*adapter.score_names, ABLATION],
            self.data.name,
            self.data.higher_is_better,
        )

    @property
    def adapter(self) -> Adapter:
        """Of the private copy; its masks are whatever was last asked for."""
        return self.scratch.adapter

    def renewed(self, live: Adapter) -> Evaluator:
        """Return one for a model that others have changed."""
        return Evaluator(live, *self._source, before=self)

    def with_weights(self, weights: Weights) -> Evaluator:
        """Return one for the same model with other weights."""
        new = copy.copy(self)
        new.scratch = self.scratch.with_weights(weights)
        return new

    def knowing(self, switched: int) -> Evaluator:
        """Return one that knows of as many switched edges."""
        new = copy.copy(self)
        new.scratch = copy.copy(self.scratch)
        new.scratch.switched = switched
        return new

    def check_score(self, score: str) -> str:
        """Return the name of a score that edges can have, or raise a ValueError."""
        known = self.facts.scores_known
        if score not in known:
            given = repr(score)
            given = given if len(given) <= 80 else f"{given[:77]}..."
            raise ValueError(f"an edge has no score {given}; it has {', '.join(known)}")
        return score

    def loss(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> float:
        """Measure the model under masks and biases."""
        return self.data.loss(self.scratch.under(mask, bias))

    def baseline(
        self,
        mask: list[Tensor],
        bias: list[Tensor],
        folded: list[Tensor] | None = None,
        score: str | None = None,
    ) -> Baseline:
        """Make a baseline of what the model is under masks and biases."""
        kind = self.facts.scores_known[0] if score in (None, ABLATION) else str(score)
        baseline = self._measured(mask, bias, folded, kind)
        if score != ABLATION:
            return baseline
        better = self.facts.higher_is_better
        found = tradeoff.ablation(*self.measured_with(), baseline, better)
        return replace(baseline, scores=found, score=ABLATION)

    def rescored(
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
        adapter, measure = self.scratch.under(baseline.mask, baseline.bias), self.data
        if score == ABLATION:
            better, given = self.facts.higher_is_better, self.measured_with()
            found = tradeoff.ablation(*given, baseline, better, stop, progress)
        elif baseline.broken:
            found = self._measured(baseline.mask, baseline.bias, baseline.folded, score).scores
        else:
            found = adapter.scores(measure.inputs, score)
        return measure.rescored(baseline, found, score)

    def draw(self, baseline: Baseline) -> None:
        """Give a baseline its curves again, if it has let go of them."""
        if not baseline.curves:
            self.data.draw(self.scratch.under(baseline.mask, baseline.bias), baseline)

    def outputs(self, mask: Sequence[Tensor], bias: Sequence[Tensor], inputs: object) -> Tensor:
        """Return what the model gives for inputs under masks and biases."""
        checked = self.data.check_inputs(self.adapter, inputs)
        return forward_in_blocks(self.scratch.under(mask, bias), checked)

    def measured_with(self) -> tuple[Adapter, Tensor, Any]:
        """Return what a trade-off is measured with: private copy, rows, and loss."""
        return self.adapter, self.data.rows, self.data.of

    def fingerprint(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> str:
        """Return a digest of the model under masks and biases."""
        return self.scratch.under(mask, bias).fingerprint()

    def _measured(
        self,
        mask: list[Tensor],
        bias: list[Tensor],
        folded: list[Tensor] | None,
        kind: str,
    ) -> Baseline:
        adapter, measure = self.scratch.under(mask, bias), self.data
        baseline = measure.baseline(adapter, mask, bias, folded, kind)
        if all(bool(t.isfinite().all()) for t in (*baseline.means, *bias)):
            return baseline
        # What comes after a broken edge has a score, a mean and a curve without it.
        sound = [m.clone() for m in mask], [_finite(b) for b in bias]
        broken: list[Edge] = []
        for _ in mask:
            means = self.scratch.under(*sound).means(measure.inputs)
            bad = [on & ~mean.isfinite() for on, mean in zip(sound[0], means, strict=True)]
            l = next((l for l, layer in enumerate(bad) if layer.any()), None)
            if l is None:
                break
            broken += [(l, i, j) for j, i in bad[l].nonzero().tolist()]
            sound[0][l] &= ~bad[l]
        without = measure.baseline(self.scratch.under(*sound), mask, bias, folded, kind)
        scores = [s.clone() for s in without.scores]
        for l, i, j in broken:
            scores[l][j, i] = torch.nan
        return replace(
            without,
            scores=scores,
            means=[_finite(mean) for mean in without.means],
            loss=baseline.loss,
            broken=broken,
        )


def _yardstick(
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
        new._number = was._number
        return new
    if was.rows.device == device and was.rows.dtype == dtype:
        return was
    new = copy.copy(was)
    for name in ("inputs", "rows", "labels"):
        value: Tensor = getattr(was, name)
        setattr(new, name, value.to(device, dtype if value.is_floating_point() else value.dtype))
    return new


def _finite(values: Tensor) -> Tensor:
    return values.masked_fill(~values.isfinite(), 0.0)
