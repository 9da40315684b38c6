"""The adapter of pykan 0.2.x: `MultKAN`, which it also calls `KAN`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .finer_grids import SplineLayer
from .pykan_common import PykanBaseAdapter
from .pykan_compact import copy_with_parameters, empty_copy
from .pykan_off_edges import set_parameter

__all__ = ["PykanAdapter"]

PART_NAMES = ("act_fun", "symbolic_fun", "node_bias", "node_scale", "subnode_bias", "subnode_scale")

ACTIVATION_NAMES = (
    "acts",
    "acts_premult",
    "acts_scale",
    "acts_scale_spline",
    "cache_data",
    "edge_actscale",
    "edge_scores",
    "edge_scores_all",
    "node_attribute_scores",
    "node_scores",
    "node_scores_all",
    "mask_down",
    "mask_up",
    "spline_postacts",
    "spline_postsplines",
    "spline_preacts",
    "subnode_actscale",
    "subnode_scores",
    "subnode_scores_all",
)
"""What a forward or a question leaves in a model, and is of no use in a smaller one."""


class PykanAdapter(PykanBaseAdapter):
    """Reads and edits a `kan.MultKAN`; see `Adapter` for what each method promises.

    Means go to the bias of a sum's node, and to that of a product's subnode.

    While edges are off, a model that was pruned here, or committed, can be trained by pykan's
    own `fit`: the grids of nodes which have become constant stay as they are (see
    `VaryingGridUpdate`). A deep copy of the model keeps that. Models that pykan's own `copy`,
    `loadckpt` and `refine` make do not: use `compact` first, which leaves no such nodes.
    """

    supports = "pykan 0.2.x (kan.KAN, kan.MultKAN)"
    transient = ACTIVATION_NAMES

    @classmethod
    def wrap(cls, model: object) -> PykanAdapter | None:
        """Return an adapter for the model, or None if it is of another library."""
        named = [kind for kind in type(model).__mro__ if kind.__name__ == "MultKAN"]
        if not isinstance(model, nn.Module) or not named:
            return None
        missing = [
            name for name in (*PART_NAMES, "width_in", "input_id") if not hasattr(model, name)
        ]
        if missing:
            raise TypeError(f"it is called MultKAN, but has no {', '.join(missing)}")
        if type(model).forward is not named[0].forward:  # type: ignore[attr-defined]
            raise TypeError("it is a MultKAN, but has a forward of its own")
        return cls(model)

    @property
    def width(self) -> list[int]:
        return [int(n) for n in self.model.width_in]

    @property
    def score_names(self) -> tuple[str, ...]:
        return "attribution", "l1"

    @property
    def can_tabulate(self) -> bool:
        # A product's scale is no part of any of its sums.
        scales = zip(self.model.node_scale, self._products(), strict=True)
        return all(bool((scale[products:] == 1).all()) for scale, products in scales)

    def columns(self) -> list[int]:
        return [int(column) for column in self.model.input_id]

    def last_inputs(self) -> Tensor:
        x = self.model.cache_data
        if not isinstance(x, Tensor):
            raise ValueError(
                "this pykan model has seen no data yet, so its edges have no scores; call "
                "model(x) or model.fit(dataset) first, or hand data over"
            )
        return x.detach().to(self.example_tensor())

    def slots(self) -> list[list[int]]:
        owners = []
        for l, first in enumerate(self._products()):
            arity = self.model.mult_arity
            several = [arity] * self.model.width[l + 1][1] if self.model.mult_homo else arity[l + 1]
            products = [first + k for k, count in enumerate(several) for _ in range(count)]
            owners.append([*range(first), *products])
        plain = all(nodes == list(range(len(nodes))) for nodes in owners)
        return [] if plain else owners

    def offset(self) -> list[Tensor]:
        model, found = self.model, [self.example_tensor().new_zeros(self.width[0])]
        for l, first in enumerate(self._products()):
            constant = model.node_bias[l].detach().clone()
            constant[:first] = (
                model.node_scale[l][:first] * model.subnode_bias[l][:first]
            ).detach()
            constant[:first] += self.constants(l)[:first]
            found.append(constant)
        return found

    def sum_count(self, l: int) -> int:
        return self._products()[l]

    def numeric_mask(self, l: int) -> Tensor:
        live: Tensor = self.model.act_fun[l].mask
        return live.T

    def to_stored_mask(self, mask: Tensor) -> Tensor:
        return mask.T.contiguous()

    def scales(self, l: int) -> tuple[Tensor, Tensor]:
        layer = self.model.act_fun[l]
        return layer.scale_base.T, layer.scale_sp.T

    def coefficients(self, l: int) -> Tensor:
        coef: Tensor = self.model.act_fun[l].coef
        return coef.permute(1, 0, 2)

    def spline_table(self, l: int) -> tuple[Tensor, Tensor] | None:
        return self.model.act_fun[l].grid, self.coefficients(l)

    def spline_layer(self, l: int) -> SplineLayer:
        layer = self.model.act_fun[l]
        return SplineLayer(layer.grid, layer.coef, layer.k, 0)

    def gain(self, l: int) -> Tensor:
        gain: Tensor = self.model.subnode_scale[l].detach().clone()
        first = self._products()[l]
        gain[:first] *= self.model.node_scale[l].detach()[:first]
        return gain

    def nodes_from_sums(self, l: int, sums: Tensor) -> Tensor:
        first, scale = self._products()[l], self.model.node_scale[l].clone()
        scale[:first] = 1.0
        nodes: Tensor = super().nodes_from_sums(l, sums) * scale
        return nodes

    def gain_and_shift(self, l: int, constants: Tensor) -> tuple[Tensor, Tensor]:
        model, first = self.model, self._products()[l]
        gain, scale = model.subnode_scale[l], model.node_scale[l][:first]
        shift = gain * constants + model.subnode_bias[l]
        of_sums = scale * shift[:first] + model.node_bias[l][:first]
        if first == len(gain):
            return scale * gain, of_sums
        gain = torch.cat([scale * gain[:first], gain[first:]])
        return gain, torch.cat([of_sums, shift[first:]])

    def nodes_from_slots(self, l: int, slots: Tensor) -> Tensor:
        first, bias = self._products()[l], self.model.node_bias[l]
        if first == len(bias):
            return slots
        nodes = self.nodes_from_sums(l, slots)
        return nodes + torch.cat([torch.zeros_like(bias[:first]), bias[first:]])

    def edge_parameters(self, l: int) -> list[Tensor]:
        return [self.coefficients(l), *self.scales(l), self.model.symbolic_fun[l].affine]

    def bias(self) -> list[Tensor]:
        found = []
        for l, first in enumerate(self._products()):
            sums, factors = self.model.node_bias[l][:first], self.model.subnode_bias[l][first:]
            found.append(torch.cat([sums, factors]).detach())
        return found

    def write_bias(self, l: int, constant: Tensor) -> None:
        first = self._products()[l]
        for name, some in ("node_bias", slice(0, first)), ("subnode_bias", slice(first, None)):
            values = getattr(self.model, name)[l].detach().clone()
            values[some] = constant[some]
            set_parameter(self.model, f"{name}_{l}", values)
            getattr(self.model, name)[l] = getattr(self.model, f"{name}_{l}")

    def knots(self) -> list[Tensor]:
        return [layer.grid.detach().clone() for layer in self.model.act_fun]

    def grid(self) -> list[Tensor]:
        return [m.grid[:, [m.k, -1 - m.k]].detach() for m in self.model.act_fun]

    @torch.no_grad()
    def compact(self) -> Any:
        """Return a smaller model of the same class, without calling its constructor.

        That would seed the random numbers, print, and write files.
        """
        model, slots = self.model, self.slots()
        new = _without_layers(model)
        nodes, targets, mask, folded = self.find_kept_nodes()
        for l, on in enumerate(mask):
            new.act_fun.append(self.shrink_layer(l, nodes[l], targets[l], on))
            new.symbolic_fun.append(self.shrink_formulas(l, nodes[l], targets[l], on))
            first = self._products()[l]
            of_nodes = {
                "node_bias": _add_to_bias(
                    model.node_bias[l], folded[l] + self.constants(l), 0, first
                ),
                "node_scale": model.node_scale[l],
            }
            of_slots = {
                "subnode_bias": _add_to_bias(model.subnode_bias[l], folded[l], first, len(on)),
                "subnode_scale": model.subnode_scale[l],
            }
            for values, where in ((of_nodes, nodes[l + 1]), (of_slots, targets[l])):
                for name, value in values.items():
                    trains = getattr(model, name)[l].requires_grad
                    smaller = nn.Parameter(value.detach()[where].clone(), requires_grad=trains)
                    getattr(new, name).append(smaller)
                    setattr(new, f"{name}_{l}", smaller)
            counts = [sum(i < first for i in nodes[l + 1]), sum(i >= first for i in nodes[l + 1])]
            new.width[l + 1] = counts
            if not model.mult_homo:
                new.mult_arity[l + 1] = [
                    sum(owner == i for owner in slots[l]) if slots else 1
                    for i in nodes[l + 1]
                    if i >= first
                ]
        type(self)(new).keep_grids()
        x = model.cache_data
        if isinstance(x, Tensor) and x.shape[1] == len(model.input_id):
            # pykan keeps the columns that it has picked, and picks again from them to plot.
            wide = x.new_zeros(len(x), int(model.input_id.max()) + 1)
            wide[:, model.input_id.long()] = x.detach()
            new(wide)
        return new

    def shrink_layer(self, l: int, sources: list[int], targets: list[int], on: Tensor) -> Any:
        layer, i, j = self.model.act_fun[l], sources, targets
        new = copy_with_parameters(
            layer,
            grid=layer.grid[i],
            coef=layer.coef[i][:, j],
            mask=(layer.mask * on.T)[i][:, j],
            scale_base=layer.scale_base[i][:, j],
            scale_sp=layer.scale_sp[i][:, j],
        )
        new.in_dim, new.out_dim = len(i), len(j)
        return new

    def _products(self) -> list[int]:
        """Return the first product of each node layer but the inputs; it follows the sums."""
        return [int(nodes[0]) for nodes in self.model.width[1:]]

    def pick_columns(self, x: Any) -> Any:
        columns, shape = self.columns(), tuple(getattr(x, "shape", ()))
        if len(shape) != 2 or shape[1] <= max(columns) or columns == list(range(shape[1])):
            return x
        if isinstance(x, Tensor) and x.layout is not torch.strided:
            return x  # cannot be used; a later check raises the error
        return x.iloc[:, columns] if hasattr(x, "iloc") else x[:, columns]

    def function_tensors(self) -> list[Tensor]:
        model, tensors = self.model, super().function_tensors()
        for l, first in enumerate(self._products()):
            tensors += [model.node_scale[l], model.subnode_scale[l]]
            tensors += [model.node_bias[l][first:], model.subnode_bias[l][:first]]
        return [*tensors, model.input_id]

    def function_settings(self) -> object:
        return super().function_settings(), self.model.width, self.model.mult_arity


def _add_to_bias(bias: Tensor, folded: Tensor, first: int, last: int) -> Tensor:
    """Add to constants what is folded into the slots ``first .. last``."""
    new = bias.detach().clone()
    new[first:last] += folded[first:last]
    return new


def _without_layers(model: nn.Module) -> Any:
    """Return a model with the same settings, and no layers."""
    new = empty_copy(model, (*ACTIVATION_NAMES, *PART_NAMES))
    new.training = model.training
    new.act_fun, new.symbolic_fun = nn.ModuleList(), nn.ModuleList()
    for name in PART_NAMES[2:]:
        setattr(new, name, [])
    for name in ("acts", "cache_data", "edge_scores", "node_scores", "subnode_scores"):
        setattr(new, name, None)
    return new
