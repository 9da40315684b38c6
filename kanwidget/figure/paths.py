"""Lines in the plane, as in `js/src/util/paths.ts`: the one form that every edge's line has."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Box", "Ends", "Path", "bent_path", "boxed_path", "direct_path"]

Path = tuple[float, ...]
"""Two cubic Beziers of four points each, joined by a straight piece: 16 numbers."""

Ends = tuple[float, float, float, float]

FAN = 0.3
"""How far a line turns to its box at a node: many from one node part at once."""


class Box(NamedTuple):
    """A square: its left, top and side."""

    x: float
    y: float
    side: float


def boxed_path(ends: Ends, box: Box) -> Path:
    """Return a line that crosses its box level, and leaves and arrives on the way to it."""
    x0, y0, x1, y1 = ends
    y = box.y + box.side / 2
    a, b = box.x, box.x + box.side
    c, d = (x0 + a) / 2, (b + x1) / 2
    start, end = y0 + FAN * (y - y0), y1 + FAN * (y - y1)
    return (x0, y0, c, start, c, y, a, y, b, y, d, y, d, end, x1, y1)


def bent_path(ends: Ends, box: Box) -> Path:
    """Return a line that is straight to its box and on: where all boxes are close together."""
    x0, y0, x1, y1 = ends
    y = box.y + box.side / 2
    a, b = box.x, box.x + box.side
    return (x0, y0, x0, y0, a, y, a, y, b, y, b, y, x1, y1, x1, y1)


def direct_path(ends: Ends) -> Path:
    """Return a straight line: what is gone fans out from its nodes."""
    x0, y0, x1, y1 = ends
    inner = (1 / 6, 1 / 3, 0.5, 0.5, 2 / 3, 5 / 6)
    points = [(x0 + (x1 - x0) * t, y0 + (y1 - y0) * t) for t in inner]
    return (x0, y0, *(number for point in points for number in point), x1, y1)
