"""What speaks against a mask, in words, before it is applied: pure functions."""

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

__all__ = ["broken", "dead_ends", "warnings"]


def warnings(
    before: Sequence[Tensor],
    mask: Sequence[Tensor],
    slots: Slots = (),
    bias: Sequence[Tensor] | None = None,
) -> list[str]:
    """Say what a mask takes from the network that another one had.

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
    lost_factors = _lost_factors(before, mask, slots, bias)
    if was.any() and not now.any():
        hidden = range(1, len(mask))
        empty = [str(l) for l in hidden if not mask[l - 1].any() or not mask[l].any()]
        why = f" (node layer {', '.join(empty)} is empty)" if empty else ""
        said = f"Nothing leads from the inputs to the outputs any more{why}"
        return [f"{said}: the model is constant."]
    silent = (was & ~now).nonzero().flatten().tolist()
    lost = (
        (leads_to_outputs(before, slots)[0] & ~leads_to_outputs(mask, slots)[0])
        .nonzero()
        .flatten()
        .tolist()
    )
    return [
        *(f"Output {j} depends on no input any more: it is constant." for j in silent),
        *lost_factors,
        *(f"Input {i} leads nowhere any more." for i in lost),
    ]


def dead_ends(mask: Sequence[Tensor], slots: Slots = ()) -> list[Node]:
    """Return hidden nodes with edges in, from which no output can be reached."""
    dead, alive = [], leads_to_outputs(mask, slots)
    for l, layer in enumerate(mask[:-1], start=1):
        ends = has_edge_in(layer, slots, l - 1) & ~alive[l]
        dead += [(l, i) for i in ends.nonzero().flatten().tolist()]
    return dead


def broken(edges: Sequence[Edge], mask: Sequence[Tensor], bias: Sequence[Tensor]) -> list[str]:
    """Say where a model's numbers stop being numbers, if they do: all that follows has none.

    Parameters
    ----------
    edges : list of (l, i, j)
        Those whose outputs are NaN or infinite.
    mask, bias : list of Tensor, shapes (n_out, n_in) and (n_out,)
        What the model has.
    """
    on = [(l, i, j) for l, i, j in edges if mask[l][j, i]]
    slots = [
        (l, j) for l, b in enumerate(bias) for j in (~b.isfinite()).nonzero().flatten().tolist()
    ]
    if not on and not slots:
        return []
    where = f"edge {on[0]}" if on else f"bias {slots[0][1]} of layer {slots[0][0]}"
    more = f" (and {len(on) - 1} more)" if len(on) > 1 else ""
    return [
        f"The model is broken: {where}{more} gives numbers that are NaN or infinite on these "
        "data, and so does what it leads to."
    ]


def _lost_factors(
    before: Sequence[Tensor],
    mask: Sequence[Tensor],
    slots: Slots,
    bias: Sequence[Tensor] | None,
) -> list[str]:
    """Say which products have lost a factor, but not the way to the outputs."""
    said, uses = [], leads_to_outputs(mask, slots)
    for l, owners in enumerate(slots):
        had, has = before[l].any(1).tolist(), mask[l].any(1).tolist()
        last = l + 1 == len(slots)
        for i in sorted(set(owners)):
            mine = slots_of(slots, (l + 1, i))
            gone = [k for k, j in enumerate(mine) if had[j] and not has[j]]
            if len(mine) == 1 or not gone or not any(has[j] for j in mine) or not uses[l + 1][i]:
                continue
            name = f"output {i}" if last else f"h{l + 1},{i}"
            for k in gone:
                value = None if bias is None else float(bias[l][mine[k]])
                start = f"Factor {k + 1} of the product {name} has lost its last edge"
                if value == 0:
                    said.append(f"{start} and is 0: the whole product is.")
                elif value is None:
                    said.append(f"{start}: it is constant.")
                else:
                    said.append(f"{start}: it is always {value:.3g}, and only scales the others.")
    return said
