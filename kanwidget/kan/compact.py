"""Smaller networks with the same outputs."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from kanwidget.kan.layer import KANLayer
from kanwidget.masks.reachability import (
    reachable_from_inputs,
)

__all__ = ["compact_layers"]


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
    alive = reachable_from_inputs([layer.mask for layer in layers])
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
