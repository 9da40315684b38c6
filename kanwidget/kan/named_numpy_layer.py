"""One layer with named edges in numpy, forward and backward: used by `fit` on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from kanwidget.functions.library import FUNCTIONS, Function
from kanwidget.functions.named_edges import CurveGroup

from .arrays import Array, as_array
from .layer import KANLayer
from .numpy_layer import NumpyLayer, product

__all__ = ["NamedNumpyLayer", "numpy_layer"]


def numpy_layer(layer: KANLayer) -> NumpyLayer | NamedNumpyLayer:
    """Return a layer in numpy, whether it has named edges or not."""
    return NumpyLayer(layer) if layer.named_edges is None else NamedNumpyLayer(layer)


SLOPE_FROM_VALUE: dict[str, Callable[[Array, Array], Array]] = {
    "exp": lambda u, f: f,
    "tanh": lambda u, f: 1 - f * f,
    "sigmoid": lambda u, f: f - f * f,
    "tan": lambda u, f: 1 + f * f,
    "gaussian": lambda u, f: -2 * u * f,
    "sqrt": lambda u, f: 0.5 / f,
    "1/x": lambda u, f: -f * f,
}
"""Slopes that cost little once the value at the argument u is known."""


def _sine_and_cosine(u: Array, sine: Array, cosine: Array) -> None:
    """Write both by the tangent of half the angle: it takes less time than one of the two."""
    tangent = np.tan(0.5 * u)
    share = 1 / (1 + tangent * tangent)
    np.multiply(tangent, share, out=sine)
    sine *= 2
    np.multiply(share, 2, out=cosine)
    cosine -= 1


class _Curves:
    """The named edges of a layer that are on, ``(n, batch)`` in each array.

    Edges with the same function follow each other; the arrays are used again and again.

    Parameters
    ----------
    groups : list of CurveGroup
    free : bool ndarray, shape (n_out, n_in, 4)
        Which constants are fitted.
    """

    def __init__(self, groups: list[CurveGroup], free: NDArray[np.bool_]) -> None:
        none = np.empty(0, dtype=np.intp)
        self.outs = np.concatenate([none, *(group.outs for group in groups)])
        self.ins = np.concatenate([none, *(group.ins for group in groups)])
        ends = np.cumsum([0, *(len(group.ins) for group in groups)]).tolist()
        self._parts = [
            (slice(*part), group.function, _known_name(group.function))
            for part, group in zip(pairwise(ends), groups, strict=True)
        ]
        self.free: NDArray[np.bool_] = free[self.outs, self.ins]
        self._not_free, self._fits = ~self.free, self.free.any(0).tolist()
        self._flat = self.outs * free.shape[1] + self.ins
        self._each = np.arange(len(self.outs))
        # What is added to nodes, and to inputs' gradients, is a product with one of these.
        self._to_nodes, self._to_inputs = (np.zeros((n, len(self.outs))) for n in free.shape[:2])
        self._make_room(0)

    def _make_room(self, batch: int) -> None:
        self.x, self._arguments, self.shape, self._slopes, *rest = np.empty(
            (7, len(self.outs), batch)
        )
        self._values, self._on_values, self._more = rest

    def set_inputs(self, x: Array) -> None:
        """Take inputs ``(n_in, batch)``."""
        if self.x.shape[1] != x.shape[1]:
            self._make_room(x.shape[1])
        np.take(x, self.ins, axis=0, out=self.x, mode="clip")  # "raise" would copy twice

    def set_constants(self, constants: Array) -> None:
        """Evaluate the edges with constants ``(n_out, n_in, 4)``."""
        self.a, b, self.c, self.d = constants.reshape(-1, 4)[self._flat].T[..., None]
        with np.errstate(all="ignore"):
            np.multiply(self.a, self.x, out=self._arguments)
            self._arguments += b
            for part, function, name in self._parts:
                u, value = self._arguments[part], self.shape[part]
                if name == "sin":
                    _sine_and_cosine(u, value, self._slopes[part])
                elif name == "cos":
                    _sine_and_cosine(u, self._slopes[part], value)
                else:
                    value[...] = 0.0 if function.family == "constant" else function.value(u)
        self._has_slopes = self._has_values = False

    def sums(self, n_out: int) -> Array:
        """Return what the edges add to each node, ``(n_out, batch)``."""
        self._to_nodes[self.outs, self._each] = self.c[:, 0]
        out: Array = product(self._to_nodes, self.shape)
        if self.d.any():
            out += np.bincount(self.outs, self.d[:, 0], n_out)[:, None]
        return out

    @property
    def _outputs(self) -> Array:
        """What the edges add to nodes."""
        if not self._has_values:
            np.multiply(self.c, self.shape, out=self._values)
            self._values += self.d
            self._has_values = True
        return self._values

    def sizes(self) -> Array:
        """Return the mean size of each edge's output, ``(n,)``."""
        sizes: Array = np.abs(self._outputs, out=self._more).sum(1) / self.x.shape[1]
        return sizes

    @property
    def slopes(self) -> Array:
        """The slopes of the functions at their arguments."""
        if not self._has_slopes:
            with np.errstate(all="ignore"):
                for part, function, name in self._parts:
                    u, slopes = self._arguments[part], self._slopes[part]
                    if name in SLOPE_FROM_VALUE:
                        slopes[...] = SLOPE_FROM_VALUE[name](u, self.shape[part])
                    elif name == "cos":
                        np.negative(slopes, out=slopes)
                    elif name != "sin":
                        slopes[...] = function.derivative(u)
            self._has_slopes = True
        return self._slopes

    def by_constant(self, n: int, chosen: NDArray[np.bool_], rows: slice) -> Array:
        """Return the slopes of chosen edges' outputs on a, b, c or d."""
        if n == 3:
            return np.ones(())
        if n == 2:
            return self.shape[chosen, rows]
        on_b: Array = self.c[chosen] * self.slopes[chosen, rows]
        return on_b * self.x[chosen, rows] if n == 0 else on_b

    def gradients(self, on_y: Array, on_size: Array | None) -> Array:
        """Return the gradients on the constants, ``(n, 4)``; 0 for those that are not free."""
        on_values, (fits_a, fits_b, fits_c, fits_d) = self._on_values, self._fits
        np.take(on_y, self.outs, axis=0, out=on_values, mode="clip")
        if on_size is not None:
            np.sign(self._outputs, out=self._more)
            self._more *= on_size[self.outs, self.ins, None] / on_y.shape[1]
            on_values += self._more
        found = np.zeros((len(self.outs), 4))
        if fits_d:
            found[:, 3] = on_values.sum(1)
        if fits_c:
            found[:, 2] = np.multiply(on_values, self.shape, out=self._more).sum(1)
        on_values *= self.slopes
        if fits_b:
            found[:, 1] = on_values.sum(1) * self.c[:, 0]
        if fits_a:
            found[:, 0] = np.multiply(on_values, self.x, out=self._more).sum(1) * self.c[:, 0]
        found[self._not_free] = 0.0
        return found

    def input_gradients(self) -> Array:
        """Return the gradients on the inputs ``(n_in, batch)``, after `gradients`."""
        self._to_inputs[self.ins, self._each] = self.a[:, 0] * self.c[:, 0]
        return product(self._to_inputs, self._on_values)


def _known_name(function: Function) -> str:
    """Return the name of a function of the library, and nothing for one's own."""
    return function.name if FUNCTIONS.get(function.name) is function else ""


class NamedNumpyLayer:
    """A `NumpyLayer` with named edges: for inputs without any other edge it needs no splines.

    Attributes
    ----------
    curves : _Curves
        The named edges that are on, for the inputs and numbers that were set.
    coef, scale_sp : ndarray
        As of a `NumpyLayer`.
    """

    def __init__(self, layer: KANLayer) -> None:
        named = layer.named_edges
        assert named is not None
        self._layer, self._named, self._codes = layer, named, named.codes.clone()
        self._is_named = as_array(named.on) != 0
        self._off = np.zeros(self._is_named.shape, dtype=bool)
        self._x: Array = np.empty((layer.n_in, 0))
        self._slope = False
        self._free = named.free(with_shift=not layer.bias.requires_grad)
        self._groups: list[CurveGroup] = []
        self.curves = _Curves([], self._free)
        self._fixed = named.fixed.clone()
        self._splines: NumpyLayer | None = None  # if any is in use
        self._ins: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self.update_mask()

    def is_current(self) -> bool:
        """Whether the layer's grids and names still are what they were."""
        named = self._layer.named_edges
        return (
            named is self._named
            and torch.equal(named.codes, self._codes)
            and torch.equal(named.fixed, self._fixed)
            and (self._splines is None or self._splines.is_current())
        )

    def update_mask(self) -> bool:
        """Take the layer's present mask, and return whether that is another one."""
        off = as_array(self._layer.mask) == 0
        changed = not np.array_equal(off, self._off)
        if self._groups and not changed:
            return False
        self._off = off
        self._groups = self._named.groups(torch.from_numpy(~off))
        self.curves = _Curves(self._groups, self._free)
        (ins,) = np.nonzero(self.on.any(0))
        if self._splines is not None and np.array_equal(ins, self._ins):
            self._splines.update_mask()
        else:
            self._splines = NumpyLayer(self._layer, ins) if len(ins) else None
            self._ins = ins
        self.set_inputs(self._x, self._slope)
        return changed

    @property
    def span(self) -> Array:
        """What scores are divided by, ``(n_in,)``."""
        return as_array(self._layer.score_span)

    @property
    def on(self) -> NDArray[np.bool_]:
        """Which edges have a spline and are on, ``(n_out, n_in)``."""
        on: NDArray[np.bool_] = ~(self._off | self._is_named)
        return on

    def set_inputs(self, x: Array, slope: bool = False) -> None:
        """Take inputs ``(n_in, batch)``; see `NumpyLayer`."""
        self._x, self._slope = x, slope
        self.curves.set_inputs(x)
        if self._splines is not None:
            self._splines.set_inputs(x[self._ins], slope)

    def set_parameters(
        self, coef: Array, scale_base: Array, scale_sp: Array, constants: Array, bias: Array
    ) -> None:
        """Take the layer's numbers, shapes as in `KANLayer`."""
        ins = self._ins
        if self._splines is not None:
            self._splines.set_parameters(coef[:, ins], scale_base[:, ins], scale_sp[:, ins], bias)
        self.coef, self.scale_sp, self._bias = coef, scale_sp, bias
        self.curves.set_constants(constants)

    def features(self) -> Array:
        """Return B-splines and base function of the inputs, ``(n_in, K + 1, batch)``.

        Zeros for inputs that need none.
        """
        shape = len(self._x), self.coef.shape[2] + 1, self._x.shape[1]
        if self._splines is None:
            return np.broadcast_to(0.0, shape)
        out = np.zeros(shape)
        out[self._ins] = self._splines.features()
        return out

    def edge_slopes(self) -> Array:
        """Return the slope of each edge's output on its input, ``(n_in, n_out, batch)``."""
        out = np.zeros((len(self._x), len(self._off), self._x.shape[1]))
        if self._splines is not None:
            out[self._ins] = self._splines.edge_slopes()
        curves = self.curves
        out[curves.ins, curves.outs] = curves.a * curves.c * curves.slopes
        return out

    def coef_on(self) -> Array:
        """Return the coefficients, 0 for edges that are off or named."""
        return np.where(self.on[..., None], self.coef, 0.0)

    def sums(self) -> Array:
        """Return the values of the nodes after the layer, ``(n_out, batch)``."""
        out = self.curves.sums(len(self._off))
        out += self._bias[:, None] if self._splines is None else self._splines.sums()
        return out

    def sizes(self) -> Array:
        """Return the mean size of each edge's output, ``(n_out, n_in)``."""
        out = np.zeros(self._off.shape)
        if self._splines is not None:
            out[:, self._ins] = self._splines.sizes()
        curves = self.curves
        out[curves.outs, curves.ins] = curves.sizes()
        return out

    def gradients(self, on_y: Array, on_size: Array | None) -> list[Array]:
        """Return the gradients on coef, scale_base, scale_sp, the constants and bias."""
        ins, edges = self._ins, self._off.shape
        splines = [np.zeros(self.coef.shape), np.zeros(edges), np.zeros(edges)]
        if self._splines is not None:
            found = self._splines.gradients(on_y, None if on_size is None else on_size[:, ins])
            for out, part in zip(splines, found, strict=False):
                out[:, ins] = part
        on_constants, curves = np.zeros((*edges, 4)), self.curves
        on_constants[curves.outs, curves.ins] = curves.gradients(on_y, on_size)
        return [*splines, on_constants, on_y.sum(1)]

    def grad_inputs(self, on_y: Array, on_size: Array | None) -> Array:
        """Return the gradient on the inputs, ``(n_in, batch)``, after `gradients`."""
        out = self.curves.input_gradients()
        if self._splines is not None:
            on_sizes = None if on_size is None else on_size[:, self._ins]
            out[self._ins] += self._splines.grad_inputs(on_y, on_sizes)
        return out
