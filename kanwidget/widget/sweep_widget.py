"""SweepWidget: the view of a sweep in a notebook."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from kanwidget.figure import Picture, runs_figure
from kanwidget.masks.validate import check_whole
from kanwidget.sweep import Sweep

from . import html_export
from .exports import ImageFile
from .html_export import PAGE_ROWS, SWEEP, widget_module
from .idle import acting_loop
from .messages import error_text
from .notebook_preview import CELL_WIDTH, CellOutput, NotebookOutput
from .packed_array import pack
from .sweep_payload import agreement_values, run_array, settings_in_words, thumbnail
from .view_traits import HOST_TRAITS, PackedArray
from .widget import KANWidget

__all__ = ["SweepWidget"]

SHOW_SECONDS = 0.2
"""Seconds between two looks at a sweep that runs, at the least."""

RUNS_PER_SECOND = 5000.0
"""With more runs the looks are rarer: each sends all runs to the page."""

COMPARED = 100
"""Most runs that the view compares, those with the lowest losses."""

LONGEST_ERROR = 500
"""Letters of a run's error that go to the page."""


class SweepWidget(ImageFile, NotebookOutput):
    """Draw the runs of a sweep, test loss against edges left, with a table of them.

    A notebook shows it for a `Sweep`. It grows while the sweep runs: with ``wait=False`` the cell
    ends at once, and the view can stop the sweep. A click on a point opens its network below, live
    as in any `KANWidget`; several can be open.

    Parameters
    ----------
    sweep : Sweep
    preview : bool
        Whether a notebook's cell keeps a picture of the plot, for when nothing runs.

    Attributes
    ----------
    sweep : Sweep
    networks : dict of int to KANWidget
        Those that were opened, by the numbers of their runs.
    selected : int or None
        The run that the page points out.
    opened : list of int
        The runs whose networks are open, in the order of opening. Set it to open and close them.
    error : str
        Why the page's last wish could not be done, "" if it could.

    Examples
    --------
    >>> runs = sweep(dataset, grid, repeats=25, wait=False)  # doctest: +SKIP
    >>> view = runs.view()  # doctest: +SKIP
    >>> view.opened = [runs.best().number]  # doctest: +SKIP
    >>> view.networks[runs.best().number].compact()  # doctest: +SKIP
    """

    _esm = widget_module(SWEEP)

    selected = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The number of the run that the page points out; the page sets it."""

    opened = traitlets.List(trait=traitlets.Int()).tag(sync=True)
    """The numbers of the runs whose networks are open."""

    error = traitlets.Unicode(read_only=True).tag(sync=True)
    """Why the page's last wish could not be done."""

    _total = traitlets.Int(read_only=True).tag(sync=True)
    """How many runs there are to be."""

    _running = traitlets.Bool(read_only=True).tag(sync=True)
    """Whether runs are under way."""

    _settings = traitlets.List(trait=traitlets.Any(), read_only=True).tag(sync=True)
    """By which settings runs differ, see `settings_in_words`."""

    _codes = PackedArray("float32", "settings, runs that there are to be")
    """Which of its values each run has."""

    _shared = traitlets.Unicode(read_only=True).tag(sync=True)
    """The settings that all runs share, in words."""

    _runs = PackedArray("float64", "5, runs that have ended")
    """Their numbers and losses, see `run_array`."""

    _front = traitlets.List(trait=traitlets.Int(), read_only=True).tag(sync=True)
    """The numbers of the runs that no other beats, fewest edges first."""

    _errors = traitlets.List(trait=traitlets.Any(), read_only=True).tag(sync=True)
    """[number, words] of the runs that failed."""

    _networks = traitlets.List(trait=traitlets.Any(), read_only=True).tag(sync=True)
    """[number, the id of its widget] of the networks that are open."""

    _agreement = traitlets.Dict(read_only=True).tag(sync=True)
    """What the good runs agree on, see `agreement_values`; {} until somebody asks."""

    _comparing = traitlets.Bool(read_only=True).tag(sync=True)
    """Whether that is being found out."""

    _picture = traitlets.Unicode(read_only=True).tag(sync=True)
    """By which a view finds the picture that the notebook keeps: 30 letters and digits."""

    @traitlets.default("_picture")
    def _name_picture(self) -> str:
        return uuid.uuid4().hex[:30]

    def __init__(self, sweep: Sweep, *, preview: bool = True, **layout: Any) -> None:
        if not isinstance(sweep, Sweep):
            raise TypeError(f"SweepWidget shows a kanwidget.Sweep, got a {type(sweep).__name__}")
        self.sweep = sweep
        self.networks: dict[int, KANWidget] = {}
        self.closed = False
        self._loop, self._owner = acting_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._asked = False
        self._next_look = 0.0
        self._sequence = 0
        self._output = CellOutput(
            self._picture, lambda: self.figure(width=CELL_WIDTH), self.__repr__, bool(preview)
        )
        super().__init__(**layout)
        varied, codes, shared = settings_in_words(sweep)
        with self.hold_sync():
            self.set_trait("_total", len(sweep.settings))
            self.set_trait("_settings", varied)
            self.set_trait("_codes", pack(codes))
            self.set_trait("_shared", shared)
            self.look()
        listeners = sweep.listeners
        listeners.run.append(self._ask)
        listeners.end.append(self._ask)
        listeners.waiting.append(self._look_if_due)
        self.observe(self._open_and_close, names="opened")
        self.on_msg(self._on_message)

    def __repr__(self) -> str:
        return f"SweepWidget({self.sweep!r})"

    # ----------------------------------------------------------------- what the page is shown

    def look(self) -> None:
        """Show what has ended until now."""
        running = self.sweep.running  # first: what ends after this is seen the next time
        runs = self.sweep.runs
        self._sequence += 1
        with self.hold_sync():
            self.set_trait("_runs", pack(run_array(runs), self._sequence))
            self.set_trait("_front", [run.number for run in self.sweep.front()])
            failed = [[run.number, run.error[:LONGEST_ERROR]] for run in runs if run.error]
            self.set_trait("_errors", failed)
            self.set_trait("_running", running)
        self._output.redraw()
        self._next_look = time.monotonic() + max(SHOW_SECONDS, len(runs) / RUNS_PER_SECOND)

    def _look_if_due(self) -> None:
        """Show it, if it is not too soon; for a thread that waits for the sweep."""
        if not self.closed and time.monotonic() >= self._next_look:
            self.look()

    def _ask(self, *_: object) -> None:
        """Let the loop look soon; any thread may call it."""
        if not (self._asked or self.closed or self._loop is None or self._loop.is_closed()):
            self._asked = True
            self._loop.call_soon_threadsafe(self._look_later)

    def _look_later(self) -> None:
        if self._loop is not None and self._timer is None:
            wait = max(0.0, self._next_look - time.monotonic())
            self._timer = self._loop.call_later(wait, self._look_now)

    def _look_now(self) -> None:
        self._timer, self._asked = None, False
        if not self.closed:
            self.look()

    # ----------------------------------------------------------------- what the page asks for

    def set_state(self, sync_data: Any) -> None:
        """Take in what a page wrote: which run it points out, and nothing else."""
        if isinstance(sync_data, Mapping) and "selected" in sync_data:
            number = sync_data["selected"]
            known = type(number) is int and 0 <= number < self._total
            super().set_state({"selected": number if known else None})

    def _on_message(self, _: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, Mapping):
            return
        if content.get("do") == "stop":  # it must not wait for anything
            self.sweep.stop()
            return
        if threading.get_ident() != self._owner and self._loop is not None:
            self._loop.call_soon_threadsafe(self._on_message, _, content, buffers)
            return
        acts: dict[Any, Callable[[Any], None]] = {
            "open": self._open,
            "close": self._close_network,
            "thumbnail": self._send_thumbnail,
            "compare": self._compare,
        }
        act = acts.get(content.get("do"))
        if act is None or self.closed:
            return
        try:
            act(content.get("run"))
            self.set_trait("error", "")
        except Exception as error:  # its traceback would be shown nowhere
            self.set_trait("error", error_text(error))

    def _open(self, number: Any) -> None:
        if number not in self.opened:
            self.opened = [*self.opened, number]

    def _close_network(self, number: Any) -> None:
        self.opened = [other for other in self.opened if other != number]

    def _send_thumbnail(self, number: Any) -> None:
        self.send({"thumbnail": thumbnail(self.sweep.model(number)), "run": number})

    def _open_and_close(self, change: Any) -> None:
        """Show the networks that are open; those that were open before are as they were left."""
        try:
            for number in change["new"]:
                if number not in self.networks:
                    self.networks[number] = self._network(number)
        except Exception:
            self.opened = [number for number in change["new"] if number in self.networks]
            raise
        shown = [[number, self.networks[number].model_id] for number in self.opened]
        self.set_trait("_networks", shown)

    def _network(self, number: int) -> KANWidget:
        model, dataset = self.sweep.model(number), self.sweep.dataset
        metric = self.sweep.metric(number) if dataset is not None else None
        kind = KANWidgetWithoutScript if _in_marimo() else KANWidget
        return kind(model, dataset, metric=metric, preview=False)

    # ----------------------------------------------------------------------- what runs agree on

    def _compare(self, _: Any = None) -> None:
        """Find out in a thread what the good runs agree on: hundreds of networks take seconds."""
        if self._comparing:
            return
        self.set_trait("_comparing", True)
        if self._loop is None:
            self._compared(*self._found())
        else:
            threading.Thread(target=self._compare_apart, args=(self._loop,), daemon=True).start()

    def _compare_apart(self, loop: asyncio.AbstractEventLoop) -> None:
        found = self._found()
        with contextlib.suppress(RuntimeError):  # the loop may be gone
            loop.call_soon_threadsafe(self._compared, *found)

    def _found(self) -> tuple[dict[str, Any], str]:
        try:
            return agreement_values(self.sweep.agreement(most=COMPARED)), ""
        except Exception as error:
            return {}, error_text(error)

    def _compared(self, values: dict[str, Any], error: str) -> None:
        if not self.closed:
            with self.hold_sync():
                self.set_trait("_agreement", values)
                self.set_trait("error", error)
                self.set_trait("_comparing", False)

    # ------------------------------------------------------------------------------ what is kept

    def figure(self, *, width: float = 8.0, title: str | None = None) -> Picture:
        """Draw the plot with matplotlib: all runs that have ended, and the front.

        Parameters
        ----------
        width : float
            In inches.
        title : str, optional

        Returns
        -------
        Picture
            A `matplotlib.figure.Figure` that pyplot does not know, so there is nothing to close.
        """
        return runs_figure(self.sweep, width=width, title=title)

    def to_html(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        title: str | None = None,
        data_rows: int = PAGE_ROWS,
    ) -> str:
        """Return the view as a page that needs neither a kernel nor a network.

        It holds all runs, and the networks of the front and those that are open: these can be
        opened and pruned there, which reaches no model.

        Parameters
        ----------
        path : path, optional
            Where to write it.
        title : str, optional
        data_rows : int
            How many rows of the data go into it for each network, see `KANWidget.to_html`.

        Returns
        -------
        str
            The page, one HTML document.
        """
        rows = check_whole(data_rows, "data_rows", 0)
        self.look()
        inside = sorted({*self._front, *self.opened})
        pages, small = {}, {}
        for number in inside:
            opened = self.networks.get(number)
            network = opened or self._network(number)
            try:
                state = network.page_state()
                pages[number] = html_export.page_traits(network.session, state, rows)[0]
                small[number] = thumbnail(self.sweep.model(number))
            finally:
                if opened is None:
                    network.close()
        others = HOST_TRAITS | {"_picture"}  # a page has none
        names = [name for name in self.trait_names(sync=True) if name not in others]
        traits = {name: getattr(self, name) for name in names}
        traits |= {"_running": False, "_networks": [], "_pages": pages, "_thumbnails": small}
        words = (
            f"This page holds {len(self.sweep):,} runs and {len(inside):,} networks: those of the "
            "front, and what was open. What you try here stays on this page."
        )
        return html_export.keep(
            html_export.document(traits, title or "Runs of a sweep", words, SWEEP), path
        )

    def close(self) -> None:
        """Take the view and its networks away; their models are as they were when opened."""
        if sys.is_finalizing() or getattr(self, "closed", True):
            return
        self.closed = True
        self._output.drop()
        if self._timer is not None:
            self._timer.cancel()
        listeners = self.sweep.listeners
        for functions, function in (
            (listeners.run, self._ask),
            (listeners.end, self._ask),
            (listeners.waiting, self._look_if_due),
        ):
            functions.remove(function)
        for network in self.networks.values():
            network.close()
        super().close()


class KANWidgetWithoutScript(KANWidget):
    """A widget that only the view of a sweep can draw.

    marimo takes no script from a widget that is made while no cell runs, as after a click.
    """

    _esm = ""


def _in_marimo() -> bool:
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


Sweep.make_view = SweepWidget
