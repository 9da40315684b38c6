"""The order of nodes within their layers in which few lines cross.

As in `js/src/views/network/node-order.ts`: inputs and outputs keep theirs; hidden nodes go to the
mean place of their neighbours, layer after layer and back (the barycentre method of Sugiyama,
1981), and then change places with the next node where that helps. All is counted in integers.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Mapping, Sequence

from .graph import Graph

__all__ = ["node_order"]

MAX_ORDERED_EDGES = 2000
MAX_SWEEPS = 8
MAX_SWAPPED_EDGES = 300
"""Beyond so many edges nodes do not change places one by one."""

MAX_SWAP_PASSES = 4

_Line = tuple[int, int, int]
"""Source node, target node and slot of an edge."""


def node_order(graph: Graph) -> list[list[int]]:
    """Return for each layer its nodes, by their number in it, as they are drawn."""
    gaps = [_lines(graph, l) for l in range(graph.depth)]
    live = {n for gap in gaps for source, target, _ in gap for n in (source, target)}
    own = [
        list(range(graph.node_offset[l], graph.node_offset[l] + n))
        for l, n in enumerate(graph.width)
    ]
    rows = [[n for n in nodes if n in live] for nodes in own]
    count = sum(map(len, gaps))
    if graph.depth >= 2 and count <= MAX_ORDERED_EDGES:
        rows = _fewest_crossings(gaps, rows, int(graph.slot.max()) + 1)
    # What is off stays in its place among the others.
    order = []
    for l, nodes in enumerate(own):
        following = iter(rows[l])
        drawn = [next(following) if n in live else n for n in nodes]
        order.append([n - graph.node_offset[l] for n in drawn])
    return order


def _lines(graph: Graph, l: int) -> list[_Line]:
    first, end = graph.edge_offset[l], graph.edge_offset[l + 1]
    on = graph.mask[first:end].nonzero()[0] + first
    ends = (graph.source[on].tolist(), graph.target[on].tolist(), graph.slot[on].tolist())
    return list(zip(*ends, strict=True))


def _places(rows: Sequence[Sequence[int]]) -> dict[int, int]:
    return {n: k for nodes in rows for k, n in enumerate(nodes)}


def _fewest_crossings(
    gaps: Sequence[list[_Line]], start: list[list[int]], slots: int
) -> list[list[int]]:
    def total(rows: Sequence[Sequence[int]]) -> int:
        at = _places(rows)
        return sum(_crossings(gap, at, slots) for gap in gaps)

    best, least = start, total(start)
    rows = [list(nodes) for nodes in start]
    for sweep in range(MAX_SWEEPS):
        if least == 0:
            break
        down = sweep % 2 == 0
        for l in range(1, len(gaps)) if down else range(len(gaps) - 1, 0, -1):
            gap = gaps[l - 1] if down else gaps[l]
            rows[l] = _by_mean_place(rows[l], gap, down, _places(rows))
        count = total(rows)
        if count < least:
            best, least = [list(nodes) for nodes in rows], count
    if sum(map(len, gaps)) > MAX_SWAPPED_EDGES:
        return best
    return _swapped(gaps, best, slots)


def _by_mean_place(
    nodes: list[int], gap: list[_Line], from_source: bool, at: Mapping[int, int]
) -> list[int]:
    """Return nodes by the mean place of their neighbours in the layer before or after."""
    sums = {n: [0, 0] for n in nodes}
    for source, target, _ in gap:
        own, other = (target, source) if from_source else (source, target)
        sums[own][0] += at[other]
        sums[own][1] += 1
    means = {n: (total, count) if count else (at[n], 1) for n, (total, count) in sums.items()}

    def compare(a: int, b: int) -> int:
        (x, m), (y, n) = means[a], means[b]
        return x * n - y * m or at[a] - at[b]

    return sorted(nodes, key=functools.cmp_to_key(compare))


def _swapped(
    gaps: Sequence[list[_Line]], start: Sequence[Sequence[int]], slots: int
) -> list[list[int]]:
    """Let neighbours change places as long as that leaves fewer crossings."""
    rows = [list(nodes) for nodes in start]
    at = _places(rows)

    def swap(nodes: list[int], k: int) -> None:
        nodes[k], nodes[k + 1] = nodes[k + 1], nodes[k]
        at[nodes[k]], at[nodes[k + 1]] = k, k + 1

    for _ in range(MAX_SWAP_PASSES):
        better = False
        for l in range(1, len(gaps)):
            around = gaps[l - 1], gaps[l]
            before = sum(_crossings(gap, at, slots) for gap in around)
            for k in range(len(rows[l]) - 1):
                swap(rows[l], k)
                after = sum(_crossings(gap, at, slots) for gap in around)
                if after < before:
                    before, better = after, True
                else:
                    swap(rows[l], k)
        if not better:
            break
    return rows


def _crossings(gap: list[_Line], at: Mapping[int, int], slots: int) -> int:
    """Count the pairs of lines that cross: in order of beginnings, ends that come too early."""
    # Lines into a product end in its sums, which are side by side.
    lines = sorted((at[source], at[target] * slots + slot) for source, target, slot in gap)
    ends: list[int] = []
    count = 0
    for k, (_, end) in enumerate(lines):
        count += k - bisect.bisect_right(ends, end)
        bisect.insort(ends, end)
    return count
