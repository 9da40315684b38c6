"""The matplotlib figure of a KAN: the diagram that pykan's users know, in vector lines."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from kanwidget.masks import effective, validate

from .arrays import as_array
from .layer_stack import LayerStack

__all__ = ["KANFigure", "plot"]

LAYER_HEIGHT = 0.4
"""Height between two node layers, where the diagram is 1 wide."""

MAX_ROWS_PER_CURVE = 256
"""Most rows of data that a curve is drawn through, spread evenly over the sorted inputs."""

MIN_OPACITY = 0.01
"""Edges fainter than this are left out."""


CSS_PIXELS_PER_INCH = 100
"""CSS pixels for an inch, in a notebook."""


class KANFigure(Figure):
    """A figure that a notebook shows as the value of a cell, with pyplot never imported."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        # Twice as many pixels as it is shown in: sharp on fine screens, and in print.
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=2 * CSS_PIXELS_PER_INCH, bbox_inches="tight")
        png = buffer.getvalue()
        width, height = struct.unpack(">II", png[16:24])  # where a PNG has its size
        return png, {"width": round(width / 2), "height": round(height / 2)}


def plot(
    model: LayerStack,
    *,
    beta: float = 3.0,
    mask: bool | float = False,
    mode: str = "supervised",
    scale: float = 0.5,
    tick: bool = False,
    sample: bool = False,
    in_vars: Sequence[str] | None = None,
    out_vars: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a KAN, inputs at the bottom, on the data that it last saw; named edges are red.

    Parameters
    ----------
    beta : float
        Opacity of an edge is ``tanh(beta * score)``.
    mask : bool or float
        Leave out what `KAN.prune` would take: True at its default threshold, or at this one.
    mode : {"supervised", "unsupervised"}
        Whether an edge's score is its mean absolute output or its standard deviation.
    scale : float
        Size of the figure; 0.5 is 5 inches wide.
    tick : bool
        Whether to write the range of each curve at its box.
    sample : bool
        Whether to mark the rows of data on each curve (256 of them at most).
    in_vars, out_vars : list of str, optional
        Names of inputs and outputs.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot, so there is nothing to close. A notebook shows it if it is the
        value of a cell; ``figure.savefig("kan.svg")`` keeps it as lines.

    Raises
    ------
    ValueError
        If the model has seen no data, or names do not fit its width.
    """
    width = model.width
    for name, names, n in (("in_vars", in_vars, width[0]), ("out_vars", out_vars, width[-1])):
        if names is not None and len(names) != n:
            raise ValueError(f"{name} must hold {n} names for KAN({width}), got {len(names)}")
    if validate.check_number(scale, "scale") == 0:
        raise ValueError("scale must be above 0, got 0")
    if mode not in ("supervised", "unsupervised"):
        raise ValueError(f"mode must be 'supervised' or 'unsupervised', got {mode!r}")
    x = model.seen()
    with torch.no_grad():
        values = model.propagate(x)
    opacity = [torch.tanh(beta * score) for score in _edge_scores(model, values, mode)]
    if mask is not False:
        threshold = validate.check_number(1e-2 if mask is True else mask, "mask")
        kept = effective.effective_mask(model.mask, model.scores(x), threshold)
        opacity = [a * k for a, k in zip(opacity, kept, strict=True)]

    rows = (
        torch.linspace(0, len(x) - 1, min(len(x), MAX_ROWS_PER_CURVE), dtype=torch.float64)
        .round()
        .long()
    )
    height = LAYER_HEIGHT * (len(width) - 1)
    figure = KANFigure(figsize=(10 * scale, 10 * scale * height))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(-0.1 * LAYER_HEIGHT, height + 0.1 * LAYER_HEIGHT))
    axes.axis("off")
    for l, layer in enumerate(model.layers):
        with torch.no_grad():
            points = values[l].sort(dim=0).values[rows]  # each column by itself
            curves = layer.activations(points)  # (n_out, n_in, len(rows))
        # Half the side of a box, and the width in points of a curve that suits it, as in pykan.
        half = LAYER_HEIGHT / max(3, *(a * b for a, b in pairwise(width)))
        thick = max(1.5 * scale, 0.025 * 2 * half * 10 * scale * 72)
        named = layer.named_edges
        for j, i in (opacity[l] > MIN_OPACITY).nonzero().tolist():
            color = "black" if named is None or not named.on[j, i] else "red"
            ink: dict[str, Any] = {"color": color, "alpha": float(opacity[l][j, i])}
            middle = _position(i * width[l + 1] + j, width[l] * width[l + 1])
            low, high = (l + 0.5) * LAYER_HEIGHT - half, (l + 0.5) * LAYER_HEIGHT + half
            for end, dock, at in (
                (_position(i, width[l]), low, l),
                (_position(j, width[l + 1]), high, l + 1),
            ):
                axes.plot([end, middle], [at * LAYER_HEIGHT, dock], lw=2 * scale, **ink)
            box = axes.inset_axes(
                (middle - half, low, 2 * half, 2 * half), transform=axes.transData
            )
            _draw_edge(box, points[:, i], curves[j, i], scale, thick, tick, sample, ink)
    size = (100 * scale / max(5, *width)) ** 2
    for l, n in enumerate(width):
        axes.scatter(
            [_position(i, n) for i in range(n)], [l * LAYER_HEIGHT] * n, s=size, color="black"
        )
    font = 40 * scale
    for names, y in ((in_vars, -0.1), (out_vars, height + 0.1)):
        for i, name in enumerate(names or ()):
            axes.text(
                _position(i, len(names or ())), y, name, fontsize=font, ha="center", va="center"
            )
    if title is not None:
        axes.text(0.5, height + 0.2, title, fontsize=font, ha="center", va="center")
    return figure


def _edge_scores(model: LayerStack, values: Sequence[Tensor], mode: str) -> list[Tensor]:
    with torch.no_grad():
        if mode == "supervised":
            return model.scores(values[0])
        return [
            layer.activations(x).std(dim=2) for layer, x in zip(model.layers, values, strict=False)
        ]


def _position(index: int, count: int) -> float:
    return (index + 0.5) / count


def _draw_edge(
    box: Axes,
    points: Tensor,
    curve: Tensor,
    scale: float,
    thick: float,
    tick: bool,
    sample: bool,
    ink: dict[str, Any],
) -> None:
    x, y = as_array(points), as_array(curve)
    box.plot(x, y, lw=thick, solid_capstyle="round", **ink)
    if sample:
        box.scatter(x, y, s=8 * thick, **ink)
    box.set(xticks=[], yticks=[])
    box.patch.set_alpha(0)
    for spine in box.spines.values():
        spine.set(linewidth=scale, **ink)
    if tick:
        small = {"fontsize": 10 * scale, "transform": box.transAxes, **ink}
        box.text(0.02, -0.02, f"{x[0]:.2g}", ha="left", va="top", **small)
        box.text(0.98, -0.02, f"{x[-1]:.2g}", ha="right", va="top", **small)
        box.text(-0.02, 0.02, f"{y.min():.2g}", ha="right", va="bottom", **small)
        box.text(-0.02, 0.98, f"{y.max():.2g}", ha="right", va="top", **small)
