"""Scores and means of edges, from what they emit: for any library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["KINDS", "Emitting", "attribution", "means", "scores"]

KINDS = ("l1", "attribution")
"""The scores that follow from the edges' outputs alone."""

WORK = 1 << 23
"""Numbers in the largest array."""


class Emitting(Protocol):
    """What an adapter must answer; see `Adapter`."""

    @property
    def width(self) -> list[int]: ...
    def outputs(self, l: int, x: Tensor) -> Tensor: ...
    def inputs_of(self, x: Tensor) -> list[Tensor]: ...
    def mask(self) -> list[Tensor]: ...
    def grid(self) -> list[Tensor]: ...
    def slots(self) -> list[list[int]]: ...


@dataclass(frozen=True)
class Moments:
    """Of what a layer's edges emit, ``(n_out, n_in)``, and of their sums, ``(n_out,)``."""

    mean: Tensor
    size: Tensor
    spread: Tensor
    spread_of_sums: Tensor


def moments(adapter: Emitting, l: int, x: Tensor, on: Tensor) -> Moments:
    """Return mean, mean size and standard deviation of a layer's masked outputs, in float64."""
    step = max(1, WORK // on.numel())
    first, size = torch.zeros_like(on, dtype=torch.float64), 0.0
    sums = []
    for rows in x.split(step):
        out = adapter.outputs(l, rows).masked_fill(~on.unsqueeze(2), 0.0).double()
        first, size = first + out.sum(2), size + out.abs().sum(2)
        sums.append(out.sum(1).T)
    mean, second = first / len(x), torch.zeros_like(first)
    for rows in x.split(step):
        out = adapter.outputs(l, rows).masked_fill(~on.unsqueeze(2), 0.0).double()
        second = second + (out - mean.unsqueeze(2)).square().sum(2)
    # One row does not vary: that is 0, and not the NaN of dividing by no rows.
    spread = (second / max(1, len(x) - 1)).sqrt()
    of_sums = torch.cat(sums).std(0, correction=min(1, len(x) - 1))
    return Moments(mean, size / len(x), spread, of_sums)


def means(adapter: Emitting, x: Tensor) -> list[Tensor]:
    """Return every edge's mean output; 0 where a mask is off."""
    layers = zip(adapter.inputs_of(x), adapter.mask(), strict=True)
    found = []
    for l, (values, on) in enumerate(layers):
        total = values.new_zeros(on.shape)
        for rows in values.split(max(1, WORK // on.numel())):
            total += adapter.outputs(l, rows).sum(2)
        found.append((total / len(values)).masked_fill(~on, 0.0))
    return found


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
    found = [
        moments(adapter, l, values, on)
        for l, (values, on) in enumerate(zip(adapter.inputs_of(x), adapter.mask(), strict=True))
    ]
    if kind == "attribution":
        spreads = [m.spread for m in found]
        return attribution(
            spreads, [m.spread_of_sums for m in found], adapter.slots(), adapter.width
        )
    if kind != "l1":
        raise ValueError(f"an edge has no score {kind!r}; it has {', '.join(KINDS)}")
    layers = []
    for moment, ends, values in zip(found, adapter.grid(), adapter.inputs_of(x), strict=True):
        span = (ends[:, 1] - ends[:, 0]).double()
        span = torch.where(span.isnan(), (values.amax(0) - values.amin(0)).double(), span)
        layers.append(moment.size / (span + 1e-4))
    return layers


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
