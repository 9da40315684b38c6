"""PruningSession: what a person does to a live model, and the way back. No Jupyter here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType

import torch
from torch import Tensor, nn

from . import edits as acts
from .adapters import Adapter, adapt
from .kan.checks import (
    Edge,
    Node,
    check_dataset,
    check_edge,
    check_inputs,
    check_node,
    check_threshold,
)
from .kan.pruning import Edits, connected

__all__ = ["PruningSession"]

CURVE_POINTS = 64
"""Samples of each curve that a view draws."""


class PruningSession:
    """Thresholds and hand edits on a live model, from a baseline that stays untouched.

    The model's masks are always the effective mask: a pure function of the baseline, the
    thresholds and the hand edits. Nothing else of the model is written, and `close` gives
    it back as it was. Changes that others make meanwhile are kept and become part of the
    baseline.

    Parameters
    ----------
    model : KAN
        A live model of a supported library.
    data : dict or Tensor, optional
        A dataset as `create_dataset` makes it: scores come from its training inputs, the
        loss from its test rows. Or inputs alone, ``(rows, width[0])``. By default the
        inputs that the model last saw.

    Attributes
    ----------
    width : list of int
    scores : list of Tensor, shapes (n_out, n_in)
        Edge scores of the baseline.
    baseline, mask : list of bool Tensor, shapes (n_out, n_in)
        The baseline's mask, and the effective one.
    node_threshold, edge_threshold : float
    edits : Edits
        What was switched by hand.
    curves : list of (Tensor (n_in, n), Tensor (n_out, n_in, n))
        Points and values of each layer's functions, whether on or off.
    loss, baseline_loss : float or None
        Root mean squared error on the test rows; None without labels.
    loss_name : str
        What `loss` measures, "" without labels.
    revision : int
        Grows whenever the baseline is taken anew.

    Raises
    ------
    TypeError
        If the model is not a KAN of a supported library, or the data is of a wrong type.
    ValueError
        If the data does not fit, or there is none.
    """

    def __init__(self, model: nn.Module, data: Mapping[str, Tensor] | Tensor | None = None) -> None:
        self._adapter: Adapter | None = (adapter := adapt(model))
        n_in, n_out, device, dtype = (
            adapter.width[0],
            adapter.width[-1],
            adapter.device,
            adapter.dtype,
        )
        self._test: tuple[Tensor, Tensor] | None = None
        if data is None:
            self._inputs = adapter.seen()
        elif isinstance(data, Mapping):
            dataset = check_dataset(data, n_in, n_out, device, dtype)
            self._inputs = dataset["train_input"]
            self._test = dataset["test_input"], dataset["test_label"]
        else:
            self._inputs = check_inputs(data, n_in, "data", device, dtype)
        self.loss_name = "test RMSE" if self._test else ""
        self.node_threshold = self.edge_threshold = 0.0
        self.edits = Edits()
        self.revision = 0
        self.baseline = self.mask = adapter.mask()
        self._take_baseline(adapter)

    @property
    def active_edges(self) -> int:
        """How many edges are on."""
        return sum(int(layer.sum()) for layer in self.mask)

    @property
    def warning(self) -> str:
        """What is wrong with the present state, in words; "" if nothing is."""
        if connected(self.baseline) and not connected(self.mask):
            return "Nothing leads from the inputs to the outputs any more: the model is constant."
        return ""

    def set(
        self,
        *,
        node_threshold: float | None = None,
        edge_threshold: float | None = None,
        removed_edges: Iterable[Sequence[int]] | None = None,
        kept_edges: Iterable[Sequence[int]] | None = None,
        removed_nodes: Iterable[Sequence[int]] | None = None,
        kept_nodes: Iterable[Sequence[int]] | None = None,
    ) -> None:
        """Set thresholds, replace hand edits, or both at once; what is not given stays.

        Raises
        ------
        TypeError, ValueError
            If a threshold is not a finite number of at least 0.
        IndexError, TypeError
            If there is no such edge or node.
        """
        node, edge, edits = self.node_threshold, self.edge_threshold, self.edits
        if node_threshold is not None:
            node = check_threshold(node_threshold, "node_threshold")
        if edge_threshold is not None:
            edge = check_threshold(edge_threshold, "edge_threshold")
        if removed_edges is not None:
            edits = replace(edits, removed_edges=self.check_edges(removed_edges))
        if kept_edges is not None:
            edits = replace(edits, kept_edges=self.check_edges(kept_edges))
        if removed_nodes is not None:
            edits = replace(edits, removed_nodes=self.check_nodes(removed_nodes))
        if kept_nodes is not None:
            edits = replace(edits, kept_nodes=self.check_nodes(kept_nodes))
        self._change(node, edge, edits)

    def check_edges(self, edges: Iterable[Sequence[int]]) -> frozenset[Edge]:
        """Return edges as a set of ``(l, i, j)``, or raise an IndexError or TypeError."""
        return frozenset(check_edge(self.width, *ids) for ids in _ids(edges, "l", "i", "j"))

    def check_nodes(self, nodes: Iterable[Sequence[int]]) -> frozenset[Node]:
        """Return nodes as a set of ``(l, i)``, or raise an IndexError or TypeError."""
        return frozenset(check_node(self.width, *ids) for ids in _ids(nodes, "l", "i"))

    def remove_edge(self, l: int, i: int, j: int) -> None:
        """Switch off the edge from node ``i`` of node layer ``l`` to node ``j`` of the next."""
        edge = check_edge(self.width, l, i, j)
        self._refresh()
        self._edit(acts.remove_edge(self.edits, edge))

    def restore_edge(self, l: int, i: int, j: int) -> None:
        """Switch an edge on, and keep it on against thresholds and baseline.

        If a node at its end was removed by hand, the node comes back with this edge alone.
        """
        edge = check_edge(self.width, l, i, j)
        self._refresh()
        self._edit(acts.restore_edge(self.edits, edge, self._ground))

    def remove_node(self, l: int, i: int) -> None:
        """Switch off all edges into and out of node ``i`` of node layer ``l``."""
        node = check_node(self.width, l, i)
        self._refresh()
        self._edit(acts.remove_node(self.edits, node))

    def restore_node(self, l: int, i: int) -> None:
        """Switch a node on, and keep it on against the node threshold.

        Edges that were removed one by one stay off, unless the node would be left without
        a way in or without a way out: then all its edges on that side come back.
        """
        node = check_node(self.width, l, i)
        self._refresh()
        self._edit(acts.restore_node(self.edits, node, self._ground))

    def reset(self) -> None:
        """Set both thresholds to 0 and take back all hand edits: the baseline again."""
        self._change(0.0, 0.0, Edits())

    def compact(self) -> nn.Module:
        """Return a new, smaller model with the present outputs; the live one stays."""
        return self._live().compact()

    def refresh(self) -> bool:
        """Take in what others did to the model since; return whether there was anything.

        Edges that somebody switched are switched in the baseline; scores, curves and losses
        are computed anew. Thresholds and hand edits stay, except where they contradict.
        """
        revision = self.revision
        self._refresh()
        return self.revision != revision

    def close(self) -> None:
        """Give the model back as it was, with what others changed meanwhile, and let go of it."""
        if self._adapter is None:
            return
        self.reset()
        self._adapter, self._test = None, None
        self._inputs = self._inputs[:0]

    def __enter__(self) -> PruningSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _live(self) -> Adapter:
        if self._adapter is None:
            raise RuntimeError("this pruning session is closed; start a new one on the model")
        return self._adapter

    def _edit(self, edits: Edits) -> None:
        self._change(self.node_threshold, self.edge_threshold, edits)

    def _change(self, node: float, edge: float, edits: Edits) -> None:
        self._refresh()
        self.node_threshold, self.edge_threshold, self.edits = node, edge, edits
        self._apply(self._live())

    @property
    def _ground(self) -> acts.Ground:
        return acts.Ground(self.baseline, self.scores, self.node_threshold, self.edge_threshold)

    def _apply(self, adapter: Adapter) -> None:
        mask = self._ground.mask(self.edits)
        if not _equal(mask, adapter.mask()):
            adapter.set_mask(mask)
        if not _equal(mask, self.mask):
            self.mask = mask
            self.loss = self._measure(adapter)
        self._version = adapter.version()

    def _take_baseline(self, adapter: Adapter, switched_on: Iterable[Edge] = ()) -> None:
        """Compute all that hangs on the baseline, then put the effective mask back."""
        if not _equal(self.baseline, adapter.mask()):
            adapter.set_mask(self.baseline)
        self.width = adapter.width
        self.scores = adapter.scores(self._inputs)
        self.curves = adapter.curves(self._inputs, CURVE_POINTS)
        self.baseline_loss = self.loss = self._measure(adapter)
        self.mask = self.baseline
        self.revision += 1
        for edge in switched_on:
            self.edits = acts.restore_edge(self.edits, edge, self._ground)
        self._apply(adapter)

    def _measure(self, adapter: Adapter) -> float | None:
        if self._test is None:
            return None
        x, y = self._test
        return float(torch.nn.functional.mse_loss(adapter.forward(x), y).sqrt())

    def _refresh(self) -> None:
        adapter = self._live()
        if adapter.version() == self._version:
            return
        live = adapter.mask()
        if adapter.width != self.width:
            self.baseline, self.edits = live, Edits()
            self._take_baseline(adapter)
            return
        changed = [now != then for now, then in zip(live, self.mask, strict=True)]
        self.baseline = [
            torch.where(where, now, old)
            for where, now, old in zip(changed, live, self.baseline, strict=True)
        ]
        edges = {(l, i, j) for l, w in enumerate(changed) for j, i in w.nonzero().tolist()}
        self.edits = replace(
            self.edits,
            removed_edges=self.edits.removed_edges - edges,
            kept_edges=self.edits.kept_edges - edges,
        )
        self._take_baseline(adapter, [edge for edge in sorted(edges) if acts.at(live, edge)])


def _ids(values: object, *names: str) -> Iterator[Sequence[int]]:
    shape = f"({', '.join(names)})"
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"expected a list of ids {shape}, got {values!r}")
    for ids in values:
        if not isinstance(ids, (list, tuple)) or len(ids) != len(names):
            raise TypeError(f"expected ids {shape}, got {ids!r}")
        yield ids


def _equal(a: Sequence[Tensor], b: Sequence[Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
