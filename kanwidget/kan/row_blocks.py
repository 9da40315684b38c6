"""Computes on many rows in blocks, or on some: memory does not grow with the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["MAX_NUMBERS_PER_BLOCK", "mean_over", "some_rows", "split_rows"]

MAX_NUMBERS_PER_BLOCK = 1 << 22
"""Most numbers in one array."""


def split_rows(x: Tensor, numbers: int) -> Sequence[Tensor]:
    """Split rows into blocks, for work that computes ``numbers`` numbers for each row."""
    return torch.split(x, max(1, MAX_NUMBERS_PER_BLOCK // max(1, numbers)))


def some_rows(count: int, most: int) -> Tensor:
    """Return the numbers of at most so many rows, from end to end: data may be sorted."""
    if count <= most:
        return torch.arange(count)
    return torch.linspace(0, count - 1, most, dtype=torch.float64).round().long()


def mean_over(x: Tensor, numbers: int, function: Callable[[Tensor], list[Tensor]]) -> list[Tensor]:
    """Return what a function gives for all rows, if it gives means over rows.

    Sums over blocks are in float64; rows that fit one block are given to the function at once.
    """
    blocks = split_rows(x, numbers)
    if len(blocks) == 1:
        return function(x)
    first = function(blocks[0])
    means = [len(blocks[0]) / len(x) * mean.double() for mean in first]
    for block in blocks[1:]:
        for total, mean in zip(means, function(block), strict=True):
            total += len(block) / len(x) * mean.double()
    return [mean.to(like) for mean, like in zip(means, first, strict=True)]
