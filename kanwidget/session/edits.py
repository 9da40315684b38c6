"""What one act of a hand does to the hand edits: pure functions, as in `js/src/state.ts`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from kanwidget.kan.checks import Edge, Node
from kanwidget.kan.pruning import Edits, Slots, effective_mask, node_scores, slots_of, taken_nodes

from .baseline import Baseline
from .history import State

__all__ = [
    "Ground",
    "keep_off",
    "keep_on",
    "remove_edge",
    "remove_node",
    "restore_edge",
    "restore_node",
    "toggle",
]


@dataclass(frozen=True)
class Ground:
    """What hand edits stand on: the baseline's masks and scores, and the thresholds."""

    baseline: Sequence[Tensor]
    scores: Sequence[Tensor]
    node_threshold: float
    edge_threshold: float
    slots: Slots = ()

    @classmethod
    def of(cls, baseline: Baseline, state: State) -> Ground:
        """Return the ground of a session in a state."""
        thresholds = state.node_threshold, state.edge_threshold
        return cls(baseline.mask, baseline.scores, *thresholds, baseline.slots)

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
        return not at(self.baseline, edge) or 0 < self.edge_threshold >= at(self.scores, edge)

    def takes(self, node: Node, edits: Edits) -> bool:
        """Whether the node threshold takes a node."""
        l, i = node
        taken = taken_nodes(
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


def at(layers: Sequence[Tensor], edge: Edge) -> float:
    """Return one edge's entry of tensors ``(n_out, n_in)``."""
    l, i, j = edge
    return layers[l][j, i].item()


def put(layers: Sequence[Tensor], edge: Edge, value: float) -> None:
    """Set one edge's entry of tensors ``(n_out, n_in)``."""
    l, i, j = edge
    layers[l][j, i] = value


def remove_edge(edits: Edits, edge: Edge) -> Edits:
    """Switch an edge off."""
    return replace(
        edits,
        removed_edges=edits.removed_edges | {edge},
        kept_edges=edits.kept_edges - {edge},
    )


def restore_edge(edits: Edits, edge: Edge, ground: Ground) -> Edits:
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
    if not at(ground.mask(edits), edge):
        edits = replace(edits, kept_edges=edits.kept_edges | {edge})
    return edits


def remove_node(edits: Edits, node: Node) -> Edits:
    """Switch a node off, with all its edges."""
    return replace(
        edits,
        removed_nodes=edits.removed_nodes | {node},
        kept_nodes=edits.kept_nodes - {node},
    )


def restore_node(edits: Edits, node: Node, ground: Ground) -> Edits:
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
        if not any(at(mask, edge) for edge in side):
            edits = replace(
                edits,
                removed_edges=edits.removed_edges - set(side),
                kept_edges=edits.kept_edges | {edge for edge in side if ground.weak(edge)},
            )
    return edits


def toggle(edits: Edits, where: Edge | Node, ground: Ground, mask: Sequence[Tensor]) -> Edits:
    """Switch an edge or a node off if it is on under a mask, and on if it is off."""
    if len(where) == 3:
        is_on = bool(at(mask, where))
        return remove_edge(edits, where) if is_on else restore_edge(edits, where, ground)
    if all(any(at(mask, e) for e in side) for side in ground.sides(where)):
        return remove_node(edits, where)
    return restore_node(edits, where, ground)


def keep_on(state: State, was: Sequence[Tensor], baseline: Baseline) -> State:
    """Lower the thresholds as far as it takes to leave on what was on.

    Others have changed what it scores. To keep it on by hand would withdraw it from the
    thresholds, and it is what they should take next.

    Parameters
    ----------
    state : State
    was : list of Tensor
        The mask to come from.
    baseline : Baseline
        What the thresholds stand on from now on.
    """
    mine = [on & base for on, base in zip(was, baseline.mask, strict=True)]
    for l, i, j in state.edits.kept_edges:
        mine[l][j, i] = False
    edges = torch.cat([s[on] for s, on in zip(baseline.scores, mine, strict=True)])
    slots = baseline.slots
    ends = [mine[0].new_zeros(layer.shape[1]) for layer in mine[1:]]
    for l, (before, after) in enumerate(pairwise(mine)):
        used = before.any(dim=1)
        into = [bool(used[slots_of(slots, (l + 1, i))].any()) for i in range(len(ends[l]))]
        ends[l] = after.any(dim=0) | torch.tensor(into, device=after.device)
    for l, i in state.edits.kept_nodes:
        if 0 < l <= len(ends):
            ends[l - 1][i] = False
    scores = node_scores(baseline.scores, slots)
    nodes = torch.cat([edges[:0], *(s[on] for s, on in zip(scores, ends, strict=True))])
    node = _under(nodes, state.node_threshold, scores)
    edge = _under(edges, state.edge_threshold, baseline.scores)
    short = replace(state, node_threshold=node, edge_threshold=edge).rounded(baseline)
    if node < state.node_threshold:
        state = replace(state, node_threshold=short.node_threshold)
    if edge < state.edge_threshold:
        state = replace(state, edge_threshold=short.edge_threshold)
    return state


def _under(kept: Tensor, threshold: float, scores: Sequence[Tensor]) -> float:
    """Return the threshold, or the largest score below all that must be left, or 0."""
    if not (kept <= threshold).any():
        return threshold
    least = kept[~kept.isnan()].min()
    below = torch.cat([s[s < least] for s in scores])
    return max(0.0, float(below.max())) if len(below) else 0.0


def keep_off(
    edits: Edits, was: Sequence[Tensor], before: Ground, ground: Ground
) -> tuple[Edits, int]:
    """Switch off by hand what was off and would come back on another ground.

    A node that its threshold had taken goes as one.

    Parameters
    ----------
    edits : Edits
    was : list of Tensor
        The mask to come from.
    before, ground : Ground
        What it stood on, and what the edits stand on from now on.

    Returns
    -------
    edits : Edits
    count : int
        How many edges would have come back.
    """
    back = [now & ~on for now, on in zip(ground.mask(edits), was, strict=True)]
    edges = [(l, i, j) for l, layer in enumerate(back) for j, i in layer.nonzero().tolist()]
    for node in sorted({(l, i) for l, i, _ in edges if l > 0}):
        others = [edge for side in ground.sides(node) for edge in side]
        if before.takes(node, edits) and not any(at(was, edge) for edge in others):
            edits = remove_node(edits, node)
    mask = ground.mask(edits)
    left = {edge for edge in edges if at(mask, edge)}
    return replace(edits, removed_edges=edits.removed_edges | left), len(edges)
