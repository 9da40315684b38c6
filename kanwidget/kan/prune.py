"""What `KAN.prune` removes: hidden nodes at or below a threshold, or all but some."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from torch import Tensor

from kanwidget.masks import effective, reachability, validate

from .layer_stack import LayerStack

__all__ = ["check_hidden_nodes", "mask_by_threshold", "mask_of_nodes"]


def mask_by_threshold(model: LayerStack, threshold: float) -> list[Tensor]:
    """Return masks ``(n_out, n_in)`` without the hidden nodes that score at or below a threshold.

    Raises
    ------
    ValueError
        If no path would lead from the inputs to the outputs any more.
    """
    threshold, scores = validate.check_number(threshold, "threshold"), model.acts_scale

    def mask_at(level: float) -> list[Tensor]:
        return effective.effective_mask(model.mask, scores, level)

    def cuts(level: float) -> bool:
        return not reachability.connected(mask_at(level))

    mask = mask_at(threshold)
    if reachability.connected(model.mask) and not reachability.connected(mask):
        levels = sorted({float(s) for layer in effective.node_scores(scores) for s in layer})
        least = levels[bisect.bisect_left(levels, True, key=cuts)]
        raise ValueError(
            f"prune(threshold={threshold:g}) would cut the inputs of KAN({model.width}) "
            f"from its outputs; choose a threshold below {least:.4g}"
        )
    return mask


def mask_of_nodes(model: LayerStack, hidden: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return masks ``(n_out, n_in)`` that leave only some hidden nodes their edges.

    Raises
    ------
    ValueError
        If no path would lead from the inputs to the outputs any more.
    """
    mask = effective.keep_only_nodes(model.mask, hidden)
    if reachability.connected(model.mask) and not reachability.connected(mask):
        raise ValueError(
            f"active_neurons_id={hidden} would cut the inputs of KAN({model.width}) from its "
            "outputs: no path of edges that are on leads through these nodes"
        )
    return mask


def check_hidden_nodes(
    width: Sequence[int], ids: Sequence[Sequence[int]] | None
) -> list[list[int]]:
    """Return ``active_neurons_id`` of `KAN.prune` as sorted lists, one for each hidden layer.

    Raises
    ------
    ValueError, IndexError, TypeError
        If it does not fit the width; the message says why.
    """
    hidden = len(width) - 2
    if ids is None:
        raise ValueError("mode='manual' needs active_neurons_id: the hidden nodes to keep")
    if len(ids) not in (hidden, hidden + 2):
        raise ValueError(
            f"active_neurons_id must hold {hidden} lists, one for each hidden layer of "
            f"KAN({width}), or {hidden + 2} with inputs and outputs, got {len(ids)}"
        )
    ids = ids[1:-1] if len(ids) == hidden + 2 else ids
    for l, layer in enumerate(ids, start=1):
        if not len(layer):
            raise ValueError(f"active_neurons_id would empty node layer {l} of KAN({width})")
    return [
        sorted({validate.check_node(width, l, i)[1] for i in layer})
        for l, layer in enumerate(ids, start=1)
    ]
