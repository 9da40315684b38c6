"""What speaks against a mask, in words, before it is applied: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .kan.checks import Node
from .kan.pruning import leading, reached

__all__ = ["dead_ends", "warnings"]


def warnings(before: Sequence[Tensor], mask: Sequence[Tensor]) -> list[str]:
    """Say what a mask takes from the network that another one had.

    Parameters
    ----------
    before, mask : list of bool Tensor, shapes (n_out, n_in)
        The baseline's mask, and the one to judge.
    """
    was, now = reached(before)[-1], reached(mask)[-1]
    if was.any() and not now.any():
        hidden = range(1, len(mask))
        empty = [str(l) for l in hidden if not mask[l - 1].any() or not mask[l].any()]
        why = f" (node layer {', '.join(empty)} is empty)" if empty else ""
        said = f"Nothing leads from the inputs to the outputs any more{why}"
        return [f"{said}: the model is constant."]
    silent = (was & ~now).nonzero().flatten().tolist()
    lost = (leading(before)[0] & ~leading(mask)[0]).nonzero().flatten().tolist()
    return [
        *(f"Output {j} depends on no input any more: it is constant." for j in silent),
        *(f"Input {i} leads nowhere any more." for i in lost),
    ]


def dead_ends(mask: Sequence[Tensor]) -> list[Node]:
    """Return hidden nodes with edges in, from which no output can be reached."""
    dead, alive = [], leading(mask)
    for l, layer in enumerate(mask[:-1], start=1):
        fed = layer.any(dim=1) & ~alive[l]
        dead += [(l, i) for i in fed.nonzero().flatten().tolist()]
    return dead
