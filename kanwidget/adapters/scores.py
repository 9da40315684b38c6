"""Scores and mean outputs of edges, for models of any library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from kanwidget.kan.bsplines import score_span
from kanwidget.kan.row_blocks import split_rows

from .protocol import Adapter

__all__ = [
    "SCORE_NAMES",
    "ScoredModel",
    "attribution",
    "check_score",
    "forward_in_blocks",
    "means",
    "scores",
]

SCORE_NAMES = ("l1", "attribution")
"""The scores that follow from the edges' outputs alone."""


class ScoredModel(Adapter, Protocol):
    """What an adapter must answer beside that to have its edges scored; see `BaseAdapter`."""

    def edge_outputs(self, l: int, x: Tensor) -> Tensor: ...
    def attribution_terms(self, l: int, x: Tensor) -> Tensor: ...


def means(adapter: ScoredModel, x: Tensor) -> list[Tensor]:
    """Return every edge's mean output; 0 where a mask is off."""
    return _mean_outputs(adapter, x, lambda out: out)


def forward_in_blocks(adapter: Adapter, x: Tensor) -> Tensor:
    """Return the outputs of a model as it is, for rows in blocks."""
    blocks = split_rows(x, 8 * max(adapter.width))
    return torch.cat([adapter.forward(rows) for rows in blocks])


def scores(adapter: ScoredModel, x: Tensor, kind: str) -> list[Tensor]:
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
    check_score(kind, SCORE_NAMES)
    if kind == "attribution":
        return attribution(*_standard_deviations(adapter, x), adapter.slots(), adapter.width)
    sized = []
    grids, sizes = adapter.grid(), _mean_outputs(adapter, x, torch.abs)
    ends = _ranges(adapter, x) if any(bool(grid.isnan().any()) for grid in grids) else grids
    for size, grid, end in zip(sizes, grids, ends, strict=True):
        known = torch.where(grid.isnan().any(1, keepdim=True), end, grid)
        sized.append(size.double() / score_span(known.double()))
    return sized


def check_score(score: object, known: Sequence[str]) -> str:
    """Return the name of a score that edges have, or raise a ValueError."""
    if not isinstance(score, str) or score not in known:
        given = repr(score)
        given = given if len(given) <= 80 else f"{given[:77]}..."
        raise ValueError(f"an edge has no score {given}; it has {', '.join(known)}")
    return score


def _row_blocks(adapter: ScoredModel, x: Tensor) -> Iterator[list[Tensor]]:
    """Yield what enters each layer, for a block of rows after the other."""
    for rows in split_rows(x, 8 * max(adapter.width)):
        yield adapter.inputs_of(rows)


def _mean_outputs(
    adapter: ScoredModel, x: Tensor, function: Callable[[Tensor], Tensor]
) -> list[Tensor]:
    """Return the means of a function of what edges emit, 0 where a mask is off."""
    mask = adapter.mask()
    totals = [x.new_zeros(on.shape) for on in mask]
    for inputs in _row_blocks(adapter, x):
        for l, (values, on) in enumerate(zip(inputs, mask, strict=True)):
            for rows in split_rows(values, on.numel()):
                totals[l] += function(adapter.edge_outputs(l, rows)).sum(2)
    return [(t / len(x)).masked_fill(~on, 0.0) for t, on in zip(totals, mask, strict=True)]


def _ranges(adapter: ScoredModel, x: Tensor) -> list[Tensor]:
    """Return the least and largest value of each input of each layer, ``(n_in, 2)``."""
    found: list[Tensor] = []
    for inputs in _row_blocks(adapter, x):
        ends = [torch.stack([values.amin(0), values.amax(0)], 1) for values in inputs]
        if found:
            both = [torch.stack(pair) for pair in zip(found, ends, strict=True)]
            ends = [torch.stack([p[..., 0].amin(0), p[..., 1].amax(0)], 1) for p in both]
        found = ends
    return found


def _standard_deviations(adapter: ScoredModel, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return the standard deviations of edge outputs, and of their sums, in float64."""
    mask = adapter.mask()
    edges = [_RunningSpread() for _ in mask]
    sums = [_RunningSpread() for _ in mask]
    for inputs in _row_blocks(adapter, x):
        for l, (values, on) in enumerate(zip(inputs, mask, strict=True)):
            for rows in split_rows(values, on.numel()):
                out = adapter.attribution_terms(l, rows).masked_fill(~on.unsqueeze(2), 0.0).double()
                edges[l].add(out)
                sums[l].add(out.sum(1))
    return [spread.found for spread in edges], [spread.found for spread in sums]


class _RunningSpread:
    """The standard deviation along the last axis of arrays that come in blocks."""

    _mean: Tensor
    _squares: Tensor  # summed distances from the mean
    _count = 0

    def add(self, values: Tensor) -> None:
        """Take in a block (Chan, Golub and LeVeque 1983)."""
        count = values.shape[-1]
        mean = values.mean(-1)
        squares = (values - mean.unsqueeze(-1)).square().sum(-1)
        if not self._count:
            self._mean, self._squares, self._count = mean, squares, count
            return
        total, apart = self._count + count, mean - self._mean
        self._mean = self._mean + apart * (count / total)
        self._squares = self._squares + squares + apart.square() * (self._count * count / total)
        self._count = total

    @property
    def found(self) -> Tensor:
        # A single row does not vary: the result is 0, not the NaN of dividing by zero rows.
        return (self._squares / max(1, self._count - 1)).sqrt()


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
