"""Writes planned steps to a live model and records them: all of a step happens, or none of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from torch import Tensor, nn

from kanwidget.adapters import adapt
from kanwidget.evaluate.baseline import Baseline
from kanwidget.evaluate.evaluator import Evaluator, ModelFacts
from kanwidget.evaluate.metric import Metric
from kanwidget.masks.state import State

from .commands import reset_command, start_command
from .history import Command, History
from .live_model import LiveModel, PlannedStep
from .mask_and_bias import MaskAndBias
from .snapshots import Snapshots

__all__ = ["StepApplier", "start_on_model"]


class StepApplier:
    """One live model, what measures it, and the history of what was done to it.

    Whatever takes time or may fail, above all a metric of the user's own, is done on a private
    copy while a step is planned. Then the model is written to, once, and then the history moves:
    with this the step is done. If it is interrupted before, it is taken back; if it is interrupted
    after, it is finished. Both happen at the latest when the session is used next.

    Attributes
    ----------
    live_model : LiveModel or None
        None once the session is closed.
    evaluator : Evaluator or None
        Likewise.
    facts : ModelFacts
        What the evaluator knows of the model; it stays when the session is closed.
    history : History
    model_digest : str
        Of the model as it was when the session began.
    only_record : bool
        Whether steps are recorded only, and not written to the model.
    """

    def __init__(
        self, live: LiveModel, evaluator: Evaluator, history: History, model_digest: str
    ) -> None:
        self.live_model: LiveModel | None = live
        self.evaluator: Evaluator | None = evaluator
        self.facts: ModelFacts = evaluator.facts
        self.history = history
        self.model_digest = model_digest
        self.only_record = False
        self._computed: list[tuple[Baseline, State, MaskAndBias]] = []  # the last two

    @property
    def current(self) -> Command:
        """The command of the history that the session is at."""
        return self.history.current

    @property
    def state(self) -> State:
        """What was decided."""
        return self.current.state

    @property
    def baseline(self) -> Baseline:
        """What the decisions are applied to."""
        return self.current.baseline

    @property
    def current_masks(self) -> MaskAndBias:
        """What the model has, by what was decided."""
        return self.masks_under(self.baseline, self.state)

    def masks_under(self, baseline: Baseline, state: State) -> MaskAndBias:
        """Return masks and biases of a state; those of the last two are remembered."""
        for known in self._computed:
            if known[0] is baseline and known[1] == state:
                break
        else:
            known = baseline, state, MaskAndBias(*baseline.masks_under(state))
        self._computed = [known, *(k for k in self._computed if k is not known)][:2]
        return known[2]

    def require_evaluator(self) -> Evaluator:
        """Return what measures the model, or raise a RuntimeError if the session is closed."""
        self.require_live_model()
        assert self.evaluator is not None
        return self.evaluator

    def require_live_model(self) -> LiveModel:
        """Return the live model, or raise a RuntimeError if the session is closed."""
        if self.live_model is None:
            raise RuntimeError(
                "this pruning session is closed, by its own close() or with another widget on the "
                "model; start a new one, or run the widget's cell again"
            )
        return self.live_model

    def apply(self, step: PlannedStep | None) -> bool:
        """Write to the model what a step wants, and record it; return whether there was one."""
        if step is None:
            return False
        before = self.baseline
        if self.only_record:
            self.history.move_to(step.command)
            if step.weights is not None:
                self.evaluator = step.evaluator
        else:
            live = self.require_live_model()
            try:
                live.write(step)
                self.history.move_to(step.command)
            finally:
                self.recover()
        self._computed = self._computed[:1]
        before.drop_curves(step.command.baseline)
        if step.after is not None:
            step.after()
        return True

    def recover(self) -> None:
        """Finish a step that has happened, and take back one that has not."""
        live = self.require_live_model()
        step = live.begun_step
        if step is None:
            return
        done = self.current is step.command
        if done:
            self.evaluator, self.facts = step.evaluator, step.evaluator.facts
        live.finish(done)

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Record steps only, and write to the model at the end; close the session if it fails."""
        self.only_record = True
        try:
            yield
        except BaseException:
            self.close(restore=False)
            raise
        self.write_recorded()

    def write_recorded(self) -> None:
        """Write to the model what was only recorded so far."""
        self.only_record = False
        evaluator, current = self.require_evaluator(), self.current
        adapter, renamed = self.require_live_model().adapter, current.weights != 0
        step = PlannedStep(
            replace(current),
            evaluator,
            evaluator,
            MaskAndBias.of(adapter),
            self.current_masks,
            sets_restore_point=current.baseline is not self.history.commands[0].baseline,
            weights=evaluator.adapter.weights() if renamed else None,
            weights_before=adapter.weights() if renamed else None,
        )
        self.apply(step)

    def close(self, restore: bool = True) -> None:
        """Give the model back; an interrupt waits until that is done.

        Nothing is measured, so that this works even if the model or the metric is broken.

        Parameters
        ----------
        restore : bool
            Whether to take previews back. Not if another session goes on with them.
        """
        try:
            if self.live_model is not None:
                self._close(self.live_model, restore)
        except KeyboardInterrupt:
            self.close(restore)
            raise

    def _close(self, live: LiveModel, restore: bool) -> None:
        self.recover()
        base = self.baseline
        known = 0 if self.evaluator is None else self.evaluator.scratch.switched_count
        if restore:
            live.detach(self.current_masks, MaskAndBias(base.mask, base.bias), known)
        else:
            live.release()
        if self.state != State(keep_mean=self.state.keep_mean):
            self.history.move_to(reset_command(self.history, self.facts.loss_name))
        self.live_model = self.evaluator = None


def start_on_model(
    model: nn.Module,
    dataset: Mapping[str, Tensor] | Tensor | None,
    metric: Metric | None,
    score: str | None,
    keep_mean: bool,
    snapshots: Snapshots,
    higher_is_better: bool | None = None,
    base: MaskAndBias | None = None,
) -> StepApplier:
    """Return what a session on a model begins with; nothing is written to the model.

    Parameters
    ----------
    model, dataset, metric, score, keep_mean, higher_is_better
        As for `PruningSession`.
    snapshots : Snapshots
    base : MaskAndBias, optional
        Those of the baseline, by default what the model has.
    """
    adapter = adapt(model)
    evaluator = Evaluator(adapter, dataset, metric, higher_is_better)
    names = evaluator.facts.score_names
    score = names[0] if score is None else evaluator.check_score(score)
    live = LiveModel(adapter)
    try:
        mask, bias = MaskAndBias.of(adapter) if base is None else base
        digest = evaluator.fingerprint(mask, bias)
        baseline = evaluator.make_baseline(mask, bias, score=score)
        if len(evaluator.data.metrics) > 1:  # one that raises is told now
            evaluator.metric_values(mask, bias)
        baseline = replace(baseline, restore_to=None if base else live.restore_to)
        history = History(start_command(baseline, keep_mean, evaluator.facts.loss_name), snapshots)
    except BaseException:
        live.release()
        raise
    return StepApplier(live, evaluator, history, digest)
