"""A small network of splines and named curves, with its Jacobian in closed form.

It is built from any adapter's arrays, and is what names are tried on: `levenberg_marquardt` fits
all its parameters at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import Function
from kanwidget.masks.ids import Edge

from .spline_basis import SplineGrid

__all__ = ["Forward", "NamedEdge", "NamingNetwork", "SplineEdge", "build_network"]

Array = NDArray[np.float64]

ROUNDING = 1e-13
"""Shifts of an argument that are smaller, relative to it, say nothing."""

HIDDEN_MARGIN = 0.05
"""How far grids of hidden nodes go beyond their values, relative to the range."""


@dataclass(frozen=True)
class SplineEdge:
    """A curve without a name: coefficients on the grid of its input's node."""

    coef: Array


@dataclass(frozen=True)
class NamedEdge:
    """``c f(a x + b)``; the constant d is in the target's bias.

    ``fixed`` are the letters of the constants that no fit changes.
    """

    function: Function
    a: float
    b: float
    c: float
    fixed: frozenset[str] = frozenset()

    @property
    def free(self) -> tuple[bool, bool, bool]:
        """Whether a, b and c are fitted."""
        a, b = self.function.free
        return a and "a" not in self.fixed, b and "b" not in self.fixed, "c" not in self.fixed


@dataclass(frozen=True)
class Forward:
    """What a pass through the network leaves for its Jacobian.

    Attributes
    ----------
    outputs : ndarray, shape (n_out, rows)
    values : list of ndarray, shapes (width[l], rows)
        What enters each layer.
    sums : list of ndarray, shapes (n_targets, rows)
    features : list of dict
        For each layer the splines and slopes at the values of each node that needs them.
    named : dict
        For each named edge ``f(u)`` and ``f'(u)``, each ``(rows,)``.
    in_domain : bool
        Whether every named curve is defined, without a pole in between, over all rows.
    """

    outputs: Array
    values: list[Array]
    sums: list[Array]
    features: list[dict[int, tuple[Array, Array]]]
    named: dict[Edge, tuple[Array, Array]]
    in_domain: bool


class _FirstFeatures:
    """The splines at the inputs last seen, which a fit does not change."""

    def __init__(self) -> None:
        self._x: Array | None = None
        self._known: dict[int, tuple[Array, Array]] = {}

    def at(self, x: Array) -> dict[int, tuple[Array, Array]]:
        if self._x is not x:
            self._x, self._known = x, {}
        return self._known


@dataclass(frozen=True)
class NamingNetwork:
    """Edges with or without names; what a fit changes is a new network.

    Attributes
    ----------
    width : list of int
    edges : dict of Edge to SplineEdge or NamedEdge
        An edge that is not in it is off.
    bias : list of ndarray, shapes (n_targets,)
    offset : list of ndarray, shapes (width[l + 1],)
        What is added after products.
    slots : list of list of int
        The node of each target; empty if every node has one.
    grids : list of list of SplineGrid
        Of each node of each layer.
    """

    width: list[int]
    edges: dict[Edge, SplineEdge | NamedEdge]
    bias: list[Array]
    offset: list[Array]
    slots: list[list[int]]
    grids: list[list[SplineGrid]]
    first_features: _FirstFeatures = field(default_factory=lambda: _FirstFeatures())

    def unnamed(self) -> list[Edge]:
        """Return the edges that still are splines."""
        return [edge for edge, curve in self.edges.items() if isinstance(curve, SplineEdge)]

    def with_edge(self, edge: Edge, curve: NamedCurve, function: Function) -> NamingNetwork:
        """Return a network in which an edge has a name, its constant d in the bias."""
        l, _, j = edge
        bias = [values.copy() for values in self.bias]
        bias[l][j] += curve.d
        edges = dict(self.edges)
        if function.family == "constant":
            del edges[edge]
        else:
            edges[edge] = NamedEdge(function, curve.a, curve.b, curve.c, curve.fixed)
        return replace(self, edges=edges, bias=bias)

    def with_splines(self, edges: Iterable[Edge], passed: Forward, intervals: int) -> NamingNetwork:
        """Return a network in which edges are splines again, with the curves that they had.

        Parameters
        ----------
        edges : iterable of (l, i, j)
            With a name, or off.
        passed : Forward
            The network's pass over the rows.
        intervals : int
            Of grids over nodes from which no spline comes yet.
        """
        grids, new = [[*row] for row in self.grids], dict(self.edges)
        for l, i, j in edges:
            has_spline = any(
                key[:2] == (l, i) and isinstance(curve, SplineEdge) for key, curve in new.items()
            )
            if not has_spline:
                margin = HIDDEN_MARGIN if l else 0.0
                grids[l][i] = _grid_over(passed.values[l][i], intervals, margin)
            grid, curve = grids[l][i], self.edges.get((l, i, j))
            # Only where the values are: the curve may have a pole beyond them.
            values = passed.values[l][i]
            points = np.linspace(values.min(), values.max(), 8 * grid.count)
            y = np.zeros_like(points)
            if isinstance(curve, NamedEdge):
                y = curve.c * curve.function.value(curve.a * points + curve.b)
            new[l, i, j] = SplineEdge(grid.fit(points, y[None])[0])
        return replace(self, edges=new, grids=grids, first_features=_FirstFeatures())

    def forward(self, x: Array, ends: Sequence[Array] | None = None) -> Forward:
        """Run the network on inputs ``(width[0], rows)``.

        With ``ends``, ``(width[l], 2)`` for each layer, splines are straight lines beyond these.
        """
        values, all_sums, all_features = [x], [], []
        named, inside = {}, True
        by_layer: list[list[Edge]] = [[] for _ in self.bias]
        for edge in self.edges:
            by_layer[edge[0]].append(edge)
        with np.errstate(all="ignore"):
            for l, bias in enumerate(self.bias):
                entering = values[-1]
                features = self.first_features.at(x) if l == 0 and ends is None else {}
                sums = np.repeat(bias[:, None], x.shape[1], axis=1)
                for edge in by_layer[l]:
                    _, i, j = edge
                    curve = self.edges[edge]
                    if isinstance(curve, SplineEdge):
                        if i not in features:
                            at = entering[i] if ends is None else np.clip(entering[i], *ends[l][i])
                            basis, slope = self.grids[l][i].basis(at)
                            if ends is not None:
                                basis = basis + slope * (entering[i] - at)
                            features[i] = basis, slope
                        sums[j] += curve.coef @ features[i][0]
                    else:
                        u = curve.a * entering[i] + curve.b
                        inside = inside and bool(curve.function.smooth_on(u))
                        value, slope = curve.function.value(u), curve.function.derivative(u)
                        named[edge] = value, slope
                        sums[j] += curve.c * value
                all_sums.append(sums)
                all_features.append(features)
                values.append(self._nodes(l, sums) + self.offset[l][:, None])
        return Forward(values[-1], values[:-1], all_sums, all_features, named, inside)

    def _nodes(self, l: int, sums: Array) -> Array:
        if not self.slots:
            return sums
        nodes = np.ones((self.width[l + 1], sums.shape[1]))
        for target, owner in enumerate(self.slots[l]):
            nodes[owner] *= sums[target]
        return nodes

    def _target_gradient(self, l: int, node: Array, sums: Array) -> Array:
        if not self.slots:
            return node
        owners = self.slots[l]
        out = node[owners].copy()
        for target, owner in enumerate(owners):
            for other, other_owner in enumerate(owners):
                if other != target and other_owner == owner:
                    out[target] *= sums[other]
        return out

    def target_gradients(self, passed: Forward, output: int) -> list[Array]:
        """Return how one output changes with each target, ``(n_targets, rows)`` for each layer."""
        node = np.zeros_like(passed.outputs)
        node[output] = 1.0
        found: list[Array] = []
        for l in reversed(range(len(self.bias))):
            target = self._target_gradient(l, node, passed.sums[l])
            found.append(target)
            if l == 0:
                break
            node = np.zeros_like(passed.values[l])
            for (layer, i, j), curve in self.edges.items():
                if layer != l:
                    continue
                if isinstance(curve, SplineEdge):
                    slope = curve.coef @ passed.features[l][i][1]
                else:
                    slope = curve.c * curve.a * passed.named[layer, i, j][1]
                node[i] += target[j] * slope
        return found[::-1]

    def jacobian(self, passed: Forward) -> Array:
        """Return how the outputs change with the parameters, ``(parameters, n_out * rows)``."""
        n_out, rows = passed.outputs.shape
        jacobian = np.empty((self.size, n_out * rows))
        with np.errstate(all="ignore"):
            for output in range(n_out):
                gradients = self.target_gradients(passed, output)
                part = jacobian[:, output * rows : (output + 1) * rows]
                n = 0
                for gradient in gradients:
                    part[n : n + len(gradient)] = gradient
                    n += len(gradient)
                for (l, i, j), curve in self.edges.items():
                    gradient = gradients[l][j]
                    if isinstance(curve, SplineEdge):
                        count = len(curve.coef)
                        np.multiply(passed.features[l][i][0], gradient, out=part[n : n + count])
                        n += count
                        continue
                    value, slope = passed.named[l, i, j]
                    free_a, free_b, free_c = curve.free
                    if free_c:
                        np.multiply(gradient, value, out=part[n])
                        n += 1
                    if free_a or free_b:
                        slope = slope * gradient * curve.c
                    if free_a:
                        np.multiply(slope, passed.values[l][i], out=part[n])
                        n += 1
                    if free_b:
                        part[n] = slope
                        n += 1
        return jacobian

    @property
    def size(self) -> int:
        """How many parameters there are."""
        size = sum(map(len, self.bias))
        for curve in self.edges.values():
            if isinstance(curve, SplineEdge):
                size += len(curve.coef)
            else:
                size += sum(curve.free)
        return size

    def moved(self, change: Array) -> NamingNetwork:
        """Return a network whose parameters are others by a change ``(size,)``."""
        bias, n = [], 0
        for values in self.bias:
            bias.append(values + change[n : n + len(values)])
            n += len(values)
        edges: dict[Edge, SplineEdge | NamedEdge] = {}
        for edge, curve in self.edges.items():
            if isinstance(curve, SplineEdge):
                count = len(curve.coef)
                edges[edge] = SplineEdge(curve.coef + change[n : n + count])
                n += count
                continue
            free_a, free_b, free_c = curve.free
            a, b, c = curve.a, curve.b, curve.c
            if free_c:
                c += float(change[n])
                n += 1
            if free_a:
                a += float(change[n])
                n += 1
            if free_b:
                b += float(change[n])
                n += 1
            edges[edge] = replace(curve, a=a, b=b, c=c)
        return replace(self, edges=edges, bias=bias)

    def without_rounding(self, passed: Forward) -> NamingNetwork:
        """Return the network with shifts of 0 that are nothing but rounding, as in (x - 2e-17)^2.

        Parameters
        ----------
        passed : Forward
            Its pass over the rows.
        """
        edges = dict(self.edges)
        for (l, i, j), curve in self.edges.items():
            if isinstance(curve, NamedEdge) and "b" not in curve.fixed:
                size = abs(curve.a) * float(np.abs(passed.values[l][i]).max())
                if abs(curve.b) <= ROUNDING * size:
                    edges[l, i, j] = replace(curve, b=0.0)
        return replace(self, edges=edges)

    def with_grids(self, passed: Forward, intervals: int, moved: float = 0.0) -> NamingNetwork:
        """Return the network on grids over the present values, refitted to its splines.

        Parameters
        ----------
        passed : Forward
        intervals : int
        moved : float
            Grids stay whose node's range has moved by less, relative to its length.
        """
        grids = [[*row] for row in self.grids]
        edges = dict(self.edges)
        for l, i in sorted({(l, i) for l, i, _ in self.unnamed()}):
            old = self.grids[l][i]
            new = _grid_over(passed.values[l][i], intervals, HIDDEN_MARGIN if l else 0.0)
            apart = max(abs(new.low - old.low), abs(new.high - old.high))
            if intervals == old.intervals and apart <= moved * (old.high - old.low):
                continue
            grids[l][i] = new
            points = np.linspace(new.low, new.high, 8 * new.count)
            basis = old.basis(points)[0]
            for edge in self.unnamed():
                curve = edges[edge]
                if edge[:2] == (l, i) and isinstance(curve, SplineEdge):
                    edges[edge] = SplineEdge(new.fit(points, (curve.coef @ basis)[None])[0])
        return replace(self, edges=edges, grids=grids, first_features=_FirstFeatures())


def _grid_over(values: Array, intervals: int, margin: float) -> SplineGrid:
    low, high = float(values.min()), float(values.max())
    if not high > low:
        low, high = low - 0.5, high + 0.5
    room = margin * (high - low)
    return SplineGrid(low - room, high + room, intervals)


@torch.no_grad()
def build_network(adapter: Adapter, rows: Tensor, intervals: int) -> NamingNetwork:
    """Return a network with a model's curves, which the model shares nothing with.

    Curves that the model has named have their names; all others are splines.

    Parameters
    ----------
    adapter : Adapter
    rows : Tensor, shape (rows, width[0])
    intervals : int
        Of the splines.

    Raises
    ------
    ValueError
        If the model's outputs do not follow from its curves alone.
    """
    if not adapter.can_tabulate:
        raise ValueError(
            f"the edges of this {type(adapter.model).__name__} also depend on other nodes than "
            "their own, so that curves, and names for them, do not give its outputs; train one "
            "without layer normalization"
        )
    mask, names, functions = adapter.mask(), adapter.names(), adapter.functions()
    bias = [_array(values) for values in adapter.bias()]
    inputs = adapter.inputs_of(rows)
    edges: dict[Edge, SplineEdge | NamedEdge] = {}
    grids: list[list[SplineGrid]] = []
    for l, entering in enumerate(inputs):
        margin = HIDDEN_MARGIN if l else 0.0
        grids.append([_grid_over(v, intervals, margin) for v in _array(entering).T])
        points = np.stack([np.linspace(g.low, g.high, 8 * g.count) for g in grids[l]], 1)
        curves = _array(adapter.edge_curves(l, torch.from_numpy(points).to(entering)))
        for i, grid in enumerate(grids[l]):
            on = mask[l][:, i].nonzero().flatten().tolist()
            targets = [j for j in on if (l, i, j) not in names]
            coefs = grid.fit(points[:, i], curves[targets, i])
            edges.update({(l, i, j): SplineEdge(c) for j, c in zip(targets, coefs, strict=True)})
    network = NamingNetwork(
        list(adapter.width),
        edges,
        bias,
        [_array(values) for values in adapter.offset()[1:]],
        [list(owners) for owners in adapter.slots()],
        grids,
    )
    for (l, i, j), curve in names.items():
        if mask[l][j, i]:
            network = network.with_edge((l, i, j), curve, functions[curve.function])
    return network


def _array(values: Tensor) -> Array:
    return values.detach().cpu().double().numpy().copy()


def mean_square(outputs: Array, labels: Array) -> float:
    """Return the mean squared error of outputs ``(n_out, rows)``; infinite if it is none."""
    with np.errstate(over="ignore", invalid="ignore"):
        error = float(np.mean((outputs - labels) ** 2))
    return error if np.isfinite(error) else np.inf
