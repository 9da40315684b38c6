"""Where the picture of a network has its nodes, boxes and lines, as Python lays it out."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from kanwidget.figure.graph import Graph
from kanwidget.figure.layout import DrawingSpace, Layout, layout

WIDTHS = ([2, 5, 1], [1, 1], [3, 2], [2, 3, 3, 2], [4, 10, 5, 1], [3, 4, 1, 4, 2], [12, 3, 2])
PRODUCTS = (
    ([2, 2, 1], [[0, 0, 1], [0]]),
    ([3, 2, 3, 2], [[1, 0, 1, 1], [2, 0, 1, 0], [0, 1]]),
)
WIDE = [60, 45, 6]
"""More edges than are drawn."""


def layouts() -> dict[str, Any]:
    """Networks under masks in rooms, and where everything is; lengths in CSS pixels."""
    rng = random.Random(7)
    networks: list[tuple[list[int], list[list[int]]]] = [(width, []) for width in WIDTHS]
    networks += PRODUCTS
    cases = [
        _case(rng, *net, keep, orientation)
        for net in networks
        for keep in (1.0, 0.6, 0.15)
        for orientation in ("right", "up")
    ]
    return {"cases": cases, "wide": _wide(rng)}


def _case(
    rng: random.Random, width: list[int], slots: list[list[int]], keep: float, orientation: str
) -> dict[str, Any]:
    graph = _graph(rng, width, slots, keep)
    room = {
        "width": rng.randrange(320, 1400),
        "inNames": rng.randrange(8, 120),
        "outNames": rng.randrange(8, 120),
        "orientation": orientation,
    }
    if rng.random() < 0.25:
        room["height"] = rng.randrange(500, 1000)
    on = np.flatnonzero(graph.mask).tolist()
    labelled = sorted(rng.sample(on, rng.randrange(min(4, len(on) + 1))))
    made = layout(graph, _room(room), labelled)
    return _given(graph, room) | {"labelled": labelled, "layout": _told(made)}


def _wide(rng: random.Random) -> dict[str, Any]:
    graph = _graph(rng, WIDE, [], 0.8)
    room = {"width": 900, "inNames": 20, "outNames": 30, "orientation": "right"}
    made = layout(graph, _room(room))
    boxed = [e for e, place in made.places.items() if place.box]
    return _given(graph, room) | {"drawn": sorted(made.places), "boxed": boxed}


def _graph(rng: random.Random, width: list[int], slots: list[list[int]], keep: float) -> Graph:
    ends = [len(layer) for layer in slots] or width[1:]
    edges = sum(n * m for n, m in zip(width, ends, strict=False))
    baseline = [rng.random() < 0.9 for _ in range(edges)]
    # Short numbers, some of them equal: ties are where two languages would part.
    scores = [round(10 ** rng.uniform(-3, 0), 2) for _ in range(edges)]
    mask = [on and rng.random() < keep for on in baseline]
    return Graph(width, np.array(scores), np.array(baseline), np.array(mask), slots)


def _room(room: dict[str, Any]) -> DrawingSpace:
    names = room["inNames"], room["outNames"]
    return DrawingSpace(room["width"], *names, room.get("height"), room["orientation"])


def _given(graph: Graph, room: dict[str, Any]) -> dict[str, Any]:
    return {
        "width": list(graph.width),
        "slots": [list(layer) for layer in graph.slots],
        "scores": graph.scores.tolist(),
        "baseline": graph.baseline.astype(int).tolist(),
        "mask": graph.mask.astype(int).tolist(),
        "room": room,
    }


def _told(made: Layout) -> dict[str, Any]:
    def short(numbers: Any) -> list[float]:
        rounded = (round(float(number), 3) for number in numbers)
        return [int(number) if number.is_integer() else number for number in rounded]

    return {
        "size": short([made.width, made.height]),
        "x": short(made.x),
        "y": short(made.y),
        "r": short(made.r),
        "slots": [[k, s.node, *short([s.x, s.y])] for k, s in made.slots.items()],
        "places": [
            [e, short(place.path), place.box and short(place.box), place.label]
            for e, place in made.places.items()
        ],
    }
