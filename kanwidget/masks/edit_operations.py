"""Switching an edge or a node by hand: pure functions, as in `js/src/model/edits.ts`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from .edits import Edits
from .effective import (
    MaskRule,
)
from .ids import Edge, Node, edge_at

__all__ = [
    "remove_edge",
    "remove_node",
    "restore_edge",
    "restore_node",
    "toggle",
]


def remove_edge(edits: Edits, edge: Edge) -> Edits:
    """Switch an edge off."""
    return replace(
        edits,
        removed_edges=edits.removed_edges | {edge},
        kept_edges=edits.kept_edges - {edge},
    )


def restore_edge(edits: Edits, edge: Edge, ground: MaskRule) -> Edits:
    """Switch an edge on, and keep it on against thresholds and baseline.

    If a node at its end was removed by hand, the node comes back with this edge alone.
    """
    l, i, j = edge
    for node in ((l, i), (l + 1, ground.node_of(l, j))):
        if node in edits.removed_nodes:
            others = {other for side in ground.sides(node) for other in side} - {edge}
            edits = replace(
                edits,
                removed_nodes=edits.removed_nodes - {node},
                removed_edges=edits.removed_edges | others,
                kept_edges=edits.kept_edges - others,
            )
    edits = replace(edits, removed_edges=edits.removed_edges - {edge})
    if not edge_at(ground.mask(edits), edge):
        edits = replace(edits, kept_edges=edits.kept_edges | {edge})
    return edits


def remove_node(edits: Edits, node: Node) -> Edits:
    """Switch a node off, with all its edges."""
    return replace(
        edits,
        removed_nodes=edits.removed_nodes | {node},
        kept_nodes=edits.kept_nodes - {node},
    )


def restore_node(edits: Edits, node: Node, ground: MaskRule) -> Edits:
    """Switch a node on, and keep it on against the node threshold.

    Edges that were removed one by one stay off, unless the node would be left without a
    way in or without a way out: then all its edges on that side come back. A product needs a
    way into each of its slots.
    """
    edits = replace(edits, removed_nodes=edits.removed_nodes - {node})
    if ground.takes(node, edits):
        edits = replace(edits, kept_nodes=edits.kept_nodes | {node})
    mask = ground.mask(edits)
    for side in ground.sides(node):
        if not any(edge_at(mask, edge) for edge in side):
            edits = replace(
                edits,
                removed_edges=edits.removed_edges - set(side),
                kept_edges=edits.kept_edges | {edge for edge in side if ground.weak(edge)},
            )
    return edits


def toggle(edits: Edits, where: Edge | Node, ground: MaskRule, mask: Sequence[Tensor]) -> Edits:
    """Switch an edge or a node off if it is on under a mask, and on if it is off."""
    if len(where) == 3:
        is_on = bool(edge_at(mask, where))
        return remove_edge(edits, where) if is_on else restore_edge(edits, where, ground)
    if all(any(edge_at(mask, e) for e in side) for side in ground.sides(where)):
        return remove_node(edits, where)
    return restore_node(edits, where, ground)
