"""What a picture shows of a session: read once, as plain arrays. It writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from kanwidget.masks.effective import nodes_below_threshold
from kanwidget.session import PruningSession

from .graph import Bools, Floats, Graph

__all__ = ["Snapshot", "read_snapshot"]


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

    def curve(self, edge: int) -> tuple[Floats, Floats]:
        """Return the samples of one edge."""
        l, i, j = self.graph.index(edge)
        x, y = self.curves[l]
        return x[i], y[j, i]


def read_snapshot(
    session: PruningSession, in_vars: Sequence[str], out_vars: Sequence[str]
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
    )


def _flat(layers: Sequence[Tensor], dtype: type[np.generic]) -> Any:
    return np.concatenate([layer.detach().cpu().numpy().ravel() for layer in layers]).astype(dtype)
