"""What may be read of a model's functions, whatever its masks."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from kanwidget.functions.curve import NamedCurve
from kanwidget.masks.ids import Edge

__all__ = ["EdgeFunctions"]


class EdgeFunctions(Protocol):
    """The unmasked functions of a model: the part of an `Adapter` that others may read."""

    @property
    def width(self) -> list[int]:
        """Nodes in each node layer, inputs first."""

    @property
    def device(self) -> torch.device:
        """Where the model lives."""

    @property
    def dtype(self) -> torch.dtype:
        """Floating point type of the model."""

    @property
    def can_tabulate(self) -> bool:
        """Whether `edge_curves`, biases, `slots` and `offset` alone give the outputs."""

    def edge_curves(self, l: int, points: Tensor) -> Tensor:
        """Evaluate layer ``l``'s *unmasked* functions, ``(n_out, n_in, n)``, at ``(n, n_in)``.

        A slot is its bias plus the sum of these; scales and the like are in them.
        """

    def base_part(self, l: int, points: Tensor) -> Tensor | None:
        """Evaluate the part of `edge_curves` that is no spline; None if there are no parts."""

    def knots(self) -> list[Tensor]:
        """Return where each layer's functions need not be smooth, rising, ``(n_in, knots)``."""

    def slots(self) -> list[list[int]]:
        """Return for each layer the node that each of its ``n_out`` targets belongs to.

        A node with several targets is their product. An empty list if every node has one.
        """

    def offset(self) -> list[Tensor]:
        """Return what is added after the products, ``(width[l],)`` for each layer of nodes."""

    def names(self) -> dict[Edge, NamedCurve]:
        """Return the edges that a function alone makes, on or off: all that are named.

        The edge adds ``c f(a x + b) + d`` to its slot; scales are in these constants.
        """

    def symbolic(self) -> dict[Edge, str]:
        """Return the edges with a fixed formula, and its name, such as ``sin``."""
