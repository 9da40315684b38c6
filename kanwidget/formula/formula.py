"""`Formula`: a network's outputs as text, as functions, and what they are worth on rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kanwidget.adapters.protocol import Adapter
from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import ALIASES, FUNCTIONS, Function
from kanwidget.kan.arrays import as_array
from kanwidget.masks.ids import Edge
from kanwidget.masks.validate import check_number, check_whole

from .compose import Part, compose
from .constants import recognise
from .expression import Sum
from .functions import Functions
from .latex import latex
from .mathml import mathml
from .network import FormulaNetwork, read_network
from .numbers import number
from .python_source import python_source
from .rewrite import as_exponentials, edges_of, expand
from .rows import Expressions, Rows, standard_deviations
from .spoken import spoken
from .sympy_form import phi_name, run_with_time_limit, to_sympy
from .table_row import TableRow
from .torch_formula import TorchFormula
from .unnamed_curve import UnnamedCurve
from .variables import Scaling, check_names, read_scaling

if TYPE_CHECKING:
    from sympy import Expr
    from sympy import Symbol as SympySymbol

__all__ = ["Formula", "formula_of"]

Array = NDArray[np.float64]

MAX_DIGITS = 17

LONGER = 1.5
"""Forms that are so many times longer are not tried: no numbers vanish that make up for it."""


class Formula:
    """A network's outputs as expressions of its inputs; see `formula_of`.

    It is a picture of the moment: it does not follow the model. Inputs and outputs have their own
    units, so that the scaling of the network's data, if there was any, is part of it.

    Attributes
    ----------
    in_vars, out_vars : tuple of str
    network : FormulaNetwork
        What it was made of.
    rows : Rows or None
        What `loss` is measured on.
    digits : int or None
        To how many digits its numbers are rounded; None if they are not.
    steps : tuple of TableRow
        How the names were found, if that is known.
    """

    def __init__(
        self, expressions: Expressions, network: FormulaNetwork, rows: Rows | None = None
    ) -> None:
        self._expressions, self.network, self.rows = expressions, network, rows
        self.digits: int | None = None
        self.steps: tuple[TableRow, ...] = ()

    @property
    def in_vars(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return self._expressions.in_vars

    @property
    def out_vars(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return tuple(part.name for part in self._expressions.outputs)

    @property
    def unnamed(self) -> list[Edge]:
        """The edges whose curves have no name, in order: each is a ``phi`` in the formula."""
        found = self.network.edges.items()
        return sorted(edge for edge, curve in found if isinstance(curve, UnnamedCurve))

    @property
    def edges(self) -> list[Edge]:
        """The edges that the formula is made of."""
        parts = (*self._expressions.parts, *self._expressions.outputs)
        return sorted(frozenset().union(*(edges_of(part.value) for part in parts)))

    @property
    def size(self) -> int:
        """How many numbers, names and functions it takes to write it down."""
        return self._expressions.size

    @property
    def numbers(self) -> list[float]:
        """The measured numbers in it: those that are not recognised as exact ones."""
        return self._expressions.numbers

    def __repr__(self) -> str:
        """Say what it is of."""
        named = f"{len(self.unnamed)} unnamed curves" if self.unnamed else "all curves named"
        return f"Formula({', '.join(self.in_vars)} -> {', '.join(self.out_vars)}; {named})"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __call__(self, x: Any) -> Array:
        """Map inputs ``(rows, n_in)`` to outputs ``(rows, n_out)``, numpy in float64.

        Raises
        ------
        ValueError
            If the inputs have another shape.
        """
        x = as_array(x) if isinstance(x, Tensor) else np.asarray(x, dtype=float)
        if x.ndim != 2 or x.shape[1] != len(self.in_vars):
            raise ValueError(
                f"the formula takes inputs of shape (rows, {len(self.in_vars)}), got {x.shape}"
            )
        return self._expressions.evaluate(x)

    @cached_property
    def loss(self) -> float | None:
        """The RMSE on the rows, in the units of the network's outputs; None without rows."""
        return None if self.rows is None else self.rows.loss(self(self.rows.x))

    def table(self) -> list[TableRow]:
        """Return complexity against loss along the way: one row for each name that was taken.

        The first is of the splines alone. Where it is not known how names were found, there is
        one row, of the formula as it is.
        """
        if self.steps:
            return list(self.steps)
        named = [c for c in self.network.edges.values() if isinstance(c, NamedCurve)]
        library = self.network.functions
        bits = sum(library[ALIASES.get(c.function, c.function)].complexity for c in named)
        loss = float("nan") if self.loss is None else self.loss
        return [TableRow(len(named), bits, loss, None, None)]

    @cached_property
    def sympy(self) -> list[Expr]:
        """The outputs in sympy; named parts are symbols: see `sympy_parts`."""
        return to_sympy(self._expressions.outputs, self._expressions.functions.library)

    @cached_property
    def sympy_parts(self) -> list[tuple[SympySymbol, Expr]]:
        """What is used more than once, as `sympy.cse` gives it: each may use those before."""
        import sympy

        parts = self._expressions.parts
        values = to_sympy(parts, self._expressions.functions.library)
        return [(sympy.Symbol(p.name), value) for p, value in zip(parts, values, strict=True)]

    @property
    def sympy_functions(self) -> dict[str, Callable[..., Array]]:
        """What sympy does not know, by its names there, for ``lambdify(..., modules=[this, ..])``.

        These are the unnamed curves, and functions of one's own.
        """
        library = self._expressions.functions.library
        own = {name: f.value for name, f in library.items() if name not in FUNCTIONS}
        curves = {
            phi_name(edge): curve.value
            for edge, curve in self.network.edges.items()
            if isinstance(curve, UnnamedCurve)
        }
        return {**own, **curves}

    def simplified(self, seconds: float = 1.0) -> list[Expr]:
        """Return what sympy can make shorter of the outputs in a given time.

        An output that does not get shorter, or not in time, comes back as in `sympy`.
        """
        import sympy

        seconds = check_number(seconds, "seconds")
        found = []
        for expression in self.sympy:
            shorter = run_with_time_limit(
                partial(sympy.simplify, expression), seconds / len(self.sympy)
            )
            better = shorter is not None and shorter.count_ops() < expression.count_ops()
            found.append(shorter if better else expression)
        return found

    def latex(self, digits: int | None = 3) -> str:
        """Return LaTeX: ``y = ...``, or aligned equations if there are several.

        Parameters
        ----------
        digits : int or None
            Significant digits of measured numbers; None for all. Exact ones stay exact.
        """
        return latex(self._equations(), _check_digits(digits))

    def mathml(self, digits: int | None = 3) -> str:
        """Return a ``math`` element of presentational MathML.

        Each term is an ``mrow`` with ``data-edges="0,1,0 1,0,0"``: the edges that made it.
        """
        return mathml(self._equations(), _check_digits(digits))

    def words(self, digits: int | None = 3) -> str:
        """Return the equations in words, to be read aloud."""
        return spoken(self._equations(), _check_digits(digits))

    def python(self) -> str:
        """Return the source of ``formula(x)``, from arrays ``(rows, n_in)`` to ``(rows, n_out)``.

        It imports numpy alone. Unnamed curves are in it as polynomials on cells.
        """
        made = self._expressions
        return python_source(made.parts, made.outputs, made.in_vars, made.functions.library)

    def torch(self) -> TorchFormula:
        """Return a module in float64 whose parameters are the measured numbers."""
        return TorchFormula(self._expressions)

    def rounded(self, digits: int | None = None, tolerance: float | None = None) -> Formula:
        """Return the formula with measured numbers rounded; its `loss` says what that costs.

        Parameters
        ----------
        digits : int, optional
            Significant digits.
        tolerance : float, optional
            In the place of digits: as few digits as let the loss grow by no more than this share
            of it, such as 0.01.

        Raises
        ------
        TypeError, ValueError
            If neither or both are given, or there are no rows to measure a loss on.
        """
        if (digits is None) == (tolerance is None):
            raise TypeError("give either digits=3 or tolerance=0.01")
        if tolerance is None:
            return self._rounded(_check_digits(digits))
        tolerance = check_number(tolerance, "tolerance")
        rows = self._rows()
        assert self.loss is not None
        # Of a formula that is exact, nothing but rounding is left.
        least = 1e-9 * float(np.std(rows.y * rows.weight))
        limit = (1 + tolerance) * max(self.loss, least)
        tried = (self._rounded(n) for n in range(1, MAX_DIGITS))
        return next((f for f in tried if f.loss is not None and f.loss <= limit), self)

    def _rounded(self, digits: int | None) -> Formula:
        changed = {v: number(float(f"{v:.{digits}g}")) for v in self.numbers} if digits else {}
        return self._with(self._expressions.with_numbers(changed), digits)

    @cached_property
    def uncertainties(self) -> dict[float, float]:
        """The standard deviation of each measured number, from what the rows leave unexplained."""
        found = standard_deviations(self._expressions, self._rows())
        return dict(zip(self.numbers, found.tolist(), strict=True))

    def recognised(self, tolerance: float = 0.05, seconds: float = 5.0) -> Formula:
        """Return the formula with exact numbers, such as pi or 1/2, where the rows allow it.

        What is left of the measured numbers is refitted to the rows, so the formula is no longer
        the network: its `loss` says what it is worth.

        Parameters
        ----------
        tolerance : float
            By what share the loss may grow.
        seconds : float
            After about so long, what is recognised so far is returned.

        Raises
        ------
        ValueError
            If there are no rows.
        """
        tolerance, rows = check_number(tolerance, "tolerance"), self._rows()
        end = time.monotonic() + check_number(seconds, "seconds")
        best = self._expressions
        for _ in range(2):  # what has become exact may then cancel
            found = [
                recognise(form, rows, tolerance, end - time.monotonic())
                for form in _forms(best)
                if form is best or time.monotonic() < end
            ]
            before = best
            best = min(found, key=lambda pair: (_length(pair[0]), pair[1]))[0]
            if _length(best) == _length(before):
                break
        return self._with(best, None)

    def _with(self, expressions: Expressions, digits: int | None) -> Formula:
        new = Formula(expressions, self.network, self.rows)
        new.digits, new.steps = digits, self.steps
        return new

    def _rows(self) -> Rows:
        if self.rows is None:
            raise ValueError("the formula has no rows to measure a loss on; hand some over first")
        return self.rows

    def _equations(self) -> list[Part]:
        return [*self._expressions.parts, *self._expressions.outputs]


def _length(made: Expressions) -> int:
    """Return how long expressions are; a measured number is as long as some names."""
    return made.size + 4 * len(made.numbers)


def _forms(made: Expressions) -> list[Expressions]:
    """Return forms that may turn out to be shorter when numbers are recognised.

    Multiplied out, numbers may be 0 which no factor shows; and sinh and cosh may be one
    exponential function.
    """

    def rewritten(form: Expressions, rewrite: Callable[..., Sum]) -> Expressions:
        def of(parts: Sequence[Part]) -> tuple[Part, ...]:
            return tuple(Part(p.name, rewrite(p.value, form.functions.call)) for p in parts)

        return replace(form, parts=of(form.parts), outputs=of(form.outputs))

    expanded = rewritten(made, expand)
    forms = [made, expanded, rewritten(expanded, as_exponentials)]
    different = list({form.key: form for form in reversed(forms)}.values())[::-1]
    limit = LONGER * _length(made)
    return [form for form in different if form is made or _length(form) <= limit]


def formula_of(
    adapter: Adapter,
    names: Mapping[Edge, NamedCurve] | None = None,
    rows: tuple[Tensor, Tensor | None] | None = None,
    in_vars: Sequence[Any] | None = None,
    out_vars: Sequence[Any] | None = None,
    normalizer: Any = None,
    output_normalizer: Any = None,
    functions: Mapping[str, Function] = FUNCTIONS,
    name_parts: bool = True,
) -> Formula:
    """Make the formula of a live model under its masks; nothing is written to the model.

    Curves without a name are functions ``phi_{l,i,j}`` in it.

    Parameters
    ----------
    adapter : Adapter
    names : mapping of (l, i, j) to NamedCurve, optional
        Names for edges beside those that the model has itself.
    rows : (Tensor (rows, n_in), Tensor (rows, n_out) or None), optional
        Inputs of the model and their labels, as the model takes and gives them; by default labels
        are the model's own outputs.
    in_vars, out_vars : sequence of str or sympy.Symbol, optional
        Names of inputs and outputs; x_1, x_2 .. and y by default.
    normalizer, output_normalizer : (mean, std) or a fitted scaler of scikit-learn, optional
        How inputs and labels were scaled before the model saw them. The formula is of, and for,
        values as they were before.
    functions : mapping of str to Function
        What names mean, beside the functions of one's own that the model has.
    name_parts : bool
        Whether hidden nodes that are used more than once get a name of their own.

    Raises
    ------
    IndexError, TypeError, ValueError
        If something cannot be used; the message says what, and what to do.
    """
    x = None if rows is None else rows[0]
    network = read_network(adapter, names, x, functions)
    in_names = check_names(in_vars, network.width[0], "in_vars", "x")
    out_names = check_names(out_vars, network.width[-1], "out_vars", "y")
    shared = set(in_names) & set(out_names)
    if shared:
        raise ValueError(f"{sorted(shared)[0][:40]!r} is the name of both an input and an output")
    inputs = read_scaling(normalizer, network.width[0], "normalizer")
    outputs = read_scaling(output_normalizer, network.width[-1], "output_normalizer")
    known = Functions(network.functions)
    parts, made = compose(network, known, in_names, out_names, inputs, outputs, name_parts)
    expressions = Expressions(parts, made, in_names, known)
    judged = None if rows is None else _rows_of(network, rows, inputs, outputs)
    return Formula(expressions, network, judged)


def _rows_of(
    network: FormulaNetwork,
    rows: tuple[Tensor, Tensor | None],
    inputs: Scaling | None,
    outputs: Scaling | None,
) -> Rows:
    """Return rows in their own units."""
    x = as_array(rows[0])
    y = network.evaluate(x) if rows[1] is None else as_array(rows[1])
    weight = np.ones(network.width[-1]) if outputs is None else outputs.factor
    return Rows(
        x if inputs is None else inputs.to_raw(x),
        y if outputs is None else outputs.to_raw(y),
        weight,
    )


def _check_digits(digits: Any) -> int | None:
    """Return 1 to 17 digits, or None, or raise a TypeError or ValueError."""
    if digits is None:
        return None
    digits = check_whole(digits, "digits", 1)
    if digits > MAX_DIGITS:
        raise ValueError(f"digits must be at most {MAX_DIGITS}, got {digits}")
    return int(digits)
