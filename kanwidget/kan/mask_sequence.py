"""MaskSequence: many masks of one model, each given by the edges that differ."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["MaskSequence"]


@dataclass(frozen=True)
class MaskSequence:
    """Which edges go where along a list of points.

    Lists hold one tensor for each layer, ``(n_out, n_in)`` or ``(n_out,)`` for biases. Pairs
    are for means lost and means kept.

    Attributes
    ----------
    mask : list of bool Tensor
        The edges that are on at the start, which is point 0.
    bias : pair of lists of Tensor
        The biases at the start.
    point : list of int64 Tensor
        At which point an edge goes off, from 1 on; 0 if at none.
    shift : pair of lists of Tensor
        What the target's bias gains when an edge goes off.
    count : int
        The number of the last point.
    nested : bool
        Whether edges that went off stay off at later points.
    """

    mask: list[Tensor]
    bias: tuple[list[Tensor], list[Tensor]]
    point: list[Tensor]
    shift: tuple[list[Tensor], list[Tensor]]
    count: int
    nested: bool
