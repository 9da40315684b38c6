"""Plans the steps of a session: what a decision leads to, measured, before anything is written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch

from kanwidget.adapters import Adapter
from kanwidget.adapters.model_copy import Weights
from kanwidget.evaluate.baseline import Baseline
from kanwidget.evaluate.evaluator import Evaluator
from kanwidget.evaluate.measure_losses import Progress, Stop
from kanwidget.evaluate.scratch import same
from kanwidget.kan.write_lock import fit_of, write_lock
from kanwidget.masks.edits import Edits
from kanwidget.masks.state import State

from .commands import count_edges
from .external_changes import (
    Adopted,
    adopt,
    baseline_in_dtype_of,
    lowered_thresholds,
    notice,
    what_changed,
)
from .history import Command, changes_between
from .live_model import ExternalChanges, PlannedStep
from .mask_and_bias import MaskAndBias
from .name_rows import NameRow
from .step_applier import StepApplier
from .training_log import TrainingLog
from .training_watch import FitRecord, TrainingWatch
from .words import Message

__all__ = ["StepPlanner"]


class StepPlanner:
    """Plans the next step of a session; `StepApplier.apply` takes it.

    Parameters
    ----------
    applier : StepApplier

    Attributes
    ----------
    fit : FitRecord or None
        The training by the session itself that is not yet in the history as a whole.
    log : TrainingLog
    """

    fit: FitRecord | None = None

    def __init__(self, applier: StepApplier) -> None:
        self._applier = applier
        self.log = TrainingLog()
        self._training = TrainingWatch(applier.require_live_model().adapter.model)
        self._starts_new_step = False  # whether the next change is a step of its own
        self._continued: int | None = None  # which step the next change goes on with
        # The step of a drag that may go on, and the hand edits in it.
        self._drag: tuple[int, Edits] | None = None

    def change(
        self, state: State, what: Message = (), merge: bool = False, always: bool = False
    ) -> PlannedStep | None:
        """Plan the step to a state, None if it is the present one.

        Parameters
        ----------
        state : State
        what : Message
            What was done; by default what is different.
        merge : bool
            Whether this goes on with the last step, if that changed the same things.
        always : bool
            Whether it is a step even if nothing changes.
        """
        applier = self._applier
        tree, before, decided = applier.history, applier.current, applier.state
        if state == decided and not always:
            return None
        start, can_merge = tree.before(), merge and not self._starts_new_step
        if can_merge and self._is_drag(before) and state.edits == decided.edits:
            assert self._drag is not None
            # Edges removed by hand because a training brought them back: the drag decides again.
            decided, state = (replace(s, edits=self._drag[1]) for s in (decided, state))
        merged = start is not None and (
            before.kind == "set"
            and not before.note
            and tree.after() is None
            and (before.id == self._continued or (can_merge and _same_names(start, decided, state)))
        )
        if not merged or start is None:
            messages = (what,) if what else changes_between(before.state, state)
            command = self._measured("set", messages, state, before.baseline)
        elif state == start.state and before.weights == start.weights:
            return self._back_to(start)
        else:
            messages = changes_between(start.state, state) or changes_between(before.state, state)
            # What was trained during a drag is a part of it, and its weights are the model's.
            messages += tuple(message for message in before.what if message[0] == "fit")
            command = self._measured(
                "set", messages, state, before.baseline, start, before, weights=before.weights
            )

        def after() -> None:
            self._starts_new_step, self._continued = False, None
            self._drag = (command.id, state.edits) if merge else None

        return self._planned(command, after=after)

    def end_drag(self) -> None:
        """Let the next change be a step of its own."""
        self._starts_new_step, self._continued = True, None

    def continue_step(self) -> None:
        """Let the next change go on with the present step, whatever that changed."""
        self._continued = self._applier.current.id

    @contextlib.contextmanager
    def as_one_step(self, what: tuple[Message, ...]) -> Iterator[None]:
        """Make one step of all that is done meanwhile, or none if it ends where it began."""
        start, count = self._applier.current, len(self._applier.history.commands)
        try:
            yield
        finally:
            self._join_steps(start, count, what)

    def commit(self) -> PlannedStep:
        """Plan to make the present state the new baseline."""
        applier, old = self._applier, self._applier.baseline
        mask, bias = applier.current_masks
        folded = old.folded_after_commit(mask, applier.state.keep_mean)
        baseline = applier.require_evaluator().make_baseline(mask, bias, folded, old.score)
        baseline = baseline.sharing_tensors_with(old)
        state = State(keep_mean=applier.state.keep_mean)
        return self._planned(
            self._measured("commit", (("commit",),), state, baseline), sets_restore_point=True
        )

    def rescore(self, score: str, stop: Stop | None, progress: Progress | None) -> PlannedStep:
        """Plan to score edges in another way, and to set both thresholds to 0."""
        applier = self._applier
        evaluator = applier.require_evaluator()
        baseline = evaluator.with_scores(applier.baseline, score, stop, progress)
        state = replace(applier.state, node_threshold=0.0, edge_threshold=0.0)
        return self._planned(self._measured("score", (("score", score),), state, baseline))

    def go_to(self, command: Command | None) -> PlannedStep | None:
        """Plan to go to a command of the history, with the weights that the model had there."""
        if command is None:
            return None
        applier, snapshots = self._applier, self._applier.history.snapshots
        live, evaluator = applier.require_live_model(), applier.require_evaluator()
        before = applier.current
        command = applier.history.get(command.id)
        there = MaskAndBias(command.baseline.mask, command.baseline.bias)
        if not applier.current_masks.fits(there):
            raise ValueError(
                f"the model had other layers or nodes at step {command.id}: there is no way back "
                "to it"
            )
        if command.weights == before.weights:
            restored = MaskAndBias(*command.baseline.restored)
            other = not restored.equals(MaskAndBias(*before.baseline.restored))
            return self._planned(self._measured_again(command, evaluator), sets_restore_point=other)
        kept = snapshots.get(command.weights)
        if kept is None or not kept.fits(live.adapter.model):
            command = self._with_present_weights(command, kept is not None)
            return self._planned(command, sets_restore_point=True)
        weights = evaluator.adapter.weights()
        snapshots.keep(before.weights, weights, applier.history.decided_weights())
        evaluator = evaluator.with_weights(kept)
        command = self._measured_again(command, evaluator)
        return self._planned(command, evaluator, sets_restore_point=True, weights=(weights, kept))

    def refine(self, grid: int) -> tuple[PlannedStep | None, float]:
        """Plan to give all splines finer grids, None if they have them; and the outputs' change."""
        applier = self._applier
        now, written = applier.require_evaluator(), applier.current_masks
        live, old = applier.require_live_model(), now.adapter.weights()
        evaluator = now.with_weights(old)
        adapter = evaluator.scratch.with_masks(*written)
        version = adapter.version()
        change = adapter.refine(grid, now.data.train_rows)
        if adapter.version() == version:
            return None, change
        what = ("refine", grid, change)
        restore_to = live.restore_to
        step = self._with_weights(
            "refine", what, applier.state, evaluator, old, written, restore_to
        )
        return step, change

    def rename(
        self,
        kind: str,
        what: Message,
        renamed: Adapter,
        state: State | None = None,
        names: tuple[NameRow, ...] = (),
    ) -> PlannedStep:
        """Plan to give the model the functions of a copy, as one step with a way back.

        Parameters
        ----------
        kind, what, names
            As of a `Command`.
        renamed : Adapter
            Of the copy, which has the masks of the state.
        state : State, optional
            What is decided with it; by default what is decided now.
        """
        applier = self._applier
        now, state = applier.require_evaluator(), state or applier.state
        written = applier.masks_under(applier.baseline, state)
        found_masks = MaskAndBias.of(renamed)
        old = now.scratch.with_masks(*applier.current_masks).weights()
        evaluator = now.with_weights(renamed.weights())
        restored = applier.require_live_model().restore_to
        moved = [
            torch.where(same(new, was), kept, kept + (new - was))
            for kept, new, was in zip(restored.bias, found_masks.bias, written.bias, strict=True)
        ]
        restore_to = MaskAndBias(restored.mask, moved)
        return self._with_weights(kind, what, state, evaluator, old, found_masks, restore_to, names)

    def _with_weights(
        self,
        kind: str,
        what: Message,
        state: State,
        evaluator: Evaluator,
        old: Weights,
        live: MaskAndBias,
        restore_to: MaskAndBias,
        names: tuple[NameRow, ...] = (),
    ) -> PlannedStep:
        """Plan a step to other weights, with a way back.

        Parameters
        ----------
        kind, what, state, names
            As of a `Command`.
        evaluator : Evaluator
            Its private copy has the new weights.
        old : Weights
            Those of the model until then.
        live, restore_to : MaskAndBias
            What the model has with the new weights, and what it goes back to from there.
        """
        applier = self._applier
        tree, switched = applier.history, applier.require_evaluator().scratch.switched_count
        found = ExternalChanges(live, [], switched, True, restore_to, 0)
        written = applier.masks_under(applier.baseline, state)
        adopted = adopt(applier.baseline, state, written, found, evaluator)
        command = self._measured(
            kind,
            (what, *_because_of_new_scores(state, adopted)),
            adopted.state,
            adopted.baseline,
            evaluator=evaluator,
            kept_off=adopted.kept_off,
            weights=tree.next_weights(),
            notice=notice(state, adopted.state),
            names=names,
        )
        tree.snapshots.keep(applier.current.weights, old, tree.decided_weights())
        return self._planned(
            command, evaluator, sets_restore_point=True, weights=(old, evaluator.adapter.weights())
        )

    def adopt_external_changes(self) -> PlannedStep | None:
        """Plan to take in what others did to the model, None if they did nothing."""
        applier = self._applier
        evaluator = applier.require_evaluator()
        live, record = applier.require_live_model(), self.fit
        over = record is not None and not record.run.running  # asked first: it may end any time
        with write_lock(live.adapter.model):  # what is counted is what the model has
            done = 0 if record is None else record.run.steps_done
            found = live.external_changes(applier.current_masks, evaluator.scratch)
            trains = record is not None and done > record.recorded
            if found and trains and not applier.current_masks.same_bias(found.live):
                found = found._replace(retrained=True)  # where no edge is on, it moves biases alone
            if found and found.retrained:
                evaluator = evaluator.for_changed_model(live.adapter)
        if found is None:
            self._training.saw_no_change()
            self.fit = None if over else record
            return None
        return self._adoption(found, evaluator, fit_of(live.adapter.model), done, over)

    def _adoption(
        self,
        found: ExternalChanges,
        evaluator: Evaluator,
        fit: tuple[int, bool],
        done: int,
        over: bool,
    ) -> PlannedStep:
        """Plan a step for what others did, or plan the last step again if they continue it.

        ``done`` are the steps of the session's own training until now, and ``over`` whether it has
        ended.
        """
        applier, tree = self._applier, self._applier.history
        before, written = applier.current, applier.current_masks
        record = self.fit if found.retrained else None
        is_fit = record is not None and done > record.recorded
        is_drag = self._drag is not None and not (is_fit and self._starts_new_step)
        kind = "fit" if is_fit else "outside"
        merged = found.retrained and not found.switched
        merged = merged and self._training.continues(fit, tree, is_drag, kind)
        adopted = adopt(applier.baseline, applier.state, written, found, evaluator)
        parent = tree.before() if merged else before
        assert parent is not None
        renews = found.retrained and not (merged and before.weights != parent.weights)
        weights = tree.next_weights() if renews else before.weights
        kept_off = adopted.kept_off | (before.kept_off if merged else frozenset())
        changes = what_changed(written, found, applier.require_evaluator(), evaluator)
        changes = (*before.changes, *changes) if merged else changes
        did: tuple[Message, ...] = (("outside", *changes),)
        first = 0
        if is_fit and record is not None:
            changes = tuple(change for change in changes if change != "trained")
            first = record.recorded if renews else record.first
            trained = record.messages(first, done)
            did = (*trained, ("outside", *changes)) if changes else trained
        what = (*did, *_because_of_new_scores(parent.state, replace(adopted, kept_off=kept_off)))
        goes_on = merged and before.kind == "set"  # a drag, while others train
        if goes_on:
            what = tuple(message for message in before.what if message[0] != "fit")
            what += tuple(message for message in did if message[0] == "fit")
        masks = MaskAndBias(adopted.baseline.mask, adopted.baseline.bias)
        is_plain = masks.equals(applier.masks_under(adopted.baseline, adopted.state))
        loss = adopted.baseline.loss if is_plain else None  # it is measured already
        command = self._measured(
            "set" if goes_on else kind,
            what,
            adopted.state,
            adopted.baseline,
            parent,
            before if merged else None,
            evaluator,
            kept_off,
            weights=weights,
            changes=() if goes_on else changes,
            notice=notice(before.state if goes_on else parent.state, adopted.state),
            loss=loss,
        )
        if renews and tree.snapshots.get(before.weights) is None:
            known = applier.require_evaluator().adapter.weights()
            tree.snapshots.keep(before.weights, known, tree.decided_weights())
        if not found.retrained:
            evaluator = evaluator.with_switched_count(found.switched_count)

        def after() -> None:
            if self._drag is not None and self._drag[0] == before.id:
                self._drag = None if "edges" in changes else (command.id, self._drag[1])
            self._training.saw_change(fit, merged)
            if is_fit and record is not None:
                record.first, record.recorded = first, done
                self.log.add(command, record.run, first, done)
            self.fit = None if over else self.fit

        return self._planned(command, evaluator, seen=found.live, found=found, after=after)

    def _is_drag(self, command: Command) -> bool:
        return self._drag is not None and self._drag[0] == command.id

    def _back_to(self, start: Command) -> PlannedStep:
        """Plan to leave no step of a drag that ended where it began."""
        tree, before = self._applier.history, self._applier.current

        def after() -> None:
            if before.id + 1 == len(tree.commands):  # else another branch may start from it
                tree.rewrite(before.id, [], tree.current)
            self._starts_new_step = True  # what follows does not go on with the step before

        command = self._measured_again(start, self._applier.require_evaluator())
        return self._planned(command, after=after)

    def _join_steps(self, start: Command, count: int, what: tuple[Message, ...]) -> None:
        tree, current = self._applier.history, self._applier.current
        made = tree.commands[count:]
        along = tree.path()[-len(made) - 1 :] if made else []
        # A training that went on meanwhile is no part of it.
        plain = all(c.kind == "set" and c.weights == start.weights for c in made)
        if not made or not plain or [c.id for c in along] != [start.id, *(c.id for c in made)]:
            return
        joined = replace(
            current,
            id=count,
            parent=start.id,
            loss_before=start.loss_after,
            edges_removed=start.active_edges - current.active_edges,
            what=what or changes_between(start.state, current.state),
        )
        tree.rewrite(count, [] if current.state == start.state else [joined], start)

    def _planned(
        self,
        command: Command,
        evaluator: Evaluator | None = None,
        *,
        sets_restore_point: bool = False,
        seen: MaskAndBias | None = None,
        found: ExternalChanges | None = None,
        weights: tuple[Weights | None, Weights | None] = (None, None),
        after: Callable[[], None] | None = None,
    ) -> PlannedStep:
        """Return the step to a command; ``weights`` are those until then, and from then on."""
        applier, (had, gets) = self._applier, weights
        seen, now = seen or applier.current_masks, applier.require_evaluator()
        wanted = applier.masks_under(command.baseline, command.state)
        return PlannedStep(
            command,
            evaluator or now,
            now,
            seen,
            wanted,
            sets_restore_point,
            gets,
            had,
            found,
            after,
        )

    def _measured(
        self,
        kind: str,
        what: tuple[Message, ...],
        state: State,
        baseline: Baseline,
        parent: Command | None = None,
        replaced: Command | None = None,
        evaluator: Evaluator | None = None,
        kept_off: frozenset[tuple[int, int, int]] = frozenset(),
        loss: float | None = None,
        **more: Any,
    ) -> Command:
        """Return a command that leads to a state, with its loss.

        Parameters
        ----------
        kind, what, state, baseline
            As of a `Command`.
        parent : Command, optional
            What it follows, by default the current one.
        replaced : Command, optional
            The command that it replaces.
        evaluator : Evaluator, optional
            What measures the loss, by default what measures the model now.
        kept_off : set of (l, i, j)
            Edges that have come back, beside those of the parent.
        loss : float, optional
            That of the state, if it has been measured just now.
        **more
            Further attributes of the command.
        """
        applier = self._applier
        parent = parent or applier.current
        masks, rule = applier.masks_under(baseline, state), baseline.mask_rule(state)
        came_back = parent.kept_off | kept_off
        still_off = {edge for edge in came_back if rule.is_removed_by_hand(edge, state.edits)}
        count = count_edges(masks.mask)
        return Command(
            len(applier.history.commands) if replaced is None else replaced.id,
            parent.id,
            kind,
            state,
            baseline,
            parent.loss_after,
            (evaluator or applier.require_evaluator()).loss(*masks) if loss is None else loss,
            count,
            parent.active_edges - count,
            applier.facts.loss_name,
            what,
            kept_off=frozenset(still_off),
            **{"weights": parent.weights, **more},
        )

    def _measured_again(self, command: Command, evaluator: Evaluator) -> Command:
        """Return a command with the loss that it has now: a metric may give another one."""
        evaluator.add_curves(command.baseline)
        loss = evaluator.loss(*self._applier.masks_under(command.baseline, command.state))
        known = loss == command.loss_after or loss != loss
        return replace(command, loss_after=command.loss_after if known else loss)

    def _with_present_weights(self, command: Command, kept: bool) -> Command:
        """Return a command on the weights that the model has now."""
        applier, now = self._applier, self._applier.baseline
        evaluator = applier.require_evaluator()
        then = baseline_in_dtype_of(command.baseline, MaskAndBias(now.mask, now.bias))
        bias = [
            b - new.sum(1) + old.sum(1)
            for b, new, old in zip(now.bias, now.folded, then.folded, strict=True)
        ]
        then = evaluator.make_baseline(then.mask, bias, then.folded, then.score)
        masks = applier.masks_under(then, command.state)
        loss = evaluator.loss(*masks)
        return replace(
            command,
            baseline=then,
            loss_before=float("nan"),
            loss_after=loss,
            active_edges=count_edges(masks.mask),
            weights=applier.current.weights,
            edges_removed=0,
            notice=("weights_lost", command.id, kept),
        )


def _same_names(start: Command, now: State, then: State) -> bool:
    """Whether a change is of the same decisions as all changes since a command."""
    return now.arguments(start.state).keys() == then.arguments(now).keys()


def _because_of_new_scores(before: State, adopted: Adopted) -> tuple[Message, ...]:
    """Return what was decided so that what was on stays on, and what was off stays off."""
    lowered = lowered_thresholds(before, adopted.state)
    return (
        *(("threshold_lowered", kind, value) for kind, _, value in lowered),
        *([("kept_off", len(adopted.kept_off))] if adopted.kept_off else []),
    )
