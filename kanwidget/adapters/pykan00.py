"""The adapter of pykan 0.0.x: its `KAN`, as the seed of this project was."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from kanwidget.kan.bsplines import extend_grid

from .finer_grids import SplineLayer
from .pykan_common import PykanBaseAdapter
from .pykan_compact import copy_with_parameters, empty_copy
from .pykan_off_edges import set_parameter

__all__ = ["Pykan0Adapter"]

PART_NAMES = ("act_fun", "symbolic_fun", "biases")

ACTIVATION_NAMES = (
    "acts",
    "acts_scale",
    "acts_scale_std",
    "mask",
    "spline_postacts",
    "spline_postsplines",
    "spline_preacts",
)


class Pykan0Adapter(PykanBaseAdapter):
    """Reads and edits a `kan.KAN` of pykan 0.0.x; see `Adapter` for what each method promises."""

    supports = "pykan 0.0.x (kan.KAN)"
    transient = ACTIVATION_NAMES

    @classmethod
    def wrap(cls, model: object) -> Pykan0Adapter | None:
        """Return an adapter for the model, or None if it is of another library."""
        if not isinstance(model, nn.Module) or not all(hasattr(model, name) for name in PART_NAMES):
            return None
        if not all(hasattr(layer, "size") for layer in model.act_fun):  # type: ignore[union-attr]
            return None
        return cls(model)

    @property
    def width(self) -> list[int]:
        layers = self.model.act_fun
        return [layers[0].in_dim, *(layer.out_dim for layer in layers)]

    def last_inputs(self) -> Tensor:
        acts = getattr(self.model, "acts", None)
        if not acts:
            raise ValueError(
                "this pykan model has seen no data yet, so its edges have no scores; call "
                "model(x) or model.train(dataset) first, or hand data over"
            )
        x: Tensor = acts[0].detach()
        return x

    def sum_count(self, l: int) -> int:
        return int(self.model.act_fun[l].out_dim)

    def offset(self) -> list[Tensor]:
        layers = range(len(self.model.act_fun))
        return [self.example_tensor().new_zeros(self.width[0]), *map(self.constants, layers)]

    def numeric_mask(self, l: int) -> Tensor:
        return self._table(l, self.model.act_fun[l].mask)

    def to_stored_mask(self, mask: Tensor) -> Tensor:
        return mask.flatten()

    def scales(self, l: int) -> tuple[Tensor, Tensor]:
        layer = self.model.act_fun[l]
        return self._table(l, layer.scale_base), self._table(l, layer.scale_sp)

    def coefficients(self, l: int) -> Tensor:
        return self._table(l, self.model.act_fun[l].coef, -1)

    def spline_table(self, l: int) -> tuple[Tensor, Tensor] | None:
        layer = self.model.act_fun[l]
        grid = self._table(l, layer.grid, -1)
        shared = (layer.weight_sharing != torch.arange(layer.size)).any()
        if shared or not bool((grid == grid[:1]).all()):
            return None
        return extend_grid(grid[0], layer.k), self.coefficients(l)

    def spline_layer(self, l: int) -> SplineLayer:
        layer = self.model.act_fun[l]
        uses = layer.weight_sharing.long(), torch.arange(layer.size) % layer.in_dim
        return SplineLayer(layer.grid, layer.coef, layer.k, 0, uses)

    def gain(self, l: int) -> Tensor:
        return self.example_tensor().new_ones(self.model.act_fun[l].out_dim)

    def bias(self) -> list[Tensor]:
        return [bias.weight.detach()[0].clone() for bias in self.model.biases]

    def write_bias(self, l: int, constant: Tensor) -> None:
        set_parameter(self.model.biases[l], "weight", constant.unsqueeze(0))

    def gain_and_shift(self, l: int, constants: Tensor) -> tuple[Tensor, Tensor]:
        return self.gain(l), self.model.biases[l].weight[0] + constants

    def edge_parameters(self, l: int) -> list[Tensor]:
        layer, formulas = self.model.act_fun[l], self.model.symbolic_fun[l]
        tables = [*self.scales(l), formulas.affine]
        shared = (layer.weight_sharing != torch.arange(layer.size)).any()
        return tables if shared else [self.coefficients(l), *tables]

    def knots(self) -> list[Tensor]:
        found = []
        for l, layer in enumerate(self.model.act_fun):
            # Every edge has a grid of its own.
            own = self._table(l, extend_grid(layer.grid.detach(), layer.k), -1)
            same = bool((own == own[:1]).all())
            found.append(own[0] if same else own.permute(1, 0, 2).flatten(1).sort(1).values)
        return found

    def grid(self) -> list[Tensor]:
        found = []
        for layer in self.model.act_fun:
            ends = layer.grid.detach()[:, [0, -1]].view(layer.out_dim, layer.in_dim, 2)
            found.append(torch.stack([ends[..., 0].amin(0), ends[..., 1].amax(0)], 1))
        return found

    @torch.no_grad()
    def compact(self) -> Any:
        """Return a smaller model of the same class, without calling its constructor.

        That would seed the random numbers.
        """
        model = self.model
        new = empty_copy(model, (*ACTIVATION_NAMES, *PART_NAMES))
        for name in PART_NAMES:
            setattr(new, name, nn.ModuleList())
        nodes, targets, mask, folded = self.find_kept_nodes()
        for l, on in enumerate(mask):
            new.act_fun.append(self.shrink_layer(l, nodes[l], targets[l], on))
            new.symbolic_fun.append(self.shrink_formulas(l, nodes[l], targets[l], on))
            constants = model.biases[l].weight + folded[l] + self.constants(l)
            bias = copy_with_parameters(model.biases[l], weight=constants[:, targets[l]])
            bias.in_features = len(targets[l])
            new.biases.append(bias)
        new.width = [len(ids) for ids in nodes]
        type(self)(new).keep_grids()
        acts = getattr(model, "acts", None)
        if acts:
            new(acts[0].detach())
        return new

    def shrink_layer(self, l: int, sources: list[int], targets: list[int], on: Tensor) -> Any:
        layer = self.model.act_fun[l]
        flat = torch.arange(layer.size).view(layer.out_dim, layer.in_dim)[targets][:, sources]
        edges = flat.flatten().to(layer.mask.device)
        # Edges that share one function get one each: pykan cannot share in a part of a layer.
        shared = layer.weight_sharing.to(edges.device)[edges]
        new = copy_with_parameters(
            layer,
            grid=layer.grid[shared],
            coef=layer.coef[shared],
            mask=(layer.mask * on.flatten())[edges],
            scale_base=layer.scale_base[edges],
            scale_sp=layer.scale_sp[edges],
        )
        new.in_dim, new.out_dim, new.size = len(sources), len(targets), len(edges)
        new.weight_sharing, new.lock_id = torch.arange(new.size), torch.zeros(new.size)
        new.lock_counter = 0
        return new

    def _table(self, l: int, values: Tensor, *more: int) -> Tensor:
        layer = self.model.act_fun[l]
        return values.view(layer.out_dim, layer.in_dim, *more)

    def function_settings(self) -> object:
        sharing = [layer.weight_sharing.tolist() for layer in self.model.act_fun]
        return super().function_settings(), sharing
