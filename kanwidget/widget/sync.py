"""Brings a widget's traits to what its session says."""

from __future__ import annotations

import contextlib
import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from kanwidget.evaluate.baseline import Baseline
from kanwidget.evaluate.data_and_metric import DataAndMetric
from kanwidget.kan.write_lock import fit_of
from kanwidget.masks.ids import Edge

from . import naming_payload, payload
from .cost_prefetch import PRICES, CostPrefetcher
from .idle import IdleTask, acting_loop
from .naming_steps import NamingSteps
from .naming_work import FormulaWish, NamingWork
from .packed_array import pack
from .run_sync import RunSync

__all__ = ["TraitSync"]

MAX_WARNINGS = 8
"""Warnings that a view gets."""

IDLE_SECONDS = 0.15
"""Seconds without a change before work begins that nobody has asked for."""

NAMES_SECONDS = 0.09
"""Seconds from one look at what names are found out to the next."""

DIGITS = 3
"""Significant digits of a formula that nobody has chosen."""

TRAINING_CHECK_SECONDS = 1.0
"""Seconds after which a training that a cell began in a thread has changed something."""


class TraitSync:
    """Brings one widget's traits to what its session says: at once, or when no message waits.

    Parameters
    ----------
    widget : KANWidget
    model : Module
        The live model; it is not kept alive.
    on_session : callable
        Returns what keeps the traits of each widget on the session.
    """

    def __init__(
        self, widget: Any, model: nn.Module, on_session: Callable[[], Sequence[TraitSync]]
    ) -> None:
        self._widget = widget
        self._on_session = on_session
        self.pulls = False  # true while traits follow the session rather than lead it
        self.is_drag = False  # true while a slider's message is taken in
        self._model = weakref.ref(model)
        loop, owner = acting_loop()
        self._history_task = IdleTask(loop, self._send_history, owner)
        self._costs_task = IdleTask(loop, self._send_costs, owner)
        self._training_watch = IdleTask(loop, self._look, owner)
        self.run = RunSync(widget, self, loop, owner)
        self._names_task = IdleTask(loop, self._follow_names, owner)
        self._names_sent: object = None  # the version of what is known that a view has
        self._formula_wish: tuple[int, bool] | None = None
        self._prefetcher = CostPrefetcher(self._send_prefetched)
        self._sequence = 0
        self._baseline: Baseline | None = None  # what the view has
        self.has_tables = True  # and whether it has what computes outputs
        self._mask: list[Tensor] = []
        self._measure: DataAndMetric | None = None
        self._measures_metrics = True  # whether those that the view has are of another state
        self._compares: tuple[int, int] | None = None
        self._shows_compared = False
        self._trained = False  # at the last look

    def push_to_session(self, change: Any = None) -> None:
        """Bring the session to what the traits say; ``change`` is of the trait that was set."""
        if self.pulls:
            return
        merge = change is not None and self.is_drag
        # The session may decide otherwise once it has looked at the model.
        widget, decisions = self._widget, self._widget.session.state.to_dict()
        wanted = {n: getattr(widget, n) for n, v in decisions.items() if getattr(widget, n) != v}
        try:
            widget.session.set(merge=merge, **wanted)
        finally:  # what was refused must not look as if it were done
            self.update_all_widgets(merge)

    def update_all_widgets(self, dragged: bool = False) -> None:
        """Bring the traits of all widgets on the session to what it says."""
        for sync in self._on_session() or [self]:
            sync.pull_from_session(dragged)

    def pull_from_session(self, dragged: bool = False) -> None:
        """Bring the traits to what the session says, in one message.

        Whoever observes one of them finds all others up to it.
        """
        widget, session = self._widget, self._widget.session
        decisions = session.state.to_dict()
        before, self.pulls = self.pulls, True
        try:
            with widget.hold_sync():
                with widget.hold_trait_notifications():
                    for name, value in decisions.items():
                        setattr(widget, name, value)
                    widget.score = session.score
                    self.update()
                self.update_when_idle(dragged)
        finally:
            self.pulls = before
        # An observer may have set a trait meanwhile: that is a decision like any other.
        moved = any(getattr(widget, name) != value for name, value in decisions.items())
        if moved and not self.pulls and not session.closed:
            self.push_to_session()

    def update(self) -> None:
        """Show the current state of the session."""
        widget, session = self._widget, self._widget.session
        widget.set_trait("active_edges", session.active_edges)
        widget.set_trait("loss", session.loss)
        widget.set_trait("baseline_loss", session.baseline.loss)
        widget.set_trait("loss_name", session.loss_name)
        widget.set_trait("higher_is_better", session.higher_is_better)
        messages = session.warning_messages[:MAX_WARNINGS]
        widget.set_trait("_warnings", [list(message) for message in messages])
        if self._mask is not session.mask or self._baseline is not session.baseline:
            widget.set_trait("_metrics", [])
            self._measures_metrics = True
        if self._mask is not session.mask:
            self._mask = session.mask
            self.send("_mask", payload.mask(session.mask))
        self.run.send()
        if (not self.has_baseline() or self.lacks_tables()) and not session.closed:
            self._baseline, self.has_tables = session.baseline, not self.is_moving()
            self._send_baseline()

    def update_when_idle(self, dragged: bool) -> None:
        """Let history and costs follow soon; later while a slider is dragged."""
        # After the answer, and once however many steps a cell makes.
        self._history_task.ask(IDLE_SECONDS if dragged else 0.0)
        self.prefetch_costs()

    def compare(self, ids: tuple[int, int] | None) -> None:
        """Show which edges are on at two commands.

        Raises
        ------
        ValueError
            If the model has others by now.
        """
        self._compares, masks = None, [] if ids is None else self._masks(ids)
        if masks:
            self._compares = ids
            self.send("_compared", payload.compared(*masks))
        elif self._shows_compared:
            self.send("_compared", None)
        self._shows_compared = bool(masks)
        if ids is not None and not masks:
            raise ValueError("the model had other edges then")

    def prefetch_costs(self) -> None:
        """Show the costs that are known, and compute the others when no message waits."""
        widget, session = self._widget, self._widget.session
        if session.closed:
            return
        if self._asks_for_names():
            self._names_task.ask(IDLE_SECONDS)
        due = self._prefetcher.follow(session, widget.selected) or self._measures_metrics
        if due or self._is_training():
            self._costs_task.ask(IDLE_SECONDS)

    def trained_model(self) -> nn.Module:
        """Return the live model; a RuntimeError if there is none."""
        model = self._model()
        if model is None or self._widget.session.closed:
            raise RuntimeError("the widget is closed: make a new one to watch a training")
        return model

    def watch_training(self) -> None:
        """Look in a moment for what a thread of the cell that ran does to the model."""
        self._training_watch.ask(TRAINING_CHECK_SECONDS)

    def catch_up(self) -> None:
        """Do at once what can wait, where no loop will come to it; not before a view can be."""
        if not self._history_task.runs and self._widget.comm is not None:
            self.finish()

    def finish(self) -> None:
        """Do at once what can wait."""
        self._history_task.finish()
        self._costs_task.finish()
        self.finish_names()

    def drop(self) -> None:
        """Do nothing more."""
        self._history_task.drop()
        self._costs_task.drop()
        self._training_watch.drop()
        self.run.drop()
        self._names_task.drop()

    def wish_formula(self, digits: int, exact: bool) -> None:
        """Write the formula from now on, with so many digits, and exact numbers if possible."""
        self._formula_wish = digits, exact
        self._names_task.ask(0.0)

    def finish_formula(self) -> None:
        """Write the formula now, if curves have names, whether a view has asked for it or not."""
        session = self._widget.session
        if not session.closed and session.names and self._formula_wish is None:
            self.wish_formula(DIGITS, True)
        self.finish_names()

    def finish_names(self) -> None:
        """Find out now what might name curves, and write the formula, if a view asked for it."""
        if not self._names_task.pending:
            return
        session = self._widget.session
        if not session.closed and NamingSteps.of(session).take(session, wait=True):
            self.update_all_widgets()
        self._names_task.finish()
        NamingWork.of(session).wait()
        self._send_names()

    def _asks_for_names(self) -> bool:
        naming = NamingSteps.of(self._widget.session).running
        asked = self._formula_wish or self._selected_edges() or self._widget._candidates
        return bool(naming or asked)

    def _selected_edges(self) -> list[Edge]:
        return [ids for ids in self._widget.selected if len(ids) == 3]

    def _wish(self) -> FormulaWish | None:
        widget = self._widget
        if self._formula_wish is None:
            return None
        return FormulaWish(*self._formula_wish, tuple(widget.in_vars), tuple(widget.out_vars))

    def _follow_names(self) -> Iterator[float]:
        """Let names and the formula be found out, and show them as they come."""
        try:
            yield from self._names_as_they_come()
        except Exception as error:  # the loop would print it to nobody
            self._widget.set_trait("error", f"{type(error).__name__}: {error}")

    def _names_as_they_come(self) -> Iterator[float]:
        session = self._widget.session
        work, naming = NamingWork.of(session), NamingSteps.of(session)
        while not session.closed and (self._is_training() or naming.running):
            if naming.take(session):
                self.update_all_widgets()
            self._send_naming()
            yield NAMES_SECONDS
        if session.closed:
            return
        work.follow(session, self._selected_edges(), self._wish())
        busy = True
        while busy and not session.closed:
            busy = work.busy  # asked before looking at what it has found out
            self._send_names()
            if busy:
                yield NAMES_SECONDS

    def _send_naming(self) -> None:
        """Show how the last search for all names is."""
        session = self._widget.session
        if not session.closed:
            self._widget.set_trait("_naming", NamingSteps.of(session).state(session))

    def _send_names(self) -> None:
        """Show what is known of names for selected edges, and the formula."""
        widget, work, wish = self._widget, NamingWork.of(self._widget.session), self._wish()
        edges = self._selected_edges()
        sent = id(work), work.version, edges, wish
        if sent == self._names_sent:
            return
        self._names_sent = sent
        found, text = work.names(edges), work.text(wish)
        if text is not None and text.unnamed and widget.data_rows == 0:
            text.python = ""  # curves without a name end where the data end
        with widget.hold_sync():
            self.send("_candidates_y", naming_payload.candidate_curves(found))
            widget.set_trait("_candidates", naming_payload.candidate_rows(found))
            if text is not None:
                widget.set_trait("_formula", naming_payload.formula_state(text))
            elif widget._formula:  # that of the state before stays until the new one is written
                unknown: dict[str, Any] = {
                    "busy": True,
                    "loss": None,
                    "loss_refit": None,
                    "blame": [],
                }
                widget.set_trait("_formula", {**widget._formula, **unknown})

    def _send_baseline(self) -> None:
        """Send what stays as it is until the baseline changes."""
        widget, session = self._widget, self._widget.session
        functions, data = session.edge_functions, session.data
        widget.set_trait("_scores_known", session.score_names)
        widget.set_trait("_width", session.width)
        widget.set_trait("_slots", functions.slots())
        symbolic = sorted(functions.symbolic().items())
        widget.set_trait("_symbolic", [[*edge, name] for edge, name in symbolic])
        widget.set_trait("_names", naming_payload.name_rows(functions.names()))
        rows = widget.data_rows
        arrays = payload.baseline_arrays(session, rows == 0, self.has_tables)
        if self._measure is not data:
            self._measure = data
            arrays.update(payload.data_arrays(data, session.width[-1], rows))
            rows_sent = arrays["_rows"]
            count = 0 if rows_sent is None else len(rows_sent)
            loss, arrays["_row_classes"] = payload.loss_arrays(data, session.width[-1], count)
            widget.set_trait("_page_loss", loss)
            widget.set_trait("_prediction", payload.prediction_kind(data, session.width[-1]))
        for name, array in arrays.items():
            self.send(name, array)
        self._drop_stale_ids()

    def _drop_stale_ids(self) -> None:
        """Let go of what belongs to nodes that the model has no more."""
        widget, session = self._widget, self._widget.session
        widget.selected = widget.traits()["selected"].known(session, widget.selected)
        for name, names in zip(("in_vars", "out_vars"), session.variable_names, strict=True):
            if len(getattr(widget, name)) != len(names):
                setattr(widget, name, names)
        if len(widget.probe) != session.width[0]:
            widget.probe = []
        if widget.input_shape and math.prod(widget.input_shape) != session.width[0]:
            widget.input_shape = []

    def _send_history(self) -> Iterator[None]:
        """Send the history and the script, in one step."""
        widget, history = self._widget, self._widget.session.history
        with widget.hold_sync():
            self._send_naming()
            widget.set_trait("_history", payload.history_rows(history))
            widget.set_trait("_current", history.current.id)
            widget.set_trait("_script", widget.session.script())
            widget.set_trait("_origin", payload.origin(widget.session))
            with contextlib.suppress(ValueError):
                self.compare(self._compares)
        yield

    def _send_costs(self) -> Iterator[float | None]:
        """Compute costs ahead of time, in steps."""
        widget, session = self._widget, self._widget.session
        if session.closed:
            return
        try:
            # No cell said so: somebody's button may have done it.
            changed = not self.run.follows and session.refresh()
            if changed or self.lacks_tables():
                self.update_all_widgets()
        except Exception as error:  # the loop would print it to nobody
            widget.set_trait("error", f"{type(error).__name__}: {error}")
            return
        if self._is_training() or self._trained:
            self._trained = self._is_training()  # and once more when it is over
            self._costs_task.ask(IDLE_SECONDS)
        elif not changed:
            if self._measures_metrics:
                self._send_metrics()
                yield None
            yield from self._prefetcher.work(session, widget.selected)

    def _send_metrics(self) -> None:
        """Measure the present state by all metrics; what one of them raises is told."""
        widget, self._measures_metrics = self._widget, False
        try:
            found = widget.session.metric_values()
        except Exception as error:
            widget.set_trait("error", f"{type(error).__name__}: {error}")
            return
        widget.set_trait("_metrics", payload.metric_rows(found))

    def _look(self) -> Iterator[None]:
        """Look now, whatever is under way."""
        self._costs_task.ask(0.0)
        yield

    def is_moving(self) -> bool:
        """Whether the next step of a training is near, and nobody follows a sample."""
        run = self._widget.session.run
        waits = run is not None and run.waits
        return self._is_training() and not waits and not self._widget.probe

    def has_baseline(self) -> bool:
        """Whether the view has the session's baseline, if not its curves."""
        return self._baseline is self._widget.session.baseline

    def lacks_tables(self) -> bool:
        """Whether tables that were left out while a training went on are due."""
        return not self.has_tables and not self.is_moving()

    def send_tables(self) -> None:
        """Send at once what was left out while a training goes on."""
        if not self.has_tables and not self._widget.session.closed:
            self.has_tables = True
            self._send_baseline()

    def _is_training(self) -> bool:
        """Whether a fit of ours is under way, in a thread."""
        model = self._model()
        return model is not None and fit_of(model)[1]

    def _masks(self, ids: tuple[int, int]) -> list[list[Tensor]]:
        """Return the masks at two commands, or nothing if they are not of the model as it is."""
        session = self._widget.session
        masks = [session.mask_of(id) for id in ids]
        shapes = [[layer.shape for layer in mask] for mask in [*masks, session.mask]]
        return masks if shapes[0] == shapes[1] == shapes[2] else []

    def _send_prefetched(self, name: str, value: Any) -> None:
        if name == PRICES:
            self._widget.set_trait(name, value or [])
        else:
            self.send(name, value)

    def send(self, name: str, array: Any) -> None:
        """Set a trait to a packed array, or to nothing."""
        self._sequence += 1
        self._widget.set_trait(name, b"" if array is None else pack(array, self._sequence))
