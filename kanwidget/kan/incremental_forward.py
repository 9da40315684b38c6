"""The outputs of a KAN under many masks, for little more than the cost of what differs.

Masks that follow a threshold are nested: each removes a few edges more than the one before. So
the values of all nodes are kept, and at each *point* (one mask of a `MaskSequence`) only the
edges out of a node that changed are evaluated again; what leads to no output costs nothing.
To leave out one edge or node at a time is the same, but each point starts from point 0 and not
from the point before it.

Work goes through the layers in blocks of points. A *version* is the values of one node at one
point; rows of data are the last axis, twice: first with the edges' means lost, then kept.

Example
-------
``KAN([2, 2, 1])``: inputs ``a, b``, hidden nodes ``c, d``, output ``e``. At point 1 the edge
``a -> c`` goes off, at point 2 the edge ``d -> e``. Nested, so both are off at point 2.

1. *Start.* All values at point 0: ``c = ac(a) + bc(b)``, ``d = ad(a) + bd(b)`` and
   ``e = ce(c) + de(d)``. Then ``e`` is answered as point 0.
2. *First layer of edges, points 1 and 2.* ``a -> c`` goes off at point 1, so ``c`` has a change
   there: ``-ac(a)``. ``d`` has none. The versions are ``a, b`` before this layer, and
   ``c, d, c at 1`` after it.
3. *Second layer of edges.* At point 1 the change of ``c`` reaches ``e`` through ``c -> e``:
   ``+ce(c at 1) - ce(c)``. At point 2 the edge ``d -> e`` goes off: ``-de(d)``. So four edge
   outputs are evaluated, where two whole forward passes would take twelve.
4. *Sums.* The changes are added up point by point: ``e at 1 = e + ce(c at 1) - ce(c)`` and
   ``e at 2 = (e at 1) - de(d)``. The last values become the start of the next block.

Not nested, ``d -> e`` alone is off at point 2: its change is added to the start,
``e at 2 = e - de(d)``. And if ``c -> e`` were off from point 1 on, ``c`` would lead to no output
then, and step 2 would not look at it at all.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import piecewise
from .layer import KANLayer
from .mask_sequence import MaskSequence
from .piecewise import EdgeFunctions, select_rows

__all__ = ["ImpreciseValuesError", "outputs"]

Ints = NDArray[np.int64]

MAX_NUMBERS_PER_BLOCK = 1 << 22
"""Most numbers in one array: bounds the memory."""

MAX_NUMBERS_IN_CACHE = 1 << 16
"""Numbers that fit into a processor's cache several times."""

MAX_POINTS_PER_BLOCK = 128
"""Most points in one block: enough that calls into numpy and torch cost little."""

MAX_SECONDS_WITHOUT_ANSWER = 0.05
"""Seconds after which an answer without points is given, so that the caller can stop."""

MAX_VALUE = 1e6
"""Largest value: sums of many changes to larger ones would show rounding errors."""


class ImpreciseValuesError(ArithmeticError):
    """Values are too large, or not finite, to be updated by adding changes."""


def outputs(
    layers: Sequence[KANLayer], x: Tensor, sequence: MaskSequence
) -> Iterator[tuple[list[int], Tensor]]:
    """Compute the outputs on inputs ``(rows, n_in)`` at every point; the layers stay untouched.

    Yields
    ------
    points : list of int
        Points in rising order, 0 first. One that is left out has the outputs of the point
        before it (of point 0, if points are not nested). Where the work is long there are
        answers without any points, so that whoever waits can do something else or stop.
    values : Tensor, shape (len(points), 2, rows, n_out)
        Outputs with means lost and kept, float64, on the CPU.

    Raises
    ------
    ImpreciseValuesError
        If values are met that are not finite or very large. Points may be missing then.
    """
    return _without_gradients(_IncrementalForward(layers, x, sequence).blocks())


def _without_gradients(
    blocks: Iterator[tuple[list[int], Tensor]],
) -> Iterator[tuple[list[int], Tensor]]:
    """Compute each answer without gradients; between answers the caller's setting holds."""
    while True:
        with torch.no_grad():
            found = next(blocks, None)
        if found is None:
            return
        yield found


class _LayerEdges:
    """One layer's edges, and when they go. An edge's number is ``j * n_in + i``."""

    def __init__(self, layer: KANLayer, sequence: MaskSequence, l: int) -> None:
        double, cpu = torch.float64, torch.device("cpu")
        mask = sequence.mask[l].to(cpu)
        self.n_out, self.n_in = mask.shape
        self.functions = EdgeFunctions(layer, mask)
        point: Ints = sequence.point[l].cpu().numpy()
        shift = [s[l].detach().to(cpu, double).numpy() for s in sequence.shift]
        on: NDArray[np.bool_] = mask.numpy()
        goes = on & (point > 0)
        j, i = goes.nonzero()
        order = np.argsort(point[j, i], kind="stable")
        j, i = j[order], i[order]
        self.gone_at, self.gone = point[j, i], j * self.n_in + i
        self.shift = np.stack([s[j, i] for s in shift], axis=1)  # (edges that go, 2)
        never = sequence.count + 1
        # The first point at which an edge does not count any more.
        self.end: Ints = np.where(on, np.where(goes & sequence.nested, point, never), 0)


@dataclass
class _LayerWork:
    """What one layer has to do in a block of points: indices only, the same for all rows.

    Versions of the nodes before the layer are numbered: first each node at the start of the
    block, then their changes. `at` and `node` are the changes after the layer, sorted by node,
    then point.
    """

    at: Ints
    node: Ints
    shift: NDArray[np.float64]  # (changes, 2): what the biases gain
    edge: Ints  # edges to evaluate ...
    version: Ints  # ... at which versions before the layer, rising
    adds: tuple[Ints, Ints]  # an evaluation, rising, and the change that it adds to ...
    takes: tuple[Ints, Ints]  # ... or is taken from


class _IncrementalForward:
    @torch.no_grad()
    def __init__(self, layers: Sequence[KANLayer], x: Tensor, sequence: MaskSequence) -> None:
        self._sequence = sequence
        self._layers = [_LayerEdges(layer, sequence, l) for l, layer in enumerate(layers)]
        width = [self._layers[0].n_in, *(layer.n_out for layer in self._layers)]
        # The first point at which a node leads to no output any more.
        self._node_end: list[Ints] = [np.full(width[-1], sequence.count + 1)]
        for layer in reversed(self._layers):
            layer.end = np.minimum(layer.end, self._node_end[0][:, None])
            self._node_end.insert(0, layer.end.max(axis=0))
        self._rows = len(x)
        self._memory = [torch.empty(0, dtype=torch.float64)] * len(layers)
        self._points_per_block = int(
            np.clip(
                2 * MAX_NUMBERS_PER_BLOCK // (sum(width) * max(1, self._rows)),
                1,
                MAX_POINTS_PER_BLOCK,
            )
        )
        self._x = x.detach().to("cpu", torch.float64).T
        self._values: list[Tensor] = []
        self._last_answer = time.perf_counter()

    def blocks(self) -> Iterator[tuple[list[int], Tensor]]:
        yield from self._start()
        # A copy: whoever measures it may write to it.
        start = self._values[-1].permute(1, 2, 0).clone(memory_format=torch.contiguous_format)
        yield [0], start.unsqueeze(0)
        for first in range(1, self._sequence.count + 1, self._points_per_block):
            yield from self._point_outputs(
                first, min(first + self._points_per_block, self._sequence.count + 1)
            )

    def _answer_if_late(self) -> Iterator[tuple[list[int], Tensor]]:
        """Give an answer without points, if the last answer was some time ago."""
        if time.perf_counter() - self._last_answer > MAX_SECONDS_WITHOUT_ANSWER:
            yield [], torch.empty(0, 2, self._rows, self._layers[-1].n_out, dtype=torch.float64)
            self._last_answer = time.perf_counter()

    def _start(self) -> Iterator[tuple[list[int], Tensor]]:
        """Find all nodes' values at point 0, ``(n, 2, rows)`` for each node layer."""
        x = self._x
        values = [x.unsqueeze(1).expand(-1, 2, -1)]  # inputs are the same, means lost or kept
        for l, layer in enumerate(self._layers):
            bias = torch.stack([b[l].detach().to(x) for b in self._sequence.bias], 1)
            out = bias.unsqueeze(2).repeat(1, 1, self._rows)
            weight = layer.functions.weight
            size = max(1, MAX_NUMBERS_PER_BLOCK // (layer.n_in * weight.shape[2]))
            for low in range(0, self._rows, size):
                here = slice(low, low + size)
                for kept in (slice(0, 2),) if l == 0 else (slice(0, 1), slice(1, 2)):
                    before = values[-1][:, kept.start, here].contiguous()
                    feats = layer.functions.features(slice(None), before)
                    out[:, kept, here] += (weight.flatten(1) @ feats.flatten(0, 1)).unsqueeze(1)
                    named = layer.functions.named_sums(before)
                    if named is not None:
                        out[:, kept, here] += named.unsqueeze(1)
                    yield from self._answer_if_late()
            values.append(_check_values(out))
        self._values = values

    def _point_outputs(self, first: int, last: int) -> Iterator[tuple[list[int], Tensor]]:
        """Give the outputs at those of the points ``first .. last - 1`` that have new ones."""
        steps, at, node = [], np.empty(0, np.int64), np.empty(0, np.int64)
        for l in range(len(self._layers)):
            steps.append(self._layer_work(l, first, last, at, node))
            at, node = steps[-1].at, steps[-1].node
        if not len(at):
            yield from self._answer_if_late()
            return
        points = np.unique(at)
        n_out = self._layers[-1].n_out
        wanted = self._versions(
            at, node, np.tile(np.arange(n_out), len(points)), np.repeat(points, n_out) + 1, n_out
        )
        out = torch.empty(len(points), n_out, 2, self._rows, dtype=torch.float64)
        size = max(1, MAX_NUMBERS_PER_BLOCK // (2 * max(len(step.at) for step in steps)))
        for low in range(0, self._rows, size):
            rows = slice(low, low + size)
            last_values = yield from self._evaluate_block(steps, rows)
            out[..., rows] = last_values[torch.from_numpy(wanted)].view(len(points), n_out, 2, -1)
            yield from self._answer_if_late()
        _check_values(out)
        yield points.tolist(), out.permute(0, 2, 3, 1).contiguous()

    def _versions(self, at: Ints, node: Ints, i: Ints, before: Ints, n: int) -> Ints:
        """Return which versions nodes ``i`` have just before points, of changes sorted."""
        if not len(at):
            return i
        key = self._sequence.count + 2
        place = np.searchsorted(node * key + at, i * key + before) - 1
        found = (place >= 0) & (node[place] == i)
        if not self._sequence.nested:
            found &= at[place] == before - 1
        return np.where(found, n + place, i)

    def _layer_work(self, l: int, first: int, last: int, at: Ints, node: Ints) -> _LayerWork:
        """Find out what changes before a layer, and edges of it that go, lead to after it."""
        layer, count = self._layers[l], last - first
        n = layer.n_in
        new = n + np.arange(len(at))
        old = self._versions(at, node, node, at, n) if self._sequence.nested else node
        low, high = np.searchsorted(layer.gone_at, [first, last])
        gone, gone_at, shift = layer.gone[low:high], layer.gone_at[low:high], layer.shift[low:high]
        heard = self._node_end[l + 1][gone // n] > gone_at
        gone, gone_at, shift = gone[heard], gone_at[heard], shift[heard]
        then = (
            gone % n
            if not self._sequence.nested
            else self._versions(at, node, gone % n, gone_at, n)
        )

        change, out = (layer.end[:, node] > at).T.nonzero()  # what a change leads to
        keys = np.concatenate([out * count + at[change], gone // n * count + gone_at]) - first
        found, target = np.unique(keys, return_inverse=True)
        leads, ends = target[: len(change)], target[len(change) :]
        total = np.zeros((len(found), 2))
        np.add.at(total, ends, shift)

        edge, edges = out * n + node[change], n * layer.n_out
        plus = new[change] * edges + edge
        minus = np.concatenate([old[change] * edges + edge, then * edges + gone])
        pairs, place = np.unique(np.concatenate([plus, minus]), return_inverse=True)
        return _LayerWork(
            found % count + first,
            found // count,
            total,
            pairs % edges,
            pairs // edges,
            _sort_pairs(place[: len(plus)], leads),
            _sort_pairs(place[len(plus) :], np.concatenate([leads, ends])),
        )

    def _evaluate_block(
        self, steps: list[_LayerWork], rows: slice
    ) -> Generator[tuple[list[int], Tensor], None, Tensor]:
        """Evaluate a block of points for some rows; return all versions of the outputs.

        Nested points leave the values of the last one as the start of the next block.
        """
        both = [values[..., rows] for values in self._values]
        before = both[0].reshape(len(both[0]), -1)
        for l, (layer, step, after) in enumerate(zip(self._layers, steps, both[1:], strict=True)):
            start = after.reshape(len(after), -1)
            if not len(step.at):
                before = start
                continue
            node = torch.from_numpy(step.node)
            versions = self._reused_memory(l, len(start) + len(node), start.shape[1])
            versions[: len(start)] = start
            change = versions[len(start) :]
            if self._sequence.nested:
                change.zero_()
            else:
                torch.index_select(start, 0, node, out=change)
            if step.shift.any():
                change.view(len(node), 2, -1).add_(torch.from_numpy(step.shift).unsqueeze(2))
            for _ in _add_edge_outputs(layer, step, before, change):
                yield from self._answer_if_late()
            before = versions
            if not self._sequence.nested:
                continue
            _sum_changes(change, step.node, start)
            final = torch.from_numpy(np.flatnonzero(np.diff(step.node, append=-1)))
            after[node[final]] = change[final].view(len(final), 2, -1)
        return before

    def _reused_memory(self, l: int, n: int, batch: int) -> Tensor:
        """Return memory ``(n, batch)`` for a layer, used again and again."""
        if len(self._memory[l]) < n * batch:
            self._memory[l] = torch.empty(n * batch, dtype=torch.float64)
        return self._memory[l][: n * batch].view(n, batch)


def _check_values(values: Tensor) -> Tensor:
    if values.numel() and not float(values.abs().amax()) < MAX_VALUE:
        raise ImpreciseValuesError("values are too large, or not finite")
    return values


def _sort_pairs(place: Ints, target: Ints) -> tuple[Ints, Ints]:
    order = np.argsort(place, kind="stable")
    return place[order], target[order]


def _add_edge_outputs(
    layer: _LayerEdges, step: _LayerWork, before: Tensor, change: Tensor
) -> Iterator[None]:
    """Add to changes ``(n, batch)`` what versions before the layer make different, in pieces."""
    ends = np.flatnonzero(np.diff(step.version, append=-1)) + 1  # of the edges of each version
    fits = max(1, MAX_NUMBERS_IN_CACHE // max(1, before.shape[1]))
    many = len(step.edge) > piecewise.MIN_EDGES_FOR_MATRIX_PRODUCT * len(ends)
    size, low = 8 * fits if many else fits, 0
    while low < len(step.edge):
        # Versions with all their edges: as many as fit, but one at least.
        one, more = np.searchsorted(ends, [low, low + size], side="right")
        high = int(ends[max(one, more - 1)])
        phi = layer.functions(step.edge[low:high], step.version[low:high], before)
        for (of, target), sign in ((step.adds, 1), (step.takes, -1)):
            first, last = np.searchsorted(of, [low, high])
            for a in range(first, last, fits):
                b = min(a + fits, last)
                part = select_rows(phi, of[a:b] - low)
                change.index_add_(0, torch.from_numpy(target[a:b]), part, alpha=sign)
        low = high
        yield


def _sum_changes(change: Tensor, node: Ints, start: Tensor) -> None:
    """Turn changes, sorted by node and point, into values."""
    values, first = change.numpy(), start.numpy()
    previous = -1
    for row, j in enumerate(node.tolist()):
        values[row] += first[j] if j != previous else values[row - 1]
        previous = j
