"""The picture that a notebook keeps of a widget, for when nothing runs.

A live view comes first wherever it may run, also where it cannot: in a trusted notebook without a
kernel it shows nothing, whatever else is in its output. So the picture is an output of its own. It
needs no script to be seen; a view hides it as long as it is on the page.
"""

from __future__ import annotations

import contextlib
import html
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from kanwidget.picture.drawing import preview
from kanwidget.picture.sheet import Picture

from .later import Later, acting_loop

__all__ = ["Kept", "markup", "quietly"]

AT_REST = 2.0
"""Seconds without a change before the picture is drawn anew."""

# What cleans a notebook that nobody trusts takes this away, and leaves the picture. The view is not
# there at once: until then the picture takes no room. Where it cannot come, JupyterLab writes a
# line into its output, below the picture: that it waits, or that there is no model.
_STYLE = """
@keyframes kanwidget-picture { from { max-height: 0 } }
[data-kanwidget] { overflow: hidden; animation: kanwidget-picture 1.5s step-end }
.jp-NotebookPanel [data-kanwidget]::after {
  content: "A picture. Run the cell to work with the network.";
  display: block; margin: 4px 0;
  font: var(--jp-ui-font-size1) var(--jp-ui-font-family); color: var(--jp-ui-font-color2);
}
.jp-OutputArea-child:has([data-kanwidget])
  + .jp-OutputArea-child:not(:has(> .jp-OutputArea-output *)) { display: none }
"""


def markup(token: str, png: str, size: dict[str, Any], alt: str) -> str:
    """Return the picture as HTML that a view with this token hides."""
    return (
        f'<div data-kanwidget="{token}"><style>{_STYLE}</style>'
        f'<img src="data:image/png;base64,{png}" alt="{html.escape(alt)}"'
        f' width="{size["width"]}" height="{size["height"]}"></div>'
    )


class Kept:
    """Shows a widget's picture in the notebook, and keeps it up to the widget.

    Parameters
    ----------
    token : str
        By which a view finds the picture: letters and digits.
    figure : callable
        Draws the present state.
    told : callable
        Says the present state in a line.
    """

    def __init__(self, token: str, figure: Callable[[], Picture], told: Callable[[], str]) -> None:
        self._token, self._figure, self._told = token, figure, told
        loop, owner = acting_loop()
        self._later = Later(loop, self._work, owner)
        self._shown: tuple[str, dict[str, Any]] | None = None
        self._cell: int | None = None
        self._unwatch: Callable[[], None] = lambda: None

    def show(self) -> bool:
        """Put the picture into the output of the cell that runs; return whether it is there."""
        shell = _running_shell()
        if shell is None:
            return False
        if self._cell == shell.execution_count:
            return True
        picture = _png(quietly(self._figure))
        if picture is None:
            return False
        if self._shown is None:
            self._unwatch = _after_cells(shell, self)
        self._cell = shell.execution_count
        self._publish(shell, picture)
        return True

    def ask(self) -> None:
        """Draw it anew some time after the last change, if a notebook has it."""
        if self._shown is not None:
            self._later.ask(AT_REST)

    def catch_up(self) -> None:
        """Draw it anew now, if there was a change."""
        self._later.finish()

    def drop(self) -> None:
        """Leave it as it is from now on."""
        self._later.drop()
        self._unwatch()

    def _work(self) -> Iterator[None]:
        figure = quietly(self._figure)
        yield
        picture, shell = _png(figure), _shell()
        if picture is not None and picture != self._shown and shell is not None:
            with contextlib.suppress(Exception):  # the notebook may be gone
                self._publish(shell, picture, update=True)

    def _publish(self, shell: Any, picture: tuple[str, dict[str, Any]], **options: Any) -> None:
        self._shown = png, size = picture
        shell.display_pub.publish(
            {"text/html": markup(self._token, png, size, self._told()), "image/png": png},
            {"image/png": size},
            transient={"display_id": f"kanwidget-{self._token}"},
            **options,
        )


def quietly(make: Callable[[], Any]) -> Any:
    """Return what is made, or None if that fails: nobody asked for a picture, nor for warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make()
    except Exception:  # whatever is wrong with it, the live view comes first
        return None


def _png(figure: Picture | None) -> tuple[str, dict[str, Any]] | None:
    """Return what `preview` makes of a figure, or None."""
    return None if figure is None else quietly(lambda: preview(figure))


def _shell() -> Any:
    """Return IPython's shell, or None."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def _running_shell() -> Any:
    """Return IPython's shell while it runs a cell: only then an output has a place."""
    shell = _shell()
    # While a cell runs, and no longer, what Python would print goes to the shell.
    return shell if shell is not None and sys.displayhook is shell.displayhook else None


def _after_cells(shell: Any, kept: Kept) -> Callable[[], None]:
    """Catch up after each cell; return how to stop that."""
    held = weakref.ref(kept)

    def catch_up(*_: Any) -> None:
        living = held()
        if living is not None:
            living.catch_up()

    shell.events.register("post_run_cell", catch_up)

    def unwatch() -> None:
        if catch_up in shell.events.callbacks["post_run_cell"]:
            shell.events.unregister("post_run_cell", catch_up)

    return unwatch
