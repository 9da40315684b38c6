"""The adapter of efficient-kan: stacks of its `KANLinear`, wherever they were copied to."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .finer_grids import SplineLayer
from .layered import LayeredAdapter, modules_with

__all__ = ["EfficientAdapter"]

LAYER_ATTRIBUTES = ("base_weight", "spline_weight", "grid", "b_splines", "scaled_spline_weight")


class EfficientAdapter(LayeredAdapter):
    """Reads and edits a chain of `KANLinear`; see `Adapter` for what each method promises."""

    supports = "efficient-kan (its KAN, or a Sequential of KANLinear)"
    grid_tensors = "grid", "spline_weight"

    @classmethod
    def wrap(cls, model: object) -> EfficientAdapter | None:
        """Return an adapter for the model, or None if it is of another library."""
        return cls.wrap_chain(model, LAYER_ATTRIBUTES)

    @property
    def layers(self) -> list[Any]:
        return modules_with(self.model, LAYER_ATTRIBUTES)

    @staticmethod
    def layer_size(layer: Any) -> tuple[int, int]:
        return layer.in_features, layer.out_features

    @staticmethod
    def layer_edge_outputs(layer: Any, x: Tensor) -> Tensor:
        spline = torch.einsum("big,oig->oib", layer.b_splines(x), layer.scaled_spline_weight)
        return _base(layer, x) + spline

    @classmethod
    def masked_output(cls, layer: Any, x: Tensor, on: Tensor) -> Tensor:
        # As the layer computes it, so that edges that are on give the same output as before.
        base = F.linear(layer.base_activation(x), torch.where(on, layer.base_weight, 0.0))
        weight = torch.where(on.unsqueeze(2), layer.scaled_spline_weight, 0.0)
        return base + F.linear(layer.b_splines(x).flatten(1), weight.flatten(1))

    def base_part(self, l: int, points: Tensor) -> Tensor | None:
        return self.without_named(l, _base(self.layers[l], points).detach())

    def knots(self) -> list[Tensor]:
        return [layer.grid.detach().clone() for layer in self.layers]

    def grid(self) -> list[Tensor]:
        return [m.grid[:, [m.spline_order, -1 - m.spline_order]].detach() for m in self.layers]

    def edge_parameters(self, l: int) -> list[Tensor]:
        names = ("base_weight", "spline_weight", "spline_scaler")
        own = [getattr(self.layers[l], n) for n in names if hasattr(self.layers[l], n)]
        return own + self.constants_of_names(l)

    def spline_layers(self) -> list[SplineLayer]:
        return [SplineLayer(m.grid, m.spline_weight, m.spline_order, 1) for m in self.layers]

    def note_grid_sizes(self) -> None:
        for layer, splines in zip(self.layers, self.spline_layers(), strict=True):
            if hasattr(layer, "grid_size"):
                layer.grid_size = splines.intervals

    @classmethod
    def shrink_layer(cls, layer: Any, sources: list[int], targets: list[int], on: Tensor) -> None:
        weights = {"base_weight": on, "spline_weight": on.unsqueeze(2)}
        if getattr(layer, "enable_standalone_scale_spline", False):
            weights["spline_scaler"] = torch.ones_like(on)
        for name, mask in weights.items():
            was = getattr(layer, name)
            new = torch.where(mask, was, 0.0)[targets][:, sources].clone()
            setattr(layer, name, nn.Parameter(new, requires_grad=was.requires_grad))
        layer.grid = layer.grid[sources].clone()
        layer.in_features, layer.out_features = len(sources), len(targets)


def _base(layer: Any, x: Tensor) -> Tensor:
    base: Tensor = layer.base_weight.unsqueeze(2) * layer.base_activation(x).T
    return base
