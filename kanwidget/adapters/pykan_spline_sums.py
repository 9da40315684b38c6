"""The sums of pykan's layers and their gradients in numpy: for trainings of small models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kanwidget.kan.arrays import Array, as_array
from kanwidget.kan.layer import KANLayer
from kanwidget.kan.numpy_layer import NumpyLayer

__all__ = ["SplineSums", "spline_sums"]


class SplineSums:
    """What a layer's splines and base functions add up to, and the gradients, in float64.

    Parameters
    ----------
    knots : Tensor, shape (n_in, G + 1 + 2k)
    k : int
        Order of the splines.
    base_fun : callable
    mask : Tensor, shape (n_out, n_in)
        What edges are multiplied by; 0 is off.
    """

    def __init__(
        self, knots: Tensor, k: int, base_fun: Callable[[Tensor], Tensor], mask: Tensor
    ) -> None:
        grid = knots[:, k : knots.shape[1] - k]
        n_out, n_in = mask.shape
        like = KANLayer(n_in, n_out, grid.shape[1] - 1, k, base_fun, dtype=grid.dtype)
        with torch.no_grad():
            like.grid.copy_(grid)
            like.mask.copy_(mask != 0)
        self._arrays = NumpyLayer(like, knots=knots)
        self._known = knots.clone(), k, base_fun, mask.clone()
        self._factor: Array = as_array(mask).copy()
        self._rows: Tensor | None = None

    def fits(
        self, knots: Tensor, k: int, base_fun: Callable[[Tensor], Tensor], mask: Tensor
    ) -> bool:
        """Whether it is still of a layer with these parts; see the class."""
        old_knots, old_k, old_fun, old_mask = self._known
        return (
            (k, base_fun) == (old_k, old_fun)
            and knots.dtype == old_knots.dtype
            and torch.equal(knots, old_knots)
            and torch.equal(mask, old_mask)
        )

    def keep_rows(self, x: Tensor) -> None:
        """Compute once what stays the same for inputs ``(rows, n_in)`` without a gradient."""
        if self._rows is not x:
            self._arrays.set_inputs(np.ascontiguousarray(as_array(x).T))
            self._rows = x

    def __call__(
        self,
        x: Tensor,
        coef: Tensor,
        of_base: Tensor,
        of_spline: Tensor,
        gain: Tensor,
        shift: Tensor,
        sized: bool,
    ) -> tuple[Tensor, Tensor]:
        """Return a layer's slots ``(rows, n_out)`` and its edges' mean sizes, differentiable.

        Gradients are of the last call alone.

        Parameters
        ----------
        x : Tensor, shape (rows, n_in)
        coef, of_base, of_spline : Tensor, shapes (n_out, n_in, K) and (n_out, n_in)
            The coefficients, and the scales of base functions and splines.
        gain, shift : Tensor, shapes (n_out,)
            What the sums are multiplied by, and what is added then.
        sized : bool
            Whether the sizes ``(n_out, n_in)`` are wanted; they are empty otherwise.
        """
        out: tuple[Tensor, Tensor] = _InNumpy.apply(  # type: ignore[no-untyped-call]
            self, sized, x, coef, of_base, of_spline, gain, shift
        )
        return out

    def forward(self, sized: bool, x: Tensor, *numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Return slots and sizes, and keep what `backward` needs."""
        arrays = self._arrays
        if x is not self._rows:
            arrays.set_inputs(np.ascontiguousarray(as_array(x).T), slope=True)
            self._rows = None
        coef, of_base, of_spline, gain, shift = map(as_array, numbers)
        factor = self._factor * gain[:, None]
        arrays.set_parameters(coef, of_base * factor, of_spline * factor, shift)
        self._numbers = of_base, of_spline, factor
        slots = torch.from_numpy(arrays.sums().T)
        return slots, torch.from_numpy(arrays.sizes()) if sized else slots.new_empty(0)

    def backward(
        self, on_slots: Tensor, on_sizes: Tensor | None, wanted: Sequence[bool]
    ) -> list[Tensor | None]:
        """Return the gradients on the tensors that `forward` took, or on some of them."""
        arrays, on_y = self._arrays, np.ascontiguousarray(as_array(on_slots).T)
        on_size = None if on_sizes is None else as_array(on_sizes)
        on_coef, on_base, on_spline, on_shift = arrays.gradients(on_y, on_size)
        of_base, of_spline, factor = self._numbers
        on_x = arrays.grad_inputs(on_y, on_size).T if wanted[0] else None
        on_gain = None
        if wanted[4]:
            on_gain = ((on_base * of_base + on_spline * of_spline) * self._factor).sum(1)
        found = on_x, on_coef, on_base * factor, on_spline * factor, on_gain, on_shift
        return [None if on is None else torch.from_numpy(on) for on in found]


class _InNumpy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, sums: SplineSums, sized: bool, *tensors: Tensor) -> Any:
        ctx.sums, ctx.sized = sums, sized
        with np.errstate(over="ignore", invalid="ignore"):  # a fit looks at what comes out
            return sums.forward(sized, *tensors)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, on_slots: Tensor, on_sizes: Tensor) -> Any:
        wanted = ctx.needs_input_grad[2:]
        with np.errstate(over="ignore", invalid="ignore"):
            found = ctx.sums.backward(on_slots, on_sizes if ctx.sized else None, wanted)
        return None, None, *found


def spline_sums(
    before: SplineSums | None, knots: Tensor, layer: Any, mask: Tensor
) -> SplineSums | None:
    """Return the sums of a layer, those from before if they still are; None if torch has to do it.

    Parameters
    ----------
    before : SplineSums or None
    knots : Tensor, shape (n_in, G + 1 + 2k)
    layer : Module
        Of pykan, with an order `k` and a `base_fun`.
    mask : Tensor, shape (n_out, n_in)
    """
    k, base_fun = layer.k, layer.base_fun
    if before is not None and before.fits(knots, k, base_fun, mask):
        return before
    if k < 1 or knots.device.type != "cpu" or knots.shape[1] < 2 * k + 2:
        return None
    if isinstance(base_fun, nn.Module) and list(base_fun.parameters()):
        return None
    return SplineSums(knots, k, base_fun, mask)
