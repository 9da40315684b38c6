"""The one place from which a session writes to its live model.

Before anything is written it is noted. So a write that was interrupted halfway, at any moment, is
known to be the session's own and is taken back: it is not mistaken for a change that others made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.adapters.model_copy import Weights
from kanwidget.evaluate.baseline import Baseline
from kanwidget.evaluate.evaluator import Evaluator
from kanwidget.evaluate.scratch import Scratch
from kanwidget.kan.write_lock import write_lock
from kanwidget.masks.ids import Edge

from .history import Command
from .mask_and_bias import MaskAndBias, with_changes_since, without_write
from .restore_point import RestorePoint

__all__ = ["ExternalChanges", "LiveModel", "PlannedStep"]


class ExternalChanges(NamedTuple):
    """What others left in a model.

    Attributes
    ----------
    live : MaskAndBias
        What it has now.
    switched : list of ((l, i, j), bool)
        Edges that the model's own methods switched since, which a mask need not show.
    switched_count : int
        How many they have switched in all.
    retrained : bool
        Whether more was changed than what sessions write: masks, and kept means.
    restore_to : MaskAndBias
        What the model goes back to from here.
    outside_bias_changes : int
        How often others have written biases.
    """

    live: MaskAndBias
    switched: list[tuple[Edge, bool]]
    switched_count: int
    retrained: bool
    restore_to: MaskAndBias
    outside_bias_changes: int


@dataclass(frozen=True)
class PlannedStep:
    """A step that a session is about to take.

    Attributes
    ----------
    command : Command
        The current one of the history once the step is done: then, and only then, it is done.
    evaluator, evaluator_before : Evaluator
        What measures the model from then on, and until then.
    seen, wanted : MaskAndBias
        What the model had when it was decided, and what it is to have.
    sets_restore_point : bool
        Whether the command's baseline says what the model goes back to from then on.
    weights, weights_before : Weights, optional
        Of the model from then on, and until then, if they change.
    found : ExternalChanges, optional
        What others did, if this step makes it a part of the baseline.
    after : callable, optional
        Called once the step is done.
    """

    command: Command
    evaluator: Evaluator
    evaluator_before: Evaluator
    seen: MaskAndBias
    wanted: MaskAndBias
    sets_restore_point: bool = False
    weights: Weights | None = None
    weights_before: Weights | None = None
    found: ExternalChanges | None = None
    after: Callable[[], None] | None = None


class _Begun(NamedTuple):
    """A step whose write has begun: what the model had before, and what is written to it."""

    step: PlannedStep
    had: MaskAndBias
    gets: MaskAndBias


class LiveModel:
    """A live model as one session may write to it.

    Attributes
    ----------
    adapter : Adapter
        Of the live model.
    """

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self._begun: _Begun | None = None
        self._shown: tuple[Baseline, list[Tensor], bool] | None = None
        self._restore_point = RestorePoint.join(adapter, self)
        # Those that the session has taken in; None if others wrote biases while it did so.
        self._known_bias_changes: int | None = self._restore_point.outside_bias_changes

    @property
    def begun_step(self) -> PlannedStep | None:
        """The step whose write has begun and may not be finished."""
        return None if self._begun is None else self._begun.step

    @property
    def restore_to(self) -> MaskAndBias:
        """What the model goes back to when its last session closes."""
        return self._restore_point.restore_to

    def bias_shares(self) -> list[Tensor]:
        """Return by how much each edge moves the biases that the session has written."""
        if self._shown is None:
            return []
        baseline, mask, keep_mean = self._shown
        return baseline.bias_shares(mask, keep_mean)

    def external_changes(self, written: MaskAndBias, scratch: Scratch) -> ExternalChanges | None:
        """Return what others left in the model, None if they did nothing.

        Parameters
        ----------
        written : MaskAndBias
            What the session has written to the model.
        scratch : Scratch
            The private copy, and what was known of the model when it was made.
        """
        adapter, point = self.adapter, self._restore_point
        with write_lock(adapter.model):
            live, version = MaskAndBias.of(adapter), adapter.version()
            every = adapter.edges_switched_by_model()
            switched = _still_switched(every[scratch.switched_count :], live)
            same_bias, same_version = written.same_bias(live), version == scratch.version
            if same_bias and written.same_mask(live) and same_version and not switched:
                scratch.switched_count = len(every)
                self._known_bias_changes = point.outside_bias_changes
                return None
            known = point.after_external_changes(adapter)  # noted only when the step is done
        # A bias that another session wrote is no training.
        bias_changed = not same_bias and known.outside_bias_changes != self._known_bias_changes
        retrained = not written.fits(live) or not same_version or bias_changed
        restore_to = known.restore_to
        for edge, on in switched:
            restore_to = point.with_switched_edge(adapter, restore_to, edge, on)
        return ExternalChanges(
            live, switched, len(every), retrained, restore_to, known.outside_bias_changes
        )

    def write(self, step: PlannedStep) -> None:
        """Write what a step wants, on top of what others may write at the same time."""
        adapter, weights = self.adapter, step.weights
        with write_lock(adapter.model):
            had = MaskAndBias.of(adapter)
            if not step.wanted.fits(had):
                raise ValueError(
                    "the model has layers of other sizes now: nothing was changed; start a new "
                    "session on the model"
                )
            gets = step.wanted if weights else with_changes_since(had, step.seen, step.wanted)
            self._begun = _Begun(step, had, gets)
            if weights is None and gets.equals(had):  # no need to disturb a training loop
                self._restore_point.note_external_changes(adapter)
                adapter.keep_grids()
                return
            with self._restore_point.noting_write(adapter, gets, weights is not None) as wanted:
                if weights is not None:
                    adapter.set_weights(weights)
                adapter.set_mask(*wanted)
            if weights is not None:
                step.evaluator.scratch.version = adapter.version()

    def finish(self, done: bool) -> None:
        """Finish a step that has happened, or take back what was written of one that has not."""
        if self._begun is None:
            return
        (step, had, gets), adapter, point = self._begun, self.adapter, self._restore_point
        with write_lock(adapter.model):
            if done:
                command, found = step.command, step.found
                if found is not None:
                    for edge, on in found.switched:
                        point.note_switched_edge(adapter, edge, on)
                    all_seen = step.seen.same_bias(had)
                    self._known_bias_changes = found.outside_bias_changes if all_seen else None
                self._shown = command.baseline, step.wanted.mask, command.state.keep_mean
                if step.sets_restore_point:
                    point.set_restore_to(adapter, MaskAndBias(*command.baseline.restored))
            elif step.weights_before is not None:
                self._put_back(had, step.weights_before)
                step.evaluator_before.scratch.version = adapter.version()
            elif not gets.equals(had):
                self._put_back(without_write(MaskAndBias.of(adapter), gets, had))
        self._begun = None

    def detach(self, written: MaskAndBias, base: MaskAndBias, known_switched: int) -> None:
        """Take the session's previews back; nothing is computed with the model.

        Parameters
        ----------
        written, base : MaskAndBias
            What the session has written, and what that is without thresholds and hand edits.
        known_switched : int
            How many of the switches by the model's own methods are in the baseline already.
        """
        adapter, point = self.adapter, self._restore_point
        switched = adapter.edges_switched_by_model()[known_switched:]
        for edge, on in _still_switched(switched, MaskAndBias.of(adapter)):
            if adapter.keeps_means:  # it stays so beside other sessions, too
                base = point.with_switched_edge(adapter, base, edge, on)
            point.note_switched_edge(adapter, edge, on)
        with write_lock(adapter.model):
            masks = point.without_member(adapter, self, written, base)
            if masks is not None:
                self._put_back(masks)
            point.release(self)

    def release(self) -> None:
        """Leave the model to another session as it is."""
        self._restore_point.release(self)

    def _put_back(self, masks: MaskAndBias, weights: Weights | None = None) -> None:
        with self._restore_point.noting_write(self.adapter, masks, weights is not None) as wanted:
            if weights is not None:
                self.adapter.set_weights(weights)
            self.adapter.set_mask(*wanted)


def _still_switched(
    switched: Sequence[tuple[Edge, bool]], live: MaskAndBias
) -> list[tuple[Edge, bool]]:
    """Return what was switched and not undone since in another way, as by a checkpoint."""
    return [((l, i, j), on) for (l, i, j), on in switched if bool(live.mask[l][j, i]) == on]
