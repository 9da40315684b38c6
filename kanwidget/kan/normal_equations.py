"""The normal equations of a KAN's mean squared error, with the Jacobian in closed form.

An edge's output is linear in the features of its input, so that the slopes of the network's
outputs on its numbers are products: of the features, and of the slopes of the outputs on the
node that the edge leads to. The latter come from layer to layer, the last first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .levenberg_marquardt import NormalEquations, check_count, gram
from .named_numpy_layer import NamedNumpyLayer
from .numpy_layer import NumpyLayer

__all__ = ["Places", "normal_equations"]

Layer = NumpyLayer | NamedNumpyLayer

MAX_NUMBERS_PER_BLOCK = 1 << 21
"""Most numbers in one block of the Jacobian: bounds the memory."""

Indices = NDArray[np.intp]

Places = Sequence[Indices | None]
"""Where a layer's numbers, as `KANLayer.weights` lists them, are in the flat vector, in shape.

None for those that are not trained.
"""


def normal_equations(
    layers: Sequence[Layer],
    places: Sequence[Places],
    error: Array,
    constant_inputs: NDArray[np.bool_] | None = None,
) -> NormalEquations:
    """Return the normal equations of ``mean(error ** 2)``.

    Parameters
    ----------
    layers : sequence of NumpyLayer or NamedNumpyLayer
        With inputs and parameters set, and slopes of the features in all but the first.
    places : sequence of Places
        Of each layer.
    error : ndarray, shape (n_out, rows)
        Outputs less labels.
    constant_inputs : bool ndarray, shape (width[0],), optional
        Inputs whose edges are not trained.

    Raises
    ------
    ValueError
        If too many parameters are trained.
    """
    fitted = [np.ones_like(layer.on) for layer in layers]
    if constant_inputs is not None:
        fitted[0] = fitted[0] & ~constant_inputs
    last = len(layers) - 1
    # What all outputs depend on comes first; the last layer's edges lead to one output each.
    shared = [_Numbers(layers[l], places[l], fitted[l], range(len(fitted[l]))) for l in range(last)]
    outputs = np.eye(len(error), dtype=bool)
    final = [
        _Numbers(layers[last], places[last], fitted[last] & chosen[:, None], [o])
        for o, chosen in enumerate(outputs)
    ]
    columns = np.concatenate([numbers.columns for numbers in (*shared, *final)])
    check_count(len(columns))
    curvature, slope = np.zeros((len(columns), len(columns))), np.zeros(len(columns))
    features = [layer.features() for layer in layers]
    slopes = [layer.edge_slopes() for layer in layers[1:]]
    head = begin = sum(len(numbers.columns) for numbers in shared)
    for o, of_output in enumerate(final):
        own = np.r_[0:head, begin : begin + len(of_output.columns)]
        begin += len(of_output.columns)
        part = curvature if len(error) == 1 else np.zeros((len(own), len(own)))
        for rows in _row_blocks(error.shape[1], len(own)):
            jacobian = np.empty((len(own), error[o, rows].size))
            end, on_nodes = len(own), outputs[:, [o]] * np.ones(jacobian.shape[1])
            for l, numbers in reversed([*enumerate([*shared, of_output])]):
                start = end - len(numbers.columns)
                numbers.write_jacobian(features[l], rows, on_nodes, jacobian[start:end])
                if l > 0:
                    on_nodes = np.einsum("ijr,jr->ir", slopes[l - 1][..., rows], on_nodes)
                end = start
            gram(jacobian, part)
            slope[own] += (jacobian * error[o, rows]).sum(1)
        if len(error) > 1:
            curvature[np.ix_(own, own)] += part
    curvature *= 2 / error.size
    slope *= 2 / error.size
    used = curvature.diagonal() != 0  # not those of nodes that lead nowhere
    if not used.all():
        columns, slope, curvature = columns[used], slope[used], curvature[np.ix_(used, used)]
    return NormalEquations(float((error * error).mean()), columns, slope, curvature)


class _Numbers:
    """The numbers of one layer that are fitted: those of its edges that are on.

    An edge's spline is ``scale_sp * coef @ basis``: where `coef` is fitted, `scale_sp` is not,
    unless it is 0. It would add nothing that `coef` cannot do.

    Parameters
    ----------
    layer : NumpyLayer
    places : Places
    fitted : bool ndarray, shape (n_out, n_in)
        Which edges are fitted, if they are on.
    nodes : sequence of int
        Whose biases are.
    """

    def __init__(
        self, layer: Layer, places: Places, fitted: NDArray[np.bool_], nodes: Sequence[int]
    ) -> None:
        self._layer, self._nodes = layer, list(nodes)
        self._coef, self._scale_base, scale_sp, *constants, bias = places
        on = layer.on & fitted
        self._named = None
        if isinstance(layer, NamedNumpyLayer) and constants and constants[0] is not None:
            self._named = _Constants(layer, constants[0], fitted)
        self._ins, self._outs = np.nonzero(on.T)  # by inputs
        edges = self._outs, self._ins
        self._scaled = layer.scale_sp[edges] == 0 if self._coef is not None else on[edges]
        chosen = self._outs[self._scaled], self._ins[self._scaled]
        found = [
            None if self._coef is None else self._coef[edges].ravel(),
            None if self._scale_base is None else self._scale_base[edges],
            None if scale_sp is None else scale_sp[chosen],
            None if self._named is None else self._named.columns,
            None if bias is None else bias[self._nodes],
        ]
        self._fits_scale, self._fits_bias = scale_sp is not None, bias is not None
        self.columns: Indices = np.concatenate(
            [np.empty(0, dtype=np.intp), *(part for part in found if part is not None)]
        )

    def write_jacobian(self, features: Array, rows: slice, on_nodes: Array, out: Array) -> None:
        """Write the slopes of an output on these numbers, ``(columns, rows)``.

        Parameters
        ----------
        features : ndarray, shape (n_in, K + 1, all rows)
        rows : slice
            Which rows are meant.
        on_nodes : ndarray, shape (n_out, rows)
            The slopes of the output on the nodes after the layer.
        out : ndarray
        """
        layer, outs, ins = self._layer, self._outs, self._ins
        features = features[..., rows]
        count, splines, width = len(outs), features.shape[1] - 1, features.shape[2]
        on_edges, end = on_nodes[outs], 0
        first = np.searchsorted(ins, np.arange(len(features) + 1)).tolist()
        if self._coef is not None:
            on_spline = on_edges * layer.scale_sp[outs, ins, None]
            block = out[: count * splines].reshape(count, splines, width)
            for i, (start, stop) in enumerate(pairwise(first)):
                np.multiply(features[i, :-1], on_spline[start:stop, None], out=block[start:stop])
            end = count * splines
        if self._scale_base is not None:
            np.multiply(features[ins, -1], on_edges, out=out[end : end + count])
            end += count
        if self._fits_scale and self._scaled.any():
            chosen = outs[self._scaled], ins[self._scaled]
            curves = np.einsum("ekr,ek->er", features[chosen[1], :-1], layer.coef[chosen])
            np.multiply(curves, on_edges[self._scaled], out=out[end : end + len(curves)])
            end += len(curves)
        if self._named is not None:
            end = self._named.write_jacobian(on_nodes, rows, out, end)
        if self._fits_bias:
            out[end:] = on_nodes[self._nodes]


class _Constants:
    """The constants of one layer's named edges that are fitted."""

    def __init__(self, layer: NamedNumpyLayer, places: Indices, fitted: NDArray[np.bool_]) -> None:
        self._curves = curves = layer.curves
        self._free = curves.free & fitted[curves.outs, curves.ins, None]
        mine = places[curves.outs, curves.ins]
        # One constant after the other.
        self.columns: Indices = np.concatenate([mine[self._free[:, n], n] for n in range(4)])

    def write_jacobian(self, on_nodes: Array, rows: slice, out: Array, start: int) -> int:
        """Write the slopes from a row of `out` on, and return the row after the last."""
        for n in range(4):
            chosen = self._free[:, n]
            end = start + int(chosen.sum())
            if end > start:
                slopes = self._curves.by_constant(n, chosen, rows)
                on_values = on_nodes[self._curves.outs[chosen]]
                np.multiply(slopes, on_values, out=out[start:end])
            start = end
        return start


def _row_blocks(rows: int, columns: int) -> Iterator[slice]:
    size = max(1, MAX_NUMBERS_PER_BLOCK // max(1, columns))
    for start in range(0, rows, size):
        yield slice(start, start + size)
