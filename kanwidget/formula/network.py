"""A network as numbers: what stands on each edge, and how nodes put it together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters.protocol import Adapter
from kanwidget.functions.curve import (
    CONSTANTS,
    LARGEST_CONSTANT,
    NamedCurve,
    check_curve,
    named_value,
)
from kanwidget.functions.library import FUNCTIONS, Function
from kanwidget.kan.arrays import as_array
from kanwidget.masks.ids import Edge
from kanwidget.masks.validate import check_edge

from .unnamed_curve import FIRST_CELLS, UnnamedCurve, find_base, sample_curves

__all__ = ["Curve", "FormulaLayer", "FormulaNetwork", "InputNorm", "read_network"]

Array = NDArray[np.float64]

Curve = NamedCurve | UnnamedCurve

MAX_EDGES = 2000
"""Edges of a formula: no person reads one with more."""


@dataclass(frozen=True, eq=False)
class InputNorm:
    """A layer norm before the splines: ``(x - mean) / sqrt(variance + eps) * weight + bias``.

    Mean and variance are those of a row's nodes.
    """

    weight: Array
    bias: Array
    eps: float

    def __call__(self, x: Array) -> Array:
        """Norm values ``(rows, n_in)``."""
        centred = x - x.mean(1, keepdims=True)
        spread = np.sqrt((centred**2).mean(1, keepdims=True) + self.eps)
        out: Array = centred / spread * self.weight + self.bias
        return out


@dataclass(frozen=True, eq=False)
class FormulaLayer:
    """One layer: ``node = scale * product over its slots of (bias + sum of curves) + offset``.

    Attributes
    ----------
    curves : mapping of (j, i) to Curve
        Of the edges that are on, from node ``i`` to slot ``j``.
    bias : ndarray, shape (n_slots,)
    owner : tuple of int
        The node of each slot.
    scale, offset : ndarray, shape (n_nodes,)
    norm : InputNorm or None
        What the unnamed curves' polynomials see instead of the nodes; their base functions, and
        named curves, see the nodes.
    """

    curves: Mapping[tuple[int, int], Curve]
    bias: Array
    owner: tuple[int, ...]
    scale: Array
    offset: Array
    norm: InputNorm | None = None


@dataclass(frozen=True, eq=False)
class FormulaNetwork:
    """Layers of curves, from ``width[0]`` inputs to ``width[-1]`` outputs.

    Attributes
    ----------
    width : tuple of int
    layers : tuple of FormulaLayer
    functions : mapping of str to Function
        What the named curves' functions are.
    """

    width: tuple[int, ...]
    layers: tuple[FormulaLayer, ...]
    functions: Mapping[str, Function]

    @property
    def edges(self) -> dict[Edge, Curve]:
        """All edges that are on."""
        return {
            (l, i, j): curve
            for l, layer in enumerate(self.layers)
            for (j, i), curve in layer.curves.items()
        }

    def with_names(self, names: Mapping[Edge, NamedCurve]) -> FormulaNetwork:
        """Return the network with other curves on some edges; edges that are off stay off.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such edge, or a curve has a function or constants that cannot be used.
        """
        layers = [dict(layer.curves) for layer in self.layers]
        slots = [layer.owner for layer in self.layers]
        for edge, curve in names.items():
            l, i, j = check_edge(self.width, *edge, slots=slots)
            check_curve(curve, (l, i, j), self.functions)
            if (j, i) in layers[l]:
                layers[l][j, i] = curve
        return replace(
            self,
            layers=tuple(
                replace(layer, curves=curves)
                for layer, curves in zip(self.layers, layers, strict=True)
            ),
        )

    def evaluate(self, x: Array) -> Array:
        """Map inputs ``(rows, width[0])`` to outputs ``(rows, width[-1])``."""
        for layer in self.layers:
            normed = x if layer.norm is None else layer.norm(x)
            sums = np.tile(layer.bias, (len(x), 1))
            for (j, i), curve in layer.curves.items():
                if isinstance(curve, UnnamedCurve):
                    sums[:, j] += curve.value(normed[:, i], x[:, i])
                else:
                    sums[:, j] += named_value(curve, self.functions, x[:, i])
            nodes = np.ones((len(x), len(layer.scale)))
            for j, node in enumerate(layer.owner):
                nodes[:, node] *= sums[:, j]
            x = layer.scale * nodes + layer.offset
        return x


@torch.no_grad()
def read_network(
    adapter: Adapter,
    names: Mapping[Edge, NamedCurve] | None = None,
    x: Tensor | None = None,
    functions: Mapping[str, Function] = FUNCTIONS,
) -> FormulaNetwork:
    """Read a live model under its masks; nothing is written to it.

    Edges that the model has named itself are named here, too. All other curves are polynomials on
    cells and a base function: exact, but for rounding, for splines. Curves of libraries without
    knots and grids hold on the range of ``x`` and somewhat beyond.

    Parameters
    ----------
    adapter : Adapter
    names : mapping of (l, i, j) to NamedCurve, optional
        Names for edges, which count before the model's own; edges that are off stay off.
    x : Tensor, shape (rows, width[0]), optional
        Inputs of the model: where curves without knots are looked at.
    functions : mapping of str to Function
        What the names mean.

    Raises
    ------
    IndexError, TypeError, ValueError
        If a name is of no edge, or cannot be used; or if curves depend on other nodes in a way
        that no formula is known for.
    """
    count = sum(int(on.sum()) for on in adapter.mask())
    if count > MAX_EDGES:
        raise ValueError(
            f"the model has {count} edges on, and a formula of more than {MAX_EDGES} is of no use "
            "to anybody; prune it first"
        )
    adapter = _in_double_precision(adapter)
    width, mask, slots = adapter.width, adapter.mask(), adapter.slots()
    values = None if x is None else adapter.inputs_of(x.to(adapter.device, adapter.dtype))
    own, functions = adapter.names(), {**adapter.functions(), **functions}
    layers = []
    for l, (on, bias, offset) in enumerate(
        zip(mask, adapter.bias(), adapter.offset()[1:], strict=True)
    ):
        owner = tuple(slots[l]) if slots else tuple(range(len(on)))
        named = _own_names(adapter, l, own, functions)
        curves: dict[tuple[int, int], Curve] = {}
        wanted = as_array(on) > 0
        for i, j in (edge[1:] for edge in (*named, *(names or {})) if edge[0] == l):
            if 0 <= j < len(on) and 0 <= i < on.shape[1]:
                wanted[j, i] = False
        unnamed = _unnamed_curves(adapter, l, None if values is None else values[l], wanted)
        for j, i in on.nonzero().tolist():
            curves[j, i] = named.get((l, i, j)) or unnamed.get((j, i)) or NamedCurve("0")
        ones = adapter.nodes_from_sums(l, bias.new_ones(1, len(on)))[0]
        norm = adapter.input_norm(l)
        layers.append(
            FormulaLayer(
                curves,
                as_array(bias).copy(),
                owner,
                as_array(ones).copy(),
                as_array(offset).copy(),
                None if norm is None else InputNorm(as_array(norm[0]), as_array(norm[1]), norm[2]),
            )
        )
    network = FormulaNetwork(tuple(width), tuple(layers), functions)
    return network.with_names(names or {})


def _in_double_precision(adapter: Adapter) -> Adapter:
    """Return the adapter, or one of a copy of its model in float64.

    Polynomials through values in float32 would have their rounding errors.
    """
    if adapter.dtype == torch.float64:
        return adapter
    new = adapter.copy()
    new.model.double()
    return new


def _own_names(
    adapter: Adapter, l: int, found: Mapping[Edge, NamedCurve], functions: Mapping[str, Function]
) -> dict[Edge, NamedCurve]:
    """Return a layer's own names, where the functions are what we know by these names."""
    names = {}
    share = torch.linspace(-3, 3, 61, device=adapter.device, dtype=adapter.dtype)
    theirs, x = None, as_array(share)
    for (layer, i, j), curve in found.items():
        finite = all(abs(getattr(curve, v)) <= LARGEST_CONSTANT for v in CONSTANTS)
        if layer != l or curve.function not in functions or not finite:
            continue
        if theirs is None:
            theirs = as_array(
                adapter.edge_curves(l, share.unsqueeze(1).repeat(1, adapter.width[l]))
            )
        value = named_value(curve, functions, x)
        if np.allclose(value, theirs[j, i], rtol=1e-6, atol=1e-9, equal_nan=True):
            names[l, i, j] = curve
    return names


def _unnamed_curves(
    adapter: Adapter, l: int, values: Tensor | None, wanted: NDArray[np.bool_]
) -> dict[tuple[int, int], UnnamedCurve]:
    """Return a layer's curves of the wanted edges ``(n_out, n_in)``, masks aside."""
    if not wanted.any():
        return {}
    norm = adapter.input_norm(l)
    if norm is None and adapter.depends_on_other_nodes:
        raise TypeError(
            f"the edges of a {type(adapter.model).__name__} depend on other nodes than their own, "
            "in a way that no formula is known for"
        )

    def tensor(points: Array) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(points)).to(adapter.device, adapter.dtype)

    def all_of(points: Array) -> Array:
        return _wanted(as_array(adapter.edge_curves(l, tensor(points))), wanted)

    def base_of(points: Array) -> Array | None:
        part = adapter.base_part(l, tensor(points))
        return None if part is None else _wanted(as_array(part), wanted)

    knots = _knots(adapter, l, values) if norm is None else _normed_range(norm)
    probes = np.stack([np.linspace(own[0], own[-1], 23) for own in knots], axis=1)
    base, found = base_of(probes), None
    if base is not None:
        found = find_base(base, probes)
    if norm is not None:
        if base is not None and found is None:
            raise TypeError("the base function of a layer with a layer norm is not known")
        curves, _ = sample_curves(
            lambda points: _wanted(as_array(adapter.normed_curves(l, tensor(points))), wanted),
            knots,
            wanted,
        )
    elif base is None or found is None:
        curves, _ = sample_curves(all_of, knots, wanted)
    else:

        def without_base(points: Array) -> Array:
            part = base_of(points)
            assert part is not None
            return all_of(points) - part

        size = np.abs(base).max(2)
        curves, _ = sample_curves(without_base, knots, wanted, size)
    if found is None:
        return curves
    name, weight = found
    return {
        (j, i): replace(curve, base=name, base_weight=float(weight[j, i]))
        for (j, i), curve in curves.items()
    }


def _wanted(values: Array, wanted: NDArray[np.bool_]) -> Array:
    """Return values ``(n_out, n_in, n)`` with 0 for edges that nobody asks for."""
    return np.where(wanted[..., None], values, 0.0)


def _normed_range(norm: tuple[Tensor, Tensor, float]) -> list[Array]:
    """Return ends of cells over all values that a layer norm can give: ``sqrt(n - 1)`` at most."""
    weight, bias = as_array(norm[0]), as_array(norm[1])
    room = np.abs(weight) * math.sqrt(max(1, len(weight) - 1)) + 1e-3
    return [np.linspace(b - r, b + r, FIRST_CELLS + 1) for b, r in zip(bias, room, strict=True)]


def _knots(adapter: Adapter, l: int, values: Tensor | None) -> list[Array]:
    """Return where the cells of each of a layer's sources begin and end at first."""
    knots, grid = as_array(adapter.knots()[l]), as_array(adapter.grid()[l])
    found = []
    for i in range(adapter.width[l]):
        own = knots[i][np.isfinite(knots[i])]
        low, high = own.min(initial=math.inf), own.max(initial=-math.inf)
        if np.isfinite(grid[i]).all():
            room = grid[i, 1] - grid[i, 0] if not len(own) else 0.0
            low, high = min(low, grid[i, 0] - 2 * room), max(high, grid[i, 1] + 2 * room)
        if values is not None:
            column = as_array(values[:, i])
            room = 0.25 * float(np.ptp(column)) + 1e-3
            low, high = min(low, column.min() - room), max(high, column.max() + room)
        if not low < high:
            low, high = -1.0, 1.0
        inner = own if len(own) else np.linspace(low, high, FIRST_CELLS + 1)[1:-1]
        found.append(np.unique(np.concatenate([[low], inner, [high]])))
    return found
