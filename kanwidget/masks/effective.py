"""Which edges are on: the mask that follows from scores, thresholds and hand edits.

Masks and scores are lists with one tensor ``(n_out, n_in)`` for each layer. Node sets are
lists with one bool tensor ``(width[l],)`` for each node layer. Targets of edges are *slots*: a
node that has several is their product. ``slots`` lists the node of each slot of each layer; it
is empty where every node has one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from .edits import Edits
from .ids import Edge, Node, edge_at
from .reachability import Slots, best_of_slots, reachable_from_inputs, slots_of, spread_to_slots

__all__ = [
    "SMALLEST_THRESHOLD",
    "MaskRule",
    "edges_of",
    "effective_mask",
    "keep_only_nodes",
    "node_scores",
    "nodes_below_threshold",
    "off_threshold",
    "off_thresholds_of_edges",
    "removed_by",
    "sides",
]

SMALLEST_THRESHOLD = 2.0**-1022
"""The smallest threshold that removes anything: those below it remove nothing, as 0 does.

It is the smallest normal float64: those below count as 0 under `torch.set_flush_denormal`.
"""


def removed_by(scores: Tensor, threshold: float) -> Tensor:
    """Which scores a threshold removes: those at or below it. A threshold of 0 removes nothing."""
    if threshold < SMALLEST_THRESHOLD:
        return torch.zeros_like(scores, dtype=torch.bool)
    return scores <= threshold


def off_threshold(scores: Tensor) -> Tensor:
    """Return the smallest threshold that removes each score, float64 on the CPU; inf if none does.

    ``removed_by(scores, t)`` is ``off_threshold(scores) <= t`` for every finite ``t``.
    """
    cpu = scores.detach().to("cpu", torch.float64)
    return cpu.nan_to_num(math.inf, math.inf).clamp_min(SMALLEST_THRESHOLD)


def node_scores(scores: Sequence[Tensor], slots: Slots = ()) -> list[Tensor]:
    """Score hidden nodes: ``min(max incoming score, max outgoing score)``.

    Parameters
    ----------
    scores : list of Tensor, shapes (n_out, n_in)
    slots : list of lists of int
        A product's incoming edges are those of all its slots.

    Returns
    -------
    list of Tensor, shapes (width[l],)
        For the hidden node layers ``1 .. L-1``.
    """
    return [
        torch.minimum(best_of_slots(before.amax(dim=1), slots, l), after.amax(dim=0))
        for l, (before, after) in enumerate(pairwise(scores))
    ]


def nodes_below_threshold(
    baseline: Sequence[Tensor],
    scores: Sequence[Tensor],
    threshold: float,
    kept: frozenset[Node] = frozenset(),
    slots: Slots = (),
) -> list[Tensor]:
    """Which nodes the node threshold removes: hidden ones with a score at or below it.

    Nodes that no input reaches are left alone, whatever their score: they emit a constant that
    the function needs, and `KAN.compact` folds it.
    """
    reached = reachable_from_inputs(baseline, slots)
    removed = [torch.zeros_like(nodes) for nodes in reached]
    if not threshold:
        return removed
    for l, score in enumerate(node_scores(scores, slots), start=1):
        removed[l] = reached[l] & removed_by(score, threshold)
    for l, i in kept:
        removed[l][i] = False
    return removed


def off_thresholds_of_edges(
    axis: str,
    baseline: Sequence[Tensor],
    scores: Sequence[Tensor],
    edits: Edits,
    slots: Slots = (),
) -> list[Tensor]:
    """Return the smallest threshold that removes each edge, if nothing else removes it.

    Parameters
    ----------
    axis : {"node", "edge"}
        Which threshold.
    baseline, scores : list of Tensor, shapes (n_out, n_in)
    edits : Edits
        Nodes and edges that are kept on are removed by no threshold.
    slots : list of lists of int

    Returns
    -------
    list of float64 Tensor on the CPU, shapes (n_out, n_in)
        inf where no threshold does.
    """
    if axis == "edge":
        off_at = [off_threshold(score) for score in scores]
    else:
        reached = reachable_from_inputs(baseline, slots)
        nodes = [torch.full(layer.shape, math.inf, dtype=torch.float64) for layer in reached]
        for l, score in enumerate(node_scores(scores, slots), start=1):
            nodes[l] = torch.where(reached[l].cpu(), off_threshold(score), math.inf)
        for l, i in edits.kept_nodes:
            nodes[l][i] = math.inf
        ends = [spread_to_slots(n, slots, l).unsqueeze(1) for l, n in enumerate(nodes[1:])]
        off_at = [torch.minimum(i, j) for i, j in zip(nodes, ends, strict=False)]
    for l, i, j in edits.kept_edges:
        off_at[l][j, i] = math.inf
    return off_at


def effective_mask(
    baseline: Sequence[Tensor],
    scores: Sequence[Tensor],
    node_threshold: float = 0.0,
    edge_threshold: float = 0.0,
    edits: Edits | None = None,
    slots: Slots = (),
) -> list[Tensor]:
    """Compute the mask from baseline, thresholds and hand edits alone.

    An edge is on if it is on in the baseline, scores above the edge threshold, and joins
    two nodes that the node threshold leaves. Hand edits override that: kept
    edges are on, and removed edges, and edges of removed nodes, are off.

    Parameters
    ----------
    baseline, scores : list of Tensor, shapes (n_out, n_in)
        Mask and edge scores of the baseline.
    node_threshold, edge_threshold : float
        In units of the scores; 0 removes nothing.
    edits : Edits, optional
    slots : list of lists of int
        The node of each target, if there are products.

    Returns
    -------
    list of bool Tensor, shapes (n_out, n_in)
    """
    edits = edits or Edits()
    mask = [layer != 0 for layer in baseline]
    if edge_threshold:
        mask = [
            layer & ~removed_by(score, edge_threshold)
            for layer, score in zip(mask, scores, strict=True)
        ]
    removed = nodes_below_threshold(baseline, scores, node_threshold, edits.kept_nodes, slots)
    mask = [
        layer & ~removed[l] & ~spread_to_slots(removed[l + 1], slots, l).unsqueeze(1)
        for l, layer in enumerate(mask)
    ]
    for l, i, j in edits.kept_edges:
        mask[l][j, i] = True
    for node in edits.removed_nodes:
        for side in sides(mask, node, slots):
            side.fill_(False)
    for l, i, j in edits.removed_edges:
        mask[l][j, i] = False
    return mask


def sides(mask: Sequence[Tensor], node: Node, slots: Slots = ()) -> list[Tensor]:
    """Return views of a node's edges in masks: into each of its slots, and out of it.

    Sides that a node has not, as an input has none in, are left out.
    """
    l, i = node
    incoming = [mask[l - 1][j, :] for j in slots_of(slots, node)] if l > 0 else []
    return [*incoming, mask[l][:, i]] if l < len(mask) else incoming


def edges_of(width: Sequence[int], node: Node) -> list[Edge]:
    """Return the ids of a node's incoming and outgoing edges."""
    l, i = node
    edges = [(l - 1, h, i) for h in range(width[l - 1])] if l > 0 else []
    return edges + [(l, i, j) for j in range(width[l + 1])] if l + 1 < len(width) else edges


def keep_only_nodes(mask: Sequence[Tensor], hidden: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return masks in which all but the given hidden nodes have lost their edges."""
    new = [layer.clone() for layer in mask]
    for l, kept in enumerate(hidden, start=1):
        for i in set(range(len(new[l - 1]))) - set(kept):
            for side in sides(new, (l, i)):
                side.fill_(0)
    return new


@dataclass(frozen=True)
class MaskRule:
    """Gives the mask of hand edits: baseline masks, scores and thresholds are fixed."""

    baseline: Sequence[Tensor]
    scores: Sequence[Tensor]
    node_threshold: float
    edge_threshold: float
    slots: Slots = ()

    def mask(self, edits: Edits) -> list[Tensor]:
        """Return the effective mask under hand edits."""
        return effective_mask(
            self.baseline,
            self.scores,
            self.node_threshold,
            self.edge_threshold,
            edits,
            self.slots,
        )

    def removes_edge(self, edge: Edge) -> bool:
        """Whether an edge is off in the baseline, or removed by the edge threshold."""
        l, i, j = edge
        is_on = bool(edge_at(self.baseline, edge))
        return not is_on or bool(removed_by(self.scores[l][j, i], self.edge_threshold))

    def removes_node(self, node: Node, edits: Edits) -> bool:
        """Whether the node threshold removes a node."""
        l, i = node
        removed = nodes_below_threshold(
            self.baseline, self.scores, self.node_threshold, edits.kept_nodes, self.slots
        )
        return bool(removed[l][i])

    def is_removed_by_hand(self, edge: Edge, edits: Edits) -> bool:
        """Whether an edge, or a node at its end, was removed by hand."""
        return edge in edits.removed_edges or not edits.removed_nodes.isdisjoint(self.ends(edge))

    def ends(self, edge: Edge) -> tuple[Node, Node]:
        """Return the nodes that an edge comes from and leads to."""
        l, i, j = edge
        return (l, i), (l + 1, self.slots[l][j] if self.slots else j)

    def edges_by_side(self, node: Node) -> list[list[Edge]]:
        """Return the edges into each of a node's slots, and out of it, without empty sides."""
        l, i = node
        sides = []
        if l > 0:
            sources = range(self.baseline[l - 1].shape[1])
            sides += [[(l - 1, h, j) for h in sources] for j in slots_of(self.slots, node)]
        if l < len(self.baseline):
            sides.append([(l, i, j) for j in range(self.baseline[l].shape[0])])
        return sides
