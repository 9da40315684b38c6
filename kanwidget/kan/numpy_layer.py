"""One layer of edges in numpy, forward and backward: used by `fit` on the CPU.

It computes what `fused_layer` does. For small networks it is several times faster, since calls
into numpy cost less than calls into torch. Its sums do not depend on torch's threads or vector
instructions, and each product's terms are added one after the other, so that a fit repeats to
the last bit.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from . import bsplines
from .arrays import Array, as_array
from .layer import KANLayer

__all__ = ["NumpyLayer", "product"]

MAX_NUMBERS_PER_BLOCK = 1 << 21
"""Most numbers in one block of edges' outputs: bounds the memory."""

MAX_SINGLE_THREAD_MULTIPLICATIONS = 1 << 18
"""OpenBLAS computes a matrix product of up to so many multiplications in one thread."""


class NumpyLayer:
    """One layer in numpy: its weights, the features of its inputs, and what follows from both.

    As in `fused_layer`, the batch is the last axis and an edge's output is linear in its input's
    features. On a uniform grid the features may be truncated powers, which need a third of the
    passes over the data that B-splines need; `_basis_from_powers` converts between the two.
    Each B-spline is a sum of powers that are 0 beyond its nearer end of the grid, so that they
    stay small and few digits are lost. A fit multiplies such errors by 1e8 within three steps.

    Parameters
    ----------
    layer : KANLayer
        Its named edges count as off here: see `NamedNumpyLayer`.
    inputs : ndarray of int, optional
        The inputs whose edges are taken; all by default.
    knots : Tensor, shape (n_in, G + 1 + 2k), optional
        The grid of these inputs with the knots beyond its ends; `extend_grid`'s by default.

    Attributes
    ----------
    coef, scale_sp : ndarray, shapes (n_out, n_in, K) and (n_out, n_in)
        The coefficients, and the scales of the splines, that were set.
    """

    def __init__(
        self,
        layer: KANLayer,
        inputs: NDArray[np.intp] | None = None,
        knots: Tensor | None = None,
    ) -> None:
        self._layer, self._named = layer, layer.named_edges
        self._ins: Any = slice(None) if inputs is None else inputs
        self._grid = as_array(layer.grid)[self._ins].copy()
        self._uniform = layer.uniform if knots is None else bsplines.is_uniform(knots)
        self._knots: Array = (
            bsplines.extend_grid(self._grid, layer.k) if knots is None else as_array(knots).copy()
        )
        self._off = np.zeros((layer.n_out, len(self._grid)), dtype=bool)
        self.update_mask()
        self._basis_from_powers: Array | None = None
        self._feats: Array = np.empty((0, 0, 0))
        self._slopes: Array | None = None
        self._stretch: Array = np.ones((len(self._grid), 1))
        self._signs: Array | None = None
        self.span = bsplines.score_span(self._grid)

    def is_current(self) -> bool:
        """Whether the layer's grids still are what they were, and no edge has got a name since."""
        same = self._layer.named_edges is self._named
        return same and np.array_equal(self._grid, as_array(self._layer.grid)[self._ins])

    def update_mask(self) -> bool:
        """Take the layer's present mask, and return whether that is another one."""
        off = (as_array(self._layer.spline_mask) == 0)[:, self._ins]
        changed = not np.array_equal(off, self._off)
        self._off, self._any_off = off, bool(off.any())
        return changed

    def set_inputs(self, x: Array, slope: bool = False) -> None:
        """Take inputs ``(n_in, batch)``, and compute their features (and these' slopes)."""
        k, grid = self._layer.k, self._grid
        intervals = grid.shape[1] - 1
        knots, middle = intervals + 2 * k + 1, (intervals + k + 1) // 2
        base, base_slope = _base(self._layer.base_fun, x, slope)
        # Truncated powers cancel: they are taken where that costs no more than four digits.
        truncated = slope and self._uniform and (knots - middle) ** k <= 10_000
        if truncated:
            step = (grid[:, -1:] - grid[:, :1]) / intervals
            u = ((x - grid[:, :1]) / step + k).clip(0, knots)  # all is 0 beyond
            least, most = float(u.min()), float(u.max())
            if least != least:  # NaN shall reach them all
                least, most = 0.0, float(knots)
            # Those of other knots are 0.
            rising = range(middle, max(math.ceil(most), middle + 1))
            falling = range(min(math.floor(least) + 1, middle + k), middle + k + 1)
            count = len(rising) + len(falling)
        else:
            count = intervals + k
        shape = (len(x), count + 1, x.shape[1])
        if self._feats.shape != shape or slope != (self._slopes is not None):
            self._feats, self._slopes = np.empty(shape), np.empty(shape) if slope else None
        feats, slopes = self._feats, self._slopes
        if truncated and slopes is not None:
            power, lower = feats[:, :-1], slopes[:, :-1]
            up, down = power[:, : len(rising)], power[:, len(rising) :]
            counted = _row_numbers(knots, x.shape[1])
            np.maximum(u[:, None], counted[rising.start : rising.stop], out=up)
            up -= counted[rising.start : rising.stop]
            np.minimum(u[:, None], counted[falling.start : falling.stop], out=down)
            np.subtract(counted[falling.start : falling.stop], down, out=down)
            if k == 1:
                np.sign(power, out=lower)
            elif k == 2:
                np.copyto(lower, power)
            else:
                np.multiply(power, power, out=lower)
                for _ in range(k - 3):
                    lower *= power
            if k > 1:
                power *= lower
            self._stretch = k / step * np.repeat([1.0, -1.0], [len(rising), len(falling)])
            self._basis_from_powers = _spline_from_powers(k, intervals, rising, falling)
        else:
            self._basis_from_powers, self._stretch = None, np.ones((len(x), 1))
            basis, tilt = bsplines.de_boor(x, self._knots, k)
            feats[:, :-1] = basis
            if slopes is not None:
                slopes[:, :-1] = tilt
        feats[:, -1] = base
        if slopes is not None:
            slopes[:, -1] = base_slope

    def set_parameters(self, coef: Array, scale_base: Array, scale_sp: Array, bias: Array) -> None:
        """Take the layer's numbers, shapes as in `KANLayer`."""
        self.coef, self.scale_sp, self._bias = coef, scale_sp, bias
        spline = coef * scale_sp[..., None]
        if self._basis_from_powers is not None:
            spline = spline @ self._basis_from_powers
        weight = np.concatenate([spline, scale_base[..., None]], axis=2)
        if self._any_off:
            weight[self._off] = 0.0
        self._weight = weight  # (n_out, n_in, K)
        self._by_input = np.ascontiguousarray(weight.transpose(1, 0, 2))
        self._signs = None

    @property
    def on(self) -> NDArray[np.bool_]:
        """Which edges are on, ``(n_out, n_in)``."""
        return ~self._off

    def features(self) -> Array:
        """Return B-splines and base function of the inputs, ``(n_in, K + 1, batch)``."""
        feats, change = self._feats, self._basis_from_powers
        if change is None:
            return feats
        out = np.empty((len(feats), len(change) + 1, feats.shape[2]))
        product(change, feats[:, :-1], out=out[:, :-1])
        out[:, -1] = feats[:, -1]
        return out

    def edge_slopes(self) -> Array:
        """Return the slope of each edge's output on its input, ``(n_in, n_out, batch)``."""
        assert self._slopes is not None
        weight = self._by_input.copy()
        weight[..., :-1] *= self._stretch[:, None]
        return product(weight, self._slopes)

    def coef_on(self) -> Array:
        """Return the coefficients, 0 for edges that are off."""
        return np.where(self._off[..., None], 0.0, self.coef) if self._any_off else self.coef

    def sums(self) -> Array:
        """Return the values of the nodes after the layer, ``(n_out, batch)``."""
        flat = self._feats.reshape(-1, self._feats.shape[2])
        out = product(self._weight.reshape(len(self._weight), -1), flat)
        out += self._bias[:, None]
        return out

    def sizes(self) -> Array:
        """Return the mean size of each edge's output, ``(n_out, n_in)``."""
        n_out, n_in, count = self._weight.shape
        pull = np.empty((n_in, count, n_out))
        blocks = list(self._blocks())
        for block in blocks:
            signs = np.sign(product(self._by_input[block], self._feats[block]))
            product(self._feats[block], signs.transpose(0, 2, 1), out=pull[block])
            self._signs = signs if len(blocks) == 1 else None
        pull /= self._feats.shape[2]
        self._pull = pull.transpose(2, 0, 1)
        out: Array = (self._weight * self._pull).sum(2)
        return out

    def gradients(self, on_y: Array, on_size: Array | None) -> list[Array]:
        """Return the gradients on coef, scale_base, scale_sp and bias."""
        flat = self._feats.reshape(-1, self._feats.shape[2])
        on_weight = product(on_y, flat.T).reshape(self._weight.shape)
        if on_size is not None:
            on_weight += self._pull * on_size[..., None]
        if self._any_off:
            on_weight[self._off] = 0.0
        on_spline = on_weight[..., :-1]
        if self._basis_from_powers is not None:
            on_spline = on_spline @ self._basis_from_powers.T
        return [
            on_spline * self.scale_sp[..., None],
            on_weight[..., -1],
            (on_spline * self.coef).sum(2),
            on_y.sum(1),
        ]

    def grad_inputs(self, on_y: Array, on_size: Array | None) -> Array:
        """Return the gradient on the inputs, ``(n_in, batch)``."""
        assert self._slopes is not None
        out = np.empty(self._feats.shape[::2])
        weight = self._by_input.copy()
        weight[..., :-1] *= self._stretch[:, None]
        for block in self._blocks():
            tilt = product(weight[block], self._slopes[block])  # (block, n_out, batch)
            grad = on_y
            if on_size is not None:
                signs = self._signs
                if signs is None:
                    signs = np.sign(product(self._by_input[block], self._feats[block]))
                grad = signs * (on_size.T[block, :, None] / on_y.shape[1]) + on_y
            tilt *= grad
            tilt.sum(1, out=out[block])
        return out

    def _blocks(self) -> Iterator[slice]:
        n_out, n_in, _ = self._weight.shape
        size = max(1, MAX_NUMBERS_PER_BLOCK // (n_out * self._feats.shape[2]))
        for start in range(0, n_in, size):
            yield slice(start, start + size)


def product(a: Array, b: Array, out: Array | None = None) -> Array:
    """Multiply matrices piece by piece: how threads share a product shows in its last bits."""
    high, length, wide = a.shape[-2], a.shape[-1], b.shape[-1]
    if high * length * wide <= MAX_SINGLE_THREAD_MULTIPLICATIONS:
        return np.matmul(a, b, out=out)
    length = min(length, 1024)
    high = min(high, 16, MAX_SINGLE_THREAD_MULTIPLICATIONS // length)
    wide = max(1, MAX_SINGLE_THREAD_MULTIPLICATIONS // (length * high))
    if out is None:
        out = np.empty((*a.shape[:-1], b.shape[-1]))
    out[...] = 0.0
    for k in range(0, a.shape[-1], length):
        for i in range(0, a.shape[-2], high):
            left = a[..., i : i + high, k : k + length]
            for j in range(0, b.shape[-1], wide):
                out[..., i : i + high, j : j + wide] += left @ b[..., k : k + length, j : j + wide]
    return out


@functools.lru_cache(2)
def _row_numbers(knots: int, batch: int) -> Array:
    # Against one number for each row, numpy takes twice as long.
    return np.repeat(np.arange(float(knots))[:, None], batch, axis=1)


@functools.lru_cache(16)
def _spline_from_powers(k: int, intervals: int, rising: range, falling: range) -> Array:
    """Return how truncated powers add up to B-splines, ``(G + k, powers)``.

    The powers are ``max(u - i, 0)^k`` for the knots ``i`` in ``rising``, and ``max(i - u, 0)^k``
    for those in ``falling``; the splines from ``rising.start`` on are made of the former.
    """
    change = np.zeros((intervals + k, len(rising) + len(falling)))
    for spline in range(intervals + k):
        for j in range(k + 2):
            share = (-1) ** j * math.comb(k + 1, j) / math.factorial(k)
            up, down = spline + j, spline + k + 1 - j
            if spline >= rising.start and up in rising:
                change[spline, rising.index(up)] = share
            elif spline < rising.start and down in falling:
                change[spline, len(rising) + falling.index(down)] = share
    return change


def _base(
    base_fun: Callable[[Tensor], Tensor], x: Array, slope: bool
) -> tuple[Array, Array | None]:
    if isinstance(base_fun, nn.SiLU):
        with np.errstate(over="ignore"):
            gate = 1 / (1 + np.exp(-x))
        base = x * gate
        return base, gate * (1 + x - base) if slope else None
    with torch.enable_grad():
        leaf = torch.from_numpy(x).requires_grad_(slope)
        base_t = base_fun(leaf)
        if not slope:
            return base_t.detach().numpy(), None
        if not base_t.requires_grad:  # it is constant
            return base_t.detach().numpy(), np.zeros_like(x)
        grad = torch.autograd.grad(base_t.sum(), leaf)[0].numpy()
    return base_t.detach().numpy(), grad
