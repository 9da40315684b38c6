"""From scores and hand edits to masks, from masks to smaller networks: pure functions.

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

from .checks import Edge, Node
from .layer import KANLayer

__all__ = [
    "LEAST",
    "Edits",
    "Slots",
    "compact_layers",
    "connected",
    "edges_of",
    "effective_mask",
    "fed",
    "leading",
    "node_scores",
    "of_nodes",
    "only_nodes",
    "reached",
    "sides",
    "slots_of",
    "taken_nodes",
    "varying",
]

LEAST = 2.0**-1022
"""The smallest threshold, which takes what scores 0: one below it takes nothing, as 0 does.

It is the smallest normal float64: those below count as 0 under `torch.set_flush_denormal`.
"""

Slots = Sequence[Sequence[int]]
"""For each layer the node of the next node layer that each target belongs to."""


@dataclass(frozen=True)
class Edits:
    """What a hand has switched off, or keeps on against thresholds and baseline."""

    removed_edges: frozenset[Edge] = frozenset()
    kept_edges: frozenset[Edge] = frozenset()
    removed_nodes: frozenset[Node] = frozenset()
    kept_nodes: frozenset[Node] = frozenset()


def slots_of(slots: Slots, node: Node) -> list[int]:
    """Return the targets of edges that belong to a node which is no input."""
    l, i = node
    return [j for j, owner in enumerate(slots[l - 1]) if owner == i] if slots else [i]


def of_nodes(values: Tensor, slots: Slots, l: int) -> Tensor:
    """Spread what nodes have to their slots: ``(width[l + 1],)`` to ``(n_out,)``."""
    return values[list(slots[l])] if slots else values


def _best(values: Tensor, slots: Slots, l: int) -> Tensor:
    """Return the largest value of each node's slots, ``(n_out,)`` to ``(width[l + 1],)``."""
    if not slots:
        return values
    owner = torch.tensor(slots[l], device=values.device)
    numbers = values.to(torch.uint8) if values.dtype == torch.bool else values
    best = numbers.new_zeros(int(owner.max()) + 1)
    best.scatter_reduce_(0, owner, numbers, "amax", include_self=False)
    return best.to(values.dtype)


def fed(layer: Tensor, slots: Slots, l: int) -> Tensor:
    """Which nodes of node layer ``l + 1`` have an edge in that is on, in any slot."""
    return _best((layer != 0).any(dim=1), slots, l)


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
        torch.minimum(_best(before.amax(dim=1), slots, l), after.amax(dim=0))
        for l, (before, after) in enumerate(pairwise(scores))
    ]


def reached(mask: Sequence[Tensor], slots: Slots = ()) -> list[Tensor]:
    """Which nodes can be reached from an input over edges that are on; inputs are.

    A node that is not reached emits a constant. One slot is enough to reach a product.
    """
    nodes = [torch.ones(mask[0].shape[1], dtype=torch.bool, device=mask[0].device)]
    for l, layer in enumerate(mask):
        nodes.append(_best(((layer != 0) & nodes[-1]).any(dim=1), slots, l))
    return nodes


def leading(mask: Sequence[Tensor], slots: Slots = ()) -> list[Tensor]:
    """From which nodes an output can be reached over edges that are on; outputs are."""
    outputs = max(slots[-1]) + 1 if slots else mask[-1].shape[0]
    nodes = [torch.ones(outputs, dtype=torch.bool, device=mask[-1].device)]
    for l in reversed(range(len(mask))):
        leads = of_nodes(nodes[-1], slots, l).unsqueeze(1)
        nodes.append(((mask[l] != 0) & leads).any(dim=0))
    return nodes[::-1]


def varying(mask: Sequence[Tensor]) -> list[Tensor]:
    """Which nodes before each layer emit what varies, into an edge that is on.

    The values of the others tell nothing of a grid: it would shrink to a point where a node
    waits for its edges to be switched on again, and its functions with it.
    """
    alive = reached(mask)[:-1]
    return [nodes & (on != 0).any(dim=0) for nodes, on in zip(alive, mask, strict=True)]


def connected(mask: Sequence[Tensor], slots: Slots = ()) -> bool:
    """Whether a path of edges that are on leads from any input to any output."""
    return bool(reached(mask, slots)[-1].any())


def taken_nodes(
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
    alive = reached(baseline, slots)
    taken = [torch.zeros_like(nodes) for nodes in alive]
    if threshold >= LEAST:
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
    if edge_threshold >= LEAST:
        mask = [
            layer & ~(score <= edge_threshold) for layer, score in zip(mask, scores, strict=True)
        ]
    taken = taken_nodes(baseline, scores, node_threshold, edits.kept_nodes, slots)
    mask = [
        layer & ~taken[l] & ~of_nodes(taken[l + 1], slots, l).unsqueeze(1)
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
