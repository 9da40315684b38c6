"""All masks and biases of a model at one moment, and how two writers' changes are combined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.evaluate.baseline import without_shares
from kanwidget.evaluate.scratch import same

__all__ = [
    "MaskAndBias",
    "finite_or_zero",
    "nearest_of",
    "with_changes_since",
    "without_write",
]


class MaskAndBias(NamedTuple):
    """Masks ``(n_out, n_in)`` and biases ``(n_out,)`` of all layers. Nothing may write to them."""

    mask: list[Tensor]
    bias: list[Tensor]

    @classmethod
    def of(cls, adapter: Adapter) -> MaskAndBias:
        """Return those that a model has."""
        return cls(adapter.mask(), adapter.bias())

    def like(self, live: MaskAndBias) -> MaskAndBias:
        """Return the same on the device and in the dtype of others."""
        pairs = zip(self.mask, live.mask, strict=True), zip(self.bias, live.bias, strict=True)
        return MaskAndBias([m.to(n.device) for m, n in pairs[0]], [b.to(n) for b, n in pairs[1]])

    def fits(self, live: MaskAndBias) -> bool:
        """Whether others have the same shapes."""
        return [m.shape for m in self.mask] == [m.shape for m in live.mask]

    def same_mask(self, live: MaskAndBias) -> bool:
        """Whether others have the same masks."""
        return self.fits(live) and all(map(_all_same, live.mask, self.mask))

    def same_bias(self, live: MaskAndBias) -> bool:
        """Whether others have the same biases, NaN to NaN, whatever their dtype and device."""
        return self.fits(live) and all(map(_all_same, live.bias, self.bias))

    def equals(self, live: MaskAndBias) -> bool:
        """Whether others have the same masks and biases."""
        return self.same_mask(live) and self.same_bias(live)


def with_changes_since(live: MaskAndBias, seen: MaskAndBias, wanted: MaskAndBias) -> MaskAndBias:
    """Return what to write, if the model is not any more as it was seen when that was decided.

    What others have switched since stays switched, and what they have added to a bias since is
    added to the wanted one.
    """
    if seen.equals(live):
        return wanted
    seen, wanted = seen.like(live), wanted.like(live)
    mask = [
        torch.where(n == s, w, n) for n, s, w in zip(live.mask, seen.mask, wanted.mask, strict=True)
    ]
    bias = [
        torch.where(same(s, w), n, torch.where(same(n, s), w, _plus_change(w, n, s)))
        for n, s, w in zip(live.bias, seen.bias, wanted.bias, strict=True)
    ]
    return MaskAndBias(mask, bias)


def without_write(
    live: MaskAndBias,
    written: MaskAndBias,
    before: MaskAndBias,
    shares: Sequence[Tensor] | None = None,
) -> MaskAndBias:
    """Return what a model has without what was written to it.

    A layer that was replaced since stays as it is: nothing of the write is left in it.

    Parameters
    ----------
    live, written, before : MaskAndBias
        What the model has, what was written, and what it had before that.
    shares : list of Tensor, shapes (n_out, n_in), optional
        What each edge has in the biases, if all of it was written, and not only a part.
    """
    mask, bias = list(live.mask), list(live.bias)
    for l, (on, constant) in enumerate(zip(*live, strict=True)):
        if l >= len(written.mask) or any(m.mask[l].shape != on.shape for m in (written, before)):
            continue
        new, old = (m.mask[l].to(on.device) for m in (written, before))
        mask[l] = torch.where((new != old) & (on == new), old, on)
        added, was = (m.bias[l].to(constant) for m in (written, before))
        if shares is None:
            nearest = nearest_of(constant, [was, added])
            moved = constant - finite_or_zero(nearest - was)
        else:
            nearest, share = added, shares[l].to(constant) if shares else torch.zeros_like(old)
            moved = without_shares(constant, new != old, on != new, share)
        bias[l] = torch.where(same(constant, nearest), was, moved)
    return MaskAndBias(mask, bias)


def finite_or_zero(values: Tensor) -> Tensor:
    """Return values with 0 in the place of NaN and infinity."""
    return values.nan_to_num(0.0, 0.0, 0.0)


def nearest_of(values: Tensor, known: list[Tensor]) -> Tensor:
    """Return for each value the nearest of the known ones; NaN is near to NaN alone."""
    nearest = known[0]
    for other in known[1:]:
        distance, least = ((values - k).abs().nan_to_num(torch.inf) for k in (other, nearest))
        nearest = torch.where(same(values, other) | (distance < least), other, nearest)
    return nearest


def _all_same(a: Tensor, b: Tensor) -> bool:
    if a.dtype == b.dtype and a.device == b.device and torch.equal(a, b):
        return True
    return bool(same(a, b).all())


def _plus_change(wanted: Tensor, now: Tensor, then: Tensor) -> Tensor:
    """Add what changed since then to what is wanted; where it was not finite, return it as now."""
    return torch.where(then.isfinite(), wanted + (now - then), now)
