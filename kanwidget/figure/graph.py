"""A network as plain arrays, flat over its layers: what a picture is laid out from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from kanwidget.masks.reachability import leads_to_outputs, reachable_from_inputs

__all__ = ["Graph"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Graph:
    """Nodes, edges and the slots that edges end in, each with one flat number.

    Parameters
    ----------
    width : sequence of int
    scores, baseline, mask : array, shape (E,)
        Layer after layer, each ``(n_out, n_in)`` in rows.
    slots : sequence of sequences of int
        The node of each target of each layer; empty where every node has one.
    """

    width: Sequence[int]
    scores: Floats
    baseline: Bools
    mask: Bools
    slots: Sequence[Sequence[int]] = ()
    node_offset: list[int] = field(init=False)
    edge_offset: list[int] = field(init=False)
    source: Ints = field(init=False)
    """Node at the beginning of each edge, (E,)."""
    target: Ints = field(init=False)
    """Node at its end, (E,)."""
    slot: Ints = field(init=False)
    """Slot of that node, (E,)."""
    products: dict[int, list[int]] = field(init=False)
    """The slots of each node that has several."""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "node_offset", [0, *accumulate(self.width)])
        layers = self.slots or [range(n) for n in self.width[1:]]
        counts = [len(layer) * n for layer, n in zip(layers, self.width, strict=False)]
        put(self, "edge_offset", [0, *accumulate(counts)])
        owners = [self.node_offset[l + 1] + j for l, layer in enumerate(layers) for j in layer]
        put(self, "source", self._edges(layers, 0))
        put(self, "slot", self._edges(layers, 1))
        put(self, "target", np.array(owners, np.int64)[self.slot])
        products: dict[int, list[int]] = {}
        for slot, node in enumerate(owners):
            products.setdefault(node, []).append(slot)
        put(self, "products", {node: its for node, its in products.items() if len(its) > 1})

    @property
    def depth(self) -> int:
        """How many layers of edges there are."""
        return len(self.width) - 1

    def index(self, edge: int) -> tuple[int, int, int]:
        """Return the ``(l, i, j)`` of an edge."""
        l = next(l for l in range(self.depth) if edge < self.edge_offset[l + 1])
        j, i = divmod(edge - self.edge_offset[l], self.width[l])
        return l, i, j

    def edge(self, l: int, i: int, j: int) -> int:
        """Return the number of an edge."""
        return self.edge_offset[l] + j * self.width[l] + i

    def nodes_with_edges(self) -> Bools:
        """Which nodes have any edge that is on, (N,)."""
        used = np.zeros(self.node_offset[-1], bool)
        used[self.source[self.mask]] = used[self.target[self.mask]] = True
        return used

    def nodes_on(self) -> Bools:
        """Which nodes have an edge that is on out of them and into each of their slots, (N,)."""
        on = np.zeros(self.node_offset[-1], bool)
        on[self.node_offset[self.depth] :] = True
        on[self.source[self.mask]] = True
        without_input = np.ones(int(self.slot.max()) + 1, bool)
        without_input[self.slot[self.mask]] = False
        on[self.target[without_input[self.slot]]] = False
        return on

    def nodes_on_path(self, on: Bools) -> Bools:
        """Which of the nodes ``on`` lie on a path from an input to an output, (N,)."""
        used = torch.from_numpy(self.mask & on[self.source] & on[self.target])
        ends = pairwise(self.edge_offset)
        layers = [used[a:b].view(-1, n) for (a, b), n in zip(ends, self.width, strict=False)]
        reached = torch.cat(reachable_from_inputs(layers, self.slots))
        leads = torch.cat(leads_to_outputs(layers, self.slots))
        return np.asarray(on & (reached & leads).numpy())

    def _edges(self, layers: Sequence[Sequence[int]], end: int) -> Ints:
        """Return the source of each edge, or the slot."""
        parts, first = [], 0
        for l, layer in enumerate(layers):
            grid = np.indices((len(layer), self.width[l]))
            parts.append(grid[0] + first if end else grid[1] + self.node_offset[l])
            first += len(layer)
        return np.concatenate([part.ravel() for part in parts]).astype(np.int64)
