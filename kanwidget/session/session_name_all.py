"""The part of a `PruningSession` that looks for names of all curves at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from torch import Tensor

from kanwidget.formula.name_all import Naming, name_all
from kanwidget.formula.naming_search import NamingStep
from kanwidget.formula.table_row import TableRow
from kanwidget.functions.library import Function, select_functions
from kanwidget.masks import edit_operations
from kanwidget.masks.ids import edges_where
from kanwidget.masks.validate import check_number, check_whole

from .name_rows import rows_of_names
from .named_copy import named_copy, refit_copy
from .naming_judge import (
    exact_loss,
    is_allowed,
    most_loss,
    promised_loss,
    targets_of,
)
from .naming_results import NamingResult, is_zero, naming_words, table_of
from .naming_run import NamingRun, Search
from .session_naming import Library, SessionNaming
from .words import Message, change_words

__all__ = ["SessionNameAll"]

KEPT_PROMISE = 1.02
"""A model is refitted if its loss is more than so many times that of the named copy."""

ATTEMPTS = 6
"""How often fewer names are tried, if the loss with all of them is too large."""


class SessionNameAll(SessionNaming):
    """Looks for names of all curves of the live model, here or in a background thread."""

    _naming: NamingRun[NamingResult] | None = None

    def name_all(
        self,
        tolerance: float = 0.05,
        lib: Library | None = None,
        seconds: float = 20.0,
        deep: bool = False,
        stop: Callable[[], bool] | None = None,
        progress: Callable[[NamingStep], object] | None = None,
        *,
        most_names: int | None = None,
    ) -> NamingResult:
        """Find names for all curves, judged by the network's loss, as one step of the history.

        Everything is refitted with each name. Edges that turn out to do nothing are switched off
        by hand; an edge that no name fits stays a spline. Names that edges have already stay, with
        constants refitted. The session's loss never ends above the tolerance: then there are
        fewer names, or none, and the result says so.

        Parameters
        ----------
        tolerance : float
            0.05 lets the session's loss grow to 1.05 times what it is. Without labels: to 0.05
            times the standard deviation of the outputs.
        lib : iterable of str, or mapping of str to Function, optional
            What to choose from; see `candidates`.
        seconds : float
            After which no further name is looked for.
        deep : bool
            Whether to look longer, from several beginnings, and to take names back that are in
            the way; it takes about ten times as long.
        stop : callable, optional
            Asked often; once it is true, the best so far is taken. So is it at an interrupt.
        progress : callable, optional
            Called with each step of the search, which has ``edge``, ``function``, ``loss``,
            ``complexity`` and ``unnamed``.
        most_names : int, optional
            How many names are taken at the most, in the order of ``steps``.

        Returns
        -------
        NamingResult

        Raises
        ------
        TypeError, ValueError
            If an argument makes no sense, the model has too many edges, or its outputs do not
            follow from its curves; the model is as it was then.
        """
        search, take = self._plan_naming(tolerance, lib, seconds, deep, most_names)
        return take(search(stop, progress))

    @property
    def naming(self) -> NamingRun[NamingResult] | None:
        """The last search by `start_name_all`, None if there was none."""
        return self._naming

    def start_name_all(
        self,
        tolerance: float = 0.05,
        lib: Library | None = None,
        seconds: float = 20.0,
        deep: bool = False,
        *,
        most_names: int | None = None,
    ) -> NamingRun[NamingResult]:
        """Begin to look for names for all curves in a background thread, and return at once.

        Decisions act meanwhile. The names are in the model once `NamingRun.take` or
        `NamingRun.wait` is called after the search.

        Parameters
        ----------
        tolerance, lib, seconds, deep, most_names
            As for `name_all`.

        Raises
        ------
        TypeError, ValueError
            As for `name_all`.
        RuntimeError
            If a search is under way already.
        """
        if self._naming is not None and self._naming.running:
            raise RuntimeError("this session looks for names already: stop() or wait() for that")
        search, take = self._plan_naming(tolerance, lib, seconds, deep, most_names)
        number = self.baseline.number

        def take_if_same(naming: Naming) -> NamingResult:
            if self.closed or self.baseline.number != number:
                raise ValueError(
                    "the model was changed while names were looked for: it stays as it is; look "
                    "for names again"
                )
            return take(naming)

        run = NamingRun(search, take_if_same)
        run.begin()
        self._naming = run  # an interrupt may have come before it could begin
        return run

    def _plan_naming(
        self,
        tolerance: float,
        lib: Library | None,
        seconds: float,
        deep: bool,
        most_names: int | None,
    ) -> tuple[Search, Callable[[Naming], NamingResult]]:
        """Return what searches on a copy, in any thread, and what makes a step of what it finds."""
        tolerance = check_number(tolerance, "tolerance")
        seconds = check_number(seconds, "seconds")
        if most_names is not None:
            most_names = check_whole(most_names, "most_names", 0)
        own = select_functions(lib)
        self.end_fit()
        self.refresh()
        before, targets = self.loss, targets_of(self.data)
        adapter = self._private_model().copy()
        rows = self.data.train_rows
        end = time.monotonic() + seconds
        asked = (
            tolerance,
            "" if lib is None else " ".join(own),
            seconds,
            bool(deep),
            -1 if most_names is None else most_names,
        )
        most = most_loss(self.data, before, tolerance)

        def search(
            stop: Callable[[], bool] | None, progress: Callable[[NamingStep], object] | None
        ) -> Naming:
            return name_all(
                adapter,
                rows,
                targets,
                own,
                tolerance,
                seconds,
                bool(deep),
                stop,
                progress,
                most_names,
            )

        def take(naming: Naming) -> NamingResult:
            steps = table_of(naming, adapter)
            found = self._write_naming(naming, own, targets, most, end, asked)
            if found:
                self._steps_of_naming[self.history.current.weights] = tuple(steps)
            return self._result(naming, before, steps, found)

        return search, take

    def _write_naming(
        self,
        naming: Naming,
        functions: Mapping[str, Function],
        targets: Tensor | None,
        most: float,
        end: float,
        asked: Message,
    ) -> bool:
        """Make a step of the names that were found, or of as many as the loss allows."""
        zeros = [edge for edge, curve in naming.curves.items() if is_zero(naming, edge)]
        before = self.names
        new = [e for e in naming.curves if e not in before and e not in zeros]
        taken = [step.edge for step in reversed(naming.steps) if step.edge in new]
        order = list(dict.fromkeys([*taken, *new]))
        if not order and not zeros:
            return False
        applier, data = self._applier, self.data
        evaluator = applier.require_evaluator()
        edits = self.edits
        for edge in zeros:
            edits = edit_operations.remove_edge(edits, edge)
        state = replace(self.state, edits=edits)
        known = {**evaluator.adapter.functions(), **functions}
        now = self._private_model()
        labels = now.forward(data.train_rows).clone() if targets is None else targets
        start = evaluator.scratch.with_masks(*applier.masks_under(self.baseline, state)).copy()
        promised = promised_loss(data, naming)
        step = max(1, len(order) // ATTEMPTS)
        fewer = [order[:count] for count in range(0, len(order) + bool(zeros), step)]
        # What keeps all others from being used may be one of the first names.
        fewer += [order[-count:] for count in range(step, len(order), step)]
        for left_out in fewer:
            copy, names, only = named_copy(start, naming, left_out, known, data.train_rows)
            loss = data.loss_of_model(copy)
            slack = exact_loss(data)
            near = abs(loss - promised) <= (KEPT_PROMISE - 1) * abs(promised) + slack
            if not (near and is_allowed(data, loss, most)):
                again = copy.copy()
                refit_copy(again, data.train_rows, labels)
                after = data.loss_of_model(again)
                if not math.isfinite(loss) or (after < loss) != self.higher_is_better:
                    copy, loss, only = again, after, False
            if is_allowed(data, loss, most):
                current = {e: c for e, c in copy.names().items() if e in names}
                left = sum(int(layer.sum()) for layer in copy.mask()) - sum(
                    bool(copy.mask()[l][j, i]) for l, i, j in copy.names()
                )
                what = ("name_all", len(current), left, *asked)
                rows = rows_of_names(current) if only else ()
                applier.apply(self._planner.rename("name_all", what, copy, state, rows))
                return True
            if time.monotonic() > end + 5:
                break
        return False

    def _result(
        self, naming: Naming, before: float, steps: list[TableRow], found: bool
    ) -> NamingResult:
        names, said = self.names, ""
        unnamed = sorted(edge for edge in edges_where(self.mask) if edge not in names)
        removed = [edge for edge in naming.curves if is_zero(naming, edge)] if found else []
        if found:
            said = change_words(self.history.current.what[:1])
            said += f", {self.loss_name} {before:.4g} -> {self.loss:.4g}"
        text = naming_words(said, naming, unnamed)
        return NamingResult(
            names, removed, unnamed, before, self.loss, steps, naming.out_of_time, text
        )
