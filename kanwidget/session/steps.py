"""Applies decisions to a live model, and records each change: what a session consists of."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from kanwidget.adapters import adapt
from kanwidget.evaluate.baseline import Baseline
from kanwidget.evaluate.evaluator import Evaluator
from kanwidget.evaluate.measure_losses import Progress, Stop
from kanwidget.evaluate.metric import Metric, name_of
from kanwidget.kan.write_lock import fit_of
from kanwidget.masks.edits import Edits
from kanwidget.masks.effective import MaskRule
from kanwidget.masks.state import State

from .external_changes import adopt, like, lowered_thresholds, notice, what_changed
from .history import Command, History, changes_between
from .live_model import ExternalChanges, LiveModel, Masks, PlannedWrite
from .snapshots import Snapshots
from .words import Message

__all__ = ["Steps"]

PAUSE = 3.0
"""Seconds without a change after which a training that nobody told us of has ended."""


class Steps:
    """One live model, what measures it, and the history of what was done to it.

    All that takes time or may fail, a metric of the user's own above all, is done on a private
    copy; then the model is written to, once; and then the history has a step more, or stands
    elsewhere: with this a step has happened. What is interrupted before is taken back, and
    what is interrupted after is finished, the next time that anything is asked of the session.

    Attributes
    ----------
    live : LiveModel or None
        None once the session is closed.
    evaluator : Evaluator or None
        Likewise.
    history : History
    held : bool
        Whether steps are recorded only, and not written to the model.
    """

    live: LiveModel | None = None
    evaluator: Evaluator | None = None

    def __init__(
        self,
        model: nn.Module,
        data: Mapping[str, Tensor] | Tensor | None,
        metric: Metric | None,
        score: str | None,
        keep_mean: bool,
        snapshots: Snapshots,
        start: Masks | None = None,
        higher_is_better: bool | None = None,
    ) -> None:
        adapter = adapt(model)
        self.evaluator = evaluator = Evaluator(adapter, data, metric, higher_is_better)
        self.facts = evaluator.facts
        score = evaluator.facts.scores_known[0] if score is None else evaluator.check_score(score)
        self.metric_name = "" if metric is None else name_of(metric)
        self.asked_higher = None if higher_is_better is None else bool(higher_is_better)
        self.held = False
        self._own_step = False  # whether the next change is a step of its own
        self._training: tuple[int, bool] = fit_of(model)  # when others last changed the model
        self._by_fit = False  # whether that was a fit of ours
        self._trained = 0.0  # when a training was last seen to go on
        self._quiet = False  # whether nothing had changed at a look since
        # The last step, if it may go on, and what a hand had switched in it.
        self._drag: tuple[int, Edits] | None = None
        self._known: tuple[Command, Masks] | None = None  # the current command and its masks
        self._planned: tuple[Command, Masks] | None = None  # those of the one to come
        live = LiveModel(adapter)
        try:
            mask, bias = Masks.of(adapter) if start is None else start
            self.origin = evaluator.fingerprint(mask, bias)
            baseline = evaluator.baseline(mask, bias, score=score)
            baseline = replace(baseline, back=None if start else live.back)
            self.history = History(
                Command(
                    0,
                    None,
                    "start",
                    State(keep_mean=keep_mean),
                    baseline,
                    baseline.loss,
                    baseline.loss,
                    _count(mask),
                    loss_name=evaluator.facts.loss_name,
                ),
                snapshots,
            )
        except BaseException:
            live.release()
            raise
        self.live = live

    # Where it stands -------------------------------------------------------------------------

    @property
    def current(self) -> Command:
        return self.history.current

    @property
    def state(self) -> State:
        return self.current.state

    @property
    def baseline(self) -> Baseline:
        return self.current.baseline

    @property
    def current_masks(self) -> Masks:
        """What the model has, by what was decided."""
        self._known = self._known_masks(self.current)
        return self._known[1]

    def _known_masks(self, command: Command) -> tuple[Command, Masks]:
        """Return a command with its masks, which are computed once."""
        for known in (self._known, self._planned):
            if known is None:
                continue
            if known[0] is command:
                return known
            if known[0].baseline is command.baseline and known[0].state == command.state:
                return command, known[1]
        return command, _masks(command.baseline, command.state)

    def mask_rule(self, state: State | None = None) -> MaskRule:
        """Return what hand edits stand on."""
        return self.baseline.mask_rule(state or self.state)

    def open_evaluator(self) -> Evaluator:
        """Return what measures the model, or raise a RuntimeError if the session is closed."""
        self.open_model()
        assert self.evaluator is not None
        return self.evaluator

    def open_model(self) -> LiveModel:
        """Return the live model, or raise a RuntimeError if the session is closed."""
        if self.live is None:
            raise RuntimeError(
                "this pruning session is closed, by its own close() or with another widget on the "
                "model; start a new one, or run the widget's cell again"
            )
        return self.live

    # Steps -----------------------------------------------------------------------------------

    def apply(
        self,
        state: State,
        what: tuple[Message, ...] = (),
        merge: bool = False,
        always: bool = False,
    ) -> None:
        """Bring the model to a state.

        Parameters
        ----------
        state : State
        what : tuple of messages
            What was done; by default what is different.
        merge : bool
            Whether this goes on with the last step, if that changed the same things.
        always : bool
            Whether it is a step even if nothing changes.
        """
        if state == self.state and not always:
            return
        before, start, decided = self.current, self.history.before(), self.state
        drag = self._drag if merge and not self._own_step else None
        if drag is not None and drag[0] == before.id and state.edits == decided.edits:
            # What came back by a training meanwhile is the threshold's again.
            decided, state = (replace(s, edits=drag[1]) for s in (decided, state))
        merged = (
            merge
            and not self._own_step
            and start is not None
            and before.kind == "set"
            and not before.note
            and self.history.after() is None
            and decided.arguments(start.state).keys() == state.arguments(decided).keys()
        )
        if merged and start is not None and state == start.state and not _trains(before, start):
            self._return_to(start)
            return
        what = what or changes_between(before.state, state)
        if merged and start is not None:
            what = changes_between(start.state, state) or what
            command = self._measured("set", what, state, before.baseline, start, before)
        else:
            command = self._measured("set", what, state, before.baseline, before)
        self._perform(command)
        self._own_step, self._drag = False, (command.id, state.edits) if merge else None

    def end_step(self) -> None:
        """Let the next change be a step of its own."""
        self._own_step = True

    @contextlib.contextmanager
    def as_one(self, what: tuple[Message, ...] = ()) -> Iterator[None]:
        """Make one step of all that is done meanwhile, or none if it ends where it began."""
        start, count = self.current, len(self.history.commands)
        try:
            yield
        finally:
            self._join(start, count, what)

    def _join(self, start: Command, count: int, what: tuple[Message, ...]) -> None:
        made, current = self.history.commands[count:], self.current
        along = self.history.path()[-len(made) - 1 :] if made else []
        plain = all(command.kind == "set" for command in made)
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
        self.history.rewrite(count, [] if current.state == start.state else [joined], start)

    def commit(self) -> None:
        """Make the present state the new baseline."""
        self.refresh()
        evaluator = self.open_evaluator()
        mask, bias = self.current_masks
        folded = self.baseline.folded_under(mask, self.state.keep_mean)
        baseline = evaluator.baseline(mask, bias, folded, self.baseline.score)
        state = State(keep_mean=self.state.keep_mean)
        shared = baseline.sharing(self.baseline)
        command = self._measured("commit", (("commit",),), state, shared, self.current)
        self._perform(command, settles=True)

    def rescore(
        self, score: str, stop: Stop | None = None, progress: Progress | None = None
    ) -> None:
        """Score edges in another way, and set both thresholds to 0."""
        self.open_evaluator().check_score(score)
        self.refresh()
        old, evaluator = self.baseline, self.open_evaluator()
        if score == old.score:
            return
        baseline = evaluator.rescored(old, score, stop, progress)
        state = replace(self.state, node_threshold=0.0, edge_threshold=0.0)
        what = (("score", score),)
        self._perform(self._measured("score", what, state, baseline, self.current))

    def go_to(self, command: Command | None) -> bool:
        """Go to a command of the history, with the weights that the model had there."""
        if command is None:
            return False
        self.refresh()
        live, before, evaluator = self.open_model(), self.current, self.open_evaluator()
        command = self.history.get(command.id)
        if not self.current_masks.fits(Masks(command.baseline.mask, command.baseline.bias)):
            raise ValueError(
                f"the model had other layers or nodes at step {command.id}: there is no way back "
                "to it"
            )
        if command.weights == before.weights:
            self._perform(self._measured_again(command, evaluator), settles=_moves(command, before))
            return True
        kept = self.history.snapshots.get(command.weights)
        if kept is None or not kept.fits(live.adapter.model):
            self._perform(self._rebased(command, kept is not None), settles=True)
            return True
        weights = evaluator.adapter.weights()
        self.history.snapshots.keep(before.weights, weights)
        evaluator = evaluator.with_weights(kept)
        command = self._measured_again(command, evaluator)
        self._perform(command, evaluator, settles=True, weights=(weights, kept))
        return True

    def refresh(self) -> bool:
        """Take in what others did to the model since; return whether there was anything."""
        live = self.open_model()
        self._recover()
        if self.held:
            return False
        evaluator = self.open_evaluator()
        found = live.external_changes(self.current_masks, evaluator.scratch)
        if found is None:
            self._quiet = True
            return False
        self._adopt_external_changes(live, evaluator, found)
        return True

    def write_held_steps(self) -> None:
        """Write to the model what was recorded while it was held."""
        self.held = False
        current = self.current
        settles = current.baseline is not self.history.commands[0].baseline
        self._perform(replace(current), settles=settles, seen=Masks.of(self.open_model().adapter))

    # The end ---------------------------------------------------------------------------------

    def close(self, leave: bool = True) -> None:
        """Give the model back; an interrupt waits until that is done.

        Nothing is measured: whatever became of the model or the metric, this works.

        Parameters
        ----------
        leave : bool
            Whether to take previews back. Not if another session goes on with them.
        """
        try:
            if self.live is not None:
                self._release(self.live, leave)
        except KeyboardInterrupt:
            self.close(leave)
            raise

    def _release(self, live: LiveModel, leave: bool) -> None:
        self._recover()
        base, state = self.baseline, State(keep_mean=self.state.keep_mean)
        if leave:
            known = 0 if self.evaluator is None else self.evaluator.scratch.switched
            live.detach(self.current_masks, Masks(base.mask, base.bias), known)
        else:
            live.release()
        if self.state != state:
            before, count = self.current, _count(base.mask)
            command = Command(
                len(self.history.commands),
                before.id,
                "set",
                state,
                base,
                before.loss_after,
                base.loss,
                count,
                before.active_edges - count,
                self.facts.loss_name,
                (("reset",),),
                weights=before.weights,
            )
            self.history.move_to(command)
        self.live = self.evaluator = None

    # How -------------------------------------------------------------------------------------

    def _measured(
        self,
        kind: str,
        what: tuple[Message, ...],
        state: State,
        baseline: Baseline,
        parent: Command,
        instead: Command | None = None,
        evaluator: Evaluator | None = None,
        **more: Any,
    ) -> Command:
        """Return a command that leads to a state, after a parent or in another one's place."""
        masks, ground = _masks(baseline, state), baseline.mask_rule(state)
        came_back = parent.kept_off | more.pop("kept_off", frozenset())
        kept_off = {edge for edge in came_back if ground.off_by_hand(edge, state.edits)}
        loss = (evaluator or self.open_evaluator()).loss(*masks)
        count = _count(masks.mask)
        command = Command(
            len(self.history.commands) if instead is None else instead.id,
            parent.id,
            kind,
            state,
            baseline,
            parent.loss_after,
            loss,
            count,
            parent.active_edges - count,
            self.facts.loss_name,
            what,
            kept_off=frozenset(kept_off),
            **{"weights": parent.weights, **more},
        )
        self._planned = command, masks
        return command

    def _measured_again(self, command: Command, evaluator: Evaluator) -> Command:
        """Return a command with the loss that it has now: a metric may have changed its mind."""
        evaluator.draw(command.baseline)
        masks = _masks(command.baseline, command.state)
        loss = evaluator.loss(*masks)
        known = loss == command.loss_after or loss != loss
        return replace(command, loss_after=command.loss_after if known else loss)

    def _rebased(self, command: Command, kept: bool) -> Command:
        """Return a command on the weights that the model has now."""
        now, evaluator = self.baseline, self.open_evaluator()
        then = like(command.baseline, Masks(now.mask, now.bias))
        bias = [
            b - new.sum(1) + old.sum(1)
            for b, new, old in zip(now.bias, now.folded, then.folded, strict=True)
        ]
        then = evaluator.baseline(then.mask, bias, then.folded, then.score)
        masks = _masks(then, command.state)
        loss, count = evaluator.loss(*masks), _count(masks.mask)
        return replace(
            command,
            baseline=then,
            loss_before=float("nan"),
            loss_after=loss,
            active_edges=count,
            weights=self.current.weights,
            edges_removed=0,
            notice=("weights_lost", command.id, kept),
        )

    def _perform(
        self,
        command: Command,
        evaluator: Evaluator | None = None,
        *,
        settles: bool = False,
        seen: Masks | None = None,
        found: ExternalChanges | None = None,
        weights: tuple[Any, Any] = (None, None),
    ) -> None:
        """Write to the model what a command wants, and stand there."""
        before, left = self.open_evaluator(), self.baseline
        if self.held:
            self.history.move_to(command)
            left.forget_drawing(command.baseline)
            return
        (_, wanted), (had, gets) = self._known_masks(command), weights
        seen = seen or self.current_masks
        change = PlannedWrite(
            command, evaluator or before, before, seen, wanted, settles, gets, had, found
        )
        try:
            self.open_model().write(change)
            self.history.move_to(command)
        finally:
            self._recover()
        left.forget_drawing(command.baseline)

    def _recover(self) -> None:
        """Finish a step that has happened, and take back one that has not."""
        live = self.open_model()
        change = live.pending
        if change is None:
            return
        done = self.current is change.command
        if done:
            self.evaluator, self.facts = change.evaluator, change.evaluator.facts
        live.finish(done)

    def _return_to(self, start: Command) -> None:
        """Leave no step of what ended where it began."""
        before = self.current
        self._perform(self._measured_again(start, self.open_evaluator()))
        if before.id + 1 == len(self.history.commands):  # else it may be another branch's way
            self.history.rewrite(before.id, [], self.current)
        self._own_step = True  # what follows does not go on with the step before

    def _adopt_external_changes(
        self, live: LiveModel, evaluator: Evaluator, found: ExternalChanges
    ) -> None:
        before, model = self.current, live.adapter.model
        if found.retrained:
            evaluator = evaluator.renewed(live.adapter)
        training = fit_of(model)
        merged = found.retrained and not found.switched and self._goes_on(training)
        adopted = adopt(self.baseline, self.state, self.current_masks, found, evaluator)
        parent = self.history.before() if merged else before
        assert parent is not None
        numbers = [c.weights for c in self.history.commands]
        renews = found.retrained and not (merged and before.weights != parent.weights)
        weights = 1 + max(numbers) if renews else before.weights
        kept_off = adopted.kept_off | (before.kept_off if merged else frozenset())
        changes = what_changed(self.current_masks, found, self.open_evaluator(), evaluator)
        changes = (*before.changes, *changes) if merged else changes
        lowered = lowered_thresholds(parent.state, adopted.state)
        what: tuple[Message, ...] = (
            ("outside", *changes),
            *(("threshold_lowered", kind, value) for kind, _, value in lowered),
            *([("kept_off", len(kept_off))] if kept_off else []),
        )
        goes_on = merged and before.kind == "set"  # a drag, while others train
        command = self._measured(
            "set" if goes_on else "outside",
            before.what if goes_on else what,
            adopted.state,
            adopted.baseline,
            parent,
            before if merged else None,
            evaluator,
            weights=weights,
            changes=() if goes_on else changes,
            kept_off=kept_off,
            notice=notice(before.state if goes_on else parent.state, adopted.state),
        )
        if renews and self.history.snapshots.get(before.weights) is None:
            known = self.open_evaluator().adapter.weights()
            self.history.snapshots.keep(before.weights, known)
        if not found.retrained:
            evaluator = evaluator.knowing(found.switched_before)
        self._perform(command, evaluator, seen=found.live, found=found)
        if self._drag is not None and self._drag[0] == before.id:
            self._drag = None if "edges" in changes else (command.id, self._drag[1])
        own = training != self._training or training[1]
        self._by_fit = own or (merged and self._by_fit)
        self._training, self._quiet, self._trained = training, False, time.monotonic()

    def _goes_on(self, training: tuple[int, bool]) -> bool:
        """Whether others go on with the training that the last step stands for.

        A fit of our own says which it is, and when it ends. Any other one has ended when the
        model stays as it is for `PAUSE`, or by a decision, unless that is a drag.
        """
        before, start = self.current, self.history.before()
        if start is None or before.note or self.history.after() is not None:
            return False
        trains = before.kind == "outside" and before.weights != start.weights
        drags = before.kind == "set" and start.kind == "outside" and self._drag is not None
        kept = before.weights != start.weights and (
            self.history.snapshots.get(before.weights) is not None
        )
        return (
            (trains or drags)
            and not kept
            and training[0] == self._training[0]
            and (not self._quiet or self._training[1] or self._pauses())
        )

    def _pauses(self) -> bool:
        """Whether a training that is no fit of ours may only be between two steps."""
        return not self._by_fit and time.monotonic() - self._trained < PAUSE


def _trains(command: Command, start: Command) -> bool:
    """Whether others have trained the model from one command to the next."""
    return command.weights != start.weights


def _masks(baseline: Baseline, state: State) -> Masks:
    mask = baseline.mask_rule(state).mask(state.edits)
    return Masks(mask, baseline.bias_under(mask, state.keep_mean))


def _moves(command: Command, before: Command) -> bool:
    """Whether going to a command changes what the model goes back to."""
    here, there = (
        Masks(*(b.back or (b.mask, b.bias))) for b in (command.baseline, before.baseline)
    )
    return not here.equals(there)


def _count(mask: Sequence[Tensor]) -> int:
    return sum(int(layer.sum()) for layer in mask)
