"""What a smaller model keeps of a larger one, for models of any library."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from kanwidget.kan import compact
from kanwidget.masks import reachability

from .scores import ScoredModel

__all__ = ["KeptNodes", "find_kept_nodes"]


class KeptNodes(NamedTuple):
    """What a smaller model keeps of a larger one, and what the rest adds to it.

    Attributes
    ----------
    nodes : list of lists of int
        The kept nodes of each node layer. Of a hidden layer without any, node 0 is kept,
        switched off, since a layer needs a node.
    targets : list of lists of int
        Their slots, for each layer of edges.
    mask : list of bool Tensor, shapes (n_out, n_in)
        The live masks, all off where a layer of nodes without any begins or ends.
    folded : list of Tensor, shapes (n_out,)
        What the nodes left out add to each slot, for all slots.
    """

    nodes: list[list[int]]
    targets: list[list[int]]
    mask: list[Tensor]
    folded: list[Tensor]


@torch.no_grad()
def find_kept_nodes(model: ScoredModel) -> KeptNodes:
    """Return what a smaller model with the same outputs keeps."""
    mask, slots, offset = model.mask(), model.slots(), model.offset()
    varies, added = compact.find_constants(
        mask,
        model.bias(),
        model.edge_outputs,
        lambda l, sums: model.nodes_from_sums(l, sums) + offset[l + 1],
        slots,
    )
    used = [
        on & varies[l] & reachability.spread_to_slots(varies[l + 1], slots, l).unsqueeze(1)
        for l, on in enumerate(mask)
    ]
    leads = reachability.leads_to_outputs(used, slots)
    kept = [(a & b).nonzero().flatten().tolist() for a, b in zip(varies, leads, strict=True)]
    kept[0], kept[-1] = list(range(model.width[0])), list(range(model.width[-1]))
    nodes = [ids or [0] for ids in kept]
    return KeptNodes(
        nodes,
        [
            [j for i in ids for j in reachability.slots_of(slots, (l, i))]
            for l, ids in enumerate(nodes[1:], start=1)
        ],
        [on if kept[l] and kept[l + 1] else torch.zeros_like(on) for l, on in enumerate(mask)],
        [out[:, ~inner].sum(1) for out, inner in zip(added, varies, strict=False)],
    )
