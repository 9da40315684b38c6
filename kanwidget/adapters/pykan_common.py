"""What pykan's two generations share: layers of splines beside layers of formulas, with masks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from kanwidget.functions.curve import CONSTANTS, NamedCurve
from kanwidget.functions.library import ALIASES, FUNCTIONS, Function
from kanwidget.kan.bsplines import bspline_basis_and_slope, de_boor, is_uniform
from kanwidget.masks import reachability
from kanwidget.masks.ids import Edge

from .base import BaseAdapter, TrainingForward
from .finer_grids import SplineLayer
from .model_copy import private_copy
from .pykan_compact import shrink_formulas
from .pykan_masks import MASK_VALUES, LayerMaskValues, ModelMaskValues
from .pykan_names import NamedFunction, SplineBefore, empty_tables, function_at, tables_of
from .pykan_off_edges import OFF_FUNCTIONS, OffFunction, VaryingGridUpdate, set_parameter
from .pykan_training import SplineSums, spline_sums

__all__ = ["PykanBaseAdapter"]


MAX_NUMBERS_IN_NUMPY = 1 << 19
"""With more numbers from a layer's edges, torch adds up float32 faster than numpy does float64.

Their mean sizes numpy computes faster whatever their number."""


class PykanBaseAdapter(BaseAdapter):
    """Reads and edits a model with `act_fun` and `symbolic_fun`; see `Adapter`.

    It never calls the model itself: that would write activations into it. Nor does it go through
    every edge, as pykan does for formulas, and 0.0.x for splines.
    """

    grid_tensors = ".grid", ".coef"

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self._last: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        self._spline_sums: dict[int, SplineSums | None] = {}

    @abstractmethod
    def numeric_mask(self, l: int) -> Tensor:
        """Return a view ``(n_out, n_in)`` of a layer's live spline masks."""

    @abstractmethod
    def to_stored_mask(self, mask: Tensor) -> Tensor:
        """Return a spline mask ``(n_out, n_in)`` in the shape in which a layer has it."""

    @abstractmethod
    def scales(self, l: int) -> tuple[Tensor, Tensor]:
        """Return the scales of base function and spline, ``(n_out, n_in)`` each."""

    @abstractmethod
    def spline_table(self, l: int) -> tuple[Tensor, Tensor] | None:
        """Return knots ``(n_in, K + k + 1)`` and coefficients ``(n_out, n_in, K)`` of a layer.

        None if its edges have grids of their own, or share functions.
        """

    @abstractmethod
    def gain(self, l: int) -> Tensor:
        """Return what the sums of a layer's slots are multiplied by, ``(n_out,)``."""

    @abstractmethod
    def sum_count(self, l: int) -> int:
        """Return how many of a layer's slots are nodes; those behind them are factors."""

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

    def values_for_training(self, x: Tensor) -> list[Tensor]:
        values = [x]
        for l in range(len(self.width) - 1):
            gain, shift = self.gain_and_shift(l, self.constants_in_sums(l))
            values.append(self.nodes_from_slots(l, gain * self._sums(l, values[-1]) + shift))
        return values

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
            table = self.spline_table(l)
            if sums is None or table is None:
                slots = gain * self._sums(l, x) + shift
                size = self.edge_outputs_for_training(l, x).abs().mean(2) if sized else slots[:0]
                return slots, size
            slots, size = sums(x, table[1], *self.scales(l), gain, shift, sized)
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

    def _sums(self, l: int, x: Tensor) -> Tensor:
        """Return what a layer's splines and formulas add up to under the live masks."""
        sums, live = self.numeric_sums(l, x), self.model.symbolic_fun[l].mask
        if not (self.model.symbolic_enabled and live.any()):
            return sums
        columns = list(sums.unbind(1))
        for j, _, value in self._formulas(l, x, live):
            columns[j] = columns[j] + value
        return torch.stack(columns, 1)

    @abstractmethod
    def gain_and_shift(self, l: int, constants: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a layer's sums are multiplied by, and what is added then, ``(n_out,)`` each.

        They are differentiable. ``constants`` are those of `constants_in_sums`.
        """

    def nodes_from_slots(self, l: int, slots: Tensor) -> Tensor:
        """Return the nodes that the slots ``(rows, n_out)`` of a layer lead to."""
        return slots

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

    @torch.no_grad()
    def base_part(self, l: int, points: Tensor) -> Tensor | None:
        values = self._current_mask_values()[l]
        part = self._parts(l, points)[0] * (values.numeric * self.gain(l).unsqueeze(1)).unsqueeze(2)
        return part.masked_fill((values.numeric == 0).unsqueeze(2), 0.0)

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

    @abstractmethod
    def write_bias(self, l: int, constant: Tensor) -> None:
        """Write a layer's constants, as `bias` returns them."""

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


def _unwrapped(entry: Any) -> Any:
    return entry.original if isinstance(entry, OffFunction) else entry


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.device == b.device and a.dtype == b.dtype and torch.equal(a, b)


def _unreached_nodes(kind: type[PykanBaseAdapter], l: int, model: nn.Module) -> Tensor:
    """Return which nodes before a layer of a model no input reaches."""
    adapter = kind(model)
    return ~reachability.reachable_from_inputs(adapter.mask(), adapter.slots())[l]
