"""Ten small networks as training and an edge threshold leave them: their scores, and what is on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kanwidget import KAN, PruningSession

_Function = Callable[[Tensor], Tensor]


def _columns(*parts: Tensor) -> Tensor:
    return torch.stack(parts, 1)


NETS: list[tuple[list[int], float, _Function]] = [
    ([2, 5, 1], 0.6, lambda x: torch.exp(torch.sin(3.14 * x[:, :1]) + x[:, 1:2] ** 2)),
    ([2, 5, 1], 0.8, lambda x: x[:, :1] * x[:, 1:2]),
    ([3, 6, 1], 0.5, lambda x: torch.sin(3 * x[:, :1]) + x[:, 1:2] ** 2),
    ([4, 9, 1], 0.5, lambda x: torch.exp((x[:, :2] ** 2).sum(1, True) - x[:, 2:3] * x[:, 3:4])),
    ([2, 4, 3, 1], 0.7, lambda x: torch.tanh(3 * x[:, :1] * x[:, 1:2])),
    ([3, 5, 5, 1], 0.5, lambda x: torch.sin(x.sum(1, True)) * x[:, :1]),
    ([5, 6, 4, 2], 0.4, lambda x: _columns(x[:, 0] * x[:, 1], torch.sin(3 * x[:, 2]) + x[:, 3])),
    ([6, 8, 2], 0.4, lambda x: _columns(x[:, 0] ** 2 + x[:, 5], torch.exp(x[:, 1] * x[:, 2]))),
    (
        [4, 6, 6, 3],
        0.4,
        lambda x: _columns(x[:, 0] * x[:, 1], x[:, 2] ** 2, torch.cos(3 * x[:, 3])),
    ),
    ([8, 10, 5, 2], 0.3, lambda x: _columns(x[:, 0] + x[:, 1] * x[:, 2], torch.sin(2 * x[:, 7]))),
]
"""Widths, the share of the edges that stays on, and what is learned."""


def trained() -> dict[str, Any]:
    """Return each network's widths, scores, and which edges are on."""
    return {"nets": [_net(*net, seed) for seed, net in enumerate(NETS)]}


def _net(width: list[int], share: float, function: _Function, seed: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(400, width[0], generator=generator, dtype=torch.float64) * 2 - 1
    data = {"train_input": x, "train_label": function(x)}
    data |= {"test_input": x, "test_label": function(x)}
    model = KAN(width, grid=3, k=3, seed=seed)
    model.fit(data, steps=8, lamb=0.003, progress=False)
    with PruningSession(model, data) as session:
        scores = torch.cat([layer.flatten() for layer in session.scores])
        session.set(edge_threshold=float(scores.quantile(1 - share)))
        mask = torch.cat([layer.flatten() for layer in session.mask])
    return {
        "width": width,
        "scores": [float(f"{score:.6g}") for score in scores.tolist()],
        "mask": mask.int().tolist(),
    }
