"""What a training of pykan's models computes, differentiable, and fast where models are small."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .protocol import TrainingForward
from .pykan_functions import PykanFunctions
from .pykan_spline_sums import SplineSums, spline_sums

__all__ = ["PykanTraining"]

MAX_NUMBERS_IN_NUMPY = 1 << 19
"""With more numbers from a layer's edges, torch adds up float32 faster than numpy does float64.

Their mean sizes numpy computes faster whatever their number."""


class PykanTraining(PykanFunctions):
    """Computes nodes and sizes of edges for a training; see `Adapter`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self._spline_sums: dict[int, SplineSums | None] = {}

    @abstractmethod
    def gain_and_shift(self, l: int, constants: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a layer's sums are multiplied by, and what is added then, ``(n_out,)`` each.

        They are differentiable. ``constants`` are those of `constants_in_sums`.
        """

    def nodes_from_slots(self, l: int, slots: Tensor) -> Tensor:
        """Return the nodes that the slots ``(rows, n_out)`` of a layer lead to."""
        return slots

    def values_for_training(self, x: Tensor) -> list[Tensor]:
        values = [x]
        for l in range(len(self.width) - 1):
            gain, shift = self.gain_and_shift(l, self.constants_in_sums(l))
            values.append(self.nodes_from_slots(l, gain * self._sums(l, values[-1]) + shift))
        return values

    def edge_outputs_for_training(self, l: int, x: Tensor) -> Tensor:
        base, spline = self._parts(l, x)
        out = (base + spline) * self.numeric_mask(l).unsqueeze(2)
        formula = self.model.symbolic_fun[l].mask
        if self.model.symbolic_enabled and formula.any():
            of_formulas = torch.zeros_like(out)
            for j, i, value in self._formulas(l, x, formula):
                of_formulas[j, i] = value
            out = out + of_formulas
        gain, _ = self.gain_and_shift(l, self.constants_in_sums(l))
        return out * gain.view(-1, 1, 1)

    def training_forward(self, x: Tensor, sized: bool) -> TrainingForward:
        layers = [self._layer_forward(l, len(x), sized) for l in range(len(self.width) - 1)]
        first = self._spline_sums[0]
        if first is not None:
            first.keep_rows(x)

        def forward() -> tuple[list[Tensor], list[Tensor]]:
            values, sizes = [x], []
            for l, layer in enumerate(layers):
                slots, size = layer(values[-1])
                values.append(self.nodes_from_slots(l, slots))
                sizes.append(size)
            values[-1] = values[-1].to(x.dtype)
            return values, sizes if sized else []

        return forward

    def _layer_forward(
        self, l: int, rows: int, sized: bool
    ) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """Return what maps inputs of a layer to its slots and sizes, while masks and grids stay."""
        formulas, constants = self.model.symbolic_fun[l].mask, self.constants_in_sums(l)
        if not self.model.symbolic_enabled:
            formulas = torch.zeros_like(formulas)
        named = bool(formulas.any())
        sums = self._spline_sums[l] = self._sums_in_numpy(l, rows, sized, formulas)
        fixed = self.gain_and_shift(l, constants)
        trained = any(numbers.requires_grad for numbers in fixed)

        def forward(x: Tensor) -> tuple[Tensor, Tensor]:
            gain, shift = self.gain_and_shift(l, constants) if trained else fixed
            if sums is None:
                x = x.to(gain.dtype)
                slots = gain * self._sums(l, x) + shift
                size = self.edge_outputs_for_training(l, x).abs().mean(2) if sized else slots[:0]
                return slots, size
            slots, size = sums(x, self.coefficients(l), *self.scales(l), gain, shift, sized)
            if named:
                columns = list(slots.unbind(1))
                for j, i, value in self._formulas(l, x, formulas):
                    out = gain[j] * value
                    columns[j] = columns[j] + out
                    if sized:
                        of_edge = out.abs().mean().to(size.dtype)
                        size = size.index_put((torch.tensor(j), torch.tensor(i)), of_edge)
                slots = torch.stack(columns, 1)
            return slots, size

        return forward

    def _sums_in_numpy(self, l: int, rows: int, sized: bool, formulas: Tensor) -> SplineSums | None:
        """Return what adds up a layer's splines in numpy, None if torch does it."""
        layer, mask = self.model.act_fun[l], self.numeric_mask(l).detach()
        if not sized and rows * mask.numel() > MAX_NUMBERS_IN_NUMPY:
            return None
        table = self.spline_table(l) if type(layer).__name__ == "KANLayer" else None
        if table is None or bool(((mask != 0) & (formulas != 0)).any()):
            return None
        # What is not finite passes through masks of 0 as pykan lets it.
        if not all(bool(numbers.isfinite().all()) for numbers in (table[1], *self.scales(l))):
            return None
        return spline_sums(self._spline_sums.get(l), table[0].detach(), layer, mask)
