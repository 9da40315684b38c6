"""Which edges of pykan's models are on, and how they are switched: an edge has two masks there."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from kanwidget.masks import reachability
from kanwidget.masks.ids import Edge

from .base import BaseAdapter
from .pykan_formula_tables import function_at
from .pykan_masks import MASK_VALUES, LayerMaskValues, ModelMaskValues
from .pykan_off_edges import OFF_FUNCTIONS, OffFunction, VaryingGridUpdate, set_parameter

__all__ = ["PykanSwitching"]


class PykanSwitching(BaseAdapter):
    """Reads and writes the masks of splines and formulas; see `Adapter`."""

    @abstractmethod
    def numeric_mask(self, l: int) -> Tensor:
        """Return a view ``(n_out, n_in)`` of a layer's live spline masks."""

    @abstractmethod
    def to_stored_mask(self, mask: Tensor) -> Tensor:
        """Return a spline mask ``(n_out, n_in)`` in the shape in which a layer has it."""

    @abstractmethod
    def sum_count(self, l: int) -> int:
        """Return how many of a layer's slots are nodes; those behind them are factors."""

    @abstractmethod
    def write_bias(self, l: int, constant: Tensor) -> None:
        """Write a layer's constants, as `bias` returns them."""

    def mask(self) -> list[Tensor]:
        return self._read_masks(self._mask_values())

    def _read_masks(self, mask_values: ModelMaskValues) -> list[Tensor]:
        found = []
        for l, values in enumerate(mask_values):
            live = self.numeric_mask(l).detach(), self._formula_mask(l), self.formulas_on(l)
            fixed = values.new_empty_formulas(*live).nonzero().tolist()
            mask_values.switched += [((l, i, j), False) for j, i in fixed]  # before it is forgotten
            found.append(values.update(*live))
        return found

    def edges_switched_by_model(self) -> Sequence[tuple[Edge, bool]]:
        self.mask()
        return list(self._mask_values().switched)

    @property
    def keeps_means(self) -> bool:
        # Formulas are fitted to what the model computes, and that has the means in it.
        return True

    @torch.no_grad()
    def set_mask(self, mask: Sequence[Tensor], bias: Sequence[Tensor]) -> None:
        mask, bias = self.check_shapes(mask, bias)
        pairs = zip(mask, self._mask_values().first, strict=True)
        changed = any(not torch.equal(on, first.to(on.device)) for on, first in pairs)
        guarded = changed and self._has_constants(mask)
        if guarded:
            self.keep_grids(True)
        for l, (on, values) in enumerate(zip(mask, self._current_mask_values(), strict=True)):
            self._write_masks(l, on, values)
        for l, (was, now) in enumerate(zip(self.bias(), bias, strict=True)):
            if not torch.equal(was, now):
                self.write_bias(l, now)
        if not guarded:
            self.keep_grids(False)

    def _write_masks(self, l: int, on: Tensor, values: LayerMaskValues) -> None:
        """Make these the live masks of a layer, and take formulas off edges that are off."""
        # What would add something is off with a mask of 0.
        off = values.formula_off.masked_fill(self._has_effect(l, values.formula_off), 0.0)
        numeric, formula = values.numeric * on, torch.where(on, values.formula, off)
        values.writing = True
        if not torch.equal(self.numeric_mask(l), numeric):
            set_parameter(self.model.act_fun[l], "mask", self.to_stored_mask(numeric))
        if not torch.equal(self._formula_mask(l), formula):
            set_parameter(self.model.symbolic_fun[l], "mask", formula)
        self._replace_formulas(l, on)
        values.on, values.writing = on.clone(), False

    def _replace_formulas(self, l: int, on: Tensor) -> None:
        """Take the formulas off edges that are off, and give them back to those that are on."""
        layer = self.model.symbolic_fun[l]
        tables = {name: getattr(layer, name, None) for name in OFF_FUNCTIONS}
        # Most edges have no formula, and nothing that could appear in the model's.
        named = (self._mask_values()[l].formula != 0) | (layer.affine != 0).any(2)
        first, live = self._mask_values().first[l], self._formula_mask(l)
        for j, i in named.nonzero().tolist():
            kept = on[j, i] or not first[j, i] or (live[j, i] != 0 and self._is_zero(l, j, i))
            for name, table in tables.items():
                if table is None:
                    continue
                now = table[j][i]
                if on[j, i] and isinstance(now, OffFunction):
                    table[j][i] = now.original
                elif not kept and not isinstance(now, OffFunction):
                    table[j][i] = OFF_FUNCTIONS[name](now, layer, j, i)

    def keep_grids(self, needed: bool | None = None) -> None:
        """Keep pykan from laying grids over constants, by default where a node is one."""
        needed = self._has_constants(self.mask()) if needed is None else needed
        for l, layer in enumerate(self.model.act_fun):
            own = vars(layer).get("update_grid_from_samples")
            if needed and own is None:
                constant = partial(_unreached_nodes, type(self), l)
                layer.update_grid_from_samples = VaryingGridUpdate(constant, self.model, layer)
            elif not needed and isinstance(own, VaryingGridUpdate):
                del layer.update_grid_from_samples

    def _has_constants(self, mask: Sequence[Tensor]) -> bool:
        return not all(
            bool(nodes.all()) for nodes in reachability.reachable_from_inputs(mask, self.slots())
        )

    def _formula_mask(self, l: int) -> Tensor:
        mask: Tensor = self.model.symbolic_fun[l].mask.detach()
        return mask

    def _has_effect(self, l: int, mask: Tensor) -> Tensor:
        """Return which formulas are edges under a mask: which add anything but `constants`."""
        affine: Tensor = self.model.symbolic_fun[l].affine.detach()
        live = (mask != 0) & bool(self.model.symbolic_enabled)
        emits = live & (affine[..., 2:] != 0).any(2)
        for j, i in live.nonzero().tolist():
            if function_at(self.model.symbolic_fun[l], j, i) is not None:
                emits[j, i] = True  # whatever its constants: it was named
        for j, i in emits.nonzero().tolist():
            if self._is_zero(l, j, i):
                emits[j, i] = j >= self.sum_count(l) and affine[j, i, 3] != 0
        return emits

    def formulas_on(self, l: int) -> Tensor:
        """Return which of a layer's edges have a formula, bool ``(n_out, n_in)``."""
        return self._has_effect(l, self._formula_mask(l))

    def _is_zero(self, l: int, j: int, i: int) -> bool:
        """Whether an edge has no formula, or pykan's "0"."""
        layer = self.model.symbolic_fun[l]
        return layer.funs_name[j][i] in ("0", "") and function_at(layer, j, i) is None

    def _mask_values(self) -> ModelMaskValues:
        """Return the model's mask_values, new ones if it has other edges than it had."""
        mask_values = MASK_VALUES.get(self.model)
        shapes = [layer.mask.shape for layer in self.model.symbolic_fun]
        if mask_values is None or [values.formula.shape for values in mask_values] != shapes:
            mask_values = ModelMaskValues()
            mask_values.switched = []
            for l, layer in enumerate(self.model.symbolic_fun):
                fixed = [[name not in ("0", "") for name in row] for row in layer.funs_name]
                is_fixed = torch.tensor(fixed, device=layer.mask.device)
                is_fixed &= bool(self.model.symbolic_enabled)
                mask_values.append(
                    LayerMaskValues(self.numeric_mask(l).detach(), self._formula_mask(l), is_fixed)
                )
            mask_values.first = self._read_masks(mask_values)
            MASK_VALUES[self.model] = mask_values  # when complete: an interrupt may come any time
        return mask_values

    def _current_mask_values(self) -> list[LayerMaskValues]:
        self.mask()
        return self._mask_values()


def _unreached_nodes(kind: type[PykanSwitching], l: int, model: nn.Module) -> Tensor:
    """Return which nodes before a layer of a model no input reaches."""
    adapter = kind(model)
    return ~reachability.reachable_from_inputs(adapter.mask(), adapter.slots())[l]
