"""Formulas as Python source that imports nothing but numpy."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kanwidget.functions.library import Function

from .compose import Part
from .expression import Atom, Call, Phi, Sum, Symbol
from .numbers import Exact, Number
from .unnamed_curve import BASES, UnnamedCurve

__all__ = ["python_source"]

_CURVE = '''
def _curve(x, ends, middle, inverse, coef):
    """Evaluate a curve without a name: a polynomial on each cell between ends."""
    cell = np.searchsorted(ends, x, side="right")
    t = (x - middle[cell]) * inverse[cell]
    y = coef[cell, -1]
    for power in range(coef.shape[1] - 2, -1, -1):
        y = y * t + coef[cell, power]
    return y
'''

_RESERVED = {"np", "x", "y", "formula", "_curve", *keyword.kwlist, *keyword.softkwlist}


def python_source(
    parts: Sequence[Part],
    outputs: Sequence[Part],
    in_vars: Sequence[str],
    library: Mapping[str, Function],
) -> str:
    """Write a module with ``formula(x)``, from arrays ``(rows, inputs)`` to ``(rows, outputs)``.

    Raises
    ------
    ValueError
        If a function of one's own has no text in Python.
    """
    return _Source(in_vars, library).module(parts, outputs)


class _Source:
    def __init__(self, in_vars: Sequence[str], library: Mapping[str, Function]) -> None:
        self.library, self.in_vars = library, in_vars
        self.names: dict[str, str] = {}
        self.lines: list[str] = []
        self.tables: dict[str, str] = {}
        self.arguments: dict[str, str] = {}
        for n, name in enumerate(in_vars):
            self.names[name] = self._identifier(name, f"x{n + 1}")

    def _identifier(self, name: str, otherwise: str) -> str:
        taken = {*self.names.values(), *_RESERVED}
        plain = re.sub(r"[,_]+", "_", name)
        ascii_only = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", plain)
        found = plain if ascii_only else otherwise
        while found in taken or re.fullmatch(r"t\d+|y\d+", found):
            found += "_"
        return found

    def module(self, parts: Sequence[Part], outputs: Sequence[Part]) -> str:
        for part in parts:
            value = self.sum_of(part.value)
            self.names[part.name] = self._identifier(part.name, f"h{len(self.names)}")
            self.lines.append(f"{self.names[part.name]} = {value}")
        for n, part in enumerate(outputs):
            self.lines.append(f"y{n + 1} = {self.sum_of(part.value)}")
        columns = [f"{self.names[name]} = x[..., {n}]" for n, name in enumerate(self.in_vars)]
        results = ", ".join(f"y{n + 1}" for n in range(len(outputs)))
        described = [", ".join(names) for names in (self.in_vars, [p.name for p in outputs])]
        body = [
            f"# Columns of x: {described[0]}; of what is returned: {described[1]}.",
            "x = np.asarray(x, dtype=float)",
            *columns,
            *self.lines,
            f"return np.stack(np.broadcast_arrays(x[..., 0], {results})[1:], axis=-1)",
        ]
        head = ["import numpy as np", ""]
        if self.tables:
            head += [_CURVE, *(f"{name} = {table}" for name, table in self.tables.items()), ""]
        indented = "\n".join(f"    {line}" for line in body)
        return "\n".join(head) + f"\ndef formula(x):\n{indented}\n"

    def sum_of(self, expression: Sum) -> str:
        pieces = []
        for coef, term in expression.terms:
            factors = [] if coef.is_one else [_number(coef)]
            pieces.append(" * ".join([*factors, self._atom(term)]))
        if not expression.constant.is_zero or not pieces:
            pieces.append(_number(expression.constant))
        return " + ".join(pieces)

    def _atom(self, term: Atom) -> str:
        if isinstance(term, Symbol):
            return self.names[term.name]
        if isinstance(term, Call):
            text = self.library[term.function].python
            if not text:
                raise ValueError(
                    f"the function {term.function!r} has no text in Python; give it one, as in "
                    'python="np.sin({x})"'
                )
            return f"({text.replace('{x}', self.sum_of(term.argument))})"
        if isinstance(term, Phi):
            return self._curve(term)
        return " * ".join(self._power(base, exponent) for base, exponent in term.factors)

    def _power(self, base: Symbol | Call | Phi | Sum, exponent: Fraction) -> str:
        text = f"({self.sum_of(base)})" if isinstance(base, Sum) else self._atom(base)
        if exponent == 1:
            return text
        if exponent.denominator == 2:
            # As everywhere else: half a power is a root, and then a whole power.
            text, exponent = f"np.sqrt({text})", 2 * exponent
        above = abs(exponent)
        whole = str(above.numerator) if above.denominator == 1 else repr(float(above))
        raised = text if above == 1 else f"{text}**{whole}"
        return raised if exponent > 0 else f"(1 / {raised})"

    def _curve(self, term: Phi) -> str:
        name = "_phi_" + "_".join(map(str, term.edge))
        self.tables[name] = _table(term.curve)
        text = f"_curve({self._local(term.argument)}, *{name})"
        if not term.curve.base_weight:
            return text
        base = BASES[term.curve.base].python.format(x=self._local(term.arguments[-1]))
        return f"({text} + {_number(Number(term.curve.base_weight))} * {base})"

    def _local(self, argument: Sum) -> str:
        """Give an argument a name of its own; one that stands in several places gets one."""
        text = self.sum_of(argument)
        if text in self.names.values():
            return text
        if text not in self.arguments:
            self.arguments[text] = f"t{len(self.arguments) + 1}"
            self.lines.append(f"{self.arguments[text]} = {text}")
        return self.arguments[text]


def _number(value: Number) -> str:
    if value.exact is None:
        return repr(value.value) if value.value >= 0 else f"({value.value!r})"
    return _exact(value.exact)


def _exact(exact: Exact) -> str:
    top, below = exact.ratio.numerator, [exact.ratio.denominator]
    factors = [] if top == 1 else [str(top)]
    if exact.root != 1:
        factors.append(f"np.sqrt({exact.root}.0)")
    divisors = [] if below[0] == 1 else [str(below[0])]
    for name, exponent in (("np.pi", exact.pi), ("np.e", exact.e)):
        if exponent:
            text = name if abs(exponent) == 1 else f"{name}**{abs(exponent)}"
            (factors if exponent > 0 else divisors).append(text)
    text = " * ".join(factors) or "1"
    text = " / ".join([text, *divisors])
    return text if text.isdecimal() else f"({text})"


def _table(curve: UnnamedCurve) -> str:
    arrays = (curve.ends, curve.middle, curve.inverse, curve.coef)
    return f"({', '.join(map(_array, arrays))})"


def _array(values: NDArray[np.float64]) -> str:
    return f"np.array({values.tolist()!r})"
