"""What a picture shows of a session: read once, as plain arrays. It writes nothing."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from kanwidget.masks.effective import nodes_below_threshold
from kanwidget.session import PruningSession

from .graph import Bools, Floats, Graph
from .importance import DEFAULT_BETA, compared_edges, importance_scale

__all__ = ["Snapshot", "extent", "read_snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """A network, why its edges are off, their curves, formulas and names."""

    graph: Graph
    removed: Bools
    """Edges that a threshold takes, (E,)."""
    removed_nodes: Bools
    """Nodes that the threshold takes and no hand, (N,)."""
    curves: list[tuple[Floats, Floats]]
    """For each layer x ``(n_in, n)`` and y ``(n_out, n_in, n)``."""
    symbolic: dict[int, str]
    in_vars: Sequence[str]
    out_vars: Sequence[str]
    importance: Floats
    """From 0 to 1, (E,)."""
    shared_scale: bool = False
    """Whether the curves into one sum share a scale."""

    @functools.cached_property
    def _shared_ranges(self) -> dict[int, tuple[float, float]]:
        ranges: dict[int, tuple[float, float]] = {}
        for e in self.graph.baseline.nonzero()[0].tolist():
            slot = int(self.graph.slot[e])
            low, high = extent(self.curve(e)[1])
            least, most = ranges.get(slot, (low, high))
            ranges[slot] = min(least, low), max(most, high)
        return ranges

    def range(self, edge: int) -> tuple[float, float]:
        """Return the values at the bottom and the top of an edge's box."""
        if self.shared_scale and (slot := int(self.graph.slot[edge])) in self._shared_ranges:
            return self._shared_ranges[slot]
        return extent(self.curve(edge)[1])

    def curve(self, edge: int) -> tuple[Floats, Floats]:
        """Return the samples of one edge."""
        l, i, j = self.graph.index(edge)
        x, y = self.curves[l]
        return x[i], y[j, i]


def read_snapshot(
    session: PruningSession,
    in_vars: Sequence[str],
    out_vars: Sequence[str],
    beta: float = DEFAULT_BETA,
    shared_scale: bool = False,
) -> Snapshot:
    """Return a session's present state.

    Raises
    ------
    RuntimeError
        If it is closed.
    """
    baseline, edits = session.baseline, session.edits
    found = session.edge_functions.symbolic()
    graph = Graph(
        session.width,
        _flat(baseline.scores, np.float64),
        _flat(baseline.mask, np.bool_),
        _flat(session.mask, np.bool_),
        baseline.slots,
    )
    by_hand = np.zeros(len(graph.mask), bool)
    for edge in edits.removed_edges:
        by_hand[graph.edge(*edge)] = True
    gone = np.zeros(graph.node_offset[-1], bool)
    for l, i in edits.removed_nodes:
        gone[graph.node_offset[l] + i] = True
    by_hand |= gone[graph.source] | gone[graph.target]
    taken = nodes_below_threshold(
        baseline.mask, baseline.scores, session.node_threshold, edits.kept_nodes, baseline.slots
    )
    return Snapshot(
        graph,
        ~graph.mask & graph.baseline & ~by_hand,
        _flat(taken, np.bool_) & ~gone,
        [(x.detach().cpu().numpy(), y.detach().cpu().numpy()) for x, y in baseline.curves],
        {graph.edge(*edge): text for edge, text in found.items()},
        in_vars,
        out_vars,
        importance_scale(graph.scores, compared_edges(graph.baseline, graph.mask), beta).of(
            graph.scores
        ),
        shared_scale,
    )


def extent(values: Floats) -> tuple[float, float]:
    """Return the least and the largest of the finite values; 0 and 0 when there are none."""
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)


def _flat(layers: Sequence[Tensor], dtype: type[np.generic]) -> Any:
    return np.concatenate([layer.detach().cpu().numpy().ravel() for layer in layers]).astype(dtype)
