"""What the edges of pykan's models compute: splines beside formulas."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from kanwidget.kan.bsplines import bspline_basis_and_slope, de_boor, is_uniform

from .pykan_formula_tables import NamedFunction
from .pykan_off_edges import OffFunction
from .pykan_switching import PykanSwitching

__all__ = ["PykanFunctions"]


class PykanFunctions(PykanSwitching):
    """Evaluates edges and layers; see `Adapter`.

    It never calls the model itself: that would write activations into it. Nor does it go through
    every edge, as pykan does for formulas, and 0.0.x for splines.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self._last: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    @abstractmethod
    def scales(self, l: int) -> tuple[Tensor, Tensor]:
        """Return the scales of base function and spline, ``(n_out, n_in)`` each."""

    @abstractmethod
    def coefficients(self, l: int) -> Tensor:
        """Return the splines' coefficients, ``(n_out, n_in, K)``, where edges share no function."""

    @abstractmethod
    def spline_table(self, l: int) -> tuple[Tensor, Tensor] | None:
        """Return knots ``(n_in, K + k + 1)`` and coefficients ``(n_out, n_in, K)`` of a layer.

        None if its edges have grids of their own, or share functions.
        """

    @abstractmethod
    def gain(self, l: int) -> Tensor:
        """Return what the sums of a layer's slots are multiplied by, ``(n_out,)``."""

    def splines(self, l: int, points: Tensor) -> Tensor:
        """Evaluate a layer's splines before their scales, ``(n_out, n_in, n)``."""
        known = self._basis(l, points)
        if known is None:
            values: Tensor = self.model.act_fun[l](points)[3]
            return values.permute(1, 2, 0)
        return torch.einsum("ikb,oik->oib", *known)

    def numeric_sums(self, l: int, x: Tensor) -> Tensor:
        """Return what a layer's splines and base functions add up to under their masks."""
        layer, known = self.model.act_fun[l], self._basis(l, x)
        if known is None:
            sums: Tensor = layer(x)[0]
            return sums
        (basis, coef), (of_base, of_spline), on = known, self.scales(l), self.numeric_mask(l)
        weight = coef * (of_spline * on).unsqueeze(2)
        base: Tensor = layer.base_fun(x) @ (of_base * on).T
        return base + (weight.flatten(1) @ basis.flatten(0, 1)).T

    def _basis(self, l: int, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the B-splines of each input, ``(n_in, K, rows)``, and their coefficients.

        None for layers of which only they themselves know what they do.
        """
        layer = self.model.act_fun[l]
        table = self.spline_table(l) if type(layer).__name__ == "KANLayer" else None
        if table is None:
            return None
        knots, coef = table
        if torch.is_grad_enabled() and x.requires_grad:
            basis = DifferentiableBasis.apply(x.T, knots.detach(), layer.k)  # type: ignore[no-untyped-call]
            return basis, coef
        # A step on the way through masks leaves most layers' inputs as they were.
        last = self._last.get(l)
        if last is None or not (_equal(last[0], x) and _equal(last[1], knots)):
            basis = de_boor(x.T, knots, layer.k)[0]
            last = self._last[l] = x.detach().clone(), knots.detach().clone(), basis.detach()
        return last[2], coef

    def example_tensor(self) -> Tensor:
        coef: Tensor = self.model.act_fun[0].coef
        return coef

    @torch.no_grad()
    def edge_curves(self, l: int, points: Tensor) -> Tensor:
        return self._outputs_before_gain(l, points) * self.gain(l).view(-1, 1, 1)

    def _outputs_before_gain(self, l: int, points: Tensor) -> Tensor:
        """Return the outputs of edges while they are on, before the gain, ``(n_out, n_in, n)``."""
        values = self._current_mask_values()[l]
        base, spline = self._parts(l, points)
        out = (base + spline) * values.numeric.unsqueeze(2)
        formula = (
            values.formula if self.model.symbolic_enabled else torch.zeros_like(values.formula)
        )
        for j, i, value in self._formulas(l, points, formula):
            # What the spline of a fixed edge is worth does not matter, be it NaN.
            rest = out[j, i] if values.numeric[j, i] != 0 else 0.0
            out[j, i] = rest + value
        return out

    def attribution_terms(self, l: int, x: Tensor) -> Tensor:
        return self._outputs_before_gain(l, x)

    def _parts(self, l: int, points: Tensor) -> tuple[Tensor, Tensor]:
        layer, (of_base, of_spline) = self.model.act_fun[l], self.scales(l)
        spline = of_spline.unsqueeze(2) * self.splines(l, points)
        return of_base.unsqueeze(2) * layer.base_fun(points).T, spline

    def _formulas(self, l: int, x: Tensor, mask: Tensor) -> Iterator[tuple[int, int, Tensor]]:
        """Yield what the formulas under a mask emit; pykan goes through all edges instead."""
        layer = self.model.symbolic_fun[l]
        for j, i in mask.nonzero().tolist():
            if j < self.sum_count(l) and self._is_zero(l, j, i):
                continue  # see `constants`
            f = layer.funs[j][i]
            f = f.original if isinstance(f, OffFunction) else f
            a, b, c, d = (
                f.constants(layer.affine[j, i])
                if isinstance(f, NamedFunction)
                else layer.affine[j, i]
            )
            yield j, i, mask[j, i] * (c * f(a * x[:, i] + b) + d)

    def propagate(self, x: Tensor) -> list[Tensor]:
        values = [x]
        bias, offset = self.bias(), self.offset()
        for l in range(len(self.width) - 1):
            slots = self.gain(l) * self._sums(l, values[-1]) + bias[l]
            values.append(self.nodes_from_sums(l, slots) + offset[l + 1])
        return values

    def _sums(self, l: int, x: Tensor) -> Tensor:
        """Return what a layer's splines and formulas add up to under the live masks."""
        sums, live = self.numeric_sums(l, x), self.model.symbolic_fun[l].mask
        if not (self.model.symbolic_enabled and live.any()):
            return sums
        columns = list(sums.unbind(1))
        for j, _, value in self._formulas(l, x, live):
            columns[j] = columns[j] + value
        return torch.stack(columns, 1)

    @torch.no_grad()
    def base_part(self, l: int, points: Tensor) -> Tensor | None:
        values = self._current_mask_values()[l]
        part = self._parts(l, points)[0] * (values.numeric * self.gain(l).unsqueeze(1)).unsqueeze(2)
        return part.masked_fill((values.numeric == 0).unsqueeze(2), 0.0)

    def constants(self, l: int) -> Tensor:
        """Return what pykan's formulas "0" add to a layer's slots, ``(n_out,)``; 0 for factors."""
        return self.constants_in_sums(l) * self.gain(l)

    def constants_in_sums(self, l: int) -> Tensor:
        """Return what pykan's formulas "0" add to a layer's sums, ``(n_out,)``; 0 for factors.

        It gives one to each edge that is off, with a constant that is trained: no edge, but a
        bias.
        """
        mask = self._formula_mask(l)
        shift: Tensor = self.model.symbolic_fun[l].affine.detach()[..., 3]
        found = shift.new_zeros(len(shift))
        if self.model.symbolic_enabled:
            for j, i in (mask[: self.sum_count(l)] != 0).nonzero().tolist():
                if self._is_zero(l, j, i):
                    found[j] += mask[j, i] * shift[j, i]
        return found


class DifferentiableBasis(torch.autograd.Function):
    """The B-splines of inputs ``(n_in, rows)``, ``(n_in, K, rows)``, and their slopes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, knots: Tensor, k: int) -> Tensor:
        """Return the basis."""
        basis: Tensor
        if k > 0 and is_uniform(knots):
            basis, slope = bspline_basis_and_slope(x, knots[:, k : knots.shape[1] - k], k, True)
        else:
            basis, slope = de_boor(x, knots, k)
        ctx.save_for_backward(slope)
        return basis

    @staticmethod
    def backward(ctx: Any, on_basis: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient on the inputs."""
        slope: Tensor = ctx.saved_tensors[0]
        on_inputs = (on_basis * slope).sum(1)
        return on_inputs, None, None


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.device == b.device and a.dtype == b.dtype and torch.equal(a, b)
