"""Draws a session as a figure, saves it, and makes the PNG of a saved notebook."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kanwidget.kan.atomic_write import atomic_write
from kanwidget.masks.validate import check_number
from kanwidget.session import PruningSession

from . import matrix, network
from .canvas import CSS_PIXELS_PER_INCH, Picture, Sheet
from .importance import DEFAULT_BETA
from .snapshot import read_snapshot
from .text import fit, runs_of

__all__ = ["IMAGE_SUFFIXES", "MAX_PREVIEW_CHARACTERS", "figure", "png_preview", "save"]

IMAGE_SUFFIXES = (".svg", ".png", ".pdf")
VIEWS = ("auto", "network", "matrix")
TITLE_HEIGHT, TITLE_SIZE = 30, 16
NOTE_HEIGHT = 24
DPI = 300

MAX_PREVIEW_CHARACTERS = 300_000
"""Characters that a picture may add to a notebook, at the most."""


def figure(
    session: PruningSession,
    in_vars: Sequence[str] | None = None,
    out_vars: Sequence[str] | None = None,
    *,
    width: float = 8.0,
    title: str | None = None,
    orientation: str = "right",
    removed: str = "faint",
    view: str = "auto",
    input_shape: Sequence[int] = (),
    beta: float = DEFAULT_BETA,
    shared_scale: bool = False,
) -> Picture:
    """Draw a session's present state, as the widget does.

    Parameters
    ----------
    session : PruningSession
    in_vars, out_vars : sequence of str, optional
        Names of inputs and outputs; ``x_1`` and ``x^2`` get scripts.
    width : float
        In inches. Names have 10.5 points, unless a deep network needs more room than there is.
    title : str, optional
    orientation : {"right", "up"}
        Where the inputs lead.
    removed : {"faint", "hidden"}
        Whether edges and nodes that are off are drawn faintly, or not at all.
    view : {"auto", "network", "matrix"}
        Lines with curves on them, of which the strongest 2,000 are drawn, or a matrix for each
        layer; by default matrices if any layer has more than 22 edges that are on.
    input_shape : (int, int), optional
        Rows and columns of inputs that are an image: matrices show a map for each node.
    beta : float
        How dark weak edges are, as in pykan's ``plot``: the larger, the darker.
    shared_scale : bool
        Whether the curves into one node share a scale, so that a flat one looks flat.

    Returns
    -------
    Picture
        A `matplotlib.figure.Figure` of lines and text that pyplot does not know.

    Raises
    ------
    ValueError, TypeError
        If a choice is none of those above, or names do not fit.
    RuntimeError
        If the session is closed.
    """
    _check("orientation", orientation, ("right", "up"))
    _check("removed", removed, ("faint", "hidden"))
    _check("view", view, VIEWS)
    if check_number(width, "width") == 0:
        raise ValueError("width must be above 0, got 0")
    shape = list(input_shape)
    if shape and (len(shape) != 2 or shape[0] * shape[1] != session.width[0]):
        raise ValueError(f"input_shape {tuple(shape)} does not hold the {session.width[0]} inputs")
    usual = session.variable_names
    names = [
        list(usual[k] if given is None else given) for k, given in enumerate((in_vars, out_vars))
    ]
    for name, given, expected in zip(("in_vars", "out_vars"), names, usual, strict=True):
        if len(given) != len(expected):
            raise ValueError(f"{name} must hold {len(expected)} names, got {len(given)}")
    state = read_snapshot(session, names[0], names[1], check_number(beta, "beta"), shared_scale)
    above = TITLE_HEIGHT if title else 0
    if view == "matrix" or (view == "auto" and matrix.is_preferred(state)):
        cells = matrix.layout_of(state, width * CSS_PIXELS_PER_INCH, shape, removed)
        sheet = Sheet(cells.width, cells.height, width, above)
        matrix.draw(sheet, state, cells, removed)
    else:
        made = network.layout_of(state, width * CSS_PIXELS_PER_INCH, orientation)
        top, bottom = network.vertical_extent(state, made, removed)
        missing = network.omission_note(state, made)
        below = NOTE_HEIGHT if missing else 0
        sheet = Sheet(made.width, bottom + below - top, width, above, top)
        network.draw(sheet, state, made, removed)
        if missing:
            network.draw_note(sheet, missing, bottom + below / 2 - 4)
    if title:
        runs = fit(runs_of(title), sheet.width - 20, TITLE_SIZE)
        sheet.text(
            runs, sheet.width / 2, sheet.top + 4 - above / 2, TITLE_SIZE, "center", name="title"
        )
    return sheet.figure


def save(made: Picture, path: str | os.PathLike[str], dpi: float = DPI) -> None:
    """Write a figure to a file, by its suffix: lines and text, or pixels if it is a PNG.

    Raises
    ------
    ValueError
        If the suffix is another one.
    """
    target = Path(path)
    check_path(target)
    if check_number(dpi, "dpi") == 0:
        raise ValueError("dpi must be above 0, got 0")
    with atomic_write(target) as beside:
        made.savefig(beside, format=target.suffix[1:].lower(), dpi=dpi)


def check_path(path: str | os.PathLike[str]) -> None:
    """Raise a ValueError unless a path ends like a picture that can be written."""
    if Path(path).suffix.lower() not in IMAGE_SUFFIXES:
        raise ValueError(f"an image ends in {', '.join(IMAGE_SUFFIXES)}; got {os.fspath(path)!r}")


def png_preview(made: Picture) -> tuple[str, dict[str, Any]] | None:
    """Return a PNG as text that is not too heavy for a notebook, and its size; else None.

    Not an SVG: GitHub and a JupyterLab that does not trust a notebook show no foreign ones.
    """
    for scale in (1.5, 1):
        png, size = made.png(scale)
        text = base64.b64encode(png).decode("ascii")
        if len(text) <= MAX_PREVIEW_CHARACTERS:
            return text, dict(size)
    return None


def _check(name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}; got {value!r}")
