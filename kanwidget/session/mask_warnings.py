"""What is wrong with a mask, as messages that `words` says: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kanwidget.masks.ids import Edge, Node
from kanwidget.masks.reachability import (
    Slots,
    has_edge_in,
    leads_to_outputs,
    reachable_from_inputs,
    slots_of,
)

from .words import Message

__all__ = ["broken", "dead_ends", "warnings"]


def warnings(
    before: Sequence[Tensor],
    mask: Sequence[Tensor],
    slots: Slots = (),
    bias: Sequence[Tensor] | None = None,
) -> list[Message]:
    """Return what the network loses when one mask replaces another.

    Parameters
    ----------
    before, mask : list of bool Tensor, shapes (n_out, n_in)
        The baseline's mask, and the one to judge.
    slots : list of lists of int
        The node of each target, if there are products.
    bias : list of Tensor, shapes (n_out,), optional
        What the slots add under the mask: what a factor without edges always is.
    """
    was, now = reachable_from_inputs(before, slots)[-1], reachable_from_inputs(mask, slots)[-1]
    if was.any() and not now.any():
        hidden = range(1, len(mask))
        return [
            ("constant_model", *(l for l in hidden if not mask[l - 1].any() or not mask[l].any()))
        ]
    used, still_used = leads_to_outputs(before, slots)[0], leads_to_outputs(mask, slots)[0]
    return [
        *(("constant_output", j) for j in (was & ~now).nonzero().flatten().tolist()),
        *_lost_factors(before, mask, slots, bias),
        *(("unused_input", i) for i in (used & ~still_used).nonzero().flatten().tolist()),
    ]


def dead_ends(mask: Sequence[Tensor], slots: Slots = ()) -> list[Node]:
    """Return hidden nodes with edges in, from which no output can be reached."""
    dead, alive = [], leads_to_outputs(mask, slots)
    for l, layer in enumerate(mask[:-1], start=1):
        ends = has_edge_in(layer, slots, l - 1) & ~alive[l]
        dead += [(l, i) for i in ends.nonzero().flatten().tolist()]
    return dead


def broken(edges: Sequence[Edge], mask: Sequence[Tensor], bias: Sequence[Tensor]) -> list[Message]:
    """Return where a model first gives NaN or infinity, if it does: all that follows does too.

    Parameters
    ----------
    edges : list of (l, i, j)
        Those whose outputs are NaN or infinite.
    mask, bias : list of Tensor, shapes (n_out, n_in) and (n_out,)
        What the model has.
    """
    on = [(l, i, j) for l, i, j in edges if mask[l][j, i]]
    if on:
        return [("broken_edge", *on[0], len(on) - 1)]
    for l, layer in enumerate(bias):
        for j in (~layer.isfinite()).nonzero().flatten().tolist():
            return [("broken_bias", l, j)]
    return []


def _lost_factors(
    before: Sequence[Tensor],
    mask: Sequence[Tensor],
    slots: Slots,
    bias: Sequence[Tensor] | None,
) -> list[Message]:
    """Return which products have lost a factor, but not the way to the outputs."""
    found: list[Message] = []
    uses = leads_to_outputs(mask, slots)
    for l, owners in enumerate(slots):
        had, has = before[l].any(1).tolist(), mask[l].any(1).tolist()
        is_output = l + 1 == len(slots)
        for i in sorted(set(owners)):
            factors = slots_of(slots, (l + 1, i))
            gone = [k for k, j in enumerate(factors) if had[j] and not has[j]]
            if len(factors) == 1 or not any(has[j] for j in factors) or not uses[l + 1][i]:
                continue
            for k in gone:
                value = None if bias is None else float(bias[l][factors[k]])
                found.append(("lost_factor", l + 1, i, is_output, k, value))
    return found
