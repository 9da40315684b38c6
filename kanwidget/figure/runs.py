"""The runs of a sweep as a picture: test loss against edges left, and the front as steps."""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ticker import MaxNLocator

from kanwidget.sweep import Sweep

from .canvas import PAPER, Picture

__all__ = ["runs_figure"]

INK, POINT = "#1f2328", "#0072b2"
"""The view's ink and accent."""

HEIGHT = 0.45
"""Of its width."""


def runs_figure(sweep: Sweep, *, width: float = 8.0, title: str | None = None) -> Picture:
    """Draw the runs that have ended.

    Parameters
    ----------
    sweep : Sweep
    width : float
        In inches.
    title : str, optional

    Returns
    -------
    Picture
        A `matplotlib.figure.Figure` that pyplot does not know.
    """
    made = Picture(figsize=(width, HEIGHT * width), facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(made)
    axes = made.subplots()
    usable, front = [run for run in sweep.runs if run.usable], sweep.front()
    edges = [run.active_edges or 0 for run in usable]
    losses = [run.test_loss for run in usable]
    axes.plot(edges, losses, "o", color=POINT, alpha=0.6, markersize=4, markeredgewidth=0)
    if front:
        corners = [(run.active_edges, run.test_loss) for run in front]
        # To the right end, since more edges gave nothing better.
        corners.append((max(edges), corners[-1][1]))
        x, y = zip(*corners, strict=True)
        axes.step(x, y, "-", where="post", color=INK, linewidth=1.2)
    if losses and min(losses) > 0:
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="edges left", ylabel="test loss", title=title or "")
    axes.spines[["top", "right"]].set_visible(False)
    return made
