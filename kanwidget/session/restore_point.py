"""What a live model goes back to when its last session closes.

An example. A bias is 1.0 and a session has removed an edge with a mean of 0.3: the model has 1.3,
and goes back to 1.0. A cell adds 0.5 to the bias, so that the model has 1.8. This is noticed at
the next write, because 1.8 is not the 1.3 that was written last. The session's share in it is still
1.3 - 1.0 = 0.3, so that the model goes back to 1.8 - 0.3 = 1.5 from now on. In a mask there is
nothing to add up: an edge that others switched goes back to as they left it, and any other edge to
as it was. If they switched the removed edge on as well, as a checkpoint that is loaded does, then
the 1.8 is theirs alone, and the model goes back to 1.8.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from kanwidget.adapters import Adapter
from kanwidget.evaluate.scratch import same
from kanwidget.kan.write_lock import write_lock
from kanwidget.masks.ids import Edge

from .mask_and_bias import MaskAndBias, finite_or_zero, nearest_of, without_write

__all__ = ["Known", "Member", "RestorePoint"]


class Member(Protocol):
    """The part of a session that the restore point of its model uses."""

    def bias_shares(self) -> Sequence[Tensor]:
        """Return by how much each edge moves the biases in what the session shows."""
        ...


@dataclass(frozen=True)
class Known:
    """What is known of a model's masks and biases.

    Attributes
    ----------
    restore_to : MaskAndBias
        What the model goes back to.
    written : MaskAndBias
        What sessions wrote last.
    intended : MaskAndBias, optional
        What a session is writing now. It stays here if the write was interrupted.
    weights : bool
        Whether weights are being written, too.
    outside_bias_changes : int
        How often others have written biases.
    """

    restore_to: MaskAndBias
    written: MaskAndBias
    intended: MaskAndBias | None = None
    weights: bool = False
    outside_bias_changes: int = 0


class RestorePoint:
    """What a live model goes back to when its last session closes.

    All sessions on a model note here what they write. So previews, which are undone, can be
    distinguished from changes by others, which stay.
    """

    def __init__(self, adapter: Adapter) -> None:
        live = MaskAndBias.of(adapter)
        self._known = Known(live, live)  # only ever replaced as a whole
        self._own = _where_own(adapter, live)  # biases that the model has without any session
        self._members: weakref.WeakSet[Member] = weakref.WeakSet()

    @property
    def restore_to(self) -> MaskAndBias:
        """What the model goes back to."""
        return self._known.restore_to

    @property
    def outside_bias_changes(self) -> int:
        """How often others have written biases, as far as was noticed."""
        return self._known.outside_bias_changes

    @classmethod
    def join(cls, adapter: Adapter, member: Member) -> RestorePoint:
        """Return the restore point of a model, for one session more."""
        point = _POINTS.get(adapter.model)
        if point is None or not (point._members or point._has_previews()):
            point = cls(adapter)
            _POINTS[adapter.model] = point
        point._members.add(member)
        return point

    @contextmanager
    def noting_write(
        self, adapter: Adapter, wanted: MaskAndBias, with_weights: bool = False
    ) -> Iterator[MaskAndBias]:
        """Note a session's write before and after it is done; yield what to write.

        If it is interrupted the note from before stays, so that a half-written model is not
        taken for one that others changed.
        """
        with write_lock(adapter.model):
            self.note_external_changes(adapter)
            wanted = wanted.like(self._known.written)
            self._known = replace(self._known, intended=wanted, weights=with_weights)
            yield wanted
            self._known = replace(self._known, written=wanted, intended=None, weights=False)

    def note_switched_edge(self, adapter: Adapter, edge: Edge, on: bool) -> None:
        """Note that others switched an edge on or off, which it may have been already."""
        restore_to = self.with_switched_edge(adapter, self._known.restore_to, edge, on)
        self._known = replace(self._known, restore_to=restore_to)

    def with_switched_edge(
        self, adapter: Adapter, masks: MaskAndBias, edge: Edge, on: bool
    ) -> MaskAndBias:
        """Return masks with an edge that others switched, and biases with the mean it leaves."""
        (l, i, j), (mask, bias) = edge, map(list, masks)
        if l >= len(mask) or j >= len(mask[l]) or i >= len(mask[l].T):
            return masks  # the layer was replaced
        left = torch.zeros_like(mask[l])
        left[j, i] = adapter.keeps_means and not on and mask[l][j, i]
        mask[l] = mask[l].clone()
        mask[l][j, i] = on
        if left.any():
            bias[l] = bias[l] + self._bias_share(l, left, bias[l])
        return MaskAndBias(mask, bias)

    def set_restore_to(self, adapter: Adapter, masks: MaskAndBias) -> None:
        """Set what the model goes back to, because a person has decided it."""
        self._known = replace(self._known, restore_to=masks)
        self._own = _where_own(adapter, masks)

    def without_member(
        self, adapter: Adapter, member: Member, written: MaskAndBias, base: MaskAndBias
    ) -> MaskAndBias | None:
        """Return what the model is to have without a session's previews, None if it has none.

        If it is the last session, this is what the model goes back to; else it is what the model
        has, without what this session has changed.
        """
        if member not in self._members:
            return None
        self.note_external_changes(adapter)
        if len(self._members) > 1:
            return without_write(self._known.written, written, base, member.bias_shares())
        return self._with_own_bias(adapter, self._known.restore_to)

    def release(self, member: Member) -> None:
        """Let a session go that has nothing to take back, or left it to another."""
        self._members.discard(member)

    def note_external_changes(self, adapter: Adapter) -> None:
        """Note what others did since the last write: it becomes part of what is restored."""
        self._known = self.after_external_changes(adapter)

    def after_external_changes(self, adapter: Adapter) -> Known:
        """Return what `note_external_changes` would note; see the example above."""
        known, live = self._known, MaskAndBias.of(adapter)
        if known.intended is None and known.written.equals(live):
            return replace(known, written=live)
        restore_to, changes = known.restore_to, known.outside_bias_changes
        if not known.weights:
            ours = [known.written] if known.intended is None else [known.written, known.intended]
            mask, bias = list(live.mask), list(live.bias)
            for l, (on, constant) in enumerate(zip(*live, strict=True)):
                if l >= len(restore_to.mask) or any(
                    k.mask[l].shape != on.shape for k in [*ours, restore_to]
                ):
                    continue  # the layer was replaced, and has no previews
                by_us = torch.stack([same(on, k.mask[l]) for k in ours]).any(0)
                was_on = restore_to.mask[l].to(on.device)
                mask[l] = torch.where(by_us, was_on, on)
                then = nearest_of(constant, [k.bias[l].to(constant) for k in ours])
                was, kept = restore_to.bias[l].to(constant), same(constant, then)
                previewed = was_on != known.written.mask[l].to(on.device)
                gone, left = previewed & ~by_us, previewed & by_us
                share = finite_or_zero(then - was - self._bias_share(l, gone, constant))
                # Code that writes a mask and a bias, such as loading a checkpoint, leaves no mean
                # in the bias.
                moved = torch.where(gone.any(1) & ~left.any(1), constant, constant - share)
                # If a session switched an edge on and others switched it off again, its mean is
                # removed too.
                off_again = gone & ~was_on
                without_mean = was + self._bias_share(l, off_again, constant)
                stays = torch.where(off_again.any(1), without_mean, was)
                bias[l] = torch.where(kept, stays, moved)
                changes += not kept.all()
            restore_to = self._with_own_bias(adapter, MaskAndBias(mask, bias))
        return Known(restore_to, live, outside_bias_changes=changes)

    def _has_previews(self) -> bool:
        known = self._known
        return known.intended is not None or not known.restore_to.equals(known.written)

    def _bias_share(self, l: int, edges: Tensor, like: Tensor) -> Tensor:
        """Return what edges of a layer have in the biases ``(n_out,)`` by what sessions show."""
        total = torch.zeros_like(like)
        if edges.any():
            for member in list(self._members):
                shares = member.bias_shares()
                if l < len(shares) and shares[l].shape == edges.shape:
                    total += shares[l].to(like).masked_fill(~edges, 0.0).sum(1)
        return total

    def _with_own_bias(self, adapter: Adapter, masks: MaskAndBias) -> MaskAndBias:
        """Return the same with the model's own biases where it had them, to the last bit.

        Where a session writes to no parameter these are known, while sums of what was added and
        taken away would be rounded.
        """
        own, bias = adapter.bias_without_hooks(), list(masks.bias)
        for l, where in enumerate(self._own):
            if own is not None and l < len(own) and own[l].shape == where.shape:
                bias[l] = torch.where(where.to(own[l].device), own[l], bias[l].to(own[l]))
        return MaskAndBias(masks.mask, bias)


_POINTS: WeakKeyDictionary[nn.Module, RestorePoint] = WeakKeyDictionary()


def _where_own(adapter: Adapter, masks: MaskAndBias) -> list[Tensor]:
    """Return where biases are the model's own, shapes ``(n_out,)``; none if that is not known."""
    own = adapter.bias_without_hooks()
    if own is None or [b.shape for b in own] != [b.shape for b in masks.bias]:
        return []
    return list(map(same, own, masks.bias))
