"""Which edges are on: the mask that follows from scores, thresholds and hand edits.

Masks and scores are lists with one tensor ``(n_out, n_in)`` for each layer. Node sets are
lists with one bool tensor ``(width[l],)`` for each node layer. Targets of edges are *slots*: a
node that has several is their product. ``slots`` lists the node of each slot of each layer; it
is empty where every node has one.
"""

from __future__ import annotations

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
    "sides",
]

SMALLEST_THRESHOLD = 2.0**-1022
"""The smallest threshold, which takes what scores 0: one below it takes nothing, as 0 does.

It is the smallest normal float64: those below count as 0 under `torch.set_flush_denormal`.
"""


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
    """Which nodes the node threshold takes: hidden ones with a score at or below it.

    A threshold of 0 takes nothing. Nodes that no input reaches are left alone, whatever
    their score: they emit a constant that the function needs, and `KAN.compact` folds it.
    """
    alive = reachable_from_inputs(baseline, slots)
    taken = [torch.zeros_like(nodes) for nodes in alive]
    if threshold >= SMALLEST_THRESHOLD:
        for l, score in enumerate(node_scores(scores, slots), start=1):
            taken[l] = alive[l] & (score <= threshold)
        for l, i in kept:
            taken[l][i] = False
    return taken


def effective_mask(
    baseline: Sequence[Tensor],
    scores: Sequence[Tensor],
    node_threshold: float = 0.0,
    edge_threshold: float = 0.0,
    edits: Edits | None = None,
    slots: Slots = (),
) -> list[Tensor]:
    """Compute the mask from baseline, thresholds and hand edits; nothing else goes in.

    An edge is on if it is on in the baseline, scores above the edge threshold, and joins
    two nodes that the node threshold leaves. A hand overrides that: kept edges are on,
    and removed edges, and edges of removed nodes, are off.

    Parameters
    ----------
    baseline, scores : list of Tensor, shapes (n_out, n_in)
        Mask and edge scores of the baseline.
    node_threshold, edge_threshold : float
        In units of the scores; 0 takes nothing.
    edits : Edits, optional
    slots : list of lists of int
        The node of each target, if there are products.

    Returns
    -------
    list of bool Tensor, shapes (n_out, n_in)
    """
    edits = edits or Edits()
    mask = [layer != 0 for layer in baseline]
    if edge_threshold >= SMALLEST_THRESHOLD:
        mask = [
            layer & ~(score <= edge_threshold) for layer, score in zip(mask, scores, strict=True)
        ]
    taken = nodes_below_threshold(baseline, scores, node_threshold, edits.kept_nodes, slots)
    mask = [
        layer & ~taken[l] & ~spread_to_slots(taken[l + 1], slots, l).unsqueeze(1)
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

    def weak(self, edge: Edge) -> bool:
        """Whether an edge is off in the baseline or at or below the edge threshold."""
        return not edge_at(
            self.baseline, edge
        ) or SMALLEST_THRESHOLD <= self.edge_threshold >= edge_at(self.scores, edge)

    def off_by_hand(self, edge: Edge, edits: Edits) -> bool:
        """Whether an edge, or a node at its end, was switched off by hand."""
        l, i, j = edge
        ends = {(l, i), (l + 1, self.node_of(l, j))}
        return edge in edits.removed_edges or not ends.isdisjoint(edits.removed_nodes)

    def takes(self, node: Node, edits: Edits) -> bool:
        """Whether the node threshold takes a node."""
        l, i = node
        taken = nodes_below_threshold(
            self.baseline, self.scores, self.node_threshold, edits.kept_nodes, self.slots
        )
        return bool(taken[l][i])

    def node_of(self, l: int, j: int) -> int:
        """Return the node of node layer ``l + 1`` that a target of layer ``l`` belongs to."""
        return self.slots[l][j] if self.slots else j

    def sides(self, node: Node) -> list[list[Edge]]:
        """Return the edges into each of a node's slots, and out of it, without empty sides."""
        l, i = node
        sides = []
        if l > 0:
            sources = range(self.baseline[l - 1].shape[1])
            sides += [[(l - 1, h, j) for h in sources] for j in slots_of(self.slots, node)]
        if l < len(self.baseline):
            sides.append([(l, i, j) for j in range(self.baseline[l].shape[0])])
        return sides
