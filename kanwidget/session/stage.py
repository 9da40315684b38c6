"""A live model under one session: what it shows, what it is measured with, and the way back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from kanwidget.adapters import adapt
from kanwidget.adapters.scoring import forward
from kanwidget.kan.checks import Edge

from . import tradeoff
from .baseline import Baseline, Yardstick
from .ledger import Ledger
from .metric import Metric
from .pricing import Progress, Stop

__all__ = ["Stage"]

ABLATION = "ablation"
"""By how much the loss grows without an edge: a score of any model."""


class Stage:
    """The only writer of a live model's masks and biases on behalf of one session.

    Attributes
    ----------
    adapter : Adapter
    yardstick : Yardstick
    origin : str
        The model's fingerprint as the session found it.
    mask, bias : list of Tensor, shapes (n_out, n_in) and (n_out,)
        What the model was last given.
    loss : float
        Measured then.
    score : str
        What the edges of a baseline score.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Mapping[str, Tensor] | Tensor | None,
        metric: Metric | None,
        score: str | None = None,
        higher_is_better: bool | None = None,
    ) -> None:
        self.adapter = adapter = adapt(model)
        self.score = adapter.kinds[0] if score is None else self.check_score(score)
        self.yardstick = Yardstick(adapter, data, metric, higher_is_better)
        self.origin = adapter.fingerprint()
        self._ledger = Ledger.join(adapter)
        self.mask, self.bias, self.loss = adapter.mask(), adapter.bias(), math.nan
        self._version, self._read = adapter.version(), len(adapter.switched())

    def look(
        self, mask: list[Tensor], bias: list[Tensor], folded: list[Tensor] | None = None
    ) -> Baseline:
        """Give the model these masks and biases, and make a baseline of what it is then."""
        self._ledger.write(self.adapter, mask, bias)
        adapter, measure = self.adapter, self.yardstick
        if self.score != ABLATION:
            return measure.baseline(adapter, mask, bias, folded, self.score)
        baseline = measure.baseline(adapter, mask, bias, folded, adapter.kinds[0])
        scores = tradeoff.ablation(
            adapter, measure.rows, measure.of, baseline, measure.higher_is_better
        )
        return replace(baseline, scores=scores, score=ABLATION)

    @property
    def scores_known(self) -> list[str]:
        """Names of the scores that edges can have, the usual one first."""
        return [*self.adapter.kinds, ABLATION]

    def rescored(
        self,
        baseline: Baseline,
        score: str,
        stop: Stop | None = None,
        progress: Progress | None = None,
    ) -> Baseline:
        """Return a baseline with other scores, and give the model back its masks.

        Raises
        ------
        Cancelled
            If ``stop`` became true.
        """
        adapter, measure = self.adapter, self.yardstick
        try:
            self._ledger.write(adapter, baseline.mask, baseline.bias)
            if score == ABLATION:
                how = measure.rows, measure.of, baseline, measure.higher_is_better, stop, progress
                scores = tradeoff.ablation(adapter, *how)
            else:
                scores = adapter.scores(measure.inputs, score)
        finally:
            self._ledger.write(adapter, self.mask, self.bias)
        return measure.rescored(baseline, scores, score)

    def draw(self, baseline: Baseline) -> None:
        """Give a baseline its curves again, if it has let go of them; the model gets its masks."""
        if baseline.curves:
            return
        try:
            self._ledger.write(self.adapter, baseline.mask, baseline.bias)
            self.yardstick.draw(self.adapter, baseline)
        except BaseException:
            self._ledger.write(self.adapter, self.mask, self.bias)
            raise

    def check_score(self, score: str) -> str:
        """Return the name of a score that edges can have, or raise a ValueError."""
        known = self.scores_known
        if score not in known:
            raise ValueError(f"an edge has no score {score!r}; it has {', '.join(known)}")
        return score

    def show(self, mask: list[Tensor], bias: list[Tensor]) -> None:
        """Give the model masks and biases, or leave it as it was if the metric fails."""
        try:
            self._ledger.write(self.adapter, mask, bias)
            loss = self.yardstick.loss(self.adapter)
        except BaseException:
            self._ledger.write(self.adapter, self.mask, self.bias)
            raise
        self.mask, self.bias, self.loss = mask, bias, loss

    def try_out(
        self, mask: list[Tensor], bias: list[Tensor], inputs: Tensor | None = None
    ) -> tuple[float, Tensor | None]:
        """Measure the model with other masks and biases, and give it back its own.

        Returns
        -------
        loss : float
        outputs : Tensor or None
            What it gives for inputs, if there are some.
        """
        if inputs is not None:
            inputs = self.yardstick.check_inputs(self.adapter, inputs)
        try:
            self._ledger.write(self.adapter, mask, bias)
            outputs = None if inputs is None else forward(self.adapter, inputs)
            return self.yardstick.loss(self.adapter), outputs
        finally:
            self._ledger.write(self.adapter, self.mask, self.bias)

    def found(self) -> tuple[list[Tensor], list[Tensor], list[tuple[Edge, bool]]] | None:
        """Return what others left in the model, None if they did nothing.

        Returns
        -------
        mask, bias : list of Tensor
            The live ones.
        switched : list of (edge, on)
            Edges that the model's own methods switched since, which a mask need not show.
        """
        adapter = self.adapter
        mask, bias, switched = (
            adapter.mask(),
            adapter.bias(),
            list(adapter.switched()[self._read :]),
        )
        if (
            adapter.version() == self._version
            and not switched
            and all(map(torch.equal, mask, self.mask))
            and all(map(torch.equal, bias, self.bias))
        ):
            return None
        return mask, bias, switched

    def retrained(self) -> bool:
        """Whether others changed more than masks."""
        bias = self.adapter.bias()
        shapes = [b.shape for b in bias] == [b.shape for b in self.bias]
        same = shapes and all(map(torch.equal, bias, self.bias))
        return not same or self.adapter.version() != self._version

    def take(self, switched: list[tuple[Edge, bool]]) -> None:
        """Count what `found` returned as known."""
        for edge, on in switched:
            self._ledger.switch(edge, on)
        self._version, self._read = self.adapter.version(), len(self.adapter.switched())

    def put_back(self, mask: list[Tensor], bias: list[Tensor]) -> None:
        """Give the model masks and biases without a look at it."""
        self._ledger.write(self.adapter, mask, bias)

    def settle(self, baseline: Baseline) -> None:
        """Make a baseline what the model goes back to."""
        self._ledger.settle(baseline.mask, baseline.bias)

    def leave(self, mask: list[Tensor], bias: list[Tensor]) -> None:
        """Take the session's previews back, to its baseline or to what the model was at first."""
        self._ledger.leave(self.adapter, mask, bias)

    def let_go(self) -> None:
        """Hold neither model nor data any more."""
        del self.adapter, self.yardstick
