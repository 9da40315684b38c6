"""Scores and means of edges, from what they emit: for any library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["KINDS", "Emitting", "attribution", "means", "scores"]

KINDS = ("l1", "attribution")
"""The scores that follow from the edges' outputs alone."""

Emit = Callable[[Tensor], Tensor]
"""From a layer's inputs ``(rows, n_in)`` to what its edges emit, ``(n_out, n_in, rows)``."""

WORK = 1 << 22
"""Numbers in the largest array."""


class Emitting(Protocol):
    """What an adapter must answer; see `Adapter`."""

    @property
    def width(self) -> list[int]: ...
    def outputs(self, l: int, x: Tensor) -> Tensor: ...
    def summands(self, l: int, x: Tensor) -> Tensor: ...
    def inputs_of(self, x: Tensor) -> list[Tensor]: ...
    def mask(self) -> list[Tensor]: ...
    def grid(self) -> list[Tensor]: ...
    def slots(self) -> list[list[int]]: ...


def means(adapter: Emitting, x: Tensor) -> list[Tensor]:
    """Return every edge's mean output; 0 where a mask is off."""
    layers = zip(adapter.inputs_of(x), adapter.mask(), strict=True)
    return [_mean(partial(adapter.outputs, l), values, on) for l, (values, on) in enumerate(layers)]


def scores(adapter: Emitting, x: Tensor, kind: str) -> list[Tensor]:
    """Score every edge, in float64; edges that are off score 0.

    Parameters
    ----------
    adapter : Adapter
    x : Tensor, shape (rows, width[0])
    kind : {"l1", "attribution"}
        Mean size of the output over the width of the grid (of the data, where there is no
        grid); or which share of what varies in the outputs comes through the edge, as pykan
        0.2.x traces it back.
    """
    if kind not in KINDS:
        raise ValueError(f"an edge has no score {kind!r}; it has {', '.join(KINDS)}")
    layers = list(zip(adapter.inputs_of(x), adapter.mask(), strict=True))
    if kind == "attribution":
        found = [
            _spreads(partial(adapter.summands, l), values, on)
            for l, (values, on) in enumerate(layers)
        ]
        spread, of_sums = (list(part) for part in zip(*found, strict=True))
        return attribution(spread, of_sums, adapter.slots(), adapter.width)
    sized = []
    for l, ((values, on), ends) in enumerate(zip(layers, adapter.grid(), strict=True)):
        size = _mean(partial(_size, adapter, l), values, on)
        span = (ends[:, 1] - ends[:, 0]).double()
        span = torch.where(span.isnan(), (values.amax(0) - values.amin(0)).double(), span)
        sized.append(size.double() / (span + 1e-4))
    return sized


def _size(adapter: Emitting, l: int, x: Tensor) -> Tensor:
    return adapter.outputs(l, x).abs()


def _mean(emit: Emit, x: Tensor, on: Tensor) -> Tensor:
    """Return the mean over rows of what is emitted, ``(n_out, n_in)``."""
    total = x.new_zeros(on.shape)
    for rows in _split(x, on):
        total += emit(rows).sum(2)
    return (total / len(x)).masked_fill(~on, 0.0)


def _spreads(emit: Emit, x: Tensor, on: Tensor) -> tuple[Tensor, Tensor]:
    """Return the standard deviation of what edges emit, and of its sums, in float64."""
    mean, second = _mean(emit, x, on).double(), torch.zeros_like(on, dtype=torch.float64)
    sums = []
    for rows in _split(x, on):
        out = emit(rows).masked_fill(~on.unsqueeze(2), 0.0).double()
        second += (out - mean.unsqueeze(2)).square().sum(2)
        sums.append(out.sum(1).T)
    # One row does not vary: that is 0, and not the NaN of dividing by no rows.
    degrees = max(1, len(x) - 1)
    return (second / degrees).sqrt(), torch.cat(sums).std(0, correction=min(1, len(x) - 1))


def _split(x: Tensor, on: Tensor) -> tuple[Tensor, ...]:
    return torch.split(x, max(1, WORK // on.numel()))


def attribution(
    spread: Sequence[Tensor],
    spread_of_sums: Sequence[Tensor],
    slots: Sequence[Sequence[int]],
    width: Sequence[int],
) -> list[Tensor]:
    """Trace what varies in the outputs back to the edges.

    Each output counts the same. A slot hands its score to its edges, in the proportion of
    their standard deviations to that of their sum; a product hands its score to every slot.

    Parameters
    ----------
    spread, spread_of_sums : list of Tensor, shapes (n_out, n_in) and (n_out,)
    slots, width
        As of an `Adapter`.
    """
    node = torch.eye(width[-1], device=spread[0].device, dtype=spread[0].dtype)
    found = []
    for l in reversed(range(len(spread))):
        slot = node[:, list(slots[l])] if slots else node
        share = spread[l] / (spread_of_sums[l].unsqueeze(1) + 1e-4)
        found.append(slot.mean(0).unsqueeze(1) * share)
        node = slot @ share
    return found[::-1]
