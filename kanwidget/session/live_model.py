"""The one place from which a session writes to its live model, and the way back.

Before anything is written it is noted, so that a write that was interrupted half-way, at
whatever moment, is known as the session's own and taken back: it never passes for a change that
others made.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from kanwidget.adapters import Adapter
from kanwidget.adapters.model_copy import Weights
from kanwidget.evaluate.baseline import Baseline, without
from kanwidget.evaluate.evaluator import Evaluator
from kanwidget.evaluate.scratch import Scratch, same
from kanwidget.kan.write_lock import write_lock
from kanwidget.masks.ids import Edge

from .history import Command

__all__ = ["ExternalChanges", "LiveModel", "Masks", "PlannedWrite", "RestorePoint"]


class Masks(NamedTuple):
    """Masks ``(n_out, n_in)`` and biases ``(n_out,)`` of all layers. Nothing may write to them."""

    mask: list[Tensor]
    bias: list[Tensor]

    @classmethod
    def of(cls, adapter: Adapter) -> Masks:
        """Return those that a model has."""
        return cls(adapter.mask(), adapter.bias())

    def like(self, live: Masks) -> Masks:
        """Return the same on the device and in the dtype of others."""
        pairs = zip(self.mask, live.mask, strict=True), zip(self.bias, live.bias, strict=True)
        return Masks([m.to(n.device) for m, n in pairs[0]], [b.to(n) for b, n in pairs[1]])

    def fits(self, live: Masks) -> bool:
        """Whether others have the same shapes."""
        return [m.shape for m in self.mask] == [m.shape for m in live.mask]

    def equals(self, live: Masks) -> bool:
        """Whether others are the same, NaN to NaN, whatever their dtype and device."""
        return self.fits(live) and all(map(_all_same, live.mask + live.bias, self.mask + self.bias))


class ExternalChanges(NamedTuple):
    """What others left in a model."""

    live: Masks
    switched: list[tuple[Edge, bool]]
    """Edges that the model's own methods switched since, which a mask need not show."""
    switched_before: int
    """How many they had switched by then."""
    retrained: bool
    """Whether they changed more than what sessions only try: masks, and kept means."""
    back: Masks
    """What the model goes back to from here."""
    changes: int
    """How often others had written biases by then."""


@dataclass(frozen=True)
class PlannedWrite:
    """What a session is about to do.

    Attributes
    ----------
    command : Command
        Where the history stands once it is done: then, and only then, it is done.
    evaluator, before : Evaluator
        What measures the model from then on, and until then.
    seen, wanted : Masks
        What the model had when it was decided, and what it shall have.
    settles : bool
        Whether the command's baseline says what the model goes back to from then on.
    weights, weights_before : Weights, optional
        Of the model from then on, and until then, if they change.
    found : Found, optional
        What others did, if the change takes it in.
    """

    command: Command
    evaluator: Evaluator
    before: Evaluator
    seen: Masks
    wanted: Masks
    settles: bool = False
    weights: Weights | None = None
    weights_before: Weights | None = None
    found: ExternalChanges | None = None


class _Pending(NamedTuple):
    """A change that has begun: what the model had then, and what is written to it."""

    change: PlannedWrite
    had: Masks
    gets: Masks


class LiveModel:
    """A live model as one session may write to it.

    Attributes
    ----------
    adapter : Adapter
        Of the live model.
    """

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self._pending: _Pending | None = None
        self._shown: tuple[Baseline, list[Tensor], bool] | None = None
        self._point = RestorePoint.join(adapter, self)
        self._known = self._point.changes  # of these it knows

    @property
    def pending(self) -> PlannedWrite | None:
        """The change that has begun and may not be finished."""
        return None if self._pending is None else self._pending.change

    @property
    def back(self) -> Masks:
        """What the model goes back to when its last session closes."""
        return self._point.back

    def shares(self) -> list[Tensor]:
        """Return by how much each edge moves the biases in what the session shows."""
        if self._shown is None:
            return []
        baseline, mask, keep_mean = self._shown
        return baseline.shares(mask, keep_mean)

    def external_changes(self, shown: Masks, scratch: Scratch) -> ExternalChanges | None:
        """Return what others left in the model, None if they did nothing.

        Parameters
        ----------
        shown : Masks
            What the session believes the model to have.
        scratch : Scratch
            What else it knows of it.
        """
        adapter = self.adapter
        with write_lock(adapter.model):
            live, version = Masks.of(adapter), adapter.version()
            every = adapter.edges_switched_by_model()
            switched = _in_force(every[scratch.switched :], live)
            fits = shown.fits(live)
            quiet = fits and all(map(_all_same, live.bias, shown.bias))
            same_masks = fits and all(map(_all_same, live.mask, shown.mask))
            if quiet and same_masks and version == scratch.version and not switched:
                scratch.switched = len(every)
                return None
            noted = self._point.after_external_changes(
                adapter
            )  # noted only when all of it is taken in
            back, changes = noted.back, noted.changes
        # A bias that another session wrote is no training.
        retrained = not fits or version != scratch.version
        retrained |= not quiet and changes != self._known
        for edge, on in switched:
            back = self._point.switched(adapter, back, edge, on)
        return ExternalChanges(live, switched, len(every), retrained, back, changes)

    def write(self, change: PlannedWrite) -> None:
        """Write what a change wants, on top of what others may write at the same time."""
        adapter = self.adapter
        with write_lock(adapter.model):
            had = Masks.of(adapter)
            if not change.wanted.fits(had):
                raise ValueError(
                    "the model has layers of other sizes now: nothing was changed; start a new "
                    "session on the model"
                )
            gets = change.wanted if change.weights else _moved(had, change.seen, change.wanted)
            self._pending = _Pending(change, had, gets)
            if change.weights is None and gets.equals(had):
                self._point.note_external_changes(
                    adapter
                )  # a loop that trains meanwhile loses no step by it
                adapter.keep_grids()
            else:
                self._point.write(adapter, gets, change.weights)
            if change.weights is not None:
                change.evaluator.scratch.version = adapter.version()

    def finish(self, done: bool) -> None:
        """End what has begun: what is done stays, and all else is taken back."""
        if self._pending is None:
            return
        change, had, gets = self._pending
        adapter = self.adapter
        with write_lock(adapter.model):
            if done:
                command, found = change.command, change.found
                if found is not None:
                    for edge, on in found.switched:
                        self._point.switch(adapter, edge, on)
                    self._known = found.changes
                baseline = command.baseline
                self._shown = baseline, change.wanted.mask, command.state.keep_mean
                if change.settles:
                    back = baseline.back or (baseline.mask, baseline.bias)
                    self._point.set_restore_point(adapter, Masks(*back))
            elif change.weights_before is not None:
                self._point.write(adapter, had, change.weights_before)
                change.before.scratch.version = adapter.version()
            elif not gets.equals(had):
                self._point.write(adapter, _taken_back(Masks.of(adapter), gets, had))
        self._pending = None

    def detach(self, shown: Masks, base: Masks, known: int) -> None:
        """Take the session's previews back, without a look at what the model computes.

        Parameters
        ----------
        shown, base : Masks
            What the session shows, and what it would show without thresholds and hand edits.
        known : int
            How many of the edges that the model's own methods switched it has taken in.
        """
        for edge, on in _in_force(
            self.adapter.edges_switched_by_model()[known:], Masks.of(self.adapter)
        ):
            if self.adapter.keeps_means:  # it stays so beside other sessions, too
                base = self._point.switched(self.adapter, base, edge, on)
            self._point.switch(self.adapter, edge, on)
        self._point.detach(self, self.adapter, shown, base)

    def release(self) -> None:
        """Leave the model to another session as it is."""
        self._point.release(self)


@dataclass(frozen=True)
class _Noted:
    """What is known of a model's masks and biases.

    ``back`` is what it goes back to, ``written`` what sessions wrote last, and ``intended`` what
    they are writing now, if they are; ``weights`` says that they write weights as well, and
    ``changes`` how often others had written biases.
    """

    back: Masks
    written: Masks
    intended: Masks | None = None
    weights: bool = False
    changes: int = 0


class RestorePoint:
    """What a live model goes back to when its last session closes.

    All sessions on a model write through it, so that it can tell their previews from what
    others do: the latter is here to stay.
    """

    def __init__(self, adapter: Adapter) -> None:
        live = Masks.of(adapter)
        self._noted = _Noted(live, live)  # only ever replaced as a whole
        self._own = _where_own(adapter, live)  # biases that the model has without any session
        self._members: weakref.WeakSet[LiveModel] = weakref.WeakSet()

    @property
    def back(self) -> Masks:
        """What the model goes back to."""
        return self._noted.back

    @property
    def changes(self) -> int:
        """How often others have written biases, as far as anybody has looked."""
        return self._noted.changes

    @classmethod
    def join(cls, adapter: Adapter, member: LiveModel) -> RestorePoint:
        """Return the restore point of a model, for one session more."""
        point = _POINTS.get(adapter.model)
        if point is None or not (point._members or point._left_open()):
            point = cls(adapter)
            _POINTS[adapter.model] = point
        point._members.add(member)
        return point

    def write(self, adapter: Adapter, masks: Masks, weights: Weights | None = None) -> None:
        """Give the model a session's masks and biases."""
        with write_lock(adapter.model):
            self.note_external_changes(adapter)
            masks = masks.like(self._noted.written)
            intends_weights = weights is not None
            self._noted = replace(self._noted, intended=masks, weights=intends_weights)
            if weights is not None:
                adapter.set_weights(weights)
            adapter.set_mask(*masks)
            self._noted = replace(self._noted, written=masks, intended=None, weights=False)

    def switch(self, adapter: Adapter, edge: Edge, on: bool) -> None:
        """Note that somebody switched an edge, though it may have been so already."""
        back = self.switched(adapter, self._noted.back, edge, on)
        self._noted = replace(self._noted, back=back)

    def switched(self, adapter: Adapter, masks: Masks, edge: Edge, on: bool) -> Masks:
        """Return masks with an edge that somebody switched, and the mean that it leaves."""
        (l, i, j), (mask, bias) = edge, map(list, masks)
        if l >= len(mask) or j >= len(mask[l]) or i >= len(mask[l].T):
            return masks  # it is another layer by now
        left = torch.zeros_like(mask[l])
        left[j, i] = adapter.keeps_means and not on and mask[l][j, i]
        mask[l] = mask[l].clone()
        mask[l][j, i] = on
        if left.any():
            bias[l] = bias[l] + self._share(l, left, bias[l])
        return Masks(mask, bias)

    def set_restore_point(self, adapter: Adapter, masks: Masks) -> None:
        """Make these what the model goes back to: a person has decided so."""
        self._noted, self._own = replace(self._noted, back=masks), _where_own(adapter, masks)

    def detach(self, member: LiveModel, adapter: Adapter, shown: Masks, base: Masks) -> None:
        """Take a session's previews back: its own, or all there are if it is the last."""
        with write_lock(adapter.model):
            if member not in self._members:
                return
            self.note_external_changes(adapter)
            masks = self._as_own(adapter, self._noted.back)
            if len(self._members) > 1:
                shares = member.shares()
                masks = _taken_back(self._noted.written, shown, base, shares)
            self.write(adapter, masks)
            self._members.discard(member)

    def release(self, member: LiveModel) -> None:
        """Let a session go that has nothing to take back, or left it to another."""
        self._members.discard(member)

    def _left_open(self) -> bool:
        noted = self._noted
        return noted.intended is not None or not noted.back.equals(noted.written)

    def note_external_changes(self, adapter: Adapter) -> None:
        """Take what others did into what the model goes back to."""
        self._noted = self.after_external_changes(adapter)

    def after_external_changes(self, adapter: Adapter) -> _Noted:
        """Return what `look` would note."""
        noted, live = self._noted, Masks.of(adapter)
        if noted.intended is None and noted.written.equals(live):
            return replace(noted, written=live)
        back, changes = noted.back, noted.changes
        if not noted.weights:
            known = [noted.written] if noted.intended is None else [noted.written, noted.intended]
            mask, bias = list(live.mask), list(live.bias)
            for l, (on, constant) in enumerate(zip(*live, strict=True)):
                if l >= len(back.mask) or any(k.mask[l].shape != on.shape for k in [*known, back]):
                    continue  # it is another layer, and nobody's preview
                ours = torch.stack([same(on, k.mask[l]) for k in known]).any(0)
                was_on = back.mask[l].to(on.device)
                mask[l] = torch.where(ours, was_on, on)
                then = _nearest(constant, [k.bias[l].to(constant) for k in known])
                was, kept = back.bias[l].to(constant), same(constant, then)
                tried = was_on != noted.written.mask[l].to(on.device)
                gone, left = tried & ~ours, tried & ours
                moved = constant - _finite(then - was - self._share(l, gone, constant))
                # Who writes a mask and a bias, as by a checkpoint, leaves no mean in the latter.
                moved = torch.where(gone.any(1) & ~left.any(1), constant, moved)
                bias[l] = torch.where(kept, was, moved)
                changes += not kept.all()
            back = self._as_own(adapter, Masks(mask, bias))
        return _Noted(back, live, changes=changes)

    def _share(self, l: int, edges: Tensor, like: Tensor) -> Tensor:
        """Return what edges of a layer have in the biases ``(n_out,)`` by what sessions show."""
        total = torch.zeros_like(like)
        if edges.any():
            for member in list(self._members):
                shares = member.shares()
                if l < len(shares) and shares[l].shape == edges.shape:
                    total += shares[l].to(like).masked_fill(~edges, 0.0).sum(1)
        return total

    def _as_own(self, adapter: Adapter, masks: Masks) -> Masks:
        """Return the same with the model's own biases where it had them, to the last bit.

        Where a session writes to no parameter these are known, while sums of what was added and
        taken away would be rounded.
        """
        own, bias = adapter.bias_without_hooks(), list(masks.bias)
        for l, where in enumerate(self._own):
            if own is not None and l < len(own) and own[l].shape == where.shape:
                bias[l] = torch.where(where.to(own[l].device), own[l], bias[l].to(own[l]))
        return Masks(masks.mask, bias)


_POINTS: WeakKeyDictionary[nn.Module, RestorePoint] = WeakKeyDictionary()


def _where_own(adapter: Adapter, masks: Masks) -> list[Tensor]:
    """Return where biases are the model's own, shapes ``(n_out,)``; none if it cannot tell."""
    own = adapter.bias_without_hooks()
    if own is None or [b.shape for b in own] != [b.shape for b in masks.bias]:
        return []
    return list(map(same, own, masks.bias))


def _in_force(switched: Sequence[tuple[Edge, bool]], live: Masks) -> list[tuple[Edge, bool]]:
    """Return what was switched and not undone since in another way, as by a checkpoint."""
    return [((l, i, j), on) for (l, i, j), on in switched if bool(live.mask[l][j, i]) == on]


def _all_same(a: Tensor, b: Tensor) -> bool:
    if a.dtype == b.dtype and a.device == b.device and torch.equal(a, b):
        return True
    return bool(same(a, b).all())


def _finite(values: Tensor) -> Tensor:
    return values.nan_to_num(0.0, 0.0, 0.0)


def _nearest(values: Tensor, known: list[Tensor]) -> Tensor:
    """Return of known values the nearest to each of others; NaN is near to NaN alone."""
    nearest = known[0]
    for other in known[1:]:
        distance, least = ((values - k).abs().nan_to_num(torch.inf) for k in (other, nearest))
        nearest = torch.where(same(values, other) | (distance < least), other, nearest)
    return nearest


def _moved(live: Masks, seen: Masks, wanted: Masks) -> Masks:
    """Return what to write, if a model has changed from what was seen since it was decided."""
    if seen.equals(live):
        return wanted
    seen, wanted = seen.like(live), wanted.like(live)
    mask = [
        torch.where(n == s, w, n) for n, s, w in zip(live.mask, seen.mask, wanted.mask, strict=True)
    ]
    bias = [
        torch.where(same(s, w), n, torch.where(same(n, s), w, _plus(w, n, s)))
        for n, s, w in zip(live.bias, seen.bias, wanted.bias, strict=True)
    ]
    return Masks(mask, bias)


def _plus(wanted: Tensor, now: Tensor, then: Tensor) -> Tensor:
    """Add to what is wanted what others have added since; what was no number is what it is now."""
    return torch.where(then.isfinite(), wanted + (now - then), now)


def _taken_back(
    live: Masks, put: Masks, before: Masks, shares: Sequence[Tensor] | None = None
) -> Masks:
    """Return what a model has without what somebody has put there.

    Where a layer is another one by now, nothing of it is left to be taken back.

    Parameters
    ----------
    live, put, before : Masks
        What there is, what was put there, and what was there before.
    shares : list of Tensor, shapes (n_out, n_in), optional
        What each edge has in the biases, if all of it was put there, and not only a part.
    """
    mask, bias = list(live.mask), list(live.bias)
    for l, (on, constant) in enumerate(zip(*live, strict=True)):
        if l >= len(put.mask) or any(m.mask[l].shape != on.shape for m in (put, before)):
            continue
        new, old = (m.mask[l].to(on.device) for m in (put, before))
        mask[l] = torch.where((new != old) & (on == new), old, on)
        added, was = (m.bias[l].to(constant) for m in (put, before))
        if shares is None:
            nearest = _nearest(constant, [was, added])
            moved = constant - _finite(nearest - was)
        else:
            nearest, share = added, shares[l].to(constant) if shares else torch.zeros_like(old)
            moved = without(constant, new != old, on != new, share)
        bias[l] = torch.where(same(constant, nearest), was, moved)
    return Masks(mask, bias)
