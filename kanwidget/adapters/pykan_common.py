"""What pykan's two generations share: layers of splines beside layers of formulas, with masks."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor

from .finer_grids import SplineLayer
from .model_copy import private_copy
from .pykan_compact import shrink_formulas
from .pykan_formula_tables import empty_tables
from .pykan_masks import MASK_VALUES
from .pykan_naming import PykanNaming
from .pykan_training import PykanTraining

__all__ = ["PykanBaseAdapter"]


class PykanBaseAdapter(PykanTraining, PykanNaming):
    """Reads and edits a model with `act_fun` and `symbolic_fun`; see `Adapter`."""

    grid_tensors = ".grid", ".coef"

    @abstractmethod
    def shrink_layer(self, l: int, sources: list[int], targets: list[int], on: Tensor) -> Any:
        """Return a layer's splines between the given nodes and slots, off where a mask is."""

    def shrink_formulas(self, l: int, sources: list[int], targets: list[int], on: Tensor) -> Any:
        """Return a layer's formulas between the given nodes and slots, for edges that are on."""
        layer, named = self.model.symbolic_fun[l], self.formulas_on(l)
        return shrink_formulas(layer, sources, targets, on, named)

    def spline_layers(self) -> list[SplineLayer]:
        kinds = {type(layer).__name__ for layer in self.model.act_fun}
        if kinds != {"KANLayer"}:
            raise TypeError(
                f"only pykan's own KANLayer can get a finer grid; the model has {sorted(kinds)}"
            )
        return [self.spline_layer(l) for l in range(len(self.model.act_fun))]

    @abstractmethod
    def spline_layer(self, l: int) -> SplineLayer:
        """Return the splines of a layer that is a `KANLayer`."""

    def note_grid_sizes(self) -> None:
        layers = self.spline_layers()
        for layer, splines in zip(self.model.act_fun, layers, strict=True):
            layer.num = splines.intervals
        self.model.grid = max(splines.intervals for splines in layers)

    def copy(self) -> PykanBaseAdapter:
        new = type(self)(private_copy(self.model, self.transient))
        MASK_VALUES[new.model] = self._mask_values().copy()
        new.set_mask(self.mask(), self.bias())
        return new

    def extra_weights(self) -> Any:
        tables = [
            {n: [list(row) for row in getattr(layer, n)] for n in empty_tables(layer)}
            for layer in self.model.symbolic_fun
        ]
        return tables, self._mask_values().copy(), self.model.symbolic_enabled

    def describe_settings(self, settings: Any) -> Any:
        return [settings[2], [table["funs_name"] for table in settings[0]]]

    def set_extra_weights(self, extra: Any) -> None:
        tables, mask_values, enabled = extra
        for layer, table in zip(self.model.symbolic_fun, tables, strict=True):
            for name, rows in table.items():
                setattr(layer, name, [list(row) for row in rows])
        self.model.symbolic_enabled = enabled
        mask_values = mask_values.copy()
        mask_values.switched = self._mask_values().switched  # what happened stays so
        MASK_VALUES[self.model] = mask_values

    def function_tensors(self) -> list[Tensor]:
        layers = self.model.act_fun
        tensors = [t for m in layers for t in (m.coef, m.grid, m.scale_base, m.scale_sp)]
        tensors += [layer.affine for layer in self.model.symbolic_fun]
        return tensors + [
            t for values in self._current_mask_values() for t in (values.numeric, values.formula)
        ]

    def function_settings(self) -> object:
        names = [layer.funs_name for layer in self.model.symbolic_fun]
        return names, bool(self.model.symbolic_enabled), [m.k for m in self.model.act_fun]
