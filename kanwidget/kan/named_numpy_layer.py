"""One layer with named edges in numpy, forward and backward: used by `fit` on the CPU."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from kanwidget.functions.named_edges import CurveGroup

from .arrays import Array, as_array
from .layer import KANLayer
from .numpy_layer import NumpyLayer

__all__ = ["NamedNumpyLayer", "numpy_layer"]


def numpy_layer(layer: KANLayer) -> NumpyLayer | NamedNumpyLayer:
    """Return a layer in numpy, whether it has named edges or not."""
    return NumpyLayer(layer) if layer.named_edges is None else NamedNumpyLayer(layer)


class _Curves:
    """The edges of a layer that have the same function, for the numbers that were set last."""

    def __init__(self, group: CurveGroup, constants: Array, x: Array) -> None:
        self.outs, self.ins = group.outs, group.ins
        self._function, self.x = group.function, x[group.ins]
        self.a, self._b, self.c, d = constants[group.outs, group.ins].T[..., None]
        self.constant = group.function.family == "constant"
        with np.errstate(all="ignore"):
            if self.constant:
                self.shape, self.values = np.zeros_like(self.x), d + np.zeros_like(self.x)
            else:
                self.shape = group.function.value(self.a * self.x + self._b)
                self.values = self.c * self.shape + d
        self._slopes: Array | None = None

    @property
    def slopes(self) -> Array:
        """The slopes of the function at its arguments, ``(n, batch)``."""
        if self._slopes is None:
            with np.errstate(all="ignore"):
                argument = self.a * self.x + self._b
                zero = self.constant
                found = np.zeros_like(self.x) if zero else self._function.derivative(argument)
            self._slopes = found
        return self._slopes

    def by_constants(self) -> tuple[Array, Array, Array, Array]:
        """Return the slopes of the outputs on a, b, c and d, ``(n, batch)`` each."""
        on_b = self.c * self.slopes
        return on_b * self.x, on_b, self.shape, np.broadcast_to(1.0, self.x.shape)


class NamedNumpyLayer:
    """A `NumpyLayer` with named edges: for inputs without any other edge it needs no splines."""

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
        self._curves: list[_Curves] = []
        self._fixed = named.fixed.clone()
        self._splines = NumpyLayer(layer, np.empty(0, dtype=np.intp))
        self._ins: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self.update_mask()

    def is_current(self) -> bool:
        """Whether the layer's grids and names still are what they were."""
        named = self._layer.named_edges
        return (
            named is self._named
            and torch.equal(named.codes, self._codes)
            and torch.equal(named.fixed, self._fixed)
            and self._splines.is_current()
        )

    def update_mask(self) -> bool:
        """Take the layer's present mask, and return whether that is another one."""
        off = as_array(self._layer.mask) == 0
        changed = not np.array_equal(off, self._off)
        if self._groups and not changed:
            return False
        self._off = off
        self._groups = self._named.groups(torch.from_numpy(~off))
        (ins,) = np.nonzero(self.on.any(0))
        if np.array_equal(ins, self._ins):
            self._splines.update_mask()
        else:
            self._splines, self._ins = NumpyLayer(self._layer, ins), ins
            self.set_inputs(self._x, self._slope)
        return changed

    @property
    def span(self) -> Array:
        """What scores are divided by, ``(n_in,)``."""
        return as_array(self._layer.score_span)

    @property
    def n_out(self) -> int:
        """Nodes after the layer."""
        return len(self._off)

    @property
    def on(self) -> NDArray[np.bool_]:
        """Which edges have a spline and are on, ``(n_out, n_in)``."""
        on: NDArray[np.bool_] = ~(self._off | self._is_named)
        return on

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which constants are fitted, ``(n_out, n_in, 4)``."""
        free: NDArray[np.bool_] = self._free & ~self._off[..., None]
        return free

    @property
    def curves(self) -> list[_Curves]:
        """The named edges that are on, for the inputs and numbers that were set."""
        return self._curves

    @property
    def coef(self) -> Array:
        """The coefficients that were set, ``(n_out, n_in, K)``."""
        return self._coef

    @property
    def scale_sp(self) -> Array:
        """The scales of the splines that were set, ``(n_out, n_in)``."""
        return self._scale_sp

    def set_inputs(self, x: Array, slope: bool = False) -> None:
        """Take inputs ``(n_in, batch)``; see `NumpyLayer`."""
        self._x, self._slope = x, slope
        if len(self._ins):
            self._splines.set_inputs(x[self._ins], slope)

    def set_parameters(
        self, coef: Array, scale_base: Array, scale_sp: Array, constants: Array, bias: Array
    ) -> None:
        """Take the layer's numbers, shapes as in `KANLayer`."""
        ins = self._ins
        if len(ins):
            self._splines.set_parameters(coef[:, ins], scale_base[:, ins], scale_sp[:, ins], bias)
        self._coef, self._scale_sp, self._bias = coef, scale_sp, bias
        self._curves = [_Curves(group, constants, self._x) for group in self._groups]

    def features(self) -> Array:
        """Return B-splines and base function of the inputs, ``(n_in, K + 1, batch)``.

        Zeros for inputs that need none.
        """
        shape = len(self._x), self._coef.shape[2] + 1, self._x.shape[1]
        if not len(self._ins):
            return np.broadcast_to(0.0, shape)
        out = np.zeros(shape)
        out[self._ins] = self._splines.features()
        return out

    def edge_slopes(self) -> Array:
        """Return the slope of each edge's output on its input, ``(n_in, n_out, batch)``."""
        out = np.zeros((len(self._x), self.n_out, self._x.shape[1]))
        if len(self._ins):
            out[self._ins] = self._splines.edge_slopes()
        for curves in self._curves:
            out[curves.ins, curves.outs] = curves.a * curves.c * curves.slopes
        return out

    def coef_on(self) -> Array:
        """Return the coefficients, 0 for edges that are off or named."""
        return np.where(self.on[..., None], self._coef, 0.0)

    def sums(self) -> Array:
        """Return the values of the nodes after the layer, ``(n_out, batch)``."""
        if len(self._ins):
            out = self._splines.sums()
        else:
            out = np.repeat(self._bias[:, None], self._x.shape[1], axis=1)
        for curves in self._curves:
            for j, values in zip(curves.outs, curves.values, strict=True):
                out[j] += values
        return out

    def sizes(self) -> Array:
        """Return the mean size of each edge's output, ``(n_out, n_in)``."""
        out = np.zeros(self._off.shape)
        if len(self._ins):
            out[:, self._ins] = self._splines.sizes()
        for curves in self._curves:
            out[curves.outs, curves.ins] = np.abs(curves.values).mean(1)
        return out

    def gradients(self, on_y: Array, on_size: Array | None) -> list[Array]:
        """Return the gradients on coef, scale_base, scale_sp, the constants and bias."""
        ins, edges = self._ins, self._off.shape
        splines = [np.zeros(self._coef.shape), np.zeros(edges), np.zeros(edges)]
        if len(ins):
            found = self._splines.gradients(on_y, None if on_size is None else on_size[:, ins])
            for out, part in zip(splines, found, strict=False):
                out[:, ins] = part
        on_constants = np.zeros((*edges, 4))
        for curves in self._curves:
            on_values = self._on_values(curves, on_y, on_size)
            for n, slopes in enumerate(curves.by_constants()):
                on_constants[curves.outs, curves.ins, n] = (slopes * on_values).sum(1)
        on_constants[~self._free] = 0.0
        return [*splines, on_constants, on_y.sum(1)]

    def grad_inputs(self, on_y: Array, on_size: Array | None) -> Array:
        """Return the gradient on the inputs, ``(n_in, batch)``."""
        ins, out = self._ins, np.zeros(self._x.shape)
        if len(ins):
            on_sizes = None if on_size is None else on_size[:, ins]
            out[ins] = self._splines.grad_inputs(on_y, on_sizes)
        for curves in self._curves:
            on_x = self._on_values(curves, on_y, on_size) * (curves.a * curves.c * curves.slopes)
            for i, values in zip(curves.ins, on_x, strict=True):
                out[i] += values
        return out

    @staticmethod
    def _on_values(curves: _Curves, on_y: Array, on_size: Array | None) -> Array:
        """Return the gradient on what named edges emit, ``(n, batch)``."""
        on_values: Array = on_y[curves.outs]
        if on_size is not None:
            share = on_size[curves.outs, curves.ins, None] / on_y.shape[1]
            on_values = on_values + share * np.sign(curves.values)
        return on_values
