"""Where nodes and curves go, as in `js/src/views/network/layout.ts`.

`tests/golden/layout.json` checks that the two agree.

Lengths are CSS pixels. It is worked out along the network (``u``) and across it (``v``) and turned
at the end. Every edge that is on has a box with its curve in the middle of its gap, on its line;
every other edge is a plain line. Nodes with an edge that is on share the room evenly, in an order
in which few lines cross.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from .graph import Bools, Floats, Graph
from .node_order import node_order
from .paths import Box, Path, bent_path, boxed_path, direct_path

__all__ = ["DrawingSpace", "EdgePlace", "Layout", "Slot", "layout", "name_widths"]

MAX_DRAWN = 2000
MAX_SIDE = 170
LARGER = 2
CALM_SIDE = 40
"""One stack is easier to read than several while its boxes are at least so large."""

READABLE_SIDE = 24
MIN_SIDE = 16
LABELLED_SIDE = 30
"""From this side on a formula fits under a box."""

PITCH = 1.16
STACK_PITCH = 1.7
MAX_STACKS = 6
MAX_RATIO = 2
"""Boxes of one gap are at most so many times as large as those of another."""

LABEL_ROOM = 15
PAD = 14
NAME_ROOM = 12
NAME_HEIGHT = 24
NAME_ROW = 18
NAME_BETWEEN = 8
MAX_NAME_ROWS = 3
MIN_GAP = 72
MAX_GAP = {"right": 440, "up": 240}
BOX_SHARE = {"right": 0.54, "up": 0.62}
MIN_HEIGHT = 200
MAX_HEIGHT = 640
LIVE_PITCH = 24
LIVE_RADIUS = 5.5
DEAD_RADIUS = 3
DEAD_PITCH = 11
SLOT_DISTANCE = 24
SLOT_PITCH = 13


@dataclass(frozen=True)
class DrawingSpace:
    """What there is to draw on; without a height it follows from the network."""

    width: float
    in_names: float
    """Width of the widest name of an input."""
    out_names: float
    height: float | None = None
    orientation: str = "right"


@dataclass(frozen=True)
class EdgePlace:
    """Where an edge is drawn, and whether there is room for its formula under its box."""

    path: Path
    box: Box | None
    label: bool


@dataclass(frozen=True)
class Slot:
    """The dot of a sum that a product node multiplies, and its node."""

    node: int
    x: float
    y: float


@dataclass(frozen=True)
class Layout:
    """Centres and radii of the nodes ``(N,)``, and the edges drawn, weak to strong."""

    width: float
    height: float
    orientation: str
    x: Floats
    y: Floats
    r: Floats
    slots: dict[int, Slot]
    places: dict[int, EdgePlace]
    name_rows: tuple[int, int]
    """Rows in which names of inputs and outputs stand, upright: long neighbours take turns."""


@dataclass(frozen=True)
class _LayoutInputs:
    """Everything that placing one gap needs."""

    graph: Graph
    labelled: Collection[int]
    up: bool
    max_side: float
    along: float
    across: float
    gap: float
    u: Floats
    v: Floats
    slots: dict[int, Slot]


@dataclass(frozen=True)
class _Stack:
    count: int
    side: float
    labels: bool
    stacks: int


def layout(graph: Graph, room: DrawingSpace, labelled: Collection[int] = ()) -> Layout:
    """Lay a network out; ``labelled`` are the edges that have a formula under their box."""
    up = room.orientation == "up"
    rows = _name_rows(graph, room) if up else (1, 1)
    before, after = (
        PAD + (NAME_HEIGHT + (n - 1) * NAME_ROW if up else names + NAME_ROOM)
        for n, names in zip(rows, (room.in_names, room.out_names), strict=True)
    )
    scale = LARGER if room.height else 1
    goal = (room.height or MAX_HEIGHT) if up else room.width
    widest = MAX_GAP[room.orientation] * scale
    gap = min(widest, max(MIN_GAP, (goal - before - after) / graph.depth))
    needed = before + after + gap * graph.depth
    if up:
        along, across = max(room.height or 0, math.ceil(needed)), room.width
    else:
        along, across = max(room.width, math.ceil(needed)), room.height or _height(graph, gap)
    u, v, r = _place_nodes(graph, before + (along - needed) / 2, gap, across)
    slots = _place_slots(graph, u, v, gap)
    side = MAX_SIDE * scale
    inputs = _LayoutInputs(graph, labelled, up, side, along, across, gap, u, v, slots)
    stacks = [_stack_of(inputs, l) for l in range(graph.depth)]
    # Stacks beside each other look calm when they do not differ too much.
    largest = MAX_RATIO * min((s.side for s in stacks if s.side > 0), default=math.inf)
    places: dict[int, EdgePlace] = {}
    for l, (share, s) in enumerate(zip(_share_out(graph, MAX_DRAWN), stacks, strict=True)):
        _place_gap(
            inputs,
            l,
            share,
            dataclasses.replace(s, side=math.floor(min(largest, s.side))),
            places,
        )
    return _to_page(inputs, r, places, room.orientation, rows)


def name_widths(
    depth: int, width: float, orientation: str, least: float, needed: tuple[float, float]
) -> tuple[float, float]:
    """Return what the widest names get: beside a network what its gaps leave, upright a row.

    Parameters
    ----------
    depth:
        The number of layers of edges.
    width:
        The width of the picture.
    orientation:
        ``"right"`` or ``"up"``.
    least:
        What a name may take in any case.
    needed:
        The widths of the widest names of inputs and outputs.
    """
    inputs, outputs = needed
    if orientation == "up":
        return min(inputs, width - 2 * PAD), min(outputs, width - 2 * PAD)
    free = width - depth * MAX_GAP["right"] - 2 * (PAD + NAME_ROOM)
    after = min(outputs, max(least, free - min(inputs, least)))
    return min(inputs, max(least, free - after)), after


def _name_rows(graph: Graph, room: DrawingSpace) -> tuple[int, int]:
    used = graph.nodes_with_edges()

    def rows(l: int, widest: float) -> int:
        nodes = used[graph.node_offset[l] : graph.node_offset[l] + graph.width[l]]
        pitch = (room.width - 2 * PAD) / (int(nodes.sum()) or len(nodes))
        return max(1, min(MAX_NAME_ROWS, math.ceil((widest + NAME_BETWEEN) / pitch)))

    return rows(0, room.in_names), rows(graph.depth, room.out_names)


def _height(graph: Graph, gap: float) -> float:
    """Return the height at which boxes are as large as the gap allows, with no empty space."""
    wide = BOX_SHARE["right"] * gap
    wish: float = MIN_HEIGHT
    for l in range(graph.depth):
        boxes = int(graph.mask[graph.edge_offset[l] : graph.edge_offset[l + 1]].sum())
        stacks, widest = _stacks_for(boxes, MAX_HEIGHT - 2 * PAD, wide, MAX_SIDE)
        wish = max(wish, 2 * PAD + _sides(stacks, boxes) * widest)
    used = graph.nodes_with_edges()
    for l, n in enumerate(graph.width):
        first = graph.node_offset[l]
        live = int(used[first : first + n].sum())
        wish = max(wish, 2 * PAD + LIVE_PITCH * live + DEAD_PITCH * (n - live))
    return math.ceil(min(MAX_HEIGHT, wish))


def _place_nodes(
    graph: Graph, start: float, gap: float, across: float
) -> tuple[Floats, Floats, Floats]:
    used, order = graph.nodes_with_edges(), node_order(graph)
    u, v, r = (np.zeros(len(used)) for _ in range(3))
    for l in range(len(graph.width)):
        first = graph.node_offset[l]
        nodes = first + np.array(order[l])
        at, pitch, live = _column_positions(used[nodes], across - 2 * PAD)
        u[nodes] = start + l * gap
        v[nodes] = PAD + at
        most = np.where(live, LIVE_RADIUS, DEAD_RADIUS)
        r[nodes] = np.maximum(1, np.minimum(most, 0.36 * pitch))
    return u, v, r


def _column_positions(used: Bools, room: float) -> tuple[Floats, Floats, Bools]:
    """The live share the room evenly; each run of the others is close together between them."""
    n, count = len(used), int(used.sum())
    live = used if count else np.ones(n, bool)
    step = room / (count or n)
    at, pitch = np.zeros(n), np.full(n, step)
    at[live] = (np.arange(live.sum()) + 0.5) * step
    i = 0
    while i < n:
        if live[i]:
            i += 1
            continue
        end = i
        while end + 1 < n and not live[end + 1]:
            end += 1
        low = 0.0 if i == 0 else at[i - 1]
        high = room if end == n - 1 else at[end + 1]
        small = min(DEAD_PITCH, (high - low) / (end - i + 2))
        for j in range(i, end + 1):
            at[j] = (low + high) / 2 + (j - (i + end) / 2) * small
            pitch[j] = small
        i = end + 1
    return at, pitch, live


def _place_slots(graph: Graph, u: Floats, v: Floats, gap: float) -> dict[int, Slot]:
    slots = {}
    for node, its in graph.products.items():
        for k, slot in enumerate(its):
            across = v[node] + (k - (len(its) - 1) / 2) * SLOT_PITCH
            slots[slot] = Slot(node, u[node] - min(SLOT_DISTANCE, gap / 5), across)
    return slots


def _stack_of(inputs: _LayoutInputs, l: int) -> _Stack:
    """How many boxes the stack of a gap has, how large, and whether formulas fit under them."""
    graph, gap = inputs.graph, inputs.gap
    first, end = graph.edge_offset[l], graph.edge_offset[l + 1]
    on = int(graph.mask[first:end].sum())
    formulas = sum(1 for e in inputs.labelled if first <= e < end and graph.mask[e])
    room = inputs.across - 2 * PAD
    wide = BOX_SHARE["up" if inputs.up else "right"] * gap

    stacks, widest = _stacks_for(on, room, wide, inputs.max_side)
    count = min(on, max(0, math.floor((room / MIN_SIDE - 1) / PITCH * stacks + 1)))
    if count == 0:
        return _Stack(0, 0, False, stacks)
    # Along the stack a label takes room from the boxes; beside it there is enough.
    below = 0 if inputs.up else LABEL_ROOM * min(formulas, count)
    sides = _sides(stacks, count)
    labels = min(widest, (room - below) / sides) >= LABELLED_SIDE
    return _Stack(count, min(widest, (room - (below if labels else 0)) / sides), labels, stacks)


def _sides(stacks: int, boxes: int) -> float:
    """Return how many sides long a stack is, of ``stacks`` with so many boxes in all."""
    return (boxes - 1) * PITCH / stacks + 1


def _stacks_for(boxes: int, room: float, wide: float, max_side: float) -> tuple[int, float]:
    """Return in how many stacks boxes are largest, and how large each can be for the width."""

    def widest(stacks: int) -> float:
        return min(max_side, wide / ((stacks - 1) * STACK_PITCH + 1))

    def side(stacks: int) -> float:
        return min(widest(stacks), room / _sides(stacks, boxes))

    stacks = 1
    for k in range(2, MAX_STACKS + 1):
        # Between the boxes of two stacks lines can pass, of more they cannot.
        enough = CALM_SIDE if stacks == 1 else READABLE_SIDE
        if widest(k) < MIN_SIDE or side(stacks) >= enough:
            break
        # Where not all have room, as many as possible have.
        if side(k) > side(stacks) or side(stacks) < MIN_SIDE:
            stacks = k
    return stacks, widest(stacks)


def _share_out(graph: Graph, total: int) -> list[int]:
    """Lines for each gap: an equal share, and what a small gap leaves over goes to the others."""
    sizes = np.diff(graph.edge_offset).tolist()
    shares, left = [0] * len(sizes), total
    for k, l in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        shares[l] = min(sizes[l], left // (len(sizes) - k))
        left -= shares[l]
    return shares


def _place_gap(
    inputs: _LayoutInputs, l: int, share: int, made: _Stack, places: dict[int, EdgePlace]
) -> None:
    graph, u, v, side = inputs.graph, inputs.u, inputs.v, made.side
    ids = np.arange(graph.edge_offset[l], graph.edge_offset[l + 1])
    strong_first = np.lexsort((ids, -graph.scores[ids], ~graph.mask[ids]))
    drawn: list[int] = ids[strong_first][:share].tolist()
    ends: dict[int, tuple[float, float, float, float]] = {}
    for e in drawn:
        a, b, slot = graph.source[e], graph.target[e], inputs.slots.get(int(graph.slot[e]))
        end = (slot.x, slot.y) if slot else (float(u[b]), float(v[b]))
        ends[e] = (float(u[a]), float(v[a]), *end)

    def by_middle(a: int, b: int) -> int:
        (_, start_a, _, end_a), (_, start_b, _, end_b) = ends[a], ends[b]
        return int(np.sign(start_a + end_a - start_b - end_b or start_a - start_b or a - b))

    def below(e: int) -> float:
        return LABEL_ROOM if made.labels and not inputs.up and e in inputs.labelled else 0

    on = [e for e in drawn if graph.mask[e]][: made.count]
    on.sort(key=functools.cmp_to_key(by_middle))
    middle = (u[graph.node_offset[l]] + u[graph.node_offset[l + 1]]) / 2
    tops = _stack_positions(
        [(ends[e][1] + ends[e][3] - side) / 2 for e in on],
        [side * PITCH / made.stacks + below(e) for e in on],
        PAD,
        inputs.across - PAD - side - (below(on[-1]) if on else 0),
    )
    boxes = {
        e: Box(
            _round(
                middle - side / 2 + (k % made.stacks - (made.stacks - 1) / 2) * STACK_PITCH * side
            ),
            _round(top),
            side,
        )
        for k, (e, top) in enumerate(zip(on, tops, strict=True))
    }
    # Between the boxes of two stacks lines can turn round them, of more they cannot.
    to_box = bent_path if made.stacks > 2 else boxed_path
    for e in reversed(drawn):
        box = boxes.get(e)
        path = to_box(ends[e], box) if box else direct_path(ends[e])
        places[e] = EdgePlace(path, box, made.labels and box is not None and e in inputs.labelled)


def _stack_positions(
    wishes: Sequence[float], pitch: Sequence[float], low: float, high: float
) -> list[float]:
    """Tops of a stack of boxes, each as near as possible to its wish (least squares)."""
    offsets: list[float] = [0]
    for step in pitch:
        offsets.append(offsets[-1] + step)
    pools: list[tuple[float, int]] = []
    for k, wish in enumerate(wishes):
        pools.append((wish - offsets[k], 1))
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            (a, m), (b, n) = pools[-2:]
            pools[-2:] = [(a + b, m + n)]
    last = max(low, high - (offsets[len(wishes) - 1] if wishes else 0))
    level = [min(last, max(low, total / n)) for total, n in pools for _ in range(n)]
    return [y + offset for y, offset in zip(level, offsets, strict=False)]


def _to_page(
    inputs: _LayoutInputs,
    r: Floats,
    places: dict[int, EdgePlace],
    orientation: str,
    rows: tuple[int, int],
) -> Layout:
    """From along and across to x and y: what flows up is mirrored and swapped."""
    along, across = inputs.along, inputs.across
    if not inputs.up:
        return Layout(along, across, orientation, inputs.u, inputs.v, r, inputs.slots, places, rows)

    def turned(place: EdgePlace) -> EdgePlace:
        p, box = place.path, place.box
        path = tuple(along - p[k - 1] if k % 2 else p[k + 1] for k in range(len(p)))
        square = Box(box.y, along - box.x - box.side, box.side) if box else None
        return EdgePlace(path, square, place.label)

    return Layout(
        across,
        along,
        orientation,
        inputs.v,
        along - inputs.u,
        r,
        {k: Slot(slot.node, slot.y, along - slot.x) for k, slot in inputs.slots.items()},
        {e: turned(place) for e, place in places.items()},
        rows,
    )


def _round(number: float) -> int:
    """Round halves up, as JavaScript does."""
    return math.floor(number + 0.5)
