"""The part of a `PruningSession` that names curves and gives the formula."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.formula.candidates import candidates_of
from kanwidget.formula.edge_samples import sample_edges
from kanwidget.formula.formula import Formula, formula_of
from kanwidget.formula.name_all import Naming, name_all
from kanwidget.formula.name_losses import NameLosses
from kanwidget.formula.naming_search import NamingStep
from kanwidget.formula.pinned_fit import check_pin, fit_function
from kanwidget.formula.rank import GROUP_BITS
from kanwidget.formula.table_row import TableRow
from kanwidget.formula.variables import check_names
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import ALIASES, FUNCTIONS, Function, select_functions
from kanwidget.masks import edit_operations
from kanwidget.masks.ids import Edge
from kanwidget.masks.validate import check_number, check_whole

from .name_rows import rows_of_names
from .named_copy import named_copy, refit_copy
from .naming_judge import (
    exact_loss,
    is_allowed,
    labels_are_targets,
    most_loss,
    promised_loss,
    targets_of,
)
from .naming_results import EdgeCandidate, NamingResult, is_zero, naming_words, table_of
from .naming_run import NamingRun, Search
from .session_training import SessionTraining
from .words import Message, change_words

__all__ = ["NamingResult", "SessionNaming"]

Library = Iterable[str] | Mapping[str, Function]

KEPT_PROMISE = 1.02
"""A model is refitted if its loss is more than so many times that of the named copy."""

ATTEMPTS = 6
"""How often fewer names are tried, if the loss with all of them is too large."""


class SessionNaming(SessionTraining):
    """Names curves of the live model, and tells its formula."""

    _steps_of_naming: dict[int, tuple[TableRow, ...]]
    _naming: NamingRun[NamingResult] | None = None

    @property
    def names(self) -> dict[Edge, NamedCurve]:
        """All edges with a name, on or off."""
        return self._applier.require_live_model().adapter.names()

    def candidates(
        self, l: int, i: int, j: int, topk: int = 5, lib: Library | None = None
    ) -> list[EdgeCandidate]:
        """Return functions that might name an edge, the best first; change nothing.

        Of an edge that has a name they are fitted to the spline that it had.

        Parameters
        ----------
        l, i, j : int
            From node ``i`` of node layer ``l`` to node ``j`` of the next.
        topk : int
            How many; all that cannot be told apart from the best are returned in any case.
        lib : iterable of str, or mapping of str to Function, optional
            What to choose from, such as ``["sin", "x^2"]`` or ``{**FUNCTIONS, "j0": own}``; by
            default the library's functions.

        Returns
        -------
        list of EdgeCandidate

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such edge or function, or the curve is not finite.
        """
        edge, topk = self._check_edge(l, i, j), check_whole(topk, "topk", 1)
        functions = select_functions(lib)
        self.refresh()
        copy, targets = self._copy_without_name(edge), targets_of(self.data)
        data = self.data
        _check_finite(copy, edge, data.train_rows)
        found = candidates_of(copy, data.train_rows, targets, functions, [edge], topk)[edge]
        is_on = bool(self.mask[edge[0]][edge[2], edge[1]])
        outputs = copy.forward(data.train_rows) if targets is None else targets
        prices = None
        if is_on and copy.can_tabulate:
            prices = NameLosses(copy, data.train_rows, outputs, data.test_rows, data.loss_of)
        ways = {**functions, **copy.functions()}
        rows, first, group = [], math.inf, -1
        for candidate in found:
            if not candidate.bits <= first + GROUP_BITS:
                first, group = candidate.bits, group + 1
            elif first == math.inf:
                first, group = candidate.bits, 0
            loss = loss_after = self.loss
            if is_on:
                copy.set_names({edge: candidate.curve}, ways)
                loss, loss_after = _or_infinite(data.loss_of_model(copy)), math.nan
            if prices is not None:
                function = functions[candidate.function]
                loss_after = prices.losses(edge, candidate.curve, function)[1]
            spread = dict(zip("abcd", candidate.deviation, strict=True))
            rows.append(
                EdgeCandidate(
                    candidate.curve,
                    candidate.r2,
                    candidate.bits,
                    spread,
                    group,
                    loss,
                    loss_after,
                )
            )
        return rows

    def name(
        self,
        l: int,
        i: int,
        j: int,
        function: str | Function,
        *,
        pin: Mapping[str, float] | None = None,
        lib: Library | None = None,
    ) -> None:
        """Let a function stand on an edge in the place of its spline, as one step of the history.

        Its constants are fitted to the edge's curve: ``c f(a x + b) + d``. An edge that is off
        stays off, and has the name when it comes back. The name stays in the model when the
        session closes, as what was trained does; ``undo`` or `unname` give the spline back.

        Parameters
        ----------
        l, i, j : int
            From node ``i`` of node layer ``l`` to node ``j`` of the next.
        function : str or Function
            A name of the library, such as ``"sin"``, or a function of your own; see
            `own_function`.
        pin : dict of str to float, optional
            Constants that are given, such as ``{"c": 1.0}``: no fit changes them.
        lib : mapping of str to Function, optional
            Where to find functions of your own by their names.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such edge or function, or it is not defined over the edge's inputs; the
            model is as it was then.
        """
        edge, pinned = self._check_edge(l, i, j), check_pin(pin)
        self.end_fit()
        self.refresh()
        chosen = self._function(function, lib)
        copy, rows = self._copy_without_name(edge), self.data.train_rows
        _check_finite(copy, edge, rows)
        s = sample_edges(copy, rows, targets_of(self.data), [edge])
        curve, _ = fit_function(s.x[0], s.y[0], s.weight[0], chosen, pinned)
        self._set_names({edge: curve}, ("name", *edge, chosen.name), {chosen.name: chosen})

    def unname(self, l: int, i: int, j: int) -> None:
        """Give an edge its spline back, as it was when it got its name.

        Raises
        ------
        IndexError, TypeError, ValueError
            If there is no such edge, or it has no name.
        """
        edge = self._check_edge(l, i, j)
        self.end_fit()
        self.refresh()
        if edge not in self.names:
            raise ValueError(f"edge {edge} has no name to take back: it is a spline")
        self._set_names({edge: None}, ("unname", *edge), {})

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

        self._naming = NamingRun(search, take_if_same)
        self._naming.begin()
        return self._naming

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
        adapter = self._applier.require_evaluator().scratch.with_masks(self.mask, self.bias).copy()
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

    def formula(
        self,
        in_vars: Sequence[Any] | None = None,
        out_vars: Sequence[Any] | None = None,
        normalizer: Any = None,
        output_normalizer: Any = None,
    ) -> Formula:
        """Return the formula of the present model under its masks.

        Its `Formula.loss` is the root mean squared error on the session's test rows. A curve
        without a name is a function ``phi`` in it.

        Parameters
        ----------
        in_vars, out_vars : sequence of str or sympy.Symbol, optional
            Names of inputs and outputs; by default those of the data's columns.
        normalizer, output_normalizer : (mean, std) or a fitted scaler of scikit-learn, optional
            How inputs and labels were scaled before the model saw them: the formula is of, and
            for, values as they were before.

        Raises
        ------
        IndexError, TypeError, ValueError
            If something cannot be used; the message says what, and what to do.
        """
        self.refresh()
        adapter = self._applier.require_evaluator().scratch.with_masks(self.mask, self.bias)
        data, width = self.data, self.width
        labels = data.test_labels if labels_are_targets(self.data) else None
        given = data.names
        made = formula_of(
            adapter,
            None,
            (data.test_rows, labels),
            _usable(given[0], width[0], "in_vars") if in_vars is None else in_vars,
            _usable(given[1], width[-1], "out_vars") if out_vars is None else out_vars,
            normalizer,
            output_normalizer,
            adapter.functions(),
        )
        for command in reversed(self.history.path()):
            if command.weights in self._steps_of_naming:
                made.steps = self._steps_of_naming[command.weights]
                break
        return made

    def _function(self, function: str | Function, lib: Library | None) -> Function:
        """Return a function by its name, or raise a ValueError or TypeError."""
        if isinstance(function, Function):
            return function
        if not isinstance(function, str):
            raise TypeError(
                "function must be a name of the library or a Function, as own_function makes it, "
                f"got {type(function).__name__}"
            )
        known = dict(self._applier.require_live_model().adapter.functions())
        known.update(select_functions(lib) if isinstance(lib, Mapping) else {})
        found = known.get(ALIASES.get(function, function))
        if found is None:
            raise ValueError(
                f"there is no function {function[:40]!r}; the library has "
                f"{', '.join(FUNCTIONS)}; hand over one of your own as own_function(...)"
            )
        return found

    def _copy_without_name(self, edge: Edge) -> Adapter:
        """Return a copy of the present model in which an edge is a spline."""
        evaluator = self._applier.require_evaluator()
        copy = evaluator.scratch.with_masks(self.mask, self.bias).copy()
        if edge in copy.names():
            copy.set_names({edge: None})
        return copy

    def _set_names(
        self,
        names: dict[Edge, NamedCurve | None],
        what: Message,
        functions: Mapping[str, Function],
    ) -> None:
        evaluator = self._applier.require_evaluator()
        copy = evaluator.scratch.with_masks(self.mask, self.bias).copy()
        copy.set_names(names, {**copy.functions(), **functions})
        step = self._planner.rename("name", what, copy, names=rows_of_names(names))
        if math.isfinite(self.loss) and not math.isfinite(step.command.loss_after):
            raise ValueError(
                f"{change_words([what])}, the model would give no finite {self.loss_name} on the "
                "session's rows; it is as it was"
            )
        self._applier.apply(step)

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
        now = evaluator.scratch.with_masks(self.mask, self.bias)
        labels = now.forward(data.train_rows).clone() if targets is None else targets
        start = evaluator.scratch.with_masks(*applier.masks_under(self.baseline, state)).copy()
        promised = promised_loss(data, naming)
        step = max(1, len(order) // ATTEMPTS)
        for count in range(0, len(order) + bool(zeros), step):
            copy, names, only = named_copy(start, naming, order[:count], known, data.train_rows)
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
        on = [(l, i, j) for l, layer in enumerate(self.mask) for j, i in layer.nonzero().tolist()]
        unnamed = sorted(edge for edge in on if edge not in names)
        removed = [edge for edge in naming.curves if is_zero(naming, edge)] if found else []
        if found:
            said = change_words(self.history.current.what[:1])
            said += f", {self.loss_name} {before:.4g} -> {self.loss:.4g}"
        text = naming_words(said, naming, unnamed)
        return NamingResult(
            names, removed, unnamed, before, self.loss, steps, naming.out_of_time, text
        )


def _check_finite(adapter: Adapter, edge: Edge, rows: Tensor) -> None:
    """Raise a ValueError if an edge's curve, or the outputs, are not finite on some rows."""
    l, i, j = edge
    curve = adapter.curves(rows, 64)[l][1][j, i]
    if not (curve.isfinite().all() and adapter.forward(rows).isfinite().all()):
        raise ValueError(
            f"the curve of edge {edge}, or an output of the model, is NaN or infinite on the "
            "session's rows: nothing can be fitted to it"
        )


def _or_infinite(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf


def _usable(names: Sequence[str], count: int, what: str) -> Sequence[str] | None:
    """Return the names of a table's columns, if they can stand in a formula."""
    try:
        return check_names(names, count, what, "x") if names else None
    except (TypeError, ValueError):
        return None
