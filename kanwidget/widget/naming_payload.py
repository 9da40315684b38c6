"""What a view reads of names for curves, as arrays and plain lists: pure functions, no traits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kanwidget.formula.naming_search import NamingStep
from kanwidget.functions.curve import NamedCurve
from kanwidget.kan.json_numbers import finite
from kanwidget.masks.ids import Edge
from kanwidget.session.naming_results import NamingResult
from kanwidget.session.naming_run import NamingRun

__all__ = [
    "EdgeNames",
    "FormulaText",
    "candidate_curves",
    "candidate_rows",
    "formula_state",
    "name_rows",
    "naming_state",
]

Floats = NDArray[np.float64]

MAX_TEXT = 200_000
"""Characters of a formula in one of its forms; a longer one is left out."""


@dataclass
class CandidateName:
    """A function that might name an edge, and what is known of it so far.

    Attributes
    ----------
    curve : NamedCurve
    r2 : float
    in_group : bool
        Whether it cannot be told apart from the best.
    y : ndarray, shape (samples,)
        Its values where the edge's curve is sampled.
    losses : (float, float), optional
        The network's loss with it, and after a short refit of everything.
    """

    curve: NamedCurve
    r2: float
    in_group: bool
    y: Floats
    losses: tuple[float, float] | None = None


@dataclass
class EdgeNames:
    """What might name one edge, the best first.

    Attributes
    ----------
    edge : (l, i, j)
    rows : list of CandidateName
    busy : bool
        Whether there is more to find out.
    error : str
        Why there are none, in words.
    """

    edge: Edge
    rows: list[CandidateName] = field(default_factory=list)
    busy: bool = True
    error: str = ""


@dataclass
class FormulaText:
    """A network's formula in all its forms; see `formula_state`."""

    digits: int
    exact: bool
    busy: bool = True
    error: str = ""
    mathml: str = ""
    words: str = ""
    latex: str = ""
    python: str = ""
    sympy: str = ""
    loss: float | None = None
    loss_refit: float | None = None
    blame: tuple[Edge, float] | None = None
    unnamed: list[Edge] = field(default_factory=list)


def name_rows(names: Mapping[Edge, NamedCurve]) -> list[list[Any]]:
    """Return edges with their functions and constants; those that are not finite are left out."""
    rows = []
    for edge, curve in sorted(names.items()):
        constants = [float(value) for value in (curve.a, curve.b, curve.c, curve.d)]
        if all(map(math.isfinite, constants)):
            rows.append([*edge, curve.function, *constants])
    return rows


def candidate_rows(found: Sequence[EdgeNames]) -> list[dict[str, Any]]:
    """Return for each edge what might name it.

    ``r2``, ``loss`` (with the name as fitted) and ``loss_after`` (after a short refit) are None as
    long as they are unknown, or if they are no numbers.
    """
    return [
        {
            "edge": list(names.edge),
            "busy": names.busy,
            "error": names.error,
            "rows": [_candidate_row(row) for row in names.rows],
        }
        for names in found
    ]


def candidate_curves(found: Sequence[EdgeNames]) -> NDArray[np.float32] | None:
    """Return the curves of all candidates, ``(candidates, samples)``, in the same order."""
    rows = [row.y for names in found for row in names.rows]
    return np.stack(rows).astype(np.float32) if rows else None


def formula_state(text: FormulaText | None) -> dict[str, Any]:
    """Return the network's formula.

    ``mathml`` links terms with edges, ``words`` are to be read aloud; ``latex``, ``python`` and
    ``sympy`` are to be copied. ``loss`` is that of the formula as it is written, ``loss_refit``
    that of the network after all its numbers have been fitted anew, ``blame`` the edge whose name
    costs most, and the loss with a spline there: ``[l, i, j, loss]``.
    """
    if text is None:
        return {}
    return {
        "digits": text.digits,
        "exact": text.exact,
        "busy": text.busy,
        "error": text.error,
        **{n: _short(getattr(text, n)) for n in ("mathml", "words", "latex", "python", "sympy")},
        "loss": finite(text.loss),
        "loss_refit": finite(text.loss_refit),
        "blame": [] if text.blame is None else [*text.blame[0], finite(text.blame[1])],
        "unnamed": [list(edge) for edge in text.unnamed],
    }


def naming_state(
    run: NamingRun[NamingResult],
    steps: Sequence[NamingStep],
    tolerance: float,
    edges: int,
    loss_start: float | None,
    at: int,
    count: int | None,
) -> dict[str, Any]:
    """Return how the last search for all names is.

    ``state`` is "running" or "ended", ``edges`` are those without a name at its start. ``steps``
    are the names in the order in which they were taken, ``[l, i, j, function, loss, complexity,
    edges still without a name]``, and ``at`` says how many of them the network has now: -1 if it
    has become another one. ``said`` is what came of it, ``error`` what was wrong, in words.
    """
    error = run.error
    words = "" if error is None else str(error)
    if not isinstance(error, (ValueError, TypeError, RuntimeError, type(None))):
        words = f"{type(error).__name__}: {words}"
    said = "" if run.result is None or count is not None else run.result.text
    return {
        "number": run.number,
        "state": "running" if run.running else "ended",
        "tolerance": tolerance,
        "edges": edges,
        "steps": [
            [*s.edge, s.function, finite(s.loss), int(s.complexity), s.unnamed] for s in steps
        ],
        "at": at,
        "loss_start": finite(loss_start),
        "said": said,
        "error": words,
    }


def _candidate_row(row: CandidateName) -> dict[str, Any]:
    curve, losses = row.curve, row.losses or (math.nan, math.nan)
    return {
        "function": curve.function,
        **{name: finite(getattr(curve, name)) or 0.0 for name in "abcd"},
        "r2": finite(row.r2) or 0.0,
        "loss": finite(losses[0]),
        "loss_after": finite(losses[1]),
        "in_group": row.in_group,
    }


def _short(text: str) -> str:
    """Return a text that JSON and a page can hold, or nothing if it is too long."""
    whole = text.encode("utf-8", "replace").decode()
    return whole if len(whole) <= MAX_TEXT else ""
