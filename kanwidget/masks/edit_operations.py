"""Switching an edge or a node by hand: pure functions, as in `js/src/model/edits.ts`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .edits import Edits
from .effective import MaskRule
from .ids import Edge, Node, edge_at

__all__ = ["remove_edge", "remove_node", "restore_edge", "restore_node", "toggle"]


def remove_edge(edits: Edits, edge: Edge) -> Edits:
    """Switch an edge off."""
    return edits.with_edit("removed_edges", {edge})


def restore_edge(edits: Edits, edge: Edge, rule: MaskRule) -> Edits:
    """Switch an edge on, and keep it on against thresholds and baseline.

    If a node at its end was removed by hand, the node comes back with this edge alone.
    """
    for node in rule.ends(edge):
        if node in edits.removed_nodes:
            others = {other for side in rule.edges_by_side(node) for other in side} - {edge}
            edits = edits.without_edit("removed_nodes", {node})
            edits = edits.with_edit("removed_edges", others)
    edits = edits.without_edit("removed_edges", {edge})
    is_on = edge_at(rule.mask(edits), edge)
    return edits if is_on else edits.with_edit("kept_edges", {edge})


def remove_node(edits: Edits, node: Node) -> Edits:
    """Switch a node off, with all its edges."""
    return edits.with_edit("removed_nodes", {node})


def restore_node(edits: Edits, node: Node, rule: MaskRule) -> Edits:
    """Switch a node on, and keep it on against the node threshold.

    Edges that were removed one by one stay off, unless the node would be left without a
    way in or without a way out: then all its edges on that side come back. A product needs a
    way into each of its slots.
    """
    edits = edits.without_edit("removed_nodes", {node})
    if rule.removes_node(node, edits):
        edits = edits.with_edit("kept_nodes", {node})
    mask = rule.mask(edits)
    for side in rule.edges_by_side(node):
        if not any(edge_at(mask, edge) for edge in side):
            edits = edits.without_edit("removed_edges", side)
            edits = edits.with_edit("kept_edges", {e for e in side if rule.removes_edge(e)})
    return edits


def toggle(edits: Edits, ids: Edge | Node, rule: MaskRule, mask: Sequence[Tensor]) -> Edits:
    """Switch an edge or a node off if it is on under a mask, and on if it is off."""
    if len(ids) == 3:
        is_on = bool(edge_at(mask, ids))
        return remove_edge(edits, ids) if is_on else restore_edge(edits, ids, rule)
    if all(any(edge_at(mask, edge) for edge in side) for side in rule.edges_by_side(ids)):
        return remove_node(edits, ids)
    return restore_node(edits, ids, rule)
