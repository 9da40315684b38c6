"""What a widget can be kept as: pictures, and a page that needs no Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from kanwidget.figure import Picture, figure, save
from kanwidget.figure.draw import DPI, check_path
from kanwidget.masks.validate import check_whole
from kanwidget.session import PruningSession

from . import html_export
from .public_traits import PublicTraits

__all__ = ["Exports", "ImageFile"]


class ImageFile:
    """What can be drawn with matplotlib can be saved as an image."""

    figure: Callable[..., Picture]

    def save_image(self, path: str | os.PathLike[str], *, dpi: float = DPI, **options: Any) -> None:
        """Save a picture of the present state: SVG, PNG or PDF, by the path's suffix.

        Lines are lines and text is text in SVG and PDF; one state always gives the same file.

        Parameters
        ----------
        path : path
        dpi : float
            Pixels of a PNG for each inch.
        **options
            As in `figure`.

        Raises
        ------
        ValueError
            If the suffix is another one.
        """
        check_path(path)
        save(self.figure(**options), path, dpi)


class Exports(PublicTraits, ImageFile):
    """The exports of a widget's traits and session; they change neither."""

    session: PruningSession
    data_rows: int | None

    def page_state(self) -> dict[str, Any]:
        """Return all that a view reads, by the names of the traits."""
        raise NotImplementedError

    def figure(
        self,
        *,
        width: float = 8.0,
        title: str | None = None,
        removed: str | None = None,
        orientation: str | None = None,
        view: str | None = None,
        beta: float | None = None,
        shared_scale: bool | None = None,
    ) -> Picture:
        """Draw the present state with matplotlib, laid out as in the view, on white.

        Parameters
        ----------
        width : float
            In inches. Names have 10.5 points, unless a deep network needs more room than that.
        title : str, optional
        removed : {"faint", "hidden"}, optional
            Whether edges and nodes that are off are drawn faintly, or not at all.
        orientation : {"right", "up"}, optional
        view : {"auto", "network", "matrix"}, optional
            As a matrix, each layer is a table of its edges.
        beta : float, optional
            How dark weak edges are, as in pykan's ``plot``.
        shared_scale : bool, optional
            Whether the curves into one node share a scale.

        What is not given is as in the view, and from left to right where the view chooses.

        Returns
        -------
        Picture
            A `matplotlib.figure.Figure` that pyplot does not know, so there is nothing to close.

        Raises
        ------
        ValueError
            If a choice is none of those above.
        RuntimeError
            If the widget is closed.
        """
        return figure(
            self.session,
            self.in_vars,
            self.out_vars,
            width=width,
            title=title,
            orientation=self._drawn_orientation() if orientation is None else orientation,
            removed=self.removed if removed is None else removed,
            view=self.view if view is None else view,
            input_shape=self.input_shape,
            beta=self.beta if beta is None else beta,
            shared_scale=self.shared_scale if shared_scale is None else shared_scale,
        )

    def _drawn_orientation(self) -> str:
        """Return where the inputs lead in a picture: what a view chooses, only the view knows."""
        return "right" if self.orientation == "auto" else self.orientation

    def to_html(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        title: str | None = None,
        data_rows: int | None = None,
    ) -> str:
        """Return the widget as a page that needs neither a kernel nor a network.

        Sliders, switches, cards and undo work there, on numbers that the page computes
        itself; they reach no model. A network of more than 2,000 edges is computed when nothing
        has been moved for a moment; its page is larger, 15 MB with 50,816 edges. Beyond 200,000
        edges it is only shown, with the losses that were measured here.

        A page computes the RMSE and torch's own MSE, L1, cross entropy and binary cross entropy
        with logits. Any other ``metric`` stays in Python: the page shows how far the outputs move
        instead, and says so.

        Parameters
        ----------
        path : path, optional
            Where to write it.
        title : str, optional
        data_rows : int, optional
            How many rows of the data the loss is measured on go into the page, from end to
            end, with their labels; its loss is that on these rows. By default 200, or as many as
            the widget's own ``data_rows`` if these are fewer. With 0 it holds none, nor how they
            are spread, and the ends of the curves are rounded outwards to two digits.

        Returns
        -------
        str
            The page, one HTML document.
        """
        usual = html_export.PAGE_ROWS
        rows = min(usual, usual if self.data_rows is None else self.data_rows)
        if data_rows is not None:
            rows = check_whole(data_rows, "data_rows", 0)
        return html_export.keep(
            html_export.page(self.session, self.page_state(), title, rows), path
        )
