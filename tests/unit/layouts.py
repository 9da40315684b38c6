"""Small models in the layouts of efficient-kan and FastKAN, which PyPI does not carry.

Names, shapes and formulas are theirs, so that what reads these reads those.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class KANLinear(nn.Module):
    """A layer as in efficient-kan: B-splines on a grid shared by a node's edges."""

    def __init__(self, in_features: int, out_features: int, grid_size: int = 5, order: int = 3):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.grid_size, self.spline_order = grid_size, order
        steps = torch.arange(-order, grid_size + order + 1) * (2 / grid_size) - 1
        self.register_buffer("grid", steps.repeat(in_features, 1))
        self.base_weight = nn.Parameter(torch.randn(out_features, in_features))
        count = grid_size + order
        self.spline_weight = nn.Parameter(torch.randn(out_features, in_features, count))
        self.enable_standalone_scale_spline = True
        self.spline_scaler = nn.Parameter(torch.rand(out_features, in_features) + 0.5)
        self.base_activation = nn.SiLU()

    def b_splines(self, x: Tensor) -> Tensor:
        x, t = x.unsqueeze(2), self.grid
        bases = ((x >= t[:, :-1]) & (x < t[:, 1:])).to(x)
        for d in range(1, self.spline_order + 1):
            rise = (x - t[:, : -d - 1]) / (t[:, d:-1] - t[:, : -d - 1]) * bases[..., :-1]
            fall = (t[:, d + 1 :] - x) / (t[:, d + 1 :] - t[:, 1:-d]) * bases[..., 1:]
            bases = rise + fall
        return bases

    @property
    def scaled_spline_weight(self) -> Tensor:
        return self.spline_weight * self.spline_scaler.unsqueeze(2)

    def forward(self, x: Tensor) -> Tensor:
        base = F.linear(self.base_activation(x), self.base_weight)
        weight = self.scaled_spline_weight.flatten(1)
        return base + F.linear(self.b_splines(x).flatten(1), weight)


class RadialBasisFunction(nn.Module):
    """Gaussians on a grid."""

    def __init__(self, low: float = -2.0, high: float = 2.0, num_grids: int = 8):
        super().__init__()
        self.num_grids, self.denominator = num_grids, (high - low) / (num_grids - 1)
        self.grid = nn.Parameter(torch.linspace(low, high, num_grids), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(-(((x[..., None] - self.grid) / self.denominator) ** 2))


class FastKANLayer(nn.Module):
    """A layer as in FastKAN: radial functions of the normed inputs, and a base of the inputs."""

    def __init__(self, input_dim: int, output_dim: int, norm: bool = True, base: bool = True):
        super().__init__()
        self.input_dim, self.output_dim = input_dim, output_dim
        self.layernorm = nn.LayerNorm(input_dim) if norm else None
        self.rbf = RadialBasisFunction()
        self.spline_linear = nn.Linear(input_dim * self.rbf.num_grids, output_dim, bias=False)
        self.use_base_update = base
        if base:
            self.base_activation = F.silu
            self.base_linear = nn.Linear(input_dim, output_dim)

    def forward(self, x: Tensor) -> Tensor:
        features = self.rbf(x if self.layernorm is None else self.layernorm(x))
        out = self.spline_linear(features.flatten(1))
        return out + self.base_linear(self.base_activation(x)) if self.use_base_update else out


class Stack(nn.Module):
    """Layers in a row, as both libraries keep them."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x
