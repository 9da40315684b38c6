"""What models compute, written down from their parameters alone, in numpy.

Nothing here uses kanwidget: masks, biases and means come in as plain arrays. Edges are phi of
``(n_out, n_in)``; a *slot* is a target of edges, and a node with several is their product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Habit", "Layer", "Net", "effective_mask", "read"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FORMULAS: dict[str, Callable[[Floats], Floats]] = {
    "0": np.zeros_like,
    "": np.zeros_like,
    "sin": np.sin,
    "x^2": np.square,
    "exp": np.exp,
    "x": lambda x: x,
}


def silu(x: Floats) -> Floats:
    return x / (1 + np.exp(-x))


def array(value: Any) -> Floats:
    return np.array(value.detach().cpu().double().numpy())


def bools(value: Any) -> Bools:
    return np.array(value.detach().cpu().numpy().astype(bool))


def bases(x: Floats, knots: Floats, k: int) -> Floats:
    """Return B-splines of order k of inputs ``(rows, n)`` on knots ``(n, count)``."""
    t, at = knots[None], x[:, :, None]
    found = ((at >= t[..., :-1]) & (at < t[..., 1:])).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        for d in range(1, k + 1):
            rise = (at - t[..., : -d - 1]) / (t[..., d:-1] - t[..., : -d - 1])
            fall = (t[..., d + 1 :] - at) / (t[..., d + 1 :] - t[..., 1:-d])
            found = np.nan_to_num(rise * found[..., :-1] + fall * found[..., 1:])
    return found


def extended(grid: Floats, k: int) -> Floats:
    """Add k knots on each side of grids ``(n, G + 1)``, a mean step apart."""
    step = (grid[:, -1:] - grid[:, :1]) / (grid.shape[1] - 1)
    left = grid[:, :1] - step * np.arange(k, 0, -1)
    return np.concatenate([left, grid, grid[:, -1:] + step * np.arange(1, k + 1)], 1)


@dataclass
class Layer:
    """One layer: what its edges emit while they are on, and what becomes of their sums.

    ``slot = gain * sum + bias``, ``node = scale * product of slots + offset``.
    """

    emit: Callable[[Floats], Floats]  # (rows, n_in) to (n_out, n_in, rows)
    bias: Floats  # live, (n_out,)
    span: Floats  # of the grid, (n_in,); NaN: of the data
    mask: Bools | None  # live, (n_out, n_in); None if the model itself does not tell
    vague: Bools | None = None  # edges fixed to a formula that is 0: on or off, they are
    gain: Floats | None = None
    owner: list[int] | None = None
    scale: Floats | None = None
    offset: Floats | None = None


class Habit:
    """What pykan's two masks of each edge were when it was last on: the model forgets it."""

    def __init__(self) -> None:
        self.numeric: list[Floats] = []
        self.formula: list[Floats] = []

    def look(
        self, l: int, numeric: Floats, formula: Floats, names: Any, zero: Bools
    ) -> tuple[Floats, Floats]:
        named = np.array([[name not in ("0", "") for name in row] for row in names])
        if len(self.numeric) <= l:
            self.numeric.append((~named).astype(float))
            self.formula.append(named.astype(float))
        on = (numeric != 0) | ((formula != 0) & named & ~zero)
        self.numeric[l] = np.where(on, numeric, self.numeric[l])
        # Where the formula adds nothing, only the spline can come back.
        idle = ~on & (formula != 0) & (self.numeric[l] == 0)
        self.numeric[l] = np.where(idle, 1.0, self.numeric[l])
        self.formula[l] = np.where(on, formula, self.formula[l])
        return self.numeric[l].copy(), self.formula[l].copy()


class Net:
    """A model's numbers at one moment."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers

    @property
    def slots(self) -> list[list[int]]:
        return [
            la.owner if la.owner is not None else list(range(len(la.bias))) for la in self.layers
        ]

    def run(
        self, x: Floats, mask: Sequence[Bools], bias: Sequence[Floats]
    ) -> tuple[list[Floats], list[Floats]]:
        """Return the values of all node layers, and what every edge emits before its gain."""
        values, emitted = [x], []
        for la, on, constant, owner in zip(self.layers, mask, bias, self.slots, strict=True):
            phi = la.emit(values[-1])
            emitted.append(phi)
            sums = np.where(on[:, :, None], phi, 0.0).sum(1).T
            slots = sums * (1.0 if la.gain is None else la.gain) + constant
            nodes = np.ones((len(x), max(owner) + 1))
            for slot, node in enumerate(owner):
                nodes[:, node] *= slots[:, slot]
            if la.scale is not None:
                nodes = nodes * la.scale + la.offset
            values.append(nodes)
        return values, emitted

    def outputs(self, x: Floats, mask: Sequence[Bools], bias: Sequence[Floats]) -> Floats:
        return self.run(x, mask, bias)[0][-1]

    def means(self, x: Floats, mask: Sequence[Bools], bias: Sequence[Floats]) -> list[Floats]:
        """Return what every edge adds to its slot on the average; 0 where a mask is off."""
        found = []
        for la, phi, on in zip(self.layers, self.run(x, mask, bias)[1], mask, strict=True):
            gain = np.ones(len(on)) if la.gain is None else la.gain
            found.append(np.where(on, phi.mean(2) * gain[:, None], 0.0))
        return found

    def scores(
        self, x: Floats, mask: Sequence[Bools], bias: Sequence[Floats], kind: str
    ) -> list[Floats]:
        """Score edges by the formulas that the README names."""
        values, emitted = self.run(x, mask, bias)
        if kind == "l1":
            found = []
            for la, phi, on, at in zip(self.layers, emitted, mask, values, strict=False):
                gain = np.ones(len(on)) if la.gain is None else la.gain
                span = np.where(np.isnan(la.span), np.ptp(at, axis=0), la.span)
                size = np.abs(phi * gain[:, None, None]).mean(2) / (span + 1e-4)
                found.append(np.where(on, size, 0.0))
            return found
        found, node = [], np.eye(values[-1].shape[1])
        for l in reversed(range(len(mask))):
            phi = np.where(mask[l][:, :, None], emitted[l], 0.0)
            slot = node[:, self.slots[l]]
            share = phi.std(2, ddof=1) / (phi.sum(1).std(1, ddof=1)[:, None] + 1e-4)
            found.append(slot.mean(0)[:, None] * share)
            node = slot @ share
        return found[::-1]


def effective_mask(
    mask: Sequence[Bools],
    scores: Sequence[Floats],
    state: dict[str, Any],
    slots: Sequence[Sequence[int]],
) -> list[Bools]:
    """Return which edges are on: on before, above the thresholds, hand edits on top.

    Hidden nodes score the smaller of their strongest edge in and out; those that no input
    reaches are left alone.
    """
    edge_at, node_at = state["edge_threshold"], state["node_threshold"]
    on = [m.copy() for m in mask]
    if edge_at > 0:
        on = [m & ~(s <= edge_at) for m, s in zip(on, scores, strict=True)]
    kept_nodes = {tuple(n) for n in state["kept_nodes"]}
    reach = np.ones(mask[0].shape[1], bool)
    for l, (into, out) in enumerate(pairwise(range(len(mask))), start=1):
        fed = (mask[into] & reach).any(1)
        owner = np.array(slots[into])
        nodes = max(owner) + 1
        reach = np.array([fed[owner == n].any() for n in range(nodes)])
        for n in range(nodes):
            score = min(scores[into][owner == n].max(), scores[out][:, n].max())
            if node_at > 0 and reach[n] and score <= node_at and (l, n) not in kept_nodes:
                on[into][owner == n] = False
                on[out][:, n] = False
    for l, i, j in state["kept_edges"]:
        on[l][j, i] = True
    for l, n in state["removed_nodes"]:
        if l < len(on):
            on[l][:, n] = False
        if l > 0:
            on[l - 1][np.array(slots[l - 1]) == n] = False
    for l, i, j in state["removed_edges"]:
        on[l][j, i] = False
    return on


def read(library: str, model: Any, habit: Habit) -> Net:
    """Copy a model's numbers."""
    return Net(_READERS[library](model, habit))


def _own(model: Any, habit: Habit) -> list[Layer]:
    def layer(la: Any) -> Layer:
        coef, base, spline, k = *map(array, (la.coef, la.scale_base, la.scale_sp)), la.k
        grid = array(la.grid)
        knots = extended(grid, k)

        def emit(x: Floats) -> Floats:
            curve = np.einsum("bim,jim->jib", bases(x, knots, k), coef)
            return base[:, :, None] * silu(x).T[None] + spline[:, :, None] * curve

        return Layer(emit, array(la.bias), grid[:, -1] - grid[:, 0], array(la.mask) != 0)

    return [layer(la) for la in model.layers]


def _formulas(
    coef: Floats,
    knots: Floats,
    k: int,
    base: Floats,
    spline: Floats,
    symbolic: Any,
    masks: tuple[Floats, Floats],
) -> Callable[[Floats], Floats]:
    """Return what pykan's edges emit; ``knots`` are (n_in, count) or (n_out, n_in, count)."""
    names, affine, (numeric, formula) = symbolic.funs_name, array(symbolic.affine), masks
    names = [list(row) for row in names]

    def emit(x: Floats) -> Floats:
        own = knots if knots.ndim == 3 else np.broadcast_to(knots, (len(coef), *knots.shape))
        curve = np.stack(
            [np.einsum("bim,im->ib", bases(x, own[j], k), coef[j]) for j in range(len(coef))]
        )
        out = base[:, :, None] * silu(x).T[None] + spline[:, :, None] * curve
        out = np.where(numeric[:, :, None] != 0, numeric[:, :, None] * out, 0.0)
        for j, i in np.argwhere(formula != 0):
            a, b, c, d = affine[j, i]
            value = c * FORMULAS[names[j][i]](a * x[:, i] + b) + d
            out[j, i] += formula[j, i] * (0.0 if names[j][i] in ("0", "") else value)
        return out

    return emit


def _masks(
    l: int, numeric: Floats, symbolic: Any, habit: Habit
) -> tuple[Bools, Bools, tuple[Floats, Floats]]:
    formula, names = array(symbolic.mask), symbolic.funs_name
    zero = np.array([[name == "0" for name in row] for row in names])
    zero |= (array(symbolic.affine)[..., 2:] == 0).all(2)  # what is fitted to an edge that is off
    on = (numeric != 0) | ((formula != 0) & ~zero)
    vague = zero & (numeric == 0) & (formula != 0)
    return on, vague, habit.look(l, numeric, formula, names, zero)


def _pykan(model: Any, habit: Habit) -> list[Layer]:
    layers = []
    for l, (act, symbolic) in enumerate(zip(model.act_fun, model.symbolic_fun, strict=True)):
        sums, products = model.width[l + 1]
        arity = model.mult_arity
        several = [arity] * products if isinstance(arity, int) else arity[l + 1]
        owner = [*range(sums), *(sums + n for n, count in enumerate(several) for _ in range(count))]
        grid, k = array(act.grid), act.k
        on, vague, masks = _masks(l, array(act.mask).T, symbolic, habit)
        emit = _formulas(
            array(act.coef).transpose(1, 0, 2), grid, k, array(act.scale_base).T,
            array(act.scale_sp).T, symbolic, masks,
        )  # fmt: skip
        gain, slot_bias = array(model.subnode_scale[l]), array(model.subnode_bias[l])
        scale, node_bias = array(model.node_scale[l]), array(model.node_bias[l])
        offset = np.concatenate([scale[:sums] * slot_bias[:sums], node_bias[sums:]])
        gain[:sums] *= scale[:sums]
        scale[:sums] = 1.0
        bias = np.concatenate([node_bias[:sums], slot_bias[sums:]])
        span = grid[:, -1 - k] - grid[:, k]
        layers.append(Layer(emit, bias, span, on, vague, gain, owner, scale, offset))
    return layers


def _pykan0(model: Any, habit: Habit) -> list[Layer]:
    layers = []
    for l, (act, symbolic) in enumerate(zip(model.act_fun, model.symbolic_fun, strict=True)):
        shape = act.out_dim, act.in_dim
        grid = array(act.grid)
        knots = extended(grid, act.k).reshape(*shape, -1)
        on, vague, masks = _masks(l, array(act.mask).reshape(shape), symbolic, habit)
        emit = _formulas(
            array(act.coef).reshape(*shape, -1), knots, act.k,
            array(act.scale_base).reshape(shape), array(act.scale_sp).reshape(shape),
            symbolic, masks,
        )  # fmt: skip
        ends = grid.reshape(*shape, -1)
        span = ends[..., -1].max(0) - ends[..., 0].min(0)
        layers.append(Layer(emit, array(model.biases[l].weight)[0], span, on, vague))
    return layers


def _efficient(model: Any, habit: Habit) -> list[Layer]:
    def layer(la: Any) -> Layer:
        base, grid, k = array(la.base_weight), array(la.grid), la.spline_order
        coef = array(la.spline_weight) * array(la.spline_scaler)[:, :, None]

        def emit(x: Floats) -> Floats:
            curve = np.einsum("bim,jim->jib", bases(x, grid, k), coef)
            return base[:, :, None] * silu(x).T[None] + curve

        return Layer(emit, np.zeros(len(base)), grid[:, -1 - k] - grid[:, k], None)

    return [layer(la) for la in model.layers]


def _fast(model: Any, habit: Habit) -> list[Layer]:
    def layer(la: Any) -> Layer:
        centres, width = array(la.rbf.grid), float(la.rbf.denominator)
        n_in, n_out = la.input_dim, la.output_dim
        coef = array(la.spline_linear.weight).reshape(n_out, n_in, -1)
        norm, base, bias = la.layernorm, None, np.zeros(n_out)
        if la.use_base_update:
            base, bias = array(la.base_linear.weight), array(la.base_linear.bias)
        if norm is not None:
            eps, by, plus = norm.eps, array(norm.weight), array(norm.bias)

        def emit(x: Floats) -> Floats:
            z = x
            if norm is not None:
                centred = x - x.mean(1, keepdims=True)
                z = centred / np.sqrt((centred**2).mean(1, keepdims=True) + eps) * by + plus
            radial = np.exp(-(((z[:, :, None] - centres) / width) ** 2))
            out = np.einsum("bim,jim->jib", radial, coef)
            return out if base is None else out + base[:, :, None] * silu(x).T[None]

        ends = centres[-1] - centres[0] if norm is None else np.nan
        return Layer(emit, bias, np.full(n_in, ends), None)

    return [layer(la) for la in model.layers]


_READERS = {
    "kan": _own,
    "pykan": _pykan,
    "pykan0": _pykan0,
    "efficient": _efficient,
    "fastkan": _fast,
}
