"""Functions of expressions in canonical form, and named curves on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from kanwidget.functions.curve import NamedCurve
from kanwidget.functions.library import ALIASES, FUNCTIONS, Function
from kanwidget.masks.ids import Edge

from .expression import (
    NO_EDGES,
    Call,
    Edges,
    Sum,
    add,
    atom,
    constant,
    leading_one,
    multiply,
    power,
    scale,
    with_edges,
)
from .numbers import MINUS_ONE, ONE, ZERO, Exact, Number, exponential, number

__all__ = ["Functions", "applied"]

HALF_PI, PI = number(Exact(Fraction(1, 2), pi=1)), number(Exact(Fraction(1), pi=1))
ODD = frozenset({"sinh", "tanh", "arctan", "arcsin", "arctanh"})
EVEN = frozenset({"cosh"})

LARGEST_SHIFT = 200.0
"""Constants of this size stay inside ``exp``: e to them is hard to read, or too large."""

_POWERS = {
    "sqrt": Fraction(1, 2),
    "1/sqrt(x)": Fraction(-1, 2),
    "x^1.5": Fraction(3, 2),
    **{f"x^{n}": Fraction(n) for n in range(2, 6)},
    "1/x": Fraction(-1),
    **{f"1/x^{n}": Fraction(-n) for n in range(2, 6)},
}


def applied(name: str, function: Callable[[Any], Any], at: Any) -> Any:
    """Call a form of a function, which may be somebody's own; say which one it was if it fails."""
    try:
        return function(at)
    except Exception as error:
        raise ValueError(
            f"the function {name!r} cannot be computed: {type(error).__name__}: {error}"
        ) from error


class Functions:
    """A library whose functions are applied to expressions.

    Parameters
    ----------
    library : mapping of str to Function
        What is not in it is looked up in `FUNCTIONS`.

    Raises
    ------
    ValueError
        If a function of one's own has the name of another one.
    """

    def __init__(self, library: Mapping[str, Function] = FUNCTIONS) -> None:
        taken = [n for n, f in library.items() if n in FUNCTIONS and f is not FUNCTIONS[n]]
        if taken:
            raise ValueError(
                f"a function of your own is called {taken[0]!r}, as one of the library; give it "
                "another name"
            )
        self.library: dict[str, Function] = {**FUNCTIONS, **library}

    def curve(self, curve: NamedCurve, argument: Sum, edge: Edge) -> Sum:
        """Return ``c f(a x + b) + d`` of an expression, in canonical form."""
        name = ALIASES.get(curve.function, curve.function)
        if name == "0" or curve.c == 0:
            return constant(curve.d)
        inner = add(scale(argument, number(curve.a)), constant(curve.b))
        outer = self.call(name, inner, frozenset({edge}))
        return add(scale(outer, number(curve.c)), constant(curve.d))

    def call(self, name: str, argument: Sum, edges: Edges = NO_EDGES) -> Sum:
        """Return a function of an expression, in canonical form."""
        if name == "0":
            return constant(ZERO)
        if name == "x":
            return with_edges(argument, edges)
        if name in _POWERS:
            return power(argument, _POWERS[name], edges)
        if name in _COMPOSED:
            return _COMPOSED[name](self, argument, edges)
        if argument.is_constant:
            return constant(self._at(name, argument.constant))
        if name in _RULES:
            return _RULES[name](self, argument, edges)
        return atom(Call(name, argument, edges))

    def _at(self, name: str, value: Number) -> Number:
        """Return a function of a number."""
        if name == "exp":
            return exponential(value)
        with np.errstate(all="ignore"):
            at = np.array([value.value])
            found = float(applied(name, self.library[name].value, at)[0])
        # A root such as sin(0) is exact.
        return ZERO if found == 0 and value.exact is not None else Number(found)


def _exp(self: Functions, argument: Sum, edges: Edges) -> Sum:
    factor, inner = ONE, argument.constant
    if not inner.is_zero and abs(inner.value) <= LARGEST_SHIFT:
        factor, argument = exponential(inner), Sum(ZERO, argument.terms)
    out, kept = constant(factor), []
    for coef, term in argument.terms:
        whole = coef.exact is not None and Fraction(coef.value).limit_denominator(12)
        if isinstance(term, Call) and term.function == "log" and whole == coef.value and whole:
            out = multiply(out, power(term.argument, Fraction(whole), edges | term.edges))
        else:
            kept.append((coef, term))
    rest = Sum(argument.constant, tuple(kept))
    if not kept:
        return scale(out, exponential(rest.constant))
    return multiply(out, atom(Call("exp", rest, edges)))


def _log(self: Functions, argument: Sum, edges: Edges) -> Sum:
    if len(argument.terms) == 1 and argument.constant.is_zero:
        coef, term = argument.terms[0]
        if isinstance(term, Call) and term.function == "exp" and coef.value > 0:
            return add(with_edges(term.argument, edges | term.edges), constant(_log_of(coef)))
    factor, rest = leading_one(argument, keep_sign=True)
    return add(atom(Call("log", rest, edges)), constant(_log_of(factor)))


def _log_of(value: Number) -> Number:
    exact = value.exact
    if exact is not None and exact.ratio == 1 and (exact.pi, exact.root) == (0, 1):
        return number(float(exact.e))
    return Number(math.log(value.value))


def _abs(self: Functions, argument: Sum, edges: Edges) -> Sum:
    factor, rest = leading_one(argument)
    return scale(atom(Call("abs", rest, edges)), factor.absolute)


def _sgn(self: Functions, argument: Sum, edges: Edges) -> Sum:
    factor, rest = leading_one(argument)
    return scale(atom(Call("sgn", rest, edges)), ONE if factor.value > 0 else MINUS_ONE)


def _periodic(name: str) -> Callable[[Functions, Sum, Edges], Sum]:
    """Return the rule of sin and tan: the phase in (-pi/2, pi/2], and a positive coefficient."""

    def rule(self: Functions, argument: Sum, edges: Edges) -> Sum:
        sign = 1.0
        if argument.terms[0][0].value < 0:
            sign, argument = -1.0, scale(argument, MINUS_ONE)
        phase = argument.constant
        turns = math.ceil(phase.value / math.pi - 0.5 - 1e-14)
        if turns:
            phase = phase.plus(PI.times(number(Fraction(-turns))))
            sign = -sign if name == "sin" and turns % 2 else sign
        inner = Sum(phase, argument.terms)
        if name == "sin" and abs(phase.value - math.pi / 2) < 1e-15:
            return scale(atom(Call("cos", Sum(ZERO, argument.terms), edges)), number(sign))
        return scale(atom(Call(name, inner, edges)), number(sign))

    return rule


def _with_parity(name: str, sign: float) -> Callable[[Functions, Sum, Edges], Sum]:
    def rule(self: Functions, argument: Sum, edges: Edges) -> Sum:
        if argument.terms[0][0].value > 0:
            return atom(Call(name, argument, edges))
        return scale(atom(Call(name, scale(argument, MINUS_ONE), edges)), number(sign))

    return rule


_RULES: dict[str, Callable[[Functions, Sum, Edges], Sum]] = {
    "exp": _exp,
    "log": _log,
    "abs": _abs,
    "sgn": _sgn,
    "sin": _periodic("sin"),
    "tan": _periodic("tan"),
    **{name: _with_parity(name, -1.0) for name in ODD},
    **{name: _with_parity(name, 1.0) for name in EVEN},
}


def _gaussian(self: Functions, argument: Sum, edges: Edges) -> Sum:
    return self.call("exp", scale(power(argument, Fraction(2), edges), MINUS_ONE), edges)


def _one_plus_square(exponent: Fraction) -> Callable[[Functions, Sum, Edges], Sum]:
    def rule(self: Functions, argument: Sum, edges: Edges) -> Sum:
        square = power(argument, Fraction(2), edges)
        return power(add(square, constant(ONE)), exponent, edges)

    return rule


def _cos(self: Functions, argument: Sum, edges: Edges) -> Sum:
    return self.call("sin", add(argument, constant(HALF_PI)), edges)


def _arccos(self: Functions, argument: Sum, edges: Edges) -> Sum:
    arcsin = self.call("arcsin", argument, edges)
    return add(scale(arcsin, MINUS_ONE), constant(HALF_PI))


def _sigmoid(self: Functions, argument: Sum, edges: Edges) -> Sum:
    grown = self.call("exp", scale(argument, MINUS_ONE), edges)
    return power(add(grown, constant(ONE)), Fraction(-1), edges)


_COMPOSED: dict[str, Callable[[Functions, Sum, Edges], Sum]] = {
    "gaussian": _gaussian,
    "1/(1+x^2)": _one_plus_square(Fraction(-1)),
    "sqrt(1+x^2)": _one_plus_square(Fraction(1, 2)),
    "cos": _cos,
    "arccos": _arccos,
    "sigmoid": _sigmoid,
}
