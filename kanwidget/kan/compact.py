"""Smaller networks with the same outputs: constant nodes are folded into biases."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from kanwidget.kan.layer import KANLayer
from kanwidget.masks.reachability import Slots, has_edge_in

__all__ = ["compact_layers", "find_constants"]


@torch.no_grad()
def find_constants(
    mask: Sequence[Tensor],
    bias: Sequence[Tensor],
    edge_outputs: Callable[[int, Tensor], Tensor],
    nodes: Callable[[int, Tensor], Tensor],
    slots: Slots = (),
) -> tuple[list[Tensor], list[Tensor]]:
    """Find the nodes whose value no input changes, and what edges out of them add.

    Parameters
    ----------
    mask : list of bool Tensor, shapes (n_out, n_in)
    bias : list of Tensor, shapes (n_out,)
    edge_outputs : callable
        From a layer and its inputs ``(1, n_in)`` to what its edges emit, ``(n_out, n_in, 1)``.
    nodes : callable
        From a layer and its sums ``(1, n_out)`` to the next nodes' values, ``(1, width[l + 1])``.
    slots : list of lists of int
        The node of each sum, if there are products.

    Returns
    -------
    varies : list of bool Tensor, shapes (width[l],)
        False for a node with a constant value; inputs vary.
    added : list of Tensor, shapes (n_out, n_in)
        What each edge out of a constant node adds; 0 for all other edges.
    """
    values = bias[0].new_zeros(1, mask[0].shape[1])
    varies, added = [torch.ones_like(values[0], dtype=torch.bool)], []
    for l, on in enumerate(mask):
        constant = ~varies[l]
        added.append(edge_outputs(l, values).squeeze(2).masked_fill(~(on & constant), 0.0))
        sums = bias[l] + added[l][:, constant].sum(1)
        values = nodes(l, sums.unsqueeze(0))
        has_input = (on & varies[l]).any(1)
        if slots:
            # A factor that is always 0 makes the whole product a constant.
            zero = has_edge_in((~has_input & (sums == 0)).unsqueeze(1), slots, l)
            has_input = has_edge_in(has_input.unsqueeze(1), slots, l) & ~zero
        varies.append(has_input)
    return varies, added


@torch.no_grad()
def compact_layers(layers: Sequence[KANLayer], hidden: Sequence[Sequence[int]]) -> list[KANLayer]:
    """Build the layers of a smaller network, and fold the constants of the nodes left out.

    Parameters
    ----------
    layers : sequence of KANLayer
        They stay as they are.
    hidden : sequence of sequences of int
        The nodes to keep of each hidden node layer. If that leaves no node, node 0 is kept but
        switched off, since a layer needs a node.

    Returns
    -------
    list of KANLayer
        What a node left out contributes is lost, unless no input reaches it: such a node
        emits a constant, which is added to the biases of the nodes it leads to.
    """
    kept = [list(range(layers[0].n_in)), *map(list, hidden), list(range(layers[-1].n_out))]
    ids = [nodes or [0] for nodes in kept]
    varies, added = find_constants(
        [layer.mask != 0 for layer in layers],
        [layer.bias for layer in layers],
        lambda l, values: layers[l].activations(values),
        lambda l, sums: sums,
    )
    smaller = []
    for l, layer in enumerate(layers):
        folded = ~varies[l]
        folded[kept[l]] = False
        new = layer.subset(ids[l], ids[l + 1])
        new.bias.add_(added[l][:, folded].sum(1)[ids[l + 1]])
        if not (kept[l] and kept[l + 1]):
            new.mask.zero_()
        smaller.append(new)
    return smaller
