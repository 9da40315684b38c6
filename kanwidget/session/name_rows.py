"""Names of edges as plain texts and numbers, which a file can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import ALIASES, FUNCTIONS
from kanwidget.masks.ids import Edge

__all__ = ["NameRow", "names_of_rows", "rows_of_names"]

NameRow = tuple[int, int, int, str, float, float, float, float, str]
"""Edge, function, a, b, c, d, and the letters of those that are fixed; no function: a spline."""


def rows_of_names(names: Mapping[Edge, NamedCurve | None]) -> tuple[NameRow, ...]:
    """Return names in rows."""
    rows = []
    for (l, i, j), curve in sorted(names.items(), key=lambda pair: pair[0]):
        c = curve or NamedCurve("", 0.0, 0.0, 0.0, 0.0)
        numbers = (float(c.a), float(c.b), float(c.c), float(c.d))
        rows.append((l, i, j, c.function, *numbers, "".join(sorted(c.fixed))))
    return tuple(rows)


def names_of_rows(content: object, known_only: bool = True) -> dict[Edge, NamedCurve | None]:
    """Return the names of rows that came from a file.

    Raises
    ------
    TypeError, ValueError
        If they are none, or a function is not in the library, unless that is not asked.
    """
    if not isinstance(content, Sequence) or isinstance(content, (str, bytes)):
        raise TypeError(f"names are a list of rows, got a {type(content).__name__}")
    names: dict[Edge, NamedCurve | None] = {}
    for row in content:
        l, i, j, function, *numbers, fixed = row
        edge = _whole(l), _whole(i), _whole(j)
        if not isinstance(function, str) or not isinstance(fixed, str):
            raise TypeError(f"the name of edge {edge} is not a text")
        if not function:
            names[edge] = None
            continue
        if known_only and ALIASES.get(function, function) not in FUNCTIONS:
            raise ValueError(
                f"edge {edge} is named {function[:40]!r}, which is not in the library: a function "
                "of one's own is code, which no file holds"
            )
        a, b, c, d = map(_number, numbers)
        names[edge] = NamedCurve(function, a, b, c, d, frozenset(fixed) & frozenset("abcd"))
    return names


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"an edge is three whole numbers, got {value!r:.40}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError(f"constants are finite numbers, got {value!r:.40}")
    return float(value)
