"""A small network in which some nodes multiply, its adapter, and the same in numpy's loops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kanwidget.adapters.base import BaseAdapter

Floats = NDArray[np.float64]
Layers = Sequence[Tensor]


class Products(nn.Module):
    """Edges ``a sin(b x + c)``; a node multiplies the sums of its slots, then adds a constant."""

    def __init__(self, width: list[int], slots: list[list[int]], seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.width, self.slots, self.seen = width, slots, torch.zeros(0, width[0])
        shapes = [(len(own), n) for own, n in zip(slots, width, strict=False)]
        self.wave = nn.ParameterList(
            torch.randn(3, *shape, generator=generator).double() for shape in shapes
        )
        self.bias = nn.ParameterList(
            torch.randn(m, generator=generator).double() for m, _ in shapes
        )
        self.on = [torch.ones(shape, dtype=torch.bool) for shape in shapes]
        self.offset = [torch.randn(n, generator=generator).double() for n in width]
        self.offset[0].zero_()
        self.seen = torch.rand(40, width[0], generator=generator).double() * 2 - 1

    def functions(self, l: int, x: Tensor) -> Tensor:
        """Return all unmasked values of a layer, ``(n_slots, n_in, rows)``."""
        a, b, c = self.wave[l].detach().unsqueeze(3)
        return a * torch.sin(b * x.T + c)

    def layers(self, x: Tensor) -> list[Tensor]:
        values = [x]
        for l, own in enumerate(self.slots):
            phi = self.functions(l, values[-1]) * self.on[l].unsqueeze(2)
            sums = phi.sum(1) + self.bias[l].detach().unsqueeze(1)
            nodes = torch.ones(self.width[l + 1], len(x), dtype=x.dtype)
            for slot, node in enumerate(own):
                nodes[node] = nodes[node] * sums[slot]
            values.append(nodes.T + self.offset[l + 1])
        return values

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)[-1]


class ProductsAdapter(BaseAdapter):
    """Its adapter."""

    @classmethod
    def wrap(cls, model: object) -> ProductsAdapter | None:
        return cls(model) if isinstance(model, Products) else None

    @property
    def width(self) -> list[int]:
        return self.model.width

    def last_inputs(self) -> Tensor:
        return self.model.seen

    def edge_curves(self, l: int, points: Tensor) -> Tensor:
        return self.model.functions(l, points)

    def slots(self) -> list[list[int]]:
        return self.model.slots

    def offset(self) -> list[Tensor]:
        return self.model.offset

    def mask(self) -> list[Tensor]:
        return [on.clone() for on in self.model.on]

    def bias(self) -> list[Tensor]:
        return [bias.detach().clone() for bias in self.model.bias]

    @torch.no_grad()
    def set_mask(self, mask: Layers, bias: Layers) -> None:
        for l, (on, constant) in enumerate(zip(mask, bias, strict=True)):
            self.model.on[l] = on.clone()
            self.model.bias[l].copy_(constant)

    def function_tensors(self) -> list[Tensor]:
        return list(self.model.wave)


def by_hand(model: Products, mask: Layers, bias: Layers, x: Tensor) -> Floats:
    """Return the outputs under masks and biases, number by number."""
    values = x.numpy()
    for l, own in enumerate(model.slots):
        a, b, c = model.wave[l].detach().numpy()
        nodes = np.ones((len(x), model.width[l + 1]))
        for j, node in enumerate(own):
            total = np.full(len(x), float(bias[l][j]))
            for i in range(values.shape[1]):
                if mask[l][j, i]:
                    total += a[j, i] * np.sin(b[j, i] * values[:, i] + c[j, i])
            nodes[:, node] *= total
        values = nodes + model.offset[l + 1].numpy()
    return values
