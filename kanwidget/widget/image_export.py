"""The widget's pictures: to keep in a file, and for a saved notebook that nobody runs."""

from __future__ import annotations

import os
import uuid
from typing import Any

import traitlets

from kanwidget.figure import Picture, figure, preview, save
from kanwidget.figure.draw import DPI, check_path

from .notebook_preview import NotebookPreview, captured, quietly, shows_a_value
from .sync import ViewTraits

__all__ = ["ImageExport"]

CELL = 900 / 96
"""Width of a notebook's cell in inches."""

_SHOWN = ("_mask", "_curves_y", "_scores", "_symbolic", "in_vars", "out_vars", "input_shape")
_WISHED = ("orientation", "view", "node_threshold", "removed_edges", "removed_nodes", "kept_nodes")


class ImageExport(ViewTraits):
    """What a widget shows, through matplotlib."""

    in_vars: Any
    out_vars: Any
    orientation: Any
    view: Any
    input_shape: Any

    _picture = traitlets.Unicode(read_only=True).tag(sync=True)
    """By which a view finds the picture that the notebook keeps."""

    _kept: NotebookPreview | None = None
    _previews = True
    """Whether a notebook keeps a picture."""

    @traitlets.default("_picture")
    def _name_picture(self) -> str:
        return uuid.uuid4().hex[:30]  # whole triples of bytes, see `marked`

    def figure(
        self,
        *,
        width: float = 8.0,
        title: str | None = None,
        removed: str = "faint",
        orientation: str | None = None,
        view: str | None = None,
    ) -> Picture:
        """Draw the present state with matplotlib, laid out as in the view, on white.

        Parameters
        ----------
        width : float
            In inches. Names have 10.5 points, unless a deep network needs more room than that.
        title : str, optional
        removed : {"faint", "hidden"}
            Whether edges and nodes that are off are drawn faintly, or not at all.
        orientation : {"right", "up"}, optional
        view : {"auto", "network", "matrix"}, optional
            By default both are as in the view. As a matrix, each layer is a table of its edges.

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
            orientation=self.orientation if orientation is None else orientation,
            removed=removed,
            view=self.view if view is None else view,
            input_shape=self.input_shape,
        )

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

    def page_state(self) -> dict[str, Any]:
        """Return all that a view reads; a page on its own has no other picture, nor an order."""
        apart = ("_picture", "_written")
        return {name: value for name, value in super().page_state().items() if name not in apart}

    def _leave_picture(self) -> None:
        """Leave the picture as it is; the session must be open."""
        if self._kept is not None:
            self._kept.drop()

    def _ipython_display_(self) -> None:
        """Show the value of a notebook's cell without ``Out[3]`` before it.

        In a saved notebook that would be left without anything behind it. All else is shown as
        `_repr_mimebundle_` says.
        """
        if not shows_a_value():
            raise NotImplementedError
        from IPython.display import publish_display_data

        data, metadata = self._repr_mimebundle_()
        publish_display_data(data=data, metadata=metadata)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return the live view, and what is shown where there is none.

        A cell that shows the widget gets the picture as an output of its own, see `Kept`.
        """
        found = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        if not found:
            return found
        data, metadata = found
        if not self._previews or captured():
            return data, metadata
        if self._kept is None:
            self._kept = NotebookPreview(self._picture, self._preview, self.__repr__)
            self._follow_picture()
        if quietly(self._kept.show):
            # The picture says it, and how many edges are on then.
            return data | {"text/plain": ""}, metadata
        picture = quietly(lambda: preview(self._preview()))
        if picture is not None:
            png, size = picture
            data, metadata = data | {"image/png": png}, dict(metadata) | {"image/png": size}
        return data, metadata

    def _follow_picture(self) -> None:
        """Draw the picture anew when what it shows is another."""
        if self._kept is not None:
            self.observe(self._ask_picture, [*_SHOWN, *_WISHED])

    def _ask_picture(self, change: Any) -> None:
        if self._kept is not None:
            self._kept.ask()

    def _preview(self) -> Picture:
        return self.figure(width=CELL)
