"""Complexity against loss along the way to a formula."""

from __future__ import annotations

from typing import NamedTuple

from kanwidget.masks.ids import Edge

__all__ = ["TableRow"]


class TableRow(NamedTuple):
    """One network on the way to a formula; see `Formula.table`.

    Attributes
    ----------
    names : int
        How many curves have a name.
    complexity : int
        Of all names, in bits.
    loss : float
        Root mean squared error on the rows that names were fitted to.
    edge, function
        The name that was taken last; None before the first.
    """

    names: int
    complexity: int
    loss: float
    edge: Edge | None
    function: str | None
