"""An adapter for a KAN of one's own: cubic polynomials on the edges.

python examples/toy_adapter.py
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

import kanwidget
from kanwidget.adapters import LayeredAdapter


class Cubics(nn.Module):
    """A layer of edges ``c1 x + c2 x^2 + c3 x^3``, and a bias for each node."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.coef = nn.Parameter(torch.randn(n_out, n_in, 3) / n_in)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x: Tensor) -> Tensor:
        powers = torch.stack([x, x**2, x**3], 2)
        return torch.einsum("oip,bip->bo", self.coef, powers) + self.bias


@kanwidget.register_adapter
class CubicAdapter(LayeredAdapter):
    supports = "a Sequential of the toy example's Cubics"

    @classmethod
    def wrap(cls, model: object) -> CubicAdapter | None:
        ours = isinstance(model, nn.Sequential) and all(isinstance(m, Cubics) for m in model)
        return cls(model) if ours else None

    @property
    def layers(self) -> Sequence[nn.Module]:
        return list(self.model)

    @staticmethod
    def layer_size(layer: Cubics) -> tuple[int, int]:
        return layer.coef.shape[1], layer.coef.shape[0]

    @staticmethod
    def layer_edge_outputs(layer: Cubics, x: Tensor) -> Tensor:
        return torch.einsum("oip,bip->oib", layer.coef, torch.stack([x, x**2, x**3], 2))

    @staticmethod
    def layer_bias(layer: Cubics) -> Tensor:
        return layer.bias


if __name__ == "__main__":
    model, x = nn.Sequential(Cubics(2, 3), Cubics(3, 1)), torch.rand(200, 2)
    session = kanwidget.PruningSession(model, x)
    session.set(edge_threshold=session.threshold_for(tolerance=0.1))
    print(session.history.current.text)
