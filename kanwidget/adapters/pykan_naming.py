"""Names of edges in pykan's models: its own formulas, and functions that stand in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from kanwidget.functions.curve import CONSTANTS, NamedCurve
from kanwidget.functions.library import ALIASES, FUNCTIONS, Function
from kanwidget.masks.ids import Edge

from .pykan_formula_tables import NamedFunction, SplineBefore, empty_tables, function_at, tables_of
from .pykan_functions import PykanFunctions
from .pykan_masks import LayerMaskValues
from .pykan_off_edges import OffFunction

__all__ = ["PykanNaming"]


class PykanNaming(PykanFunctions):
    """Reads and writes the names of edges; see `Adapter`."""

    def symbolic(self) -> dict[Edge, str]:
        if not self.model.symbolic_enabled:
            return {}
        names = [layer.funs_name for layer in self.model.symbolic_fun]
        return {
            (l, i, j): str(names[l][j][i])
            for l, values in enumerate(self._current_mask_values())
            for j, i in values.formula.nonzero().tolist()
            if not self._is_zero(l, j, i)
        }

    @torch.no_grad()
    def names(self) -> dict[Edge, NamedCurve]:
        found = {}
        for l, values in enumerate(
            self._current_mask_values() if self.model.symbolic_enabled else ()
        ):
            layer, gain = self.model.symbolic_fun[l], self.gain(l)
            for j, i in ((values.formula != 0) & (values.numeric == 0)).nonzero().tolist():
                own = function_at(layer, j, i)
                name = str(layer.funs_name[j][i]) if own is None else own.function.name
                name = ALIASES.get(name, name)
                zero = self._is_zero(l, j, i)
                if (own is None and name not in FUNCTIONS and not zero) or (
                    zero and j < self.sum_count(l)  # see `constants`
                ):
                    continue
                scale = values.formula[j, i] * gain[j]
                a, b, c, d = layer.affine[j, i].tolist()
                fixed = frozenset() if own is None else own.fixed
                c, d = float(scale * c), float(scale * d)
                found[l, i, j] = NamedCurve("0" if zero else name, a, b, c, d, fixed)
        return found

    def fixed_numbers(self) -> dict[str, Tensor]:
        found = {}
        for l, layer in enumerate(self.model.symbolic_fun):
            fixed = torch.zeros(layer.affine.shape, dtype=torch.bool)
            for j, i in (self._formula_mask(l) != 0).nonzero().tolist():
                own = function_at(layer, j, i)
                if own is not None:
                    fixed[j, i] = torch.tensor([letter in own.fixed for letter in CONSTANTS])
            if fixed.any():
                found[f"symbolic_fun.{l}.affine"] = fixed
        return found

    def functions(self) -> Mapping[str, Function]:
        named = [
            function
            for layer in self.model.symbolic_fun
            for j, row in enumerate(layer.funs)
            for i in range(len(row))
            if (function := function_at(layer, j, i)) is not None
        ]
        own = {n.function.name: n.function for n in named if n.function.name not in FUNCTIONS}
        return {**FUNCTIONS, **own} if own else FUNCTIONS

    @torch.no_grad()
    def write_names(self, names: Mapping[Edge, tuple[NamedCurve, Function] | None]) -> None:
        if not self.model.symbolic_enabled:
            raise ValueError(
                "this model leaves its formulas out (symbolic_enabled is False), so that a name "
                "would add nothing: set model.symbolic_enabled = True first"
            )
        for (l, _, j), name in names.items():
            if name is not None and not self.gain(l)[j] != 0:
                raise ValueError(
                    f"slot {j} of layer {l} is multiplied by 0: no name could add anything there"
                )
        on, mask_values = self.mask(), self._mask_values()
        for l in sorted({edge[0] for edge in names}):
            values = mask_values[l]
            values.writing = True  # until masks and tables fit again
            values.numeric, values.formula = values.numeric.clone(), values.formula.clone()
            for (layer, i, j), name in names.items():
                if layer == l and name is None:
                    self._give_spline_back(l, j, i, values)
                elif layer == l and name is not None:
                    self._name_edge(l, j, i, values, *name)
            self._write_masks(l, on[l], values)

    def _name_edge(
        self, l: int, j: int, i: int, values: LayerMaskValues, curve: NamedCurve, function: Function
    ) -> None:
        layer, own = self.model.symbolic_fun[l], function_at(self.model.symbolic_fun[l], j, i)
        live = values.formula[j, i] != 0
        if own is not None and live and values.numeric[j, i] == 0:
            before = own.before
        elif live and values.numeric[j, i] == 0:
            before = None  # pykan has named it, and does not know its spline's mask any more
        else:
            before = SplineBefore(
                float(values.numeric[j, i]),
                float(values.formula[j, i]),
                tuple(layer.affine[j, i].tolist()),
                {name: _unwrapped(getattr(layer, name)[j][i]) for name in empty_tables(layer)},
            )
        gain = float(self.gain(l)[j])
        tables = tables_of(NamedFunction(function, curve.fixed, before), layer)
        self._write_formula(l, j, i, (curve.a, curve.b, curve.c / gain, curve.d / gain), tables)
        values.numeric[j, i], values.formula[j, i] = 0.0, 1.0

    def _give_spline_back(self, l: int, j: int, i: int, values: LayerMaskValues) -> None:
        layer = self.model.symbolic_fun[l]
        own = function_at(layer, j, i)
        before = None if own is None else own.before
        if values.formula[j, i] == 0 or values.numeric[j, i] != 0:
            return  # it has a spline
        if before is None:
            before = SplineBefore(1.0, 0.0, (0.0,) * 4, empty_tables(layer))
        self._write_formula(l, j, i, before.affine, before.tables)
        values.numeric[j, i], values.formula[j, i] = before.numeric, before.formula

    def _write_formula(
        self, l: int, j: int, i: int, affine: Sequence[float], tables: Mapping[str, Any]
    ) -> None:
        layer = self.model.symbolic_fun[l]
        layer.affine.data[j, i] = layer.affine.new_tensor(affine)
        for name, entry in tables.items():
            getattr(layer, name)[j][i] = entry


def _unwrapped(entry: Any) -> Any:
    return entry.original if isinstance(entry, OffFunction) else entry
