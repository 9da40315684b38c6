"""Every edge's function as cubics on cells, so that a browser can compute the network by itself.

The cells of a source node cover every value that it can take under any mask, with means kept or
lost. They end at the knots, where a function need not be smooth, and are as small as it takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters.edge_functions import EdgeFunctions
from kanwidget.evaluate.baseline import Baseline
from kanwidget.functions.curve import NamedCurve, named_value
from kanwidget.functions.library import FUNCTIONS
from kanwidget.kan.arrays import as_array

__all__ = [
    "MAX_TABLE_BYTES",
    "MAX_TABLE_EDGES",
    "Cells",
    "Layer",
    "cells",
    "extremes",
    "first_cells",
    "layer_of",
    "layers_of",
    "outwards",
    "points_on",
]

Floats = NDArray[np.float64]
Function = Callable[[Tensor], Tensor]
"""From points ``(n, n_in)`` to values ``(m, n_in, n)``."""

Range = tuple[Floats, Floats]
"""Lowest and highest values."""

MAX_TABLE_EDGES = 2000
"""Edges beyond which a browser with a kernel leaves the computing to Python."""

MAX_TABLE_BYTES = 3 << 20
"""The largest table."""

GOOD_ERROR = 1e-11
"""Error of a cubic, relative to the largest value in its layer, below which a cell is fine ..."""

MAX_ERROR = 1e-5
"""... and above which a table is of no use."""

RANGE_POINTS = 2001
"""Points at which the range of a named curve is looked for, and ..."""

RANGE_ROOM = 1e-3
"""... how much wider it is taken, lest an extreme lies between two of them."""

MAX_SPLITS = 8
FIRST_CELLS = 8
"""Cells to begin with."""

FIT_POINTS = (1 - np.cos((2 * np.arange(4) + 1) * np.pi / 8)) / 2
"""Chebyshev's points. None is at an end of a cell, where another formula may begin."""

TEST_POINTS = np.array([0.01, 0.146, 0.5, 0.854, 0.99])
_TO_CUBIC = np.linalg.inv(np.vander(FIT_POINTS, 4, increasing=True)).T


@dataclass(frozen=True)
class Cells:
    """Cubics ``c0 + c1 u + c2 u^2 + c3 u^3``, with ``u`` from 0 to 1 along a cell.

    Attributes
    ----------
    x : ndarray, shape (sources, c + 1)
        Where the cells of each source node begin and end, rising.
    y : ndarray, shape (edges, c, 4)
        c0 .. c3 of each edge on each cell.
    """

    x: Floats
    y: Floats


def cells(
    adapter: EdgeFunctions,
    baseline: Baseline,
    inputs: Sequence[Tensor],
    rounded: bool = False,
    splines: EdgeFunctions | None = None,
) -> Cells | None:
    """Tabulate the functions of a model's edges, masks aside.

    Parameters
    ----------
    adapter : Adapter
    baseline : Baseline
        Whose biases and means decide what values a node can take.
    inputs : sequence of Tensor, shapes (rows, width[0])
        All data that the table is for.
    rounded : bool
        Whether ends and knots, which may be values of the data, are told in few digits.
    splines : EdgeFunctions, optional
        The same model without names: the table holds each named edge's spline, and is wide enough
        for both. By default it holds zeros there.

    Returns
    -------
    Cells or None
        None if there are too many edges, or functions that no table of a fair size can hold.
    """
    edges = sum(layer.numel() for layer in baseline.mask)
    if edges > MAX_TABLE_EDGES or not adapter.can_tabulate:
        return None
    most = MAX_TABLE_BYTES // (32 * edges)
    # A page computes these by their functions, which may have poles that no table can hold.
    named = {edge: c for edge, c in adapter.names().items() if c.function in FUNCTIONS}

    def table(l: int, ends: Floats) -> Layer | None:
        own = {(j, i): curve for (layer, i, j), curve in named.items() if layer == l}
        function: Function = partial(_without, partial(adapter.edge_curves, l), list(own))
        if splines is not None:
            function = partial(_with_splines, function, partial(splines.edge_curves, l), list(own))
        made = layer_of(function, ends, adapter, most)
        if made is None:
            return None
        of_edges = _with_named(extremes(made[1]), own, made[0], splines is not None)
        return Layer(function, *made, of_edges)

    layers = layers_of(adapter, baseline, inputs, table, rounded)
    if layers is None:
        return None
    count = max(layer.x.shape[1] - 1 for layer in layers)
    evened = [_evened(adapter, layer, count) for layer in layers]
    return Cells(
        np.concatenate([x for x, _ in evened]),
        np.concatenate([y.reshape(-1, count, 4) for _, y in evened]),
    )


@dataclass(frozen=True)
class Layer:
    """Cells ``(n_in, c + 1)`` and cubics ``(m, n_in, c, 4)`` of a layer's functions."""

    function: Function
    x: Floats
    y: Floats
    of_edges: Range


def layers_of(
    adapter: EdgeFunctions,
    baseline: Baseline,
    inputs: Sequence[Tensor],
    table: Callable[[int, Floats], Layer | None],
    rounded: bool = False,
) -> list[Layer] | None:
    """Tabulate layer after layer, on all values that masks can lead to."""
    low = as_array(torch.stack([x.amin(0) for x in inputs]).amin(0))
    high = as_array(torch.stack([x.amax(0) for x in inputs]).amax(0))
    if rounded:
        low, high = outwards(low, high)
    room = np.where(high > low, 0.1 * (high - low), 0.5)
    low, high = low - room, high + room
    slots, layers = adapter.slots(), []
    # Functions of any library: with poles, say, where no data are.
    with np.errstate(all="ignore"):
        for l, knots in enumerate(adapter.knots()):
            ends = as_array(knots)
            if rounded:  # a cell with a knot close to its end takes no harm
                unit = _unit(high - low)[:, None] / 10
                ends = np.round(ends / unit) * unit
            made = table(l, first_cells((low, high), ends))
            if made is None:
                return None
            layers.append(made)
            low, high = _sums(made.of_edges, baseline, l)
            if slots:
                low, high = _products((low, high), slots[l], adapter.width[l + 1])
            offset = as_array(adapter.offset()[l + 1])
            low, high = low + offset, high + offset
            if not (np.isfinite(low).all() and np.isfinite(high).all()):
                return None
    return layers


def _without(function: Function, targets: Sequence[tuple[int, int]], points: Tensor) -> Tensor:
    """Evaluate functions, those of some edges ``(j, i)`` as 0."""
    values = function(points)
    for j, i in targets:
        values[j, i] = 0.0
    return values


def _with_splines(
    function: Function, splines: Function, targets: Sequence[tuple[int, int]], points: Tensor
) -> Tensor:
    """Evaluate functions, those of some edges ``(j, i)`` as the splines under their names."""
    values = function(points)
    if targets:
        found = splines(points)
        for j, i in targets:
            values[j, i] = found[j, i]
    return values


def _with_named(
    of_edges: Range, own: Mapping[tuple[int, int], NamedCurve], x: Floats, both: bool
) -> Range:
    """Return the ranges of a layer's edges, with those of named edges ``(j, i)``.

    Of ``both``: of what they have in the table, and of their names.
    """
    low, high = of_edges
    for j, i in own if not both else ():
        low[j, i], high[j, i] = np.inf, -np.inf
    for (j, i), curve in own.items():
        points = np.linspace(x[i, 0], x[i, -1], RANGE_POINTS)
        values = named_value(curve, FUNCTIONS, points)
        values = values[np.isfinite(values)]
        if not len(values):
            values = np.zeros(1)
        room = RANGE_ROOM * float(values.max() - values.min())
        low[j, i] = min(low[j, i], values.min() - room)
        high[j, i] = max(high[j, i], values.max() + room)
    return low, high


def outwards(low: Floats, high: Floats) -> Range:
    """Return bounds that are round numbers: two digits of how far they are apart."""
    unit = _unit(np.where(high > low, high - low, np.abs(low)))
    below, above = np.floor(low / unit) * unit, np.ceil(high / unit) * unit
    wide = np.where(above > below, 0.0, unit)
    return below - wide, above + wide


def _unit(size: Floats) -> Floats:
    """Return a power of ten, a tenth of a size or less."""
    found: Floats = 10.0 ** (np.floor(np.log10(np.maximum(size, 1e-300))) - 1)
    return found


def first_cells(within: Range, knots: Floats) -> Floats:
    """Return the ends of the first cells of each source, ``(n_in, c + 1)``."""
    starts = [_begin(low, high, points) for low, high, points in zip(*within, knots, strict=True)]
    return _split(starts, [np.ones(len(start) - 1, int) for start in starts], 0)


def points_on(x: Floats, adapter: EdgeFunctions) -> Tensor:
    """Return where functions are looked at on cells, ``(9 c, n_in)``."""
    share = np.concatenate([FIT_POINTS, TEST_POINTS])
    points = x[:, :-1, None] + np.diff(x)[:, :, None] * share  # (n_in, c, 9)
    flat = torch.from_numpy(points.reshape(len(x), -1).T.copy())
    return flat.to(adapter.device, adapter.dtype)


def layer_of(
    function: Function, x: Floats, adapter: EdgeFunctions, most: int
) -> tuple[Floats, Floats] | None:
    """Return cells ``(n_in, c + 1)`` and cubics ``(m, n_in, c, 4)`` of a layer."""
    noise = 16 * torch.finfo(adapter.dtype).eps
    before = math.inf
    for _ in range(MAX_SPLITS):
        cubics, error, scale = _fit(function, x, adapter)
        worst = float(error.max()) / scale
        if not math.isfinite(worst):
            return None
        short = error > max(GOOD_ERROR, noise) * scale
        # A model's own rounding stays, however small the cells.
        if not short.any() or x.shape[1] > most or worst > before / 2:
            break
        before = worst
        pieces = (error / (max(GOOD_ERROR, noise) * scale)) ** 0.25 * 1.05
        # Far from the end the estimate promises too much.
        x = _split(x, np.ceil(pieces.clip(1e-9, 32)).astype(int), most, pieces)
    else:
        cubics, error, scale = _fit(function, x, adapter)
        worst = float(error.max()) / scale
    return (x, cubics) if worst <= max(MAX_ERROR, 4 * noise) else None


def _begin(low: float, high: float, knots: Floats) -> Floats:
    """Return the ends of one source's first cells: the knots in its range, and some between."""
    inside = knots[(knots > low) & (knots < high)]
    ends = np.concatenate([[low], inside, [high]])
    # Cells of no width would be divided by.
    apart = np.concatenate([[True], np.diff(ends) > 1e-9 * (high - low)])
    ends = ends[apart]
    ends[-1] = high
    pieces = np.ceil(np.diff(ends) / (high - low) * FIRST_CELLS).astype(int)
    return _cut(ends, pieces)


def _cut(ends: Floats, pieces: NDArray[np.int64]) -> Floats:
    """Cut each cell into equal pieces."""
    share = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    width = np.repeat(np.diff(ends) / pieces, pieces)
    return np.append(np.repeat(ends[:-1], pieces) + share * width, ends[-1])


def _split(
    ends: Sequence[Floats] | Floats,
    pieces: Sequence[NDArray[np.int64]] | NDArray[np.int64],
    most: int,
    wanted: Floats | None = None,
) -> Floats:
    """Cut all sources' cells into pieces, and some more: as many for one source as for another.

    No more than ``most`` come of it, if ``wanted`` says what to save on, and if there are not
    more cells already.
    """
    count = max(int(p.sum()) for p in pieces)
    if wanted is not None and count > most:
        count = max(most, len(ends[0]) - 1)
        kept = []
        for own, need in zip(pieces, wanted, strict=True):
            if own.sum() > count:
                spare = count - len(own)
                own = 1 + np.floor(spare * need / need.sum()).astype(int)
            kept.append(own)
        pieces = kept
    even = []
    for own_ends, own in zip(ends, pieces, strict=True):
        extra, more = count - int(own.sum()), own.copy()
        more += extra // len(more)
        widest = np.argsort(-np.diff(own_ends) / more, kind="stable")
        more[widest[: extra % len(more)]] += 1
        even.append(_cut(own_ends, more))
    return np.stack(even)


def _evened(adapter: EdgeFunctions, layer: Layer, count: int) -> tuple[Floats, Floats]:
    """Return a layer's cells and cubics, cut into as many as wanted."""
    x, y = layer.x, layer.y
    have = x.shape[1] - 1
    if have == count:
        return x, y
    pieces = np.ones((len(x), have), int)
    pieces[0] = count // have
    pieces[0, : count % have] += 1
    x = _split(x, pieces, count)
    return x, _fit(layer.function, x, adapter)[0]


def _fit(function: Function, x: Floats, adapter: EdgeFunctions) -> tuple[Floats, Floats, float]:
    """Fit cubics to cells; return them, each cell's largest error, and the layer's scale."""
    found = function(points_on(x, adapter))
    values = as_array(found).reshape(*found.shape[:2], x.shape[1] - 1, -1)
    cubics: Floats = values[..., :4] @ _TO_CUBIC
    missed = np.abs(cubics @ np.vander(TEST_POINTS, 4, increasing=True).T - values[..., 4:])
    return cubics, missed.max(axis=(0, 3)), float(np.abs(values).max()) or 1.0


def extremes(cubics: Floats) -> Range:
    """Return each edge's lowest and highest value on its cells, ``(n_out, n_in)``."""
    c0, c1, c2, c3 = np.moveaxis(cubics, -1, 0)
    root = np.sqrt(np.maximum(c2 * c2 - 3 * c3 * c1, 0.0))
    q = -(c2 + np.copysign(root, c2))
    turns = [np.nan_to_num(t).clip(0, 1) for t in (q / (3 * c3), c1 / q)]
    values = np.stack([((c3 * u + c2) * u + c1) * u + c0 for u in (0.0, 1.0, *turns)])
    return values.min(axis=(0, 3)), values.max(axis=(0, 3))


def _sums(of_edges: Range, baseline: Baseline, l: int) -> Range:
    """Return what sums of edges can be, any of them on or off, ``(n_out,)``."""
    on = as_array(baseline.mask[l]) > 0
    mean, folded = as_array(baseline.means[l]), as_array(baseline.folded[l])
    left, back = np.where(on, mean, 0.0), np.where(on, 0.0, folded)
    low = np.minimum(np.minimum(0.0, left), of_edges[0] - back).sum(1)
    high = np.maximum(np.maximum(0.0, left), of_edges[1] - back).sum(1)
    bias = as_array(baseline.bias[l])
    # Room for rounding, and for a source that does not vary.
    room = 1e-6 * (high - low) + 1e-6 * np.maximum(1.0, np.abs(bias))
    return bias + low - room, bias + high + room


def _products(sums: Range, slots: Sequence[int], nodes: int) -> Range:
    """Return what products of sums can be, for each node; an empty product is 1."""
    low, high = np.ones(nodes), np.ones(nodes)
    for slot, node in enumerate(slots):
        corners = np.outer([low[node], high[node]], [sums[0][slot], sums[1][slot]])
        low[node], high[node] = corners.min(), corners.max()
    return low, high
