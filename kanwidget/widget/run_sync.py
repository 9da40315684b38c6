"""Brings a widget's traits to what a training by its session has done, while that goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Protocol

from kanwidget.session.session_training import DrawnStep

from . import payload, run_payload
from .idle import IdleTask

__all__ = ["RunSync"]

RUN_SECONDS = 0.09
"""Seconds from one look at a training by the session to the next."""

REFRESH_SECONDS = 2.0
"""Seconds from one whole look at such a training to the next: between them only curves follow."""

MAX_SHARE = 0.1
"""Share of its time that whole looks at it may take, and curves between them."""

FRESH = 0.5
"""Share of the time from one look to the next after which a training leaves where its step is."""


class BaselineSync(Protocol):
    """What keeps all other traits of a widget up to its session."""

    pulls: bool
    has_tables: bool

    def send(self, name: str, array: Any) -> None:
        """Set a trait to a packed array, or to nothing."""

    def update_all_widgets(self, dragged: bool = False) -> None:
        """Bring the traits of all widgets on the session to what it says."""

    def is_moving(self) -> bool:
        """Whether the next step of a training is near, and nobody follows a sample."""

    def lacks_tables(self) -> bool:
        """Whether tables that were left out while a training went on are due."""

    def has_baseline(self) -> bool:
        """Whether the view has the session's baseline, if not its curves."""


class RunSync:
    """Follows the last training by a session, about ten times a second, and once it has ended.

    A whole look makes history of the steps that have ended since the last. Between two of them
    only curves follow, of large layers those of selected edges: as they are after its last step,
    or in the current step as far as that is, if it takes long. These are no part of the
    model yet: `loss`, scores and all else that is told are of the last step that has ended, and
    so are the model and its file.

    Parameters
    ----------
    widget : KANWidget
    sync : BaselineSync
    loop, owner
        As for `IdleTask`.
    """

    def __init__(
        self,
        widget: Any,
        sync: BaselineSync,
        loop: asyncio.AbstractEventLoop | None,
        owner: int | None,
    ) -> None:
        self._widget, self._sync = widget, sync
        self._task = IdleTask(loop, self._follow, owner)
        self._losses_sent: list[tuple[int, int, int]] = []  # of which runs and steps
        self._drawn: DrawnStep | None = None  # whose curves the view has; these are left out
        self._draws_current_step = False  # while steps are long
        self._next_refresh = self._next_draw = 0.0  # as `time.monotonic` counts

    def drop(self) -> None:
        """Follow no more."""
        self._task.drop()

    @property
    def follows(self) -> bool:
        """Whether a training by the session is looked at anyway."""
        run = self._widget.session.run
        return run is not None and run.running and self._task.runs

    def send(self) -> None:
        """Show how the last training by the session is, and look again while it goes on."""
        widget, run, loop = self._widget, self._widget.session.run, self._widget.session.loop
        if run is None and loop is None:
            return
        trained = widget.session.trained_steps()
        is_over = widget.session.run_is_over
        drawn = self._drawn if self._draws_current_step else None
        widget.set_trait("_run", run_payload.run_state(run, trained, loop, is_over, drawn))
        sent = [(piece.number, first, end) for piece, first, end in trained.pieces]
        if sent != self._losses_sent:
            self._losses_sent = sent
            self._sync.send("_run_losses", run_payload.run_losses(trained))
        if not is_over and not self._task.pending:
            self._task.ask(RUN_SECONDS)

    def look(self) -> None:
        """Take in what the last training by the session has done until now."""
        session = self._widget.session
        running = session.run is not None and session.run.running
        if session.closed or (time.monotonic() < self._next_refresh and self._draw()):
            return
        start = time.monotonic()
        with self._widget.hold_sync():  # a view draws it once, with the curves that are newest
            if session.refresh() or not running or self._sync.lacks_tables():
                self._sync.update_all_widgets(dragged=running)
            self._next_draw = 0.0
            self._draw()
            self.send()
        end = time.monotonic()
        self._next_refresh = end + max(REFRESH_SECONDS, (end - start) / MAX_SHARE)

    def _draw(self) -> bool:
        """Show only curves, and the loss of the last step, if these are all that moves.

        Scores, densities and the history follow with the next whole look, and so do the curves of
        large layers, but for those of selected edges.
        """
        widget, session, sync = self._widget, self._widget.session, self._sync
        if not sync.is_moving() or not sync.has_baseline():
            return False
        if time.monotonic() < self._next_draw:
            return True
        start = time.thread_time()
        points = payload.curve_points(session, widget.data_rows == 0)
        edges = [ids for ids in widget.selected if len(ids) == 3]
        layers = run_payload.moving_layers(session.mask)
        found = session.step_to_draw(points, {*layers, *(l for l, _, _ in edges)})
        if found is None or (sync.has_tables and not found.iteration):
            session.ask_for_current_step(RUN_SECONDS)
            return False
        before, self._drawn = self._drawn, found._replace(curves={})
        if before is None or before.run != found.run:
            before = None
        self._draws_current_step = before is None or found.steps <= before.steps + 1
        if before is None or before[1:4] != found[1:4]:
            sync.has_tables = False  # those that the view has are not of these curves
            pulls, sync.pulls = sync.pulls, True
            try:
                with widget.hold_sync(), widget.hold_trait_notifications():
                    if len(layers) == len(points):
                        arrays = payload.curve_arrays(found.curves.values())
                    else:
                        newer = run_payload.newer_curves(session.mask, layers, edges, found.curves)
                        arrays = {"_newer_curves": newer}
                    for name, array in arrays.items():
                        sync.send(name, array)
                    if found.loss is not None:
                        widget.set_trait("loss", found.loss)
                    self.send()
            finally:
                sync.pulls = pulls
        pause = max(RUN_SECONDS, (time.thread_time() - start) / MAX_SHARE)
        self._next_draw = time.monotonic() + pause - RUN_SECONDS
        if self._draws_current_step:
            session.ask_for_current_step(FRESH * pause)
        return True

    def _follow(self) -> Iterator[float]:
        running, due = True, time.perf_counter()
        while running and not self._widget.session.closed:
            run = self._widget.session.run
            running = run is not None and run.running  # asked before looking at what it has done
            worked = time.thread_time()
            try:
                self.look()
            except Exception as error:  # the loop would print it to nobody
                self._widget.set_trait("error", f"{type(error).__name__}: {error}")
                return
            now = time.perf_counter()
            due = max(due + RUN_SECONDS, now)  # however late this look came
            if running:  # else it is over at once: the next training is to be followed, too
                # Half of the time is the training's alone; waiting for it is no work.
                yield max(time.thread_time() - worked, due - now)
