"""What a pykan model with a mask computes, written down from its parameters alone, in numpy.

It shares no code with the adapters, nor with pykan but for the formulas of symbolic edges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FORMULAS: dict[str, Callable[[Floats], Floats]] = {
    "sin": np.sin,
    "x^2": np.square,
    "exp": np.exp,
    "x": lambda x: x,
    "log": np.log,
}


@dataclass
class Layer:
    """One layer's numbers; edge arrays are ``(n_out, n_in, ..)``."""

    knots: Floats  # (n_in, count)
    k: int
    coef: Floats
    of_base: Floats
    of_spline: Floats
    numeric: Floats
    formula: Floats
    names: list[list[str]]
    affine: Floats
    slot_scale: Floats
    slot_bias: Floats
    node_scale: Floats
    node_bias: Floats
    owner: list[int]


def read(model: Any) -> list[Layer]:
    """Copy a MultKAN's numbers."""
    layers = []
    for l, (act, formulas) in enumerate(zip(model.act_fun, model.symbolic_fun, strict=True)):

        def copy(t: Any) -> Floats:
            return np.array(t.detach().double().numpy())

        sums, products = model.width[l + 1]
        arity = model.mult_arity
        several = [arity] * products if isinstance(arity, int) else arity[l + 1]
        owner = [*range(sums), *(sums + n for n, count in enumerate(several) for _ in range(count))]
        layers.append(
            Layer(
                copy(act.grid),
                act.k,
                copy(act.coef).transpose(1, 0, 2),
                copy(act.scale_base).T,
                copy(act.scale_sp).T,
                copy(act.mask).T,
                copy(formulas.mask),
                [list(row) for row in formulas.funs_name],
                copy(formulas.affine),
                copy(model.subnode_scale[l]),
                copy(model.subnode_bias[l]),
                copy(model.node_scale[l]),
                copy(model.node_bias[l]),
                owner,
            )
        )
    return layers


def edge(layer: Layer, j: int, i: int, x: Floats) -> Floats:
    """Evaluate one edge as it is when on."""
    out = np.zeros_like(x)
    if layer.numeric[j, i]:
        base = x / (1 + np.exp(-x))
        spline = sum(
            c * basis(layer.knots[i], n, layer.k, x) for n, c in enumerate(layer.coef[j, i])
        )
        numeric = layer.of_base[j, i] * base + layer.of_spline[j, i] * spline
        out = out + layer.numeric[j, i] * numeric
    if layer.formula[j, i]:
        a, b, c, d = layer.affine[j, i]
        out = out + layer.formula[j, i] * (c * FORMULAS[layer.names[j][i]](a * x + b) + d)
    return out


def basis(knots: Floats, n: int, k: int, x: Floats) -> Floats:
    """Evaluate the n-th B-spline of order k by its definition."""
    if k == 0:
        return ((knots[n] <= x) & (x < knots[n + 1])).astype(float)
    rise = (x - knots[n]) / (knots[n + k] - knots[n])
    fall = (knots[n + k + 1] - x) / (knots[n + k + 1] - knots[n + 1])
    return rise * basis(knots, n, k - 1, x) + fall * basis(knots, n + 1, k - 1, x)


def means(layers: list[Layer], x: Floats) -> list[Floats]:
    """Return every edge's mean, what is off in the model left out, ``(n_out, n_in)``."""
    found: list[Floats] = []
    outputs(layers, x, [(la.numeric != 0) | (la.formula != 0) for la in layers], None, found)
    return found


def outputs(
    layers: list[Layer],
    x: Floats,
    mask: list[NDArray[np.bool_]],
    kept: list[Floats] | None,
    found: list[Floats] | None = None,
) -> Floats:
    """Return the outputs of a model in which only these edges are on.

    Parameters
    ----------
    layers : list of Layer
    x : ndarray, shape (rows, n_in)
    mask : list of bool ndarray, shapes (n_out, n_in)
    kept : list of ndarray, optional
        The means that edges leave which were on and are not any more.
    found : list, optional
        Takes the means of all edges that are on.
    """
    for l, (layer, on) in enumerate(zip(layers, mask, strict=True)):
        sums = np.zeros((len(x), len(layer.owner)))
        mean = np.zeros(on.shape)
        for j, i in np.ndindex(*on.shape):
            if on[j, i]:
                values = edge(layer, j, i, x[:, i])
                sums[:, j] += values
                mean[j, i] = values.mean()
            elif kept is not None:
                sums[:, j] += kept[l][j, i]
        if found is not None:
            found.append(mean)
        slots = layer.slot_scale * sums + layer.slot_bias
        nodes = np.ones((len(x), max(layer.owner) + 1))
        for j, owner in enumerate(layer.owner):
            nodes[:, owner] *= slots[:, j]
        x = layer.node_scale * nodes + layer.node_bias
    return x
