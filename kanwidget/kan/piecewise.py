"""Evaluates single edges of a layer, each at its own input values.

Where one node's values go through many edges, features and a matrix product are fastest, as
in `fused_layer`. For few edges, a spline is evaluated as one polynomial in each cell of its grid.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.functions.library import Function
from kanwidget.functions.named_edges import CurveGroup

from . import bsplines, fused_layer
from .arrays import Array, as_array
from .layer import KANLayer

__all__ = ["MIN_EDGES_FOR_MATRIX_PRODUCT", "EdgeFunctions", "PiecewisePolynomials", "select_rows"]

Ints = NDArray[np.int64]

MIN_EDGES_FOR_MATRIX_PRODUCT = 5
"""With more edges than this out of each node, one matrix product is faster than single edges."""


class EdgeFunctions:
    """A layer's edges in float64 on the CPU, 0 where a mask is. An edge is ``j * n_in + i``."""

    def __init__(self, layer: KANLayer, mask: Tensor) -> None:
        coef, base, spline, grid = (
            p.detach().to("cpu", torch.float64)
            for p in (layer.coef, layer.scale_base, layer.scale_sp, layer.grid)
        )
        named = layer.named_edges
        self._names: list[CurveGroup] = []
        if named is not None:
            constants, on = as_array(named.affine), mask & named.on.to(mask.device)
            self._names, mask = named.groups(on), mask & ~on
            self._constants = constants.reshape(-1, 4)
        self.weight = fused_layer.edge_weights(coef, base, spline, mask)  # (n_out, n_in, K)
        self._grid, self._k, self._uniform = grid, layer.k, layer.uniform
        self._base_fun, self._like = layer.base_fun, layer.mask
        self._cells: PiecewisePolynomials | None = None

    def features(self, i: Tensor | slice, x: Tensor) -> Tensor:
        """Return the features of nodes ``i`` at values ``(n, batch)``: ``(n, K, batch)``."""
        return fused_layer.features(x, self._base(x), self._grid[i], self._k, self._uniform)

    def named_sums(self, x: Tensor) -> Tensor | None:
        """Return what the named edges add to each node at values ``(n_in, batch)``, if any do."""
        if not self._names:
            return None
        n_out, n_in, _ = self.weight.shape
        out = x.new_zeros(n_out, x.shape[1])
        for function, outs, ins in self._names:
            values = self._values(function, outs * n_in + ins, x.numpy()[ins])
            out.index_add_(0, torch.from_numpy(outs), torch.from_numpy(values))
        return out

    def _values(self, function: Function, edge: Ints, x: Array) -> Array:
        a, b, c, d = self._constants[edge].T[..., None]
        with np.errstate(all="ignore"):
            values: Array = d + np.zeros_like(x)
            return values if function.family == "constant" else c * function.value(a * x + b) + d

    def __call__(self, edge: Ints, version: Ints, x: Tensor) -> Tensor:
        """Return the outputs of edges at rows of ``x``, which rise: ``(len(edge), batch)``."""
        out = self._spline_outputs(edge, version, x)
        for function, outs, ins in self._names:
            (at,) = np.isin(edge, outs * self.weight.shape[1] + ins).nonzero()
            if len(at):
                values = self._values(function, edge[at], x.numpy()[version[at]])
                out[torch.from_numpy(at)] = torch.from_numpy(values)
        return out

    def _spline_outputs(self, edge: Ints, version: Ints, x: Tensor) -> Tensor:
        used, first = np.unique(version, return_index=True)
        flat = self.weight.flatten(0, 1)
        if len(edge) > MIN_EDGES_FOR_MATRIX_PRODUCT * len(used):
            node = torch.from_numpy(edge[first] % self.weight.shape[1])
            feats, weight = self.features(node, select_rows(x, used)), flat[edge]
            out = x.new_empty(len(edge), x.shape[1])
            for low, high, feat in zip(first, [*first[1:], len(edge)], feats, strict=True):
                torch.mm(weight[low:high], feat, out=out[low:high])
            return out
        if self._cells is None:
            self._cells = PiecewisePolynomials(
                self.weight[..., :-1], self._grid, self._k, self._uniform
            )
        here, values = torch.from_numpy(edge), select_rows(x, version)
        return self._cells(here, values).addcmul_(self._base(values), flat[here, -1:])

    def _base(self, x: Tensor) -> Tensor:
        like = self._like
        if like.dtype == x.dtype and like.device == x.device:
            return self._base_fun(x)
        return self._base_fun(x.to(like)).to(x)


class PiecewisePolynomials:
    """Splines of edges, evaluated one edge at a time.

    A cell lies between two knots, and is empty where they coincide; as in `bsplines`, it holds
    its left end. Two more, where every spline is 0, stand for what is outside the knots.

    Parameters
    ----------
    coef : Tensor, shape (n_out, n_in, G + k)
    grid : Tensor, shape (n_in, G + 1)
    k : int
    uniform : bool
        Whether all steps are equal.
    """

    def __init__(self, coef: Tensor, grid: Tensor, k: int, uniform: bool) -> None:
        n_out, n_in, _ = coef.shape
        knots = bsplines.extend_grid(grid, k)
        self._knots, self._uniform, self._n_in = knots, uniform, n_in
        cells = knots.shape[1] - 1
        self._count = cells + 2
        if uniform:
            step = (grid[:, -1:] - grid[:, :1]) / (grid.shape[1] - 1)
            self._steps = 1 / step  # (n_in, 1)
            self._origin = k + 1 - grid[:, :1] / step
            pieces = _uniform_pieces(k).expand(1, cells, -1, -1)
        else:
            self._middle, self._inverse = grid.new_zeros(2, n_in, self._count)
            span = knots.diff(dim=1)
            self._middle[:, 1:-1] = knots[:, :-1] + span / 2
            self._inverse[:, 1:-1] = torch.where(span > 0, 1 / span, 0.0)
            pieces = _pieces(knots, k)
        windows = torch.nn.functional.pad(coef, (k, k)).unfold(2, k + 1, 1)
        # (n_out, n_in, cells, k + 1 bases that live there), times each base's polynomial
        tables = coef.new_zeros(k + 1, n_out, n_in, self._count)
        tables[..., 1:-1] = torch.einsum(
            "jicq,icqd->djic", windows, pieces.expand(n_in, -1, -1, -1)
        )
        self._tables = tables.flatten(1)  # (k + 1, n_out * n_in * count)

    def __call__(self, edge: Tensor, x: Tensor) -> Tensor:
        """Return the splines of edges ``j * n_in + i`` at values ``(n, batch)``."""
        node = edge % self._n_in
        if self._uniform:
            t = torch.addcmul(self._origin[node], x, self._steps[node])
            cell = t.long().clamp_(0, self._count - 1)
            t.frac_().sub_(0.5)
        else:
            cell = torch.searchsorted(self._knots[node], x, right=True)
            here = cell + (node * self._count).unsqueeze(1)
            t = (x - self._middle.take(here)).mul_(self._inverse.take(here))
        place = cell.add_((edge * self._count).unsqueeze(1)).flatten()
        y = self._tables[-1].index_select(0, place).view_as(t)
        for table in self._tables[:-1].flip(0):
            y = torch.addcmul(table.index_select(0, place).view_as(t), y, t)
        return y


@functools.cache
def _uniform_pieces(k: int) -> Tensor:
    """Return the bases on a cell of a uniform grid: the same on each, ``(k + 1, k + 1)``."""
    return _pieces(torch.arange(2.0 * k + 2, dtype=torch.float64).unsqueeze(0), k)[0, k]


def _pieces(knots: Tensor, k: int) -> Tensor:
    """Return B-splines on each cell as polynomials of the distance from the cell's middle.

    The Cox-de Boor recursion (see `bsplines.de_boor`) on coefficients instead of values.

    Parameters
    ----------
    knots : Tensor, shape (n, cells + 1)
    k : int

    Returns
    -------
    Tensor, shape (n, cells, k + 1, k + 1)
        Of the bases ``c - k .. c`` on cell ``c`` the coefficients of powers 0 to ``k`` of ``t``
        in -1/2 .. 1/2. Bases that do not exist have any.
    """
    cells = knots.shape[1] - 1
    middle, span = (knots[:, 1:] + knots[:, :-1]) / 2, knots.diff(dim=1)
    out = knots.new_zeros(len(knots), cells, k + 1, k + 1)
    out[:, :, k, 0] = span > 0  # order 0: base c alone
    here = torch.arange(cells)

    def line(first: Tensor, last: Tensor, rising: bool) -> tuple[Tensor, Tensor]:
        """Return ``(x - first) / (last - first)``, or 1 minus it, as ``a + b t``; 0/0 is 0."""
        low, high = (knots[:, n.clamp(0, cells)] for n in (first, last))
        width = high - low
        share = torch.where(width > 0, 1 / width, 0.0)
        a, b = (middle - low, span) if rising else (high - middle, -span)
        return a * share, b * share

    for d in range(1, k + 1):
        lower, out = out, torch.zeros_like(out)
        for r in range(d + 1):  # base c - r
            for from_r, rising in ((r, True), (r - 1, False)):
                if not 0 <= from_r <= d - 1:
                    continue
                g = here - from_r
                a, b = line(g, g + d, rising)
                part = lower[:, :, k - from_r]  # (n, cells, k + 1)
                out[:, :, k - r] += a.unsqueeze(2) * part
                out[:, :, k - r, 1:] += b.unsqueeze(2) * part[..., :-1]
    return out


def select_rows(values: Tensor, rows: Ints) -> Tensor:
    """Return rows of a matrix, without a copy if they follow each other."""
    first = int(rows[0]) if len(rows) else 0
    if np.array_equal(rows, np.arange(first, first + len(rows))):
        return values[first : first + len(rows)]
    return values[torch.from_numpy(rows)]
