"""Which nodes the inputs reach over edges that are on, and from which nodes the outputs are.

Masks are lists with one tensor ``(n_out, n_in)`` for each layer. Node sets are lists with one
bool tensor ``(width[l],)`` for each node layer. Targets of edges are *slots*: a node that has
several is their product. ``slots`` lists the node of each slot of each layer; it is empty where
every node has one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .ids import Node

__all__ = [
    "Slots",
    "connected",
    "has_edge_in",
    "leads_to_outputs",
    "reachable_from_inputs",
    "slots_of",
    "spread_to_slots",
    "varying_sources",
]


Slots = Sequence[Sequence[int]]
"""For each layer the node of the next node layer that each target belongs to."""


def slots_of(slots: Slots, node: Node) -> list[int]:
    """Return the targets of edges that belong to a node which is no input."""
    l, i = node
    return [j for j, owner in enumerate(slots[l - 1]) if owner == i] if slots else [i]


def spread_to_slots(values: Tensor, slots: Slots, l: int) -> Tensor:
    """Spread what nodes have to their slots: ``(width[l + 1],)`` to ``(n_out,)``."""
    return values[list(slots[l])] if slots else values


def best_of_slots(values: Tensor, slots: Slots, l: int) -> Tensor:
    """Return the largest value of each node's slots, ``(n_out,)`` to ``(width[l + 1],)``."""
    if not slots:
        return values
    owner = torch.tensor(slots[l], device=values.device)
    numbers = values.to(torch.uint8) if values.dtype == torch.bool else values
    best = numbers.new_zeros(int(owner.max()) + 1)
    best.scatter_reduce_(0, owner, numbers, "amax", include_self=False)
    return best.to(values.dtype)


def has_edge_in(layer: Tensor, slots: Slots, l: int) -> Tensor:
    """Which nodes of node layer ``l + 1`` have an edge in that is on, in any slot."""
    return best_of_slots((layer != 0).any(dim=1), slots, l)


def reachable_from_inputs(mask: Sequence[Tensor], slots: Slots = ()) -> list[Tensor]:
    """Which nodes can be reached from an input over edges that are on; inputs are.

    A node that is not reached emits a constant. One slot is enough to reach a product.
    """
    nodes = [torch.ones(mask[0].shape[1], dtype=torch.bool, device=mask[0].device)]
    for l, layer in enumerate(mask):
        nodes.append(best_of_slots(((layer != 0) & nodes[-1]).any(dim=1), slots, l))
    return nodes


def leads_to_outputs(mask: Sequence[Tensor], slots: Slots = ()) -> list[Tensor]:
    """From which nodes an output can be reached over edges that are on; outputs are."""
    outputs = max(slots[-1]) + 1 if slots else mask[-1].shape[0]
    nodes = [torch.ones(outputs, dtype=torch.bool, device=mask[-1].device)]
    for l in reversed(range(len(mask))):
        leads = spread_to_slots(nodes[-1], slots, l).unsqueeze(1)
        nodes.append(((mask[l] != 0) & leads).any(dim=0))
    return nodes[::-1]


def varying_sources(mask: Sequence[Tensor]) -> list[Tensor]:
    """Which nodes before each layer emit what varies, into an edge that is on.

    A grid must not be laid over the values of other nodes. These are constant, so that it would
    shrink to a point, and the functions of edges that are to be switched on again with it.
    """
    alive = reachable_from_inputs(mask)[:-1]
    return [nodes & (on != 0).any(dim=0) for nodes, on in zip(alive, mask, strict=True)]


def connected(mask: Sequence[Tensor], slots: Slots = ()) -> bool:
    """Whether a path of edges that are on leads from any input to any output."""
    return bool(reachable_from_inputs(mask, slots)[-1].any())
