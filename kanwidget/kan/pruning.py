"""From scores and hand edits to masks, from masks to smaller networks: pure functions.

Masks and scores are lists with one tensor ``(n_out, n_in)`` for each layer. Node sets are
lists with one bool tensor ``(width[l],)`` for each node layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from .checks import Edge, Node
from .layer import KANLayer

__all__ = [
    "Edits",
    "compact_layers",
    "connected",
    "edges_of",
    "effective_mask",
    "leading",
    "node_scores",
    "only_nodes",
    "reached",
    "sides",
    "taken_nodes",
]


@dataclass(frozen=True)
class Edits:
    """What a hand has switched off, or keeps on against thresholds and baseline."""

    removed_edges: frozenset[Edge] = frozenset()
    kept_edges: frozenset[Edge] = frozenset()
    removed_nodes: frozenset[Node] = frozenset()
    kept_nodes: frozenset[Node] = frozenset()


def node_scores(scores: Sequence[Tensor]) -> list[Tensor]:
    """Score hidden nodes: ``min(max incoming score, max outgoing score)``.

    Parameters
    ----------
    scores : list of Tensor, shapes (n_out, n_in)

    Returns
    -------
    list of Tensor, shapes (width[l],)
        For the hidden node layers ``1 .. L-1``.
    """
    return [
        torch.minimum(before.amax(dim=1), after.amax(dim=0)) for before, after in pairwise(scores)
    ]


def reached(mask: Sequence[Tensor]) -> list[Tensor]:
    """Which nodes can be reached from an input over edges that are on; inputs are.

    A node that is not reached emits a constant.
    """
    nodes = [torch.ones(mask[0].shape[1], dtype=torch.bool, device=mask[0].device)]
    for layer in mask:
        nodes.append(((layer != 0) & nodes[-1]).any(dim=1))
    return nodes


def leading(mask: Sequence[Tensor]) -> list[Tensor]:
    """From which nodes an output can be reached over edges that are on; outputs are."""
    nodes = [torch.ones(mask[-1].shape[0], dtype=torch.bool, device=mask[-1].device)]
    for layer in reversed(mask):
        nodes.append(((layer != 0) & nodes[-1].unsqueeze(1)).any(dim=0))
    return nodes[::-1]


def connected(mask: Sequence[Tensor]) -> bool:
    """Whether a path of edges that are on leads from any input to any output."""
    return bool(reached(mask)[-1].any())


def taken_nodes(
    baseline: Sequence[Tensor],
    scores: Sequence[Tensor],
    threshold: float,
    kept: frozenset[Node] = frozenset(),
) -> list[Tensor]:
    """Which nodes the node threshold takes: hidden ones with a score at or below it.

    A threshold of 0 takes nothing. Nodes that no input reaches are left alone, whatever
    their score: they emit a constant that the function needs, and `KAN.compact` folds it.
    """
    taken = [torch.zeros_like(nodes) for nodes in reached(baseline)]
    if threshold > 0:
        alive = reached(baseline)[1:-1]
        for l, (score, here) in enumerate(zip(node_scores(scores), alive, strict=True), start=1):
            taken[l] = here & (score <= threshold)
        for l, i in kept:
            taken[l][i] = False
    return taken


def effective_mask(
    baseline: Sequence[Tensor],
    scores: Sequence[Tensor],
    node_threshold: float = 0.0,
    edge_threshold: float = 0.0,
    edits: Edits | None = None,
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

    Returns
    -------
    list of bool Tensor, shapes (n_out, n_in)
    """
    edits = edits or Edits()
    mask = [layer != 0 for layer in baseline]
    if edge_threshold > 0:
        mask = [
            layer & ~(score <= edge_threshold) for layer, score in zip(mask, scores, strict=True)
        ]
    taken = taken_nodes(baseline, scores, node_threshold, edits.kept_nodes)
    mask = [layer & ~taken[l] & ~taken[l + 1].unsqueeze(1) for l, layer in enumerate(mask)]
    for l, i, j in edits.kept_edges:
        mask[l][j, i] = True
    for node in edits.removed_nodes:
        for side in sides(mask, node):
            side.fill_(False)
    for l, i, j in edits.removed_edges:
        mask[l][j, i] = False
    return mask


def sides(mask: Sequence[Tensor], node: Node) -> list[Tensor]:
    """Return views of a node's incoming and outgoing edges in masks, without empty sides."""
    l, i = node
    incoming = [mask[l - 1][i, :]] if l > 0 else []
    return [*incoming, mask[l][:, i]] if l < len(mask) else incoming


def edges_of(width: Sequence[int], node: Node) -> list[Edge]:
    """Return the ids of a node's incoming and outgoing edges."""
    l, i = node
    edges = [(l - 1, h, i) for h in range(width[l - 1])] if l > 0 else []
    return edges + [(l, i, j) for j in range(width[l + 1])] if l + 1 < len(width) else edges


def only_nodes(mask: Sequence[Tensor], hidden: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return masks in which all but the given hidden nodes have lost their edges."""
    new = [layer.clone() for layer in mask]
    for l, kept in enumerate(hidden, start=1):
        for i in set(range(len(new[l - 1]))) - set(kept):
            for side in sides(new, (l, i)):
                side.fill_(0)
    return new


@torch.no_grad()
def compact_layers(layers: Sequence[KANLayer], hidden: Sequence[Sequence[int]]) -> list[KANLayer]:
    """Build the layers of a smaller network, and fold the constants of the nodes left out.

    Parameters
    ----------
    layers : sequence of KANLayer
        They stay as they are.
    hidden : sequence of sequences of int
        The nodes to keep of each hidden node layer. Where that is none, node 0 is kept,
        switched off, since a layer needs a node.

    Returns
    -------
    list of KANLayer
        What a node left out contributes is lost, unless no input reaches it: such a node
        emits a constant, which is added to the biases of the nodes it leads to.
    """
    n_in, n_out = layers[0].n_in, layers[-1].n_out
    kept = [list(range(n_in)), *map(list, hidden), list(range(n_out))]
    ids = [layer or [0] for layer in kept]
    alive = reached([layer.mask for layer in layers])
    value = layers[0].mask.new_zeros(1, n_in)  # of the nodes that emit a constant
    smaller = []
    for l, layer in enumerate(layers):
        post = layer.activations(value).squeeze(2)  # (n_out, n_in)
        folded = ~alive[l]
        folded[kept[l]] = False
        new = layer.subset(ids[l], ids[l + 1])
        new.bias.add_(post[:, folded].sum(1)[ids[l + 1]])
        if not (kept[l] and kept[l + 1]):
            new.mask.zero_()
        smaller.append(new)
        value = (layer.bias + post[:, ~alive[l]].sum(1)).unsqueeze(0)
    return smaller
