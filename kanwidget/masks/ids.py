"""How edges and nodes are numbered: ids are ``(l, i, j)``, tensors are indexed ``[j, i]``."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

__all__ = ["Edge", "Node", "edge_at", "edges_where", "set_edge_at"]


Edge = tuple[int, int, int]
"""``(l, i, j)``: from node ``i`` of node layer ``l`` to node ``j`` of node layer ``l + 1``."""


Node = tuple[int, int]
"""``(l, i)``: node ``i`` of node layer ``l``, 0 being the inputs."""


def edge_at(layers: Sequence[Tensor], edge: Edge) -> float:
    """Return one edge's entry of tensors ``(n_out, n_in)``."""
    l, i, j = edge
    return layers[l][j, i].item()


def set_edge_at(layers: Sequence[Tensor], edge: Edge, value: float) -> None:
    """Set one edge's entry of tensors ``(n_out, n_in)``."""
    l, i, j = edge
    layers[l][j, i] = value


def edges_where(layers: Sequence[Tensor]) -> list[Edge]:
    """Return the ids of the edges whose entries of tensors ``(n_out, n_in)`` are not 0."""
    return [(l, i, j) for l, layer in enumerate(layers) for j, i in layer.nonzero().tolist()]
