"""The picture that a notebook keeps of a widget, for when nothing runs.

A live view comes first wherever it may run, also where it cannot: in a trusted notebook without a
kernel it shows nothing, whatever else is in its output. So the picture is an output of its own, a
plain PNG that every host and every export can show. It comes after the live view: when an output is
updated, some hosts create all later outputs again. A mark in the file tells a view which picture is
its own; that is hidden as long as the view is on the page.
"""

from __future__ import annotations

import base64
import contextlib
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import anywidget

from kanwidget.figure.canvas import Picture
from kanwidget.figure.draw import png_preview

from .idle import IdleTask, acting_loop
from .ipython_cells import after_cells, ipython_shell

__all__ = [
    "CELL_WIDTH",
    "PICTURE_TRAITS",
    "CellOutput",
    "NotebookOutput",
    "marked",
]

CELL_WIDTH = 900 / 96
"""Width of a notebook's cell in inches."""

PICTURE_TRAITS = (
    *("_mask", "_curves_y", "_scores", "_symbolic", "in_vars", "out_vars", "input_shape"),
    *("beta", "removed", "shared_scale"),
    *("orientation", "view", "node_threshold", "removed_edges", "removed_nodes", "kept_nodes"),
)
"""The traits of which the picture shows something."""

REDRAW_SECONDS = 2.0
"""Seconds without a change before the picture is drawn anew."""

_HEADER_BYTES = 33
"""Bytes of a PNG before its second chunk, a multiple of 3: in base64 a chunk begins there, too."""


def marked(png: str, token: str) -> str:
    """Return a PNG in base64 with a mark by which `js/src/app/notebook-preview.ts` finds it."""
    data = base64.b64decode(png)
    chunk = b"tEXt" + b"kanwidget\0" + token.encode("ascii")
    mark = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return base64.b64encode(data[:_HEADER_BYTES] + mark + data[_HEADER_BYTES:]).decode("ascii")


class CellOutput:
    """What a notebook's cell shows of a widget: the live view, and a picture behind it.

    Parameters
    ----------
    token : str
        By which a view finds the picture: letters and digits.
    draw : callable
        Draws the present state.
    describe : callable
        Says the present state in a line.
    has_picture : bool
        Whether the notebook keeps a picture.
    """

    def __init__(
        self,
        token: str,
        draw: Callable[[], Picture],
        describe: Callable[[], str],
        has_picture: bool,
    ) -> None:
        self._token, self._draw, self._describe = token, draw, describe
        self._has_picture = has_picture
        loop, owner = acting_loop()
        self._task = IdleTask(loop, self._work, owner)
        self._shown: tuple[str, dict[str, Any]] | None = None  # the picture that a notebook has
        self._cell: int | None = None
        self._due = False  # whether the cell that runs shows the widget, and has no picture yet
        self._unwatch: Callable[[], None] | None = None

    def with_picture(self, bundle: Any) -> Any:
        """Return a MIME bundle with what is shown where there is no live view.

        A cell that shows the widget gets the picture as an output of its own instead.
        """
        if not bundle or not self._has_picture or captured():
            return bundle
        data, metadata = bundle
        if quietly(self._follow_cell):
            # The picture says it, and how many edges are on then.
            return data | {"text/plain": ""}, metadata
        picture = quietly(lambda: png_preview(self._draw()))
        if picture is not None:
            png, size = picture
            data, metadata = data | {"image/png": png}, dict(metadata) | {"image/png": size}
        return data, metadata

    def redraw(self, change: Any = None) -> None:
        """Draw the picture anew some time after the last change, if a notebook has it."""
        if self._shown is not None:
            self._task.ask(REDRAW_SECONDS)

    def _follow_cell(self) -> bool:
        """Let the picture follow the outputs of the cell that runs; return whether one runs."""
        shell = _running_shell()
        if shell is None:
            return False
        if self._unwatch is None:
            self._unwatch = after_cells(self, CellOutput.catch_up)
        self._due = self._due or self._cell != shell.execution_count
        self._cell = shell.execution_count
        return True

    def catch_up(self) -> None:
        """Draw the picture now, if a cell has shown the widget or there was a change."""
        if not self._due:
            self._task.finish()
            return
        self._task.drop()
        self._due, picture = False, _png(quietly(self._draw))
        if picture is not None:
            self._publish(ipython_shell(), picture)

    def drop(self) -> None:
        """Leave the picture as it is from now on."""
        if self._due and _running_shell() is not None:
            self.catch_up()
        self._due = False
        self._task.drop()
        if self._unwatch is not None:
            self._unwatch()

    def _work(self) -> Iterator[None]:
        figure = quietly(self._draw)
        yield
        picture, shell = _png(figure), ipython_shell()
        if picture is not None and picture != self._shown and shell is not None:
            with contextlib.suppress(Exception):  # the notebook may be gone
                self._publish(shell, picture, update=True)

    def _publish(self, shell: Any, picture: tuple[str, dict[str, Any]], **options: Any) -> None:
        self._shown = png, size = picture
        shell.display_pub.publish(
            {"image/png": marked(png, self._token), "text/plain": self._describe()},
            # No height: where a page caps the width, it keeps its shape.
            {"image/png": {"width": size["width"], "alt": self._describe()}},
            transient={"display_id": f"kanwidget-{self._token}"},
            **options,
        )


class NotebookOutput(anywidget.AnyWidget):
    """A widget that a notebook shows by its live view, with a picture behind it."""

    _output: CellOutput

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
        return self._output.with_picture(super()._repr_mimebundle_(**kwargs))


def captured() -> bool:
    """Whether what is shown now goes to an `ipywidgets.Output`, not to the cell that runs."""
    from ipywidgets import Output
    from ipywidgets.widgets.widget import _instances

    return any(isinstance(widget, Output) and widget.msg_id for widget in _instances.values())


def shows_a_value() -> bool:
    """Whether a kernel shows the value of a cell, as ``Out[3]``, and nobody called `display`."""
    return getattr(getattr(ipython_shell(), "displayhook", None), "msg", None) is not None


def quietly(make: Callable[[], Any]) -> Any:
    """Return what is made, or None if that fails: nobody asked for a picture, nor for warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make()
    except Exception:  # whatever is wrong with it, the live view comes first
        return None


def _png(figure: Picture | None) -> tuple[str, dict[str, Any]] | None:
    """Return what `png_preview` makes of a figure, or None."""
    return None if figure is None else quietly(lambda: png_preview(figure))


def _running_shell() -> Any:
    """Return IPython's shell while it runs a cell: only then an output has a place."""
    shell = ipython_shell()
    # While a cell runs, and no longer, what Python would print goes to the shell.
    return shell if shell is not None and sys.displayhook is shell.displayhook else None
