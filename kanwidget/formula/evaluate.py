"""Evaluates expressions, in numpy or torch, and their derivatives by the numbers in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kanwidget.functions.library import Function

from .compose import Part
from .expression import Atom, Call, Phi, Product, Sum, Symbol
from .functions import applied
from .numbers import Number
from .rewrite import numbers_of

__all__ = ["evaluate", "free_numbers", "jacobian"]

Array = NDArray[np.float64]
Value = Any
"""An ndarray or a tensor, of shape (rows,), or a number."""


def free_numbers(parts: Sequence[Part]) -> list[float]:
    """Return the measured numbers in expressions, each once, in the order of the text.

    Equal numbers, to the last digit, are one: they come from the same constant of the network.
    """
    found: dict[float, None] = {}
    for part in parts:
        for number in numbers_of(part.value):
            if number.exact is None:
                found.setdefault(number.value)
    return list(found)


def evaluate(
    parts: Sequence[Part],
    columns: Mapping[str, Value],
    library: Mapping[str, Function],
    constants: Mapping[float, Value] | None = None,
) -> dict[str, Value]:
    """Evaluate expressions one after the other; each may use those before.

    Parameters
    ----------
    parts : sequence of Part
    columns : mapping of str to ndarray or tensor, shapes (rows,)
        The inputs by their names.
    library : mapping of str to Function
    constants : mapping of float to tensor, optional
        What to compute with instead of measured numbers.

    Returns
    -------
    dict of str to ndarray or tensor, or a number where no input counts
    """
    values = dict(columns)
    tensors = any(isinstance(column, torch.Tensor) for column in columns.values())
    walk = _Walk(values, library, tensors, constants or {})
    for part in parts:
        values[part.name] = walk.sum_of(part.value)
    return {part.name: values[part.name] for part in parts}


class _Walk:
    """One evaluation; an expression that stands in several places is evaluated once."""

    def __init__(
        self,
        values: dict[str, Value],
        library: Mapping[str, Function],
        tensors: bool,
        constants: Mapping[float, Value],
    ) -> None:
        self.values, self.library, self.tensors = values, library, tensors
        self.constants = constants
        self.known: dict[int, tuple[object, Value]] = {}

    def number(self, number: Number) -> Value:
        if number.exact is None and number.value in self.constants:
            return self.constants[number.value]
        return number.value

    def sum_of(self, expression: Sum) -> Value:
        known = self.known.get(id(expression))
        if known is not None:
            return known[1]
        total: Value = self.number(expression.constant)
        for n, (coef, term) in enumerate(expression.terms):
            value = self.atom(term)
            value = value if coef.is_one else self.number(coef) * value
            total = value if n == 0 and expression.constant.is_zero else total + value
        self.known[id(expression)] = expression, total
        return total

    def atom(self, term: Atom) -> Value:
        if isinstance(term, Symbol):
            return self.values[term.name]
        if isinstance(term, Call):
            function, at = self.library[term.function], self.sum_of(term.argument)
            form = function.torch if self.tensors else function.value
            return applied(term.function, form, at)
        if isinstance(term, Phi):
            at = self.columns(*map(self.sum_of, term.arguments))
            return term.curve.torch(*at) if self.tensors else term.curve.value(*at)
        return self.product(term)

    def columns(self, *values: Value) -> tuple[Value, ...]:
        """Make columns of numbers beside columns."""
        if self.tensors:
            like = next(v for v in values if isinstance(v, torch.Tensor))
            return tuple(
                v if isinstance(v, torch.Tensor) else torch.full_like(like, v) for v in values
            )
        return tuple(np.broadcast_arrays(*values))

    def product(self, term: Product) -> Value:
        out: Value = None
        for base, exponent in term.factors:
            value = self.sum_of(base) if isinstance(base, Sum) else self.atom(base)
            raised = raise_to(value, exponent, self.tensors)
            out = raised if out is None else out * raised
        return out


def raise_to(value: Value, exponent: Fraction, tensors: bool) -> Value:
    """Raise an array or a tensor to a power."""
    if exponent == 1:
        return value
    if exponent.denominator == 2:
        root = torch.sqrt(value) if tensors else np.sqrt(value)
        return raise_to(root, 2 * exponent, tensors)
    if exponent < 0:
        return 1.0 / raise_to(value, -exponent, tensors)
    return value ** (int(exponent) if exponent.denominator == 1 else float(exponent))


def jacobian(
    parts: Sequence[Part],
    outputs: Sequence[str],
    columns: Mapping[str, Array],
    library: Mapping[str, Function],
    numbers: Sequence[float],
    constants: Mapping[float, float] | None = None,
) -> tuple[Array, Array]:
    """Evaluate outputs, and their derivatives by numbers in the expressions.

    Parameters
    ----------
    parts : sequence of Part
        The outputs among them.
    outputs : sequence of str
    columns : mapping of str to ndarray, shapes (rows,)
    library : mapping of str to Function
    numbers : sequence of float
        Some of `free_numbers`.
    constants : mapping of float to float, optional
        What to compute with instead of them.

    Returns
    -------
    values : ndarray, shape (n_outputs, rows)
    slopes : ndarray, shape (n_outputs, rows, n_numbers)
    """
    rows = len(next(iter(columns.values())))
    index = {value: n for n, value in enumerate(numbers)}
    values = dict[str, Value](columns)
    slopes = dict[str, Array]()
    walk = _Walk(values, library, False, constants or {})
    for part in parts:
        values[part.name] = np.broadcast_to(walk.sum_of(part.value), (rows,))
        found = np.zeros((len(numbers), rows))
        backward = _Backward(walk, index, found, slopes)
        with np.errstate(all="ignore"):
            backward.sum_of(part.value, np.ones(rows))
        slopes[part.name] = found
    both = [values[name] for name in outputs], [slopes[name].T for name in outputs]
    return np.stack(both[0]), np.stack(both[1])


class _Backward:
    """Adds up derivatives by numbers, from an expression inwards."""

    def __init__(
        self, walk: _Walk, index: Mapping[float, int], found: Array, slopes: Mapping[str, Array]
    ) -> None:
        self.walk, self.index, self.found, self.slopes = walk, index, found, slopes

    def sum_of(self, expression: Sum, gain: Value) -> None:
        self._at(expression.constant, gain)
        for coef, term in expression.terms:
            if coef.exact is None and coef.value in self.index:
                self._at(coef, gain * self.walk.atom(term))
            self.atom(term, gain * self.walk.number(coef))

    def _at(self, number: Number, gain: Value) -> None:
        if number.exact is None and number.value in self.index:
            self.found[self.index[number.value]] += gain

    def atom(self, term: Atom, gain: Value) -> None:
        if isinstance(term, Symbol):
            if term.name in self.slopes:
                self.found += gain * self.slopes[term.name]
        elif isinstance(term, Call):
            at = self.walk.sum_of(term.argument)
            derivative = self.walk.library[term.function].derivative
            self.sum_of(term.argument, gain * derivative(np.asarray(at, dtype=float)))
        elif isinstance(term, Phi):
            both = self.walk.columns(*map(self.walk.sum_of, term.arguments))
            self.sum_of(term.argument, gain * term.curve.slope(both[0]))
            self.sum_of(term.arguments[-1], gain * term.curve.base_slope(both[-1]))
        else:
            self._product(term, gain)

    def _product(self, term: Product, gain: Value) -> None:
        values = [
            self.walk.sum_of(base) if isinstance(base, Sum) else self.walk.atom(base)
            for base, _ in term.factors
        ]
        powers = [
            raise_to(value, exponent, False)
            for value, (_, exponent) in zip(values, term.factors, strict=True)
        ]
        for n, (base, exponent) in enumerate(term.factors):
            others: Value = float(exponent) * raise_to(values[n], exponent - 1, False)
            for m, factor in enumerate(powers):
                others = others * factor if m != n else others
            inward: Callable[[Any, Value], None] = (
                self.sum_of if isinstance(base, Sum) else self.atom
            )
            inward(base, gain * others)
