"""The part of a `PruningSession` that names single curves and gives the formula."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

from kanwidget.adapters import Adapter
from kanwidget.formula.candidates import candidates_of
from kanwidget.formula.edge_samples import sample_edges
from kanwidget.formula.formula import Formula, formula_of
from kanwidget.formula.name_losses import NameLosses
from kanwidget.formula.pinned_fit import check_pin, fit_function
from kanwidget.formula.rank import GROUP_BITS
from kanwidget.formula.table_row import TableRow
from kanwidget.formula.variables import check_names
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import ALIASES, FUNCTIONS, Function, select_functions
from kanwidget.masks.ids import Edge
from kanwidget.masks.validate import check_whole

from .name_rows import rows_of_names
from .naming_judge import (
    labels_are_targets,
    targets_of,
)
from .naming_results import EdgeCandidate
from .session_training import SessionTraining
from .words import Message, change_words

__all__ = ["Library", "SessionNaming"]

Library = Iterable[str] | Mapping[str, Function]


class SessionNaming(SessionTraining):
    """Names curves of the live model, and tells its formula."""

    _steps_of_naming: dict[int, tuple[TableRow, ...]]

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
        outputs = copy.forward(data.train_rows) if targets is None else targets
        trial = NameLosses(copy, data.train_rows, outputs, data.test_rows, data.loss_of)
        rows, first, group = [], math.inf, -1
        for candidate in found:
            if not candidate.bits <= first + GROUP_BITS:
                first, group = candidate.bits, group + 1
            elif first == math.inf:
                first, group = candidate.bits, 0
            rows.append(
                EdgeCandidate(
                    candidate.curve,
                    candidate.r2,
                    candidate.bits,
                    dict(zip("abcd", candidate.deviation, strict=True)),
                    group,
                    *trial.losses(edge, candidate.curve, functions),
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
        adapter = self._private_model()
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
        copy = self._private_model().copy()
        if edge in copy.names():
            copy.set_names({edge: None})
        return copy

    def _set_names(
        self,
        names: dict[Edge, NamedCurve | None],
        what: Message,
        functions: Mapping[str, Function],
    ) -> None:
        copy = self._private_model().copy()
        copy.set_names(names, {**copy.functions(), **functions})
        step = self._planner.rename("name", what, copy, names=rows_of_names(names))
        if math.isfinite(self.loss) and not math.isfinite(step.command.loss_after):
            raise ValueError(
                f"{change_words([what])}, the model would give no finite {self.loss_name} on the "
                "session's rows; it is as it was"
            )
        self._applier.apply(step)


def _check_finite(adapter: Adapter, edge: Edge, rows: Tensor) -> None:
    """Raise a ValueError if an edge's curve, or the outputs, are not finite on some rows."""
    l, i, j = edge
    curve = adapter.curves(rows, 64)[l][1][j, i]
    if not (curve.isfinite().all() and adapter.forward(rows).isfinite().all()):
        raise ValueError(
            f"the curve of edge {edge}, or an output of the model, is NaN or infinite on the "
            "session's rows: nothing can be fitted to it"
        )


def _usable(names: Sequence[str], count: int, what: str) -> Sequence[str] | None:
    """Return the names of a table's columns, if they can stand in a formula."""
    try:
        return check_names(names, count, what, "x") if names else None
    except (TypeError, ValueError):
        return None
