"""A matplotlib figure that is drawn on in CSS pixels, and saved as lines and text."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch
from matplotlib.path import Path as Curve
from matplotlib.transforms import Affine2D
from numpy.typing import ArrayLike
from PIL import Image

from .paths import Box, Path
from .text import Run, mathtext, plain_text

__all__ = ["INK", "PAPER", "REMOVED", "SYMBOLIC", "Picture", "Sheet"]

# The view's light colours, see `js/src/canvas/theme.ts`.
INK, REMOVED, SYMBOLIC, PAPER = "#1f2328", "#0072b2", "#c04a00", "#ffffff"

CSS_PIXELS_PER_INCH = 96
"""CSS pixels in an inch."""

PNG_COLOURS = 64
"""Of a PNG in a notebook."""

_WHOLE = (Curve.MOVETO, *[Curve.CURVE4] * 3, Curve.LINETO, *[Curve.CURVE4] * 3)
_CUBIC = (Curve.MOVETO, *[Curve.CURVE4] * 3)

# Text stays text, and one state gives one file, byte by byte.
_SAVE_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kanwidget",
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "text.usetex": False,
    "savefig.bbox": None,
    "path.simplify": True,
}
VECTOR_FORMATS = ("svg", "svgz", "pdf", "ps", "eps")
_DATE_FIELDS = {"svg": "Date", "pdf": "CreationDate"}


class Picture(Figure):
    """A figure that pyplot does not know, so there is nothing to close.

    It saves as lines, with its text as text, whatever matplotlib's settings; a notebook shows it
    as the value of a cell.
    """

    def savefig(self, fname: Any, **options: Any) -> None:
        """Save it as `matplotlib.figure.Figure.savefig` does, on white unless told otherwise."""
        suffix = str(options.get("format") or fname).rpartition(".")[2].lower()
        options.setdefault("facecolor", PAPER)
        if suffix in _DATE_FIELDS:
            options["metadata"] = {_DATE_FIELDS[suffix]: None} | (options.get("metadata") or {})
        images = [image for axes in self.axes for image in axes.get_images()]
        try:
            for image in images if suffix in VECTOR_FORMATS else ():
                image.set_interpolation("none")  # each cell a pixel, however small the page
            with mpl.rc_context(_SAVE_SETTINGS):
                super().savefig(fname, **options)
        finally:
            for image in images:
                image.set_interpolation("antialiased")

    def png(self, scale: float = 2) -> tuple[bytes, dict[str, int]]:
        """Return it as a small PNG for a screen, and its size there in CSS pixels."""
        buffer, dpi = io.BytesIO(), self.get_dpi()
        try:
            with mpl.rc_context(_SAVE_SETTINGS):
                self.set_dpi(scale * CSS_PIXELS_PER_INCH)
                canvas: Any = FigureCanvasAgg(self)
                canvas.draw()
        finally:
            self.set_dpi(dpi)
        pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        # A fourth of the size, and faster to write: a network has few colours.
        few = pixels.quantize(PNG_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        # It mixes what is nearly white into the paper.
        few.putpalette([255 if value > 250 else value for value in few.getpalette() or []])
        few.save(buffer, "png", compress_level=3)
        width, height = pixels.size
        return buffer.getvalue(), {"width": round(width / scale), "height": round(height / scale)}

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        return self.png()


class Sheet:
    """Adds lines, boxes and texts to a figure of its own.

    Parameters
    ----------
    width, height : float
        In CSS pixels.
    inches : float
        How wide the figure is; text and lines become so much larger or smaller.
    above : float
        Room for a title, in CSS pixels.
    top : float
        Where it begins.
    """

    def __init__(
        self, width: float, height: float, inches: float, above: float = 0, top: float = 0
    ) -> None:
        self.width, self.height, self.top = width, height, top
        self.inches, self.pixel = inches, inches / width
        size = inches, (height + above) * self.pixel
        self.figure = Picture(
            figsize=size, dpi=CSS_PIXELS_PER_INCH, facecolor=PAPER, edgecolor=PAPER
        )
        self.figure.set_layout_engine("none")
        FigureCanvasAgg(self.figure)
        place = Affine2D().scale(self.pixel, -self.pixel).translate(0, (top + height) * self.pixel)
        self.transform = place + self.figure.dpi_scale_trans
        self._level = 0

    def points(self, pixels: float) -> float:
        """Return a length in points, as matplotlib has widths of lines and sizes of text."""
        return pixels * self.pixel * 72

    def _add(self, artist: Any, name: str | None) -> None:
        self._level += 1  # later is above, whatever it is
        artist.set(transform=self.transform, zorder=self._level, clip_on=False, gid=name)
        artist.set_sketch_params(None)
        self.figure.add_artist(artist)

    def stroke(self, curve: Curve, name: str | None, width: float, **ink: Any) -> None:
        """Draw any line."""
        # Their ends are level where they meet nodes and boxes, and open everywhere else.
        style = {"capstyle": "round", "joinstyle": "round", "antialiased": True}
        width = self.points(width)
        self._add(PathPatch(curve, fill=False, linewidth=width, **style, **ink), name)

    def lines(self, paths: list[Path], width: float, name: str | None = None, **ink: Any) -> None:
        """Draw lines of 16 numbers, or pieces of eight, all as one shape."""
        points = np.concatenate([np.reshape(path, (-1, 2)) for path in paths])
        codes = [code for path in paths for code in (_WHOLE if len(path) == 16 else _CUBIC)]
        self.stroke(Curve(points, codes), name, width, **ink)

    def polyline(
        self, points: ArrayLike, width: float, name: str | None = None, **ink: Any
    ) -> None:
        """Draw straight lines through points ``(n, 2)``, parted where one is not finite."""
        self.stroke(Curve(np.asarray(points)), name, width, **ink)

    def square(self, box: Box, width: float, name: str | None = None, **ink: Any) -> None:
        """Draw a box, its corners round, and its frame inside of it."""
        half, side = width / 2, box.side - width
        style = f"round,pad=0,rounding_size={min(4, box.side / 8)}"
        corner = (box.x + half, box.y + half)
        width = self.points(width)
        self._add(FancyBboxPatch(corner, side, side, boxstyle=style, linewidth=width, **ink), name)

    def image(self, pixels: Any, x: float, y: float, width: float, height: float) -> None:
        """Show an array ``(rows, columns, 3)`` of bytes in a rectangle."""
        whole, wide = (self.pixel / side for side in (self.figure.get_figheight(), self.inches))
        bottom = (self.top + self.height - y - height) * whole
        axes = self.figure.add_axes((x * wide, bottom, width * wide, height * whole))
        axes.set_axis_off()
        axes.imshow(pixels, aspect="auto", interpolation="antialiased")

    def dot(self, x: float, y: float, r: float, width: float = 0, **ink: Any) -> None:
        """Draw a disc, or a ring if it has a width."""
        name = ink.pop("name", None)
        self._add(Circle((x, y), r, linewidth=self.points(width), **ink), name)

    def text(
        self, runs: tuple[Run, ...], x: float, y: float, size: float, align: str, **style: Any
    ) -> None:
        """Write a text whose middle is at the height ``y``."""
        math, name = mathtext(runs), style.pop("name", None)
        style = {"color": INK, "usetex": False, "va": "baseline"} | style
        self._level += 1
        text: Any = self.figure.text
        text(
            x,
            y + 0.36 * size,
            plain_text(runs) if math is None else math,
            transform=self.transform,
            parse_math=math is not None,
            fontsize=self.points(size),
            ha=align,
            zorder=self._level,
            gid=name,
            **style,
        )
