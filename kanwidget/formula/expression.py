"""Expressions in canonical form: sums of terms, products of powers, functions, unnamed curves.

Every value is a `Sum`. Sums, products and functions are put together by `add`, `scale`,
`multiply`, `power` and `apply_function` alone, which keep the form: an inner constant of ``exp``
becomes a factor, the scale of ``log`` a summand, the phase of ``sin`` lies in (-pi/2, pi/2], what
is raised to a power has the leading coefficient 1, and like terms are one term.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from kanwidget.masks.ids import Edge

from .numbers import MINUS_ONE, ONE, ZERO, Number, exponential, number
from .unnamed_curve import UnnamedCurve

__all__ = [
    "Atom",
    "Call",
    "Phi",
    "Product",
    "Sum",
    "Symbol",
    "add",
    "atom",
    "constant",
    "multiply",
    "power",
    "scale",
    "shorter",
    "size",
    "with_edges",
]

Edges = frozenset[Edge]
NO_EDGES: Edges = frozenset()


@dataclass(frozen=True)
class Symbol:
    """An input, or a part that has a name of its own.

    Attributes
    ----------
    name : str
    edges : set of (l, i, j)
        Of these and of those below: which edges of the network made this term.
    """

    name: str
    edges: Edges = NO_EDGES

    @cached_property
    def key(self) -> str:
        """The same for what is equal, edges aside."""
        return repr(self.name)


@dataclass(frozen=True)
class Call:
    """A function of an expression; ``function`` is a name in a library."""

    function: str
    argument: Sum
    edges: Edges = NO_EDGES

    @cached_property
    def key(self) -> str:
        """The same for what is equal, edges aside."""
        return f"{self.function!r}({self.argument.key})"


@dataclass(frozen=True)
class Phi:
    """An unnamed curve of an expression; its base function may see another expression."""

    edge: Edge
    curve: UnnamedCurve
    argument: Sum
    base_argument: Sum | None = None
    edges: Edges = NO_EDGES

    @cached_property
    def key(self) -> str:
        """The same for what is equal, edges aside."""
        return f"phi{self.edge}({';'.join(argument.key for argument in self.arguments)})"

    @property
    def arguments(self) -> tuple[Sum, ...]:
        """What the curve is of, and what its base function is of if that is something else."""
        return (
            (self.argument,)
            if self.base_argument is None
            else (
                self.argument,
                self.base_argument,
            )
        )


@dataclass(frozen=True)
class Product:
    """Powers of terms or sums, multiplied; without a coefficient."""

    factors: tuple[tuple[Symbol | Call | Phi | Sum, Fraction], ...]
    edges: Edges = NO_EDGES

    @cached_property
    def key(self) -> str:
        """The same for what is equal, edges aside."""
        return "*".join(sorted(f"[{base.key}]^{exponent}" for base, exponent in self.factors))


Atom = Symbol | Call | Phi | Product


@dataclass(frozen=True)
class Sum:
    """A constant and terms with coefficients, none of which is 0."""

    constant: Number
    terms: tuple[tuple[Number, Atom], ...] = ()

    @cached_property
    def key(self) -> str:
        """The same for what is equal, edges aside."""
        terms = sorted(f"{coef.value!r}*{term.key}" for coef, term in self.terms)
        return "+".join([repr(self.constant.value), *terms])

    @cached_property
    def size(self) -> int:
        """How many numbers, names and functions it takes to write it down."""
        count = int(not self.constant.is_zero)
        for coef, term in self.terms:
            count += int(not coef.absolute.is_one) + _size_of(term)
        return count

    @property
    def is_constant(self) -> bool:
        """Whether it has no terms."""
        return not self.terms


def _size_of(term: Atom | Sum) -> int:
    if isinstance(term, Symbol):
        return 1
    if isinstance(term, Sum):
        return term.size
    if isinstance(term, (Call, Phi)):
        return 1 + term.argument.size
    return sum(_size_of(base) + int(exponent != 1) for base, exponent in term.factors)


def size(expressions: Iterable[Sum]) -> int:
    """Return how long expressions are together."""
    return sum(expression.size for expression in expressions)


def shorter(a: Sum, b: Sum) -> Sum:
    """Return the shorter of two forms, the first of two that are as long."""
    return b if b.size < a.size else a


def constant(value: Number | float) -> Sum:
    """Return a number as an expression."""
    return Sum(value if isinstance(value, Number) else number(value))


def atom(term: Atom) -> Sum:
    """Return a term as an expression."""
    return Sum(ZERO, ((ONE, term),))


def add(*summands: Sum) -> Sum:
    """Add; like terms become one, and constants that leave only their rounding errors are 0."""
    total, found = ZERO, dict[str, tuple[Number, Atom]]()
    for summand in summands:
        total = total.plus(summand.constant)
        for coef, term in summand.terms:
            if term.key in found:
                before, same = found[term.key]
                found[term.key] = before.plus(coef), with_own_edges(same, term.edges)
            else:
                found[term.key] = coef, term
    rounding = (
        len(summands)
        * sys.float_info.epsilon
        * sum(abs(summand.constant.value) for summand in summands)
    )
    if abs(total.value) <= rounding:
        total = ZERO
    return Sum(total, tuple((c, t) for c, t in found.values() if not c.is_zero))


def scale(expression: Sum, factor: Number) -> Sum:
    """Multiply by a number."""
    if factor.is_one:
        return expression
    if factor.is_zero:
        return constant(ZERO)
    terms = ((coef.times(factor), term) for coef, term in expression.terms)
    return Sum(expression.constant.times(factor), tuple((c, t) for c, t in terms if not c.is_zero))


def with_own_edges(term: Atom, edges: Edges) -> Atom:
    """Return a term that some more edges have made."""
    return term if edges <= term.edges else replace(term, edges=term.edges | edges)


def with_edges(expression: Sum, edges: Edges) -> Sum:
    """Return an expression each of whose terms some more edges have made."""
    terms = tuple((coef, with_own_edges(term, edges)) for coef, term in expression.terms)
    return Sum(expression.constant, terms)


def leading_one(expression: Sum, keep_sign: bool = False) -> tuple[Number, Sum]:
    """Return a factor, and the expression without it: its leading coefficient is 1.

    Nothing is taken out of sums such as ``1 + 3 x``, or where an exact number would be lost.

    Parameters
    ----------
    expression : Sum
        With a term.
    keep_sign : bool
        Whether the factor must be positive, so that the leading coefficient may be -1.
    """
    leading = expression.terms[0][0]
    others = [c for c, _ in expression.terms[1:]]
    if not expression.constant.is_zero:
        others.append(expression.constant)
    factor = leading.absolute if keep_sign else leading
    mixed = leading.exact is None and any(c.exact is not None for c in others)
    if mixed or expression.constant.is_one:
        factor = ONE if keep_sign or leading.value > 0 else MINUS_ONE
    if factor.absolute.is_one and not (factor.value < 0):
        return ONE, expression
    terms = ((coef.over(factor), term) for coef, term in expression.terms)
    return factor, Sum(expression.constant.over(factor), tuple(terms))


def _as_monomial(
    expression: Sum,
) -> tuple[Number, tuple[tuple[Symbol | Call | Phi | Sum, Fraction], ...], Edges]:
    """Return a coefficient, factors, and the edges that made them."""
    if len(expression.terms) == 1 and expression.constant.is_zero:
        coef, term = expression.terms[0]
        if isinstance(term, Product):
            return coef, term.factors, term.edges
        return coef, ((term, Fraction(1)),), NO_EDGES
    factor, rest = leading_one(expression)
    return factor, ((rest, Fraction(1)),), NO_EDGES


def multiply(a: Sum, b: Sum) -> Sum:
    """Multiply; powers of equal bases become one, and so do exponential functions."""
    if a.is_constant or b.is_constant:
        return scale(b, a.constant) if a.is_constant else scale(a, b.constant)
    first, factors, edges = _as_monomial(a)
    second, more, more_edges = _as_monomial(b)
    return _collect(first.times(second), (*factors, *more), edges | more_edges)


def _collect(
    coef: Number,
    factors: Sequence[tuple[Symbol | Call | Phi | Sum, Fraction]],
    edges: Edges = NO_EDGES,
) -> Sum:
    """Return a number times powers."""
    found: dict[str, tuple[Symbol | Call | Phi | Sum, Fraction]] = {}
    exponents: list[tuple[Sum, Edges]] = []
    for base, exponent in factors:
        if isinstance(base, Call) and base.function == "exp":
            exponents.append((scale(base.argument, number(exponent)), base.edges))
        elif base.key in found:
            same, before = found[base.key]
            if not isinstance(same, Sum) and not isinstance(base, Sum):
                same = with_own_edges(same, base.edges)  # type: ignore[assignment]
            found[base.key] = same, before + exponent
        else:
            found[base.key] = base, exponent
    if exponents:
        total = add(*(argument for argument, _ in exponents))
        if not total.is_constant:
            call = Call("exp", total, frozenset().union(*(made for _, made in exponents)))
            found[call.key] = call, Fraction(1)
        coef = coef.times(exponential(total.constant)) if total.is_constant else coef
    kept = tuple((base, exponent) for base, exponent in found.values() if exponent)
    if not kept:
        return constant(coef)
    base, exponent = kept[0]
    if len(kept) == 1 and exponent == 1:
        if isinstance(base, Sum):
            return scale(with_edges(base, edges), coef)
        return Sum(ZERO, ((coef, with_own_edges(base, edges)),))
    return Sum(ZERO, ((coef, Product(kept, edges)),))


def power(expression: Sum, exponent: Fraction, edges: Edges = NO_EDGES) -> Sum:
    """Raise to a power; NaN and infinite where a root or an inverse is not defined."""
    if exponent == 1:
        return with_edges(expression, edges)
    if expression.is_constant:
        return constant(expression.constant.power(exponent))
    whole = exponent.denominator == 1
    if len(expression.terms) == 1 and expression.constant.is_zero:
        coef, term = expression.terms[0]
        if isinstance(term, Product):
            # sqrt(x^2) is not x.
            if whole:
                powers = tuple((base, e * exponent) for base, e in term.factors)
                return _collect(coef.power(exponent), powers, edges | term.edges)
        elif whole or coef.value > 0:
            return _collect(coef.power(exponent), ((term, exponent),), edges)
        else:
            inside = Sum(ZERO, ((MINUS_ONE, term),))
            return _collect(coef.absolute.power(exponent), ((inside, exponent),), edges)
    factor, rest = leading_one(expression, keep_sign=not whole)
    return _collect(factor.power(exponent), ((rest, exponent),), edges)
