"""The adapter of FastKAN: stacks of layers of radial basis functions, with a LayerNorm or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .kept_nodes import KeptNodes
from .layered import LayeredAdapter, modules_with

__all__ = ["FastAdapter"]

LAYER_ATTRIBUTES = ("rbf", "spline_linear", "layernorm", "use_base_update")


class FastAdapter(LayeredAdapter):
    """Reads and edits a `FastKAN`; see `Adapter` for what each method promises.

    A LayerNorm before the splines makes an edge depend on its neighbours. What it emits is
    exact all the same, and so are masks, scores and means; only a *curve* has to be drawn for
    some state of the neighbours, which is their mean and mean square in the data.
    """

    supports = "FastKAN (or a Sequential of FastKANLayer)"

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self._other_nodes: dict[int, tuple[Tensor, Tensor]] = {}

    @classmethod
    def wrap(cls, model: object) -> FastAdapter | None:
        """Return an adapter for the model, or None if it is of another library."""
        return cls.wrap_chain(model, LAYER_ATTRIBUTES)

    @property
    def layers(self) -> list[Any]:
        return modules_with(self.model, LAYER_ATTRIBUTES)

    @property
    def depends_on_other_nodes(self) -> bool:
        return any(layer.layernorm is not None for layer in self.layers)

    def notes(self) -> list[tuple[Any, ...]]:
        return [("layer_norm",)] if self.depends_on_other_nodes else []

    @staticmethod
    def layer_size(layer: Any) -> tuple[int, int]:
        grids = layer.rbf.num_grids
        return layer.spline_linear.in_features // grids, layer.spline_linear.out_features

    @staticmethod
    def layer_edge_outputs(layer: Any, x: Tensor) -> Tensor:
        return _edge_outputs(layer, x, x if layer.layernorm is None else layer.layernorm(x))

    @staticmethod
    def layer_bias(layer: Any) -> Tensor | None:
        return layer.base_linear.bias if layer.use_base_update else None

    @classmethod
    def masked_output(cls, layer: Any, x: Tensor, on: Tensor) -> Tensor:
        # As the layer computes it, so that edges that are on give the same output as before.
        features = layer.rbf(x if layer.layernorm is None else layer.layernorm(x)).flatten(1)
        weight = torch.where(on.unsqueeze(2), _weight(layer), 0.0)
        out = F.linear(features, weight.flatten(1))
        if layer.use_base_update:
            base, own = torch.where(on, layer.base_linear.weight, 0.0), layer.base_linear.bias
            out = out + F.linear(layer.base_activation(x), base, own)
        return out

    @torch.no_grad()
    def curves(
        self, x: Tensor, n: int, inputs: Sequence[Tensor] | None = None
    ) -> list[tuple[Tensor, Tensor]]:
        self._other_nodes = {}
        inputs = inputs or self.inputs_of(x)
        for l, (layer, values) in enumerate(zip(self.layers, inputs, strict=True)):
            if layer.layernorm is not None:
                count = max(1, values.shape[1] - 1)
                mean, square = values.mean(0), values.square().mean(0)
                self._other_nodes[l] = (mean.sum() - mean) / count, (square.sum() - square) / count
        return super().curves(x, n, inputs)

    @torch.no_grad()
    def edge_curves(self, l: int, points: Tensor) -> Tensor:
        layer = self.layers[l]
        if layer.layernorm is None:
            return super().edge_curves(l, points)
        own = points.new_ones(points.shape[1]) / points.shape[1]  # its share in its layer
        rest, square = self._other_nodes.get(l, (points.new_zeros(()), points.new_ones(())))
        mean = own * points + (1 - own) * rest
        spread = own * points.square() + (1 - own) * square - mean.square()
        normed = (points - mean) / (spread.clamp(min=0.0) + layer.layernorm.eps).sqrt()
        if layer.layernorm.elementwise_affine:
            normed = normed * layer.layernorm.weight
            normed = normed if layer.layernorm.bias is None else normed + layer.layernorm.bias
        return self.with_names(l, points, _edge_outputs(layer, points, normed))

    def edge_outputs(self, l: int, x: Tensor) -> Tensor:
        return super().edge_curves(l, x)

    def input_norm(self, l: int) -> tuple[Tensor, Tensor, float] | None:
        norm = self.layers[l].layernorm
        if norm is None:
            return None
        ones = self.example_tensor().new_ones(self.width[l])
        weight = ones if norm.weight is None else norm.weight.detach()
        return weight, 0 * ones if norm.bias is None else norm.bias.detach(), float(norm.eps)

    def normed_curves(self, l: int, points: Tensor) -> Tensor:
        layer = self.layers[l]
        values = torch.einsum("big,oig->oib", layer.rbf(points), _weight(layer)).detach()
        return self.without_named(l, values)

    def base_part(self, l: int, points: Tensor) -> Tensor | None:
        layer = self.layers[l]
        if not layer.use_base_update:
            return None
        return self.without_named(l, _base(layer, points).detach())

    def edge_parameters(self, l: int) -> list[Tensor]:
        layer = self.layers[l]
        base = [layer.base_linear.weight] if layer.use_base_update else []
        return [_weight(layer), *base, *self.constants_of_names(l)]

    def grid(self) -> list[Tensor]:
        found = super().grid()
        for layer, ends in zip(self.layers, found, strict=True):
            if layer.layernorm is None:  # else the grid is one of normed values
                ends[:, 0], ends[:, 1] = layer.rbf.grid[0], layer.rbf.grid[-1]
        return found

    def find_kept_nodes(self) -> KeptNodes:
        """Return what a smaller model keeps: with a LayerNorm every node counts, and stays."""
        if not self.depends_on_other_nodes:
            return super().find_kept_nodes()
        nodes, nothing = [list(range(n)) for n in self.width], map(torch.zeros_like, self.bias())
        return KeptNodes(nodes, nodes[1:], self.mask(), list(nothing))

    @classmethod
    def shrink_layer(cls, layer: Any, sources: list[int], targets: list[int], on: Tensor) -> None:
        spline = torch.where(on.unsqueeze(2), _weight(layer), 0.0)[targets][:, sources]
        parts = [(layer.spline_linear, spline.flatten(1))]
        if layer.use_base_update:
            base = torch.where(on, layer.base_linear.weight, 0.0)[targets][:, sources]
            parts.append((layer.base_linear, base))
            bias = layer.base_linear.bias
            own = nn.Parameter(bias[targets].clone(), requires_grad=bias.requires_grad)
            layer.base_linear.bias = own
        for linear, weight in parts:
            trains = linear.weight.requires_grad
            linear.weight = nn.Parameter(weight.clone(), requires_grad=trains)
            linear.out_features, linear.in_features = weight.shape
        layer.input_dim, layer.output_dim = len(sources), len(targets)


def _weight(layer: Any) -> Tensor:
    """Return the weights of the radial functions, ``(n_out, n_in, grids)``."""
    weight: Tensor = layer.spline_linear.weight
    return weight.view(len(weight), -1, layer.rbf.num_grids)


def _base(layer: Any, x: Tensor) -> Tensor:
    base: Tensor = layer.base_linear.weight.unsqueeze(2) * layer.base_activation(x).T
    return base


def _edge_outputs(layer: Any, x: Tensor, normed: Tensor) -> Tensor:
    out = torch.einsum("big,oig->oib", layer.rbf(normed), _weight(layer))
    return out + _base(layer, x) if layer.use_base_update else out
